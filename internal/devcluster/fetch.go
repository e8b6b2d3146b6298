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

// fetchAll puts the URIs of a task into its sandbox, one after the other, and logs as the fetcher does.
func (a *Agent) fetchAll(ctx context.Context, x *run, cred *syscall.Credential) error {
	for _, u := range x.commandInfo().GetURIs() {
		to, err := a.fetch(ctx, u, x)
		if err != nil {
			x.logf(logError, "fetcher.cpp:615", "EXIT with status 1: Failed to fetch '%s': %v", u.Value, err)
			return fmt.Errorf("fetch %s: %w", u.Value, err)
		}
		x.logf(logInfo, "fetcher.cpp:618", "Fetched '%s' to '%s'", u.Value, to)
	}
	if len(x.commandInfo().GetURIs()) > 0 {
		x.logf(logInfo, "fetcher.cpp:623", "Successfully fetched all URIs into '%s'", x.dir)
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

// fetch gets one URI, and returns the file, or the directory if the cache had an archive. As Mesos does it extracts archives unless asked
// not to; executable files are not extracted. An archive stays beside what was in it, unless it came out of the cache.
func (a *Agent) fetch(ctx context.Context, u mesos.CommandInfo_URI, x *run) (string, error) {
	x.logf(logInfo, "fetcher.cpp:459", "Fetching URI '%s'", u.Value)
	name, err := fileName(&u)
	if err != nil {
		return "", err
	}
	sandbox, err := os.OpenRoot(x.dir)
	if err != nil {
		return "", err
	}
	defer sandbox.Close()
	to, extract := filepath.Join(x.dir, name), !u.GetExecutable() && (u.Extract == nil || *u.Extract)
	if u.GetCache() {
		cached, done, err := a.fetched.get(ctx, fetchKey{x.user(), u.Value}, func(path string) error {
			x.logDownload(u.Value, path)
			return download(ctx, u.Value, path)
		})
		switch {
		case err == nil:
			defer done()
			x.logf(logInfo, "fetcher.cpp:349", "Fetching URI '%s' from cache", u.Value)
			if unpack := unpackerOf(cached); extract && unpack != nil {
				return x.dir, x.unpack(unpack, cached, sandbox)
			}
			if extract {
				x.logNoArchive("fetcher.cpp:394", u.Value)
			}
			return to, place(cached, name, u.GetExecutable(), sandbox)
		case ctx.Err() != nil:
			return "", err
		}
		// As Mesos does: what cannot be had through the cache is fetched without it.
	}
	x.logf(logInfo, "fetcher.cpp:290", "Fetching '%s' directly into the sandbox directory", u.Value)
	x.logDownload(u.Value, to)
	in, err := open(ctx, u.Value)
	if err != nil {
		return "", err
	}
	defer in.Close()
	if err := put(in, name, u.GetExecutable(), sandbox); err != nil || !extract {
		return to, err
	}
	if unpack := unpackerOf(name); unpack != nil {
		return to, x.unpack(unpack, to, sandbox)
	}
	x.logNoArchive("fetcher.cpp:332", u.Value)
	return to, nil
}

// unpack unpacks a file into the sandbox. Mesos 1.11 logs it of those that it leaves to gunzip, not of those that libarchive unpacks.
func (x *run) unpack(unpack unpacker, file string, sandbox *os.Root) error {
	err := unpackFile(unpack, file, sandbox)
	if err == nil && strings.HasSuffix(file, ".gz") && !strings.HasSuffix(file, ".tar.gz") {
		x.logf(logInfo, "fetcher.cpp:132", "Extracted '%s' into '%s'", file, x.dir)
	}
	return err
}

// logDownload logs that a file comes from another machine.
func (x *run) logDownload(uri, to string) {
	scheme, _, isURL := strings.Cut(uri, "://")
	switch {
	case !isURL, scheme == "file":
	case scheme == "http", scheme == "https", scheme == "ftp", scheme == "ftps":
		x.logf(logInfo, "fetcher.cpp:175", "Downloading resource from '%s' to '%s'", uri, to)
	default:
		x.logf(logInfo, "fetcher.cpp:149", "Downloading resource with Hadoop client from '%s' to '%s'", uri, to)
	}
}

func (x *run) logNoArchive(place, uri string) {
	x.logf(logWarning, place, "Copying instead of extracting resource from URI with 'extract' flag, because it does not seem to be an "+
		"archive: %s", uri)
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
