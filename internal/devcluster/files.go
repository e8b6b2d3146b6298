package devcluster

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// maxRead is how much one read of a file gives at most: 16 pages, as the agent's.
const maxRead = 16 * 4096

// resolve turns the path of a files request into that of a file in one of the sandboxes under the work dir, or returns
// fs.ErrNotExist: nothing else can be read. Those of agents that were here before are among them: logs outlive them.
func (a *Agent) resolve(path string) (string, error) {
	root := filepath.Join(a.dir, "slaves")
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", fs.ErrNotExist
	}
	realRoot, err := filepath.EvalSymlinks(root)
	if err != nil {
		return "", fs.ErrNotExist
	}
	if real != realRoot && !strings.HasPrefix(real, realRoot+string(filepath.Separator)) {
		return "", fs.ErrNotExist
	}
	return real, nil
}

// readFile returns up to length bytes from offset, and the size of the file. An offset of -1 asks for the size only,
// a length of -1 for as much as one read gives.
func (a *Agent) readFile(path string, offset, length int64) (data []byte, size int64, err error) {
	real, err := a.resolve(path)
	if err != nil {
		return nil, 0, err
	}
	f, err := os.Open(real)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, 0, err
	}
	if info.IsDir() {
		return nil, 0, errDirectory
	}
	size = info.Size()
	if offset < 0 || offset >= size || length == 0 {
		return nil, size, nil
	}
	if length < 0 || length > maxRead {
		length = maxRead
	}
	data = make([]byte, min(length, size-offset))
	n, err := f.ReadAt(data, offset)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, 0, err
	}
	return data[:n], size, nil
}

// errDirectory is for who reads a directory as a file.
const errDirectory = said("Cannot read a directory")

// fileInfo is one entry of a listing.
type fileInfo struct {
	path, uid, gid string
	mode           fs.FileMode
	size           int64
	links          int
	modified       time.Time
}

// listFiles lists a directory, sorted by name.
func (a *Agent) listFiles(path string) ([]fileInfo, error) {
	real, err := a.resolve(path)
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(real)
	if err != nil {
		return nil, err
	}
	var out []fileInfo
	for _, e := range entries {
		s, err := e.Info()
		if err != nil {
			continue // it went away meanwhile
		}
		f := fileInfo{path: filepath.Join(path, e.Name()), mode: s.Mode(), size: s.Size(), modified: s.ModTime(), links: 1}
		if st, ok := s.Sys().(*syscall.Stat_t); ok {
			f.links, f.uid, f.gid = int(st.Nlink), userName(st.Uid), groupName(st.Gid)
		}
		out = append(out, f)
	}
	return out, nil
}

func userName(id uint32) string {
	text := strconv.FormatUint(uint64(id), 10)
	if u, err := user.LookupId(text); err == nil {
		return u.Username
	}
	return text
}

func groupName(id uint32) string {
	text := strconv.FormatUint(uint64(id), 10)
	if g, err := user.LookupGroupId(text); err == nil {
		return g.Name
	}
	return text
}

// modeText is ten characters as ls -l has them.
func modeText(m fs.FileMode) string {
	kind := "-"
	switch {
	case m.IsDir():
		kind = "d"
	case m&fs.ModeSymlink != 0:
		kind = "l"
	}
	return kind + m.Perm().String()[1:]
}

// browseEntry is a fileInfo as /files/browse writes it.
type browseEntry struct {
	GID   string  `json:"gid"`
	Mode  string  `json:"mode"`
	Mtime float64 `json:"mtime"`
	Nlink int     `json:"nlink"`
	Path  string  `json:"path"`
	Size  int64   `json:"size"`
	UID   string  `json:"uid"`
}

func (f fileInfo) browse() browseEntry {
	return browseEntry{f.gid, modeText(f.mode), float64(f.modified.Unix()), f.links, f.path, f.size, f.uid}
}

// number reads a query parameter, which is otherwise when it is absent.
func number(text, name string, otherwise int64) (int64, error) {
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, badRequest("Failed to parse %s: Failed to convert '%s' to number.\n", name, text)
	}
	if n < -1 {
		return 0, badRequest("Negative %s provided: %d.\n", name, n)
	}
	return n, nil
}

// fileError makes the answer to a files request that went wrong.
func fileError(err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &httpError{http.StatusNotFound, ""}
	case errors.Is(err, errDirectory):
		return badRequest("%v.\n", err)
	case errors.Is(err, fs.ErrPermission):
		return &httpError{http.StatusForbidden, ""}
	}
	return fmt.Errorf("read a sandbox: %w", err)
}
