package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"context"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/runtime"
)

// manifests are the flags -f and -R.
type manifests struct {
	paths     []string
	recursive bool
}

// extensions of the files that are read in a directory.
var extensions = []string{".json", ".yaml", ".yml"}

// maxManifest bounds what is read from one file or URL.
const maxManifest = 64 << 20

// visit hands each document to do, in the order of the command line. A document or file that cannot be read does not keep the
// others from being read: its error is printed at once, and visit fails in the end.
func (c *cli) visit(ctx context.Context, m manifests, do func(document) error) error {
	failed := false
	fail := func(what string, err error) {
		c.reportAbout(what, err)
		failed = true
	}
	for _, name := range m.paths {
		files, err := m.files(name)
		if err != nil {
			fail(name, err)
			continue
		}
		empty := 0
		for _, file := range files {
			docs, err := c.readManifest(ctx, file)
			switch {
			case errors.Is(err, errNoObjects) && file != name: // one of a directory may be all comments
				if empty++; empty == len(files) {
					fail(name, err)
				}
			case err != nil:
				fail(file, err)
			}
			for _, d := range docs {
				if d.err == nil {
					d.err = do(d)
				}
				if d.err != nil {
					fail(d.source, d.err)
				}
				if ctx.Err() != nil {
					return ctx.Err()
				}
			}
		}
	}
	if failed {
		return errReported
	}
	return nil
}

// errNoObjects: a file without a document.
var errNoObjects = errors.New("no objects in it")

// files that a name stands for: itself, or those of a directory, sorted.
func (m manifests) files(name string) ([]string, error) {
	if name == "-" || isURL(name) {
		return []string{name}, nil
	}
	info, err := os.Stat(name)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("the path %q does not exist", name)
		}
		return nil, err
	}
	if !info.IsDir() {
		return []string{name}, nil
	}
	var files []string
	root := strings.TrimSuffix(name, "/") + "/" // so that a link to a directory is followed
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != root && !m.recursive:
			return fs.SkipDir
		case !d.IsDir() && slices.Contains(extensions, filepath.Ext(path)):
			files = append(files, path)
		}
		return nil
	})
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("the directory has no files that end in %s (-R looks into its subdirectories, too)",
			strings.Join(extensions, ", "))
	}
	return files, err
}

func isURL(name string) bool {
	return strings.HasPrefix(name, "http://") || strings.HasPrefix(name, "https://")
}

// readManifest reads the documents of one file; each says for itself whether it is right.
func (c *cli) readManifest(ctx context.Context, name string) ([]document, error) {
	data, err := c.readAll(ctx, name)
	if err != nil {
		return nil, err
	}
	if name == "-" {
		name = "STDIN"
	}
	parts := splitDocuments(data)
	var docs []document
	for i, part := range parts {
		source := name
		if len(parts) > 1 {
			source = fmt.Sprintf("%s (document %d, line %d)", name, i+1, part.line)
		}
		// Empty lines stand for the lines before it, so that errors have the line number of the file.
		docs = append(docs, decodeDocument(source, append(bytes.Repeat([]byte("\n"), part.line-1), part.data...))...)
	}
	if len(docs) == 0 {
		return nil, errNoObjects
	}
	return docs, nil
}

func (c *cli) readAll(ctx context.Context, name string) ([]byte, error) {
	in := c.In
	switch {
	case isURL(name):
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, name, nil)
		if err != nil {
			return nil, err
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return nil, err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return nil, fmt.Errorf("the server answered %s", resp.Status)
		}
		in = resp.Body
	case name != "-":
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, maxManifest+1))
	if err == nil && len(data) > maxManifest {
		err = fmt.Errorf("is larger than %d MiB", maxManifest>>20)
	}
	return data, err
}

// namespaceOf a document: its own, else that of the command. Both, and different, is a mistake.
func (c *cli) namespaceOf(d document) (string, error) {
	own := d.obj.GetNamespace()
	if own == "" {
		return c.ns()
	}
	if c.namespace != "" && c.namespace != own {
		return "", fmt.Errorf("the namespace of the object (%q) is not that of the command (%q): give --namespace=%s",
			own, c.namespace, own)
	}
	return own, nil
}

type runtimeObject = runtime.Object

func (m *manifests) fileFlags(cmd *cobra.Command) {
	cmd.Flags().StringArrayVarP(&m.paths, "filename", "f", nil, `file, directory, URL, or "-" for the standard input; may be repeated`)
	cmd.Flags().BoolVarP(&m.recursive, "recursive", "R", false, "look into the subdirectories, too")
	_ = cmd.MarkFlagFilename("filename", "yaml", "yml", "json")
}
