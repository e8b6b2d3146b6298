package cli

import (
	"bytes"
	"encoding/json"
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

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"horae/api"
)

// manifests are the flags -f and -R.
type manifests struct {
	paths     []string
	recursive bool
}

// document is one object of a manifest.
type document struct {
	// source is the file or URL and, when it holds several documents, which of them.
	source string
	kind   *kind
	obj    *unstructured.Unstructured
	// err says why the document cannot be used; kind and obj are nil then.
	err error
}

// extensions of the files that are read in a directory.
var extensions = []string{".json", ".yaml", ".yml"}

// maxManifest bounds what is read from one file or URL.
const maxManifest = 64 << 20

// visit hands each document to do, in the order of the command line. A document or file that cannot be read does not keep the
// others from being read: it is told at once, and in the end visit fails.
func (c *cli) visit(ctx context.Context, m manifests, do func(document) error) error {
	failed := false
	fail := func(what string, err error) {
		c.tellAbout(what, err)
		failed = true
	}
	for _, name := range m.paths {
		files, err := m.files(name)
		if err != nil {
			fail(name, err)
			continue
		}
		for _, file := range files {
			docs, err := c.readManifest(ctx, file)
			if err != nil {
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
		return errTold
	}
	return nil
}

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
	err = filepath.WalkDir(name, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != name && !m.recursive:
			return fs.SkipDir
		case !d.IsDir() && slices.Contains(extensions, filepath.Ext(path)):
			files = append(files, path)
		}
		return nil
	})
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("the directory has no files that end in %s (-R looks into its subdirectories, too)", strings.Join(extensions, ", "))
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
		// The lines before it are kept as empty ones: a mistake is told with its line in the file.
		docs = append(docs, decodeDocument(source, append(bytes.Repeat([]byte("\n"), part.line-1), part.data...))...)
	}
	if len(docs) == 0 {
		return nil, errors.New("no objects in it")
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

// part is one document of a file, with the line at which it begins.
type part struct {
	data []byte
	line int
}

// splitDocuments cuts YAML at its "---" lines and a sequence of JSON documents between them. Parts without content are left out.
func splitDocuments(data []byte) []part {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if trimmed := bytes.TrimSpace(data); len(trimmed) > 0 && trimmed[0] == '{' {
		if parts := splitJSON(data); parts != nil {
			return parts
		}
	}
	var parts []part
	begin, line := 0, 1
	at, n := 0, 1
	cut := func(end int) {
		if hasContent(data[begin:end]) {
			parts = append(parts, part{data[begin:end], line})
		}
	}
	for l := range bytes.Lines(data) {
		if isSeparator(l) {
			cut(at)
			begin, line = at+len(l), n+1
		}
		at += len(l)
		n++
	}
	cut(len(data))
	return parts
}

// splitJSON answers nil when the data is not a sequence of JSON documents.
func splitJSON(data []byte) []part {
	var parts []part
	dec := json.NewDecoder(bytes.NewReader(data))
	for {
		var doc json.RawMessage
		err := dec.Decode(&doc)
		if errors.Is(err, io.EOF) {
			return parts
		}
		if err != nil {
			return nil
		}
		begin := int(dec.InputOffset()) - len(doc)
		parts = append(parts, part{doc, 1 + bytes.Count(data[:begin], []byte("\n"))})
	}
}

// isSeparator: "---" alone on its line, or followed by a comment.
func isSeparator(line []byte) bool {
	rest, ok := bytes.CutPrefix(line, []byte("---"))
	rest = bytes.TrimSpace(rest)
	return ok && (len(rest) == 0 || rest[0] == '#')
}

func hasContent(doc []byte) bool {
	for l := range bytes.Lines(doc) {
		if l = bytes.TrimSpace(l); len(l) > 0 && l[0] != '#' {
			return true
		}
	}
	return false
}

// decodeDocument reads one document, or the items of a list. Keys that stand twice are told here, where lines are known; the
// server, which knows the fields, tells the rest.
func decodeDocument(source string, data []byte) []document {
	u, err := decodeObject(data)
	if err != nil {
		return []document{{source: source, err: err}}
	}
	if !strings.HasSuffix(u.GetKind(), "List") || !u.IsList() {
		return []document{newDocument(source, u)}
	}
	var docs []document
	err = u.EachListItem(func(o runtimeObject) error {
		docs = append(docs, newDocument(source, o.(*unstructured.Unstructured)))
		return nil
	})
	if err != nil {
		docs = append(docs, document{source: source, err: err})
	}
	return docs
}

func decodeObject(data []byte) (*unstructured.Unstructured, error) {
	raw, err := api.YAMLToJSON(data)
	if err != nil {
		return nil, err
	}
	var fields map[string]any
	if err := json.Unmarshal(raw, &fields); err != nil || fields == nil {
		return nil, errors.New("must be a mapping with apiVersion, kind, metadata and spec")
	}
	u := &unstructured.Unstructured{Object: fields}
	if u.GetKind() == "" || u.GetAPIVersion() == "" {
		return nil, errors.New("apiVersion and kind are required, as in apiVersion: horae/v1, kind: Job")
	}
	return u, nil
}

func newDocument(source string, u *unstructured.Unstructured) document {
	k, err := kindOf(u.GetAPIVersion(), u.GetKind())
	if err != nil {
		return document{source: source, err: err}
	}
	if u.GetName() == "" {
		return document{source: source, err: errors.New("metadata.name: is required")}
	}
	return document{source: source, kind: k, obj: u}
}

// namespaceOf a document: its own, else that of the command. Both, and different, is a mistake.
func (c *cli) namespaceOf(d document) (string, error) {
	own := d.obj.GetNamespace()
	if own == "" {
		return c.ns()
	}
	if c.namespace != "" && c.namespace != own {
		return "", fmt.Errorf("the namespace of the object (%q) is not that of the command (%q): give --namespace=%s", own, c.namespace, own)
	}
	return own, nil
}
