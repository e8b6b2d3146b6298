package devcluster

import (
	"archive/tar"
	"archive/zip"
	"compress/bzip2"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/ulikunitz/xz"
)

// An unpacker puts what is in an archive into a sandbox. The sandbox is an os.Root: no member of an archive is written outside of
// it, whatever its name is and wherever symbolic links lead.
type unpacker func(archive *os.File, sandbox *os.Root) error

// archives are what Mesos's fetcher unpacks, by the ends of their names. The first row that fits is taken.
var archives = []struct {
	ends   []string
	unpack unpacker
}{
	{[]string{".tar"}, tarred(func(in io.Reader) (io.Reader, error) { return in, nil })},
	{[]string{".tgz", ".tar.gz"}, tarred(func(in io.Reader) (io.Reader, error) { return gzip.NewReader(in) })},
	{[]string{".tbz2", ".tar.bz2"}, tarred(func(in io.Reader) (io.Reader, error) { return bzip2.NewReader(in), nil })},
	{[]string{".txz", ".tar.xz"}, tarred(func(in io.Reader) (io.Reader, error) { return xz.NewReader(in) })},
	{[]string{".zip"}, unzip},
	{[]string{".gz"}, gunzip},
}

// unpackerOf finds how a file is unpacked; nil: it is no archive.
func unpackerOf(name string) unpacker {
	for _, a := range archives {
		if slices.ContainsFunc(a.ends, func(end string) bool { return strings.HasSuffix(name, end) }) {
			return a.unpack
		}
	}
	return nil
}

func unpackFile(unpack unpacker, file string, sandbox *os.Root) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	return unpack(f, sandbox)
}

func tarred(decompress func(io.Reader) (io.Reader, error)) unpacker {
	return func(archive *os.File, sandbox *os.Root) error {
		in, err := decompress(archive)
		if err != nil {
			return err
		}
		for r := tar.NewReader(in); ; {
			h, err := r.Next()
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err == nil {
				err = untarMember(h, r, sandbox)
			}
			if err != nil {
				return err
			}
		}
	}
}

// untarMember writes a directory, a file or a link. Devices and pipes are left out.
func untarMember(h *tar.Header, in io.Reader, sandbox *os.Root) error {
	name := inSandbox(h.Name)
	switch h.Typeflag {
	case tar.TypeDir:
		return sandbox.MkdirAll(name, 0o755)
	case tar.TypeReg:
		return writeFile(sandbox, name, in, h.FileInfo().Mode().Perm())
	case tar.TypeSymlink:
		return link(sandbox, name, func() error { return sandbox.Symlink(h.Linkname, name) })
	case tar.TypeLink:
		return link(sandbox, name, func() error { return sandbox.Link(inSandbox(h.Linkname), name) })
	}
	return nil
}

// inSandbox is a member's name as tar takes it: absolute ones are relative to where it unpacks.
func inSandbox(name string) string { return path.Clean(strings.TrimLeft(name, "/")) }

func unzip(archive *os.File, sandbox *os.Root) error {
	info, err := archive.Stat()
	if err != nil {
		return err
	}
	r, err := zip.NewReader(archive, info.Size())
	if err != nil {
		return err
	}
	for _, f := range r.File {
		if err := unzipMember(f, sandbox); err != nil {
			return err
		}
	}
	return nil
}

func unzipMember(f *zip.File, sandbox *os.Root) error {
	name := inSandbox(f.Name)
	if f.FileInfo().IsDir() {
		return sandbox.MkdirAll(name, 0o755)
	}
	in, err := f.Open()
	if err != nil {
		return err
	}
	defer in.Close()
	if f.Mode()&fs.ModeSymlink == 0 {
		return writeFile(sandbox, name, in, f.Mode().Perm())
	}
	target, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	return link(sandbox, name, func() error { return sandbox.Symlink(string(target), name) })
}

// gunzip puts the one file that was compressed into the sandbox, under the name that the archive has without its ending: of one out
// of the cache that is the cache's own name for it, as with Mesos.
func gunzip(archive *os.File, sandbox *os.Root) error {
	in, err := gzip.NewReader(archive)
	if err != nil {
		return err
	}
	return writeFile(sandbox, strings.TrimSuffix(path.Base(archive.Name()), ".gz"), in, 0o644)
}

// writeFile writes a file with this mode, whatever the umask, in place of what had its name.
func writeFile(sandbox *os.Root, name string, in io.Reader, mode fs.FileMode) error {
	if err := makeRoom(sandbox, name); err != nil {
		return err
	}
	f, err := sandbox.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, in)
	return errors.Join(err, f.Chmod(mode), f.Close())
}

func link(sandbox *os.Root, name string, create func() error) error {
	if err := makeRoom(sandbox, name); err != nil {
		return err
	}
	return create()
}

// makeRoom makes the directory that a file goes into, and removes a file of its name.
func makeRoom(sandbox *os.Root, name string) error {
	if dir := path.Dir(name); dir != "." {
		if err := sandbox.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	if err := sandbox.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
