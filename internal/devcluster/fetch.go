package devcluster

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
)

// fetchAll puts the URIs of a task into its sandbox, one after the other, and writes into the sandbox's stderr what
// went wrong, as the fetcher does.
func fetchAll(ctx context.Context, x *run, cred *syscall.Credential) error {
	for _, u := range x.commandInfo().GetURIs() {
		if err := fetch(ctx, u, x.dir); err != nil {
			err = fmt.Errorf("fetch %s: %w", u.Value, err)
			if f, openErr := openLog(filepath.Join(x.dir, "stderr"), cred); openErr == nil {
				_, _ = fmt.Fprintf(f, "Failed to fetch '%s': %v\n", u.Value, errors.Unwrap(err))
				_ = f.Close()
			}
			return err
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

// fetch gets one URI: http, https, file or a plain path. As Mesos does it extracts archives unless told not to, and
// keeps the archive beside what was in it; executable files are not extracted. cache is a hint that changes nothing
// here.
func fetch(ctx context.Context, u mesos.CommandInfo_URI, dir string) error {
	in, name, err := open(ctx, u.Value)
	if err != nil {
		return err
	}
	defer in.Close()
	if out := u.GetOutputFile(); out != "" {
		name = out
	}
	if !filepath.IsLocal(name) {
		return fmt.Errorf("%q is not a name inside the sandbox", name)
	}
	target := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return err
	}
	mode := fs.FileMode(0o644)
	if u.GetExecutable() {
		mode = 0o755
	}
	if err := save(target, in, mode); err != nil {
		return err
	}
	if u.GetExecutable() || (u.Extract != nil && !*u.Extract) {
		return nil
	}
	return extract(target, dir)
}

// open returns the content of a URI and its base name.
func open(ctx context.Context, uri string) (io.ReadCloser, string, error) {
	u, err := url.Parse(uri)
	if err != nil {
		return nil, "", err
	}
	switch u.Scheme {
	case "", "file":
		f, err := os.Open(u.Path)
		return f, filepath.Base(u.Path), err
	case "http", "https":
	default:
		return nil, "", fmt.Errorf("the scheme %s is not supported by the dev cluster (http, https and file are)", u.Scheme)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, uri, nil)
	if err != nil {
		return nil, "", err
	}
	req.Close = true // no idle connection outlives the fetch
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, "", err
	}
	if resp.StatusCode != http.StatusOK {
		_ = resp.Body.Close()
		return nil, "", fmt.Errorf("unexpected HTTP response '%s'", resp.Status)
	}
	return resp.Body, filepath.Base(u.Path), nil
}

func save(path string, in io.Reader, mode fs.FileMode) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, in)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Chmod(path, mode) // whatever the umask
	}
	return err
}

// extract unpacks archives that Mesos knows by their names; other files stay as they are.
func extract(path, dir string) error {
	has := func(suffixes ...string) bool {
		for _, s := range suffixes {
			if strings.HasSuffix(path, s) {
				return true
			}
		}
		return false
	}
	if has(".zip") {
		return unzip(path, dir)
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	switch {
	case has(".tar"):
		return untar(f, dir)
	case has(".tgz", ".tar.gz"):
		z, err := gzip.NewReader(f)
		if err != nil {
			return err
		}
		return untar(z, dir)
	case has(".tbz2", ".tar.bz2"):
		return untar(bzip2.NewReader(f), dir)
	case has(".txz", ".tar.xz"):
		return errors.New("xz archives are not supported by the dev cluster (tar, tgz, tbz2, zip and gz are)")
	case has(".gz"):
		z, err := gzip.NewReader(f)
		if err != nil {
			return err
		}
		return save(strings.TrimSuffix(path, ".gz"), z, 0o644)
	}
	return nil
}

// inside returns where an archive's member goes, or an error if that is not in the sandbox.
func inside(dir, name string) (string, error) {
	if !filepath.IsLocal(filepath.Clean(name)) {
		return "", fmt.Errorf("archive member %q is outside of the sandbox", name)
	}
	return filepath.Join(dir, name), nil
}

func untar(in io.Reader, dir string) error {
	for r := tar.NewReader(in); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		path, err := inside(dir, h.Name)
		if err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		switch h.Typeflag {
		case tar.TypeDir:
			err = os.MkdirAll(path, 0o755)
		case tar.TypeReg:
			err = save(path, r, h.FileInfo().Mode().Perm())
		case tar.TypeSymlink:
			if _, err = inside(dir, filepath.Join(filepath.Dir(h.Name), h.Linkname)); err == nil && !filepath.IsAbs(h.Linkname) {
				err = os.Symlink(h.Linkname, path)
			}
		}
		if err != nil {
			return err
		}
	}
}

func unzip(path, dir string) error {
	body, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	r, err := zip.NewReader(bytes.NewReader(body), int64(len(body)))
	if err != nil {
		return err
	}
	for _, f := range r.File {
		target, err := inside(dir, f.Name)
		if err != nil {
			return err
		}
		if f.FileInfo().IsDir() {
			err = os.MkdirAll(target, 0o755)
		} else if err = os.MkdirAll(filepath.Dir(target), 0o755); err == nil {
			err = unzipFile(f, target)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func unzipFile(f *zip.File, target string) error {
	in, err := f.Open()
	if err != nil {
		return err
	}
	defer in.Close()
	return save(target, in, f.Mode().Perm())
}
