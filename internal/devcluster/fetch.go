package devcluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
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

// fetch gets one URI: http, https, file or a plain path. As Mesos does it extracts archives unless told not to; executable files
// are not extracted. An archive stays beside what was in it, unless it came out of the cache.
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
	unpack := unpackerOf(name)
	if u.GetExecutable() || u.Extract != nil && !*u.Extract {
		unpack = nil
	}
	if u.GetCache() {
		cached, done, err := a.fetched.get(ctx, fetchKey{x.user(), u.Value}, func(path string) error { return download(ctx, u.Value, path) })
		switch {
		case err == nil && unpack != nil:
			defer done()
			return unpackFile(unpack, cached, name, sandbox)
		case err == nil:
			defer done()
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
	if err := put(in, name, u.GetExecutable(), sandbox); err != nil || unpack == nil {
		return err
	}
	return unpackFile(unpack, filepath.Join(x.dir, name), name, sandbox)
}

// fileName is where a URI's content goes, relative to the sandbox.
func fileName(u *mesos.CommandInfo_URI) (string, error) {
	name := u.GetOutputFile()
	if name == "" {
		parsed, err := url.Parse(u.Value)
		if err != nil {
			return "", err
		}
		if name = filepath.Base(parsed.Path); name == "/" || name == "." {
			return "", errors.New("malformed URI (missing path)")
		}
	}
	if !filepath.IsLocal(name) {
		return "", fmt.Errorf("%q is not a name inside the sandbox", name)
	}
	return name, nil
}

// open returns the content of a URI.
func open(ctx context.Context, uri string) (io.ReadCloser, error) {
	u, err := url.Parse(uri)
	if err != nil {
		return nil, err
	}
	switch u.Scheme {
	case "", "file":
		return os.Open(u.Path)
	case "http", "https":
	default:
		return nil, fmt.Errorf("the scheme %s is not supported by the dev cluster (http, https and file are)", u.Scheme)
	}
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
		return nil, fmt.Errorf("unexpected HTTP response '%s'", resp.Status)
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
	return errors.Join(err, out.Close())
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
	mode := fs.FileMode(0o644)
	if executable {
		mode = 0o755
	}
	return writeFile(sandbox, name, in, mode)
}
