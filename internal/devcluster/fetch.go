package devcluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
)

// fetchAll puts the URIs of a task into its sandbox, one after the other, and writes into the sandbox's stderr what
// went wrong, as the fetcher does.
func (a *Agent) fetchAll(ctx context.Context, x *run, cred *syscall.Credential) error {
	for _, u := range x.commandInfo().GetURIs() {
		if err := a.fetch(ctx, u, x); err != nil {
			if f, openErr := openLog(filepath.Join(x.dir, "stderr"), cred); openErr == nil {
				_, _ = fmt.Fprintf(f, "Failed to fetch '%s': %v\n", u.Value, err)
				_ = f.Close()
			}
			return fmt.Errorf("fetch %s: %w", u.Value, err)
		}
	}
	if cred == nil {
		return nil
	}
	return filepath.WalkDir(x.dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, int(cred.Uid), int(cred.Gid))
	})
}

// fetch gets one URI. As Mesos does it extracts archives unless told not to; executable files are not extracted. An archive stays
// beside what was in it, unless it came out of the cache.
func (a *Agent) fetch(ctx context.Context, u mesos.CommandInfo_URI, x *run) error {
	name, err := fileName(&u)
	if err != nil {
		return err
	}
	sandbox, err := os.OpenRoot(x.dir)
	if err != nil {
		return err
	}
	defer sandbox.Close()
	extract := !u.GetExecutable() && (u.Extract == nil || *u.Extract)
	if u.GetCache() {
		cached, done, err := a.fetched.get(ctx, fetchKey{x.user(), u.Value},
			func(path string) error { return download(ctx, u.Value, path) })
		switch {
		case err == nil:
			defer done()
			if unpack := unpackerOf(cached); extract && unpack != nil {
				return unpackFile(unpack, cached, sandbox)
			}
			return place(cached, name, u.GetExecutable(), sandbox)
		case ctx.Err() != nil:
			return err
		}
		// As Mesos does: what cannot be had through the cache is fetched without it.
	}
	in, err := open(ctx, u.Value)
	if err != nil {
		return err
	}
	defer in.Close()
	unpack := unpackerOf(name)
	if err := put(in, name, u.GetExecutable(), sandbox); err != nil || !extract || unpack == nil {
		return err
	}
	return unpackFile(unpack, filepath.Join(x.dir, name), sandbox)
}

// fileName is where a URI's content goes, relative to the sandbox.
func fileName(u *mesos.CommandInfo_URI) (string, error) {
	base, err := baseName(u.Value)
	if err != nil {
		return "", err
	}
	name := u.GetOutputFile()
	if name == "" {
		name = base
	}
	if !filepath.IsLocal(name) {
		return "", fmt.Errorf("%q is not a name inside the sandbox", name)
	}
	return name, nil
}

// baseName is the last part of a URI, with its query if it has one: Mesos treats URIs like file paths (Fetcher::basename in
// src/slave/containerizer/fetcher.cpp).
func baseName(uri string) (string, error) {
	_, path, isURL := strings.Cut(uri, "://")
	if !isURL {
		return filepath.Base(uri), nil
	}
	if _, rest, _ := strings.Cut(path, "/"); rest == "" {
		return "", fmt.Errorf("Malformed URI (missing path): %s", uri) //nolint:staticcheck // Mesos's words
	}
	return path[strings.LastIndex(path, "/")+1:], nil
}

// open returns the content of a URI, by the way that Mesos's fetcher takes for its scheme.
func open(ctx context.Context, uri string) (io.ReadCloser, error) {
	scheme, path, isURL := strings.Cut(uri, "://")
	switch {
	case !isURL:
		return os.Open(uri)
	case scheme == "file":
		path = strings.TrimPrefix(path, "localhost")
		if !strings.HasPrefix(path, "/") {
			return nil, errors.New("File URI only supports absolute paths") //nolint:staticcheck // Mesos's words
		}
		return os.Open(path)
	case scheme == "http", scheme == "https":
		return openHTTP(ctx, uri)
	case scheme == "ftp", scheme == "ftps":
		return openFTP(ctx, uri)
	}
	return openByHadoop(ctx, uri)
}

func openHTTP(ctx context.Context, uri string) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, uri, nil)
	if err != nil {
		return nil, err
	}
	req.Close = true // no idle connection outlives the fetch
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		_ = resp.Body.Close()
		return nil, fmt.Errorf("Error downloading resource, received HTTP return code %d", resp.StatusCode)
	}
	return resp.Body, nil
}

// download writes the content of a URI to path.
func download(ctx context.Context, uri, path string) error {
	in, err := open(ctx, uri)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Chmod(modeOf(in)), out.Close())
}

// modeOf is what a fetched file gets: a local one keeps its own, as with Mesos's fetcher, which copies it.
func modeOf(in io.Reader) fs.FileMode {
	if local, ok := in.(*os.File); ok {
		if info, err := local.Stat(); err == nil {
			return info.Mode().Perm()
		}
	}
	return 0o644
}

// place copies a file of the cache into the sandbox.
func place(path, name string, executable bool, sandbox *os.Root) error {
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	return put(in, name, executable, sandbox)
}

// put writes a file of the sandbox.
func put(in io.Reader, name string, executable bool, sandbox *os.Root) error {
	mode := modeOf(in)
	if executable {
		mode = 0o750
	}
	return writeFile(sandbox, name, in, mode)
}
