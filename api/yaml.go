package api

import (
	"bytes"
	gojson "encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/runtime"
)

// maxYAMLDepth is deeper than any object, a List of them included.
const maxYAMLDepth = 100

// yamlSyntaxError: the input is not YAML.
type yamlSyntaxError struct{ err error }

func (e *yamlSyntaxError) Error() string {
	msg := strings.TrimPrefix(e.err.Error(), "yaml: ")
	line, rest, ok := strings.Cut(msg, ": ")
	if !ok || !strings.HasPrefix(line, "line ") {
		line, rest = "line 1", msg
	}
	if strings.Contains(rest, "cannot start any token") {
		rest += "; indent with spaces, not tabs, and quote text that begins with @, ` or %"
	}
	return line + ": not YAML: " + rest
}
func (e *yamlSyntaxError) Unwrap() error { return e.err }

// parseYAML reads every document of a YAML stream; empty ones don't count.
func parseYAML(data []byte) ([]runtime.Object, error) {
	docs, err := yamlDocuments(data)
	if err != nil {
		return nil, err
	}
	var objs []runtime.Object
	for i, doc := range docs {
		if emptyDocument(doc) {
			continue
		}
		some, err := parseYAMLDocument(doc.Content[0], len(data))
		if err != nil {
			return nil, inDocument(err, i+1, doc.Content[0].Line, len(docs) > 1)
		}
		objs = append(objs, some...)
	}
	if len(objs) == 0 {
		return nil, ErrEmpty
	}
	return objs, nil
}

func yamlDocuments(data []byte) ([]*yaml.Node, error) {
	var docs []*yaml.Node
	for d := yaml.NewDecoder(bytes.NewReader(data)); ; {
		doc := new(yaml.Node)
		err := d.Decode(doc)
		if errors.Is(err, io.EOF) {
			return docs, nil
		}
		if err != nil {
			return nil, &yamlSyntaxError{err}
		}
		docs = append(docs, doc)
	}
}

func emptyDocument(doc *yaml.Node) bool {
	return len(doc.Content) == 0 || doc.Content[0].Kind == yaml.ScalarNode && doc.Content[0].ShortTag() == "!!null"
}

func parseYAMLDocument(root *yaml.Node, input int) ([]runtime.Object, error) {
	data, err := yamlDocumentToJSON(root, input)
	if err != nil {
		return nil, err
	}
	objs, err := parseJSON(data)
	if errors.Is(err, errSyntax) {
		return nil, fmt.Errorf("read YAML as JSON: %w", err)
	}
	return objs, err
}

// YAMLToJSON writes the one YAML (or JSON) document of data as JSON, as Decode reads it, and knows nothing of kinds. What sends
// documents on to Decode must convert them with it: other readers take a key "on" for true. Keys that stand twice are told by
// path and line, as an *Error; an input without a document gives ErrEmpty.
func YAMLToJSON(data []byte) ([]byte, error) {
	docs, err := yamlDocuments(data)
	if err != nil {
		return nil, err
	}
	docs = slices.DeleteFunc(docs, emptyDocument)
	switch len(docs) {
	case 0:
		return nil, ErrEmpty
	case 1:
		return yamlDocumentToJSON(docs[0].Content[0], len(data))
	}
	return nil, fmt.Errorf("want one document, got %d", len(docs))
}

func yamlDocumentToJSON(root *yaml.Node, input int) ([]byte, error) {
	if root.Kind != yaml.MappingNode {
		return nil, &Error{Fields: []FieldError{{Message: "a document must be a mapping with apiVersion, kind, metadata and spec"}}}
	}
	c := newConverter(input)
	c.node(root, "", 0)
	if len(c.bad) > 0 {
		return nil, &Error{Fields: c.bad}
	}
	return c.out, nil
}

// converter writes a YAML node as JSON. Plain scalars mean what YAML 1.2 says: on, off, yes and no are text, as a
// dependency's field "on" must be.
type converter struct {
	out []byte
	bad []FieldError
	// within are the anchors that the current node stands in.
	within map[*yaml.Node]bool
	// nodes may still be visited, each as often as aliases lead to it, and the JSON may grow to maxOut. Without aliases and
	// merges neither is ever reached.
	nodes, maxOut int
}

// newConverter allows what is a moderate use of aliases for an input of so many bytes.
func newConverter(input int) *converter {
	return &converter{nodes: 2*input + 100_000, maxOut: 10*input + 1<<20}
}

// enter reports whether a node may be visited, and says once why not.
func (c *converter) enter(n *yaml.Node, path string, depth int) bool {
	c.nodes--
	switch {
	case c.nodes < 0: // told already
	case depth > maxYAMLDepth:
		c.fail(path, n, "is nested more than %d levels deep", maxYAMLDepth)
		c.nodes = 0
	case c.nodes == 0 || len(c.out) > c.maxOut:
		c.fail(path, n, "the aliases of the document stand for too much")
		c.nodes = 0
	default:
		return true
	}
	return false
}

func (c *converter) fail(path string, n *yaml.Node, format string, args ...any) {
	c.bad = append(c.bad, FieldError{Path: path, Message: fmt.Sprintf(format, args...) + fmt.Sprintf(" (line %d)", n.Line)})
}

func (c *converter) node(n *yaml.Node, path string, depth int) {
	if !c.enter(n, path, depth) {
		return
	}
	switch n.Kind {
	case yaml.AliasNode:
		c.alias(n, path, depth)
	case yaml.MappingNode:
		c.mapping(n, path, depth)
	case yaml.SequenceNode:
		c.out = append(c.out, '[')
		for i, item := range n.Content {
			if i > 0 {
				c.out = append(c.out, ',')
			}
			c.node(item, path+"["+strconv.Itoa(i)+"]", depth+1)
		}
		c.out = append(c.out, ']')
	default:
		c.scalar(n, path)
	}
}

func (c *converter) alias(n *yaml.Node, path string, depth int) {
	if c.within[n.Alias] {
		c.fail(path, n, "*%s stands for something that it is part of", n.Value)
		return
	}
	if c.within == nil {
		c.within = map[*yaml.Node]bool{}
	}
	c.within[n.Alias] = true
	c.node(n.Alias, path, depth+1)
	delete(c.within, n.Alias)
}

type member struct {
	name  string
	value *yaml.Node
}

func (c *converter) mapping(n *yaml.Node, path string, depth int) {
	c.out = append(c.out, '{')
	for i, m := range c.members(n, path, depth) {
		if i > 0 {
			c.out = append(c.out, ',')
		}
		c.text(m.name)
		c.out = append(c.out, ':')
		c.node(m.value, join(path, m.name), depth+1)
	}
	c.out = append(c.out, '}')
}

// members are a mapping's own entries, then those that it merges in (<<) and does not have itself.
func (c *converter) members(n *yaml.Node, path string, depth int) []member {
	var own, merged []member
	line := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		for key.Kind == yaml.AliasNode {
			key = key.Alias
		}
		switch {
		case key.ShortTag() == "!!merge":
			merged = append(merged, c.mergedMembers(value, path, depth+1)...)
			continue
		case key.Kind != yaml.ScalarNode:
			c.fail(path, key, "a key must be text")
			continue
		case key.ShortTag() == "!!null" && key.Value == "":
			c.fail(path, key, "a key is missing before the colon")
			continue
		}
		if first, ok := line[key.Value]; ok {
			c.fail(join(path, key.Value), key, "is given twice, first in line %d", first)
			continue
		}
		line[key.Value] = key.Line
		own = append(own, member{key.Value, value})
	}
	for _, m := range merged {
		if _, ok := line[m.name]; !ok {
			line[m.name] = n.Line
			own = append(own, m)
		}
	}
	return own
}

func (c *converter) mergedMembers(n *yaml.Node, path string, depth int) []member {
	if !c.enter(n, path, depth) {
		return nil
	}
	switch n.Kind {
	case yaml.AliasNode:
		return c.mergedMembers(n.Alias, path, depth+1)
	case yaml.MappingNode:
		return c.members(n, path, depth+1)
	case yaml.SequenceNode:
		var all []member
		for _, item := range n.Content {
			all = append(all, c.mergedMembers(item, path, depth+1)...)
		}
		return all
	}
	c.fail(path, n, "<< must merge a mapping or a list of mappings")
	return nil
}

func (c *converter) scalar(n *yaml.Node, path string) {
	switch tag := n.ShortTag(); tag {
	case "!!null":
		c.out = append(c.out, "null"...)
	case "!!bool":
		var b bool
		if err := n.Decode(&b); err != nil {
			c.fail(path, n, "%q is not true or false", n.Value)
			return
		}
		c.out = strconv.AppendBool(c.out, b)
	case "!!int", "!!float":
		c.number(n, path)
	case "!!str", "!!timestamp", "!!merge": // << means something as a key only
		c.text(n.Value)
	default:
		c.fail(path, n, "YAML's tag %s has no meaning here", tag)
	}
}

func (c *converter) number(n *yaml.Node, path string) {
	if gojson.Valid([]byte(n.Value)) {
		c.out = append(c.out, n.Value...)
		return
	}
	var v any
	if err := n.Decode(&v); err != nil {
		c.fail(path, n, "%q is not a number", n.Value)
		return
	}
	switch v := v.(type) {
	case int:
		c.out = strconv.AppendInt(c.out, int64(v), 10)
	case int64:
		c.out = strconv.AppendInt(c.out, v, 10)
	case uint64:
		c.out = strconv.AppendUint(c.out, v, 10)
	case float64:
		if math.IsInf(v, 0) || math.IsNaN(v) {
			c.fail(path, n, "%s is not a number that can be used", n.Value)
			return
		}
		c.out = strconv.AppendFloat(c.out, v, 'g', -1, 64)
	default:
		c.fail(path, n, "%q is not a number", n.Value)
	}
}

func (c *converter) text(s string) {
	b, _ := gojson.Marshal(s) // of a string: never an error
	c.out = append(c.out, b...)
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
