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
	"sigs.k8s.io/json"
)

// yamlSyntaxError: the input is not YAML.
type yamlSyntaxError struct{ err error }

func (e *yamlSyntaxError) Error() string {
	msg := strings.TrimPrefix(e.err.Error(), "yaml: ")
	line, rest, ok := strings.Cut(msg, ": ")
	if !ok || !strings.HasPrefix(line, "line ") {
		line, rest = "line 1", msg
	}
	switch {
	case strings.Contains(rest, "cannot start any token"):
		rest += "; indent with spaces, not tabs, and quote text that begins with @, ` or %"
	case strings.Contains(rest, "did not find expected alphabetic or numeric character"): // of an alias or an anchor
		rest += "; quote text that begins with * or &, as schedule: \"* * * * *\""
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
	budget := newBudget(len(data))
	for i, doc := range docs {
		if doc.empty() {
			continue
		}
		some, err := doc.parse(budget)
		if err != nil {
			return nil, inDocument(err, i+1, doc.line, len(docs) > 1)
		}
		objs = append(objs, some...)
	}
	if len(objs) == 0 {
		return nil, ErrEmpty
	}
	return objs, nil
}

// yamlDocument is a document of a YAML stream.
type yamlDocument struct {
	root *yaml.Node // nil: there is none
	line int
	json []byte // the document as it is in the input, if it is JSON
}

// yamlDocuments reads a stream. Documents in it that are JSON are kept as they are, because not all JSON is YAML: a
// character may be written as two escapes, \ud83d\ude80.
func yamlDocuments(data []byte) ([]yamlDocument, error) {
	if err := checkDirectives(data); err != nil {
		return nil, err
	}
	data, embedded := takeJSON(data)
	var docs []yamlDocument
	for d := yaml.NewDecoder(bytes.NewReader(data)); ; {
		node := new(yaml.Node)
		err := d.Decode(node)
		if errors.Is(err, io.EOF) {
			return docs, nil
		}
		if err != nil {
			return nil, &yamlSyntaxError{err}
		}
		if len(docs) == maxDocuments {
			return nil, fmt.Errorf("there are more than %d documents in one input", maxDocuments)
		}
		doc := yamlDocument{}
		if len(node.Content) > 0 {
			doc.root, doc.line = node.Content[0], node.Content[0].Line
			doc.json = embedded[doc.line]
		}
		docs = append(docs, doc)
	}
}

// checkDirectives bounds the %TAG directives: the parser compares each with all those before it, and Horae uses none.
func checkDirectives(data []byte) error {
	const most = 100
	if n := bytes.Count(data, []byte("\n%TAG")); n > most {
		return fmt.Errorf("there are %d %%TAG directives: the limit is %d", n, most)
	}
	return nil
}

// takeJSON replaces the documents of a YAML stream that are JSON by empty mappings in the same lines, and returns them by
// line. Without a separator there is nothing to do: the input as a whole would have been read as JSON. In YAML, any line
// that begins with --- separates documents.
func takeJSON(data []byte) ([]byte, map[int][]byte) {
	if !bytes.HasPrefix(data, []byte("---")) && !bytes.Contains(data, []byte("\n---")) {
		return data, nil
	}
	var out []byte
	found := map[int][]byte{}
	line := 1
	for len(data) > 0 {
		part := data
		if i := bytes.Index(data, []byte("\n---")); i >= 0 {
			part = data[:i+1]
		}
		data = data[len(part):]
		before, doc := []byte(nil), part
		if isSeparator(part) {
			before, doc = part[:3], part[3:]
		}
		text := bytes.TrimLeft(doc, " \t\r\n")
		blank := doc[:len(doc)-len(text)]
		if len(text) > 0 && text[0] == '{' && gojson.Valid(text) {
			found[line+bytes.Count(blank, []byte("\n"))] = bytes.TrimSpace(text)
			out = append(append(append(out, before...), blank...), "{}"...)
			out = append(out, bytes.Repeat([]byte("\n"), bytes.Count(text, []byte("\n")))...)
		} else {
			out = append(out, part...)
		}
		line += bytes.Count(part, []byte("\n"))
	}
	return out, found
}

func isSeparator(line []byte) bool {
	return bytes.HasPrefix(line, []byte("---")) && (len(line) == 3 || bytes.IndexByte([]byte(" \t\r\n"), line[3]) >= 0)
}

func (d yamlDocument) empty() bool {
	return d.root == nil || d.root.Kind == yaml.ScalarNode && d.root.ShortTag() == "!!null"
}

func (d yamlDocument) parse(budget *budget) ([]runtime.Object, error) {
	if d.json != nil {
		return parseJSON(d.json, nil, 0)
	}
	data, written, err := yamlToJSON(d.root, budget)
	if err != nil {
		return nil, err
	}
	objs, err := parseJSON(data, written, 0)
	if errors.Is(err, errSyntax) {
		return nil, fmt.Errorf("read YAML as JSON: %w", err)
	}
	return objs, err
}

// YAMLToJSON converts the one YAML (or JSON) document of data to JSON, as Parse reads it. Code that passes documents on to
// Parse must convert them with it: other parsers read a key "on" as true.
//
// It reports, as an *Error, the mistakes that the JSON would no longer show: duplicate keys, by path and line, and numbers
// and booleans in the place of text, as they are written. Parse finds all others. An input without a document returns
// ErrEmpty.
func YAMLToJSON(data []byte) ([]byte, error) {
	if trimmed := trim(data); len(trimmed) > 0 && trimmed[0] == '{' && gojson.Valid(trimmed) {
		return checkedJSON(trimmed)
	}
	docs, err := yamlDocuments(data)
	if err != nil {
		return nil, asJSONError(data, err)
	}
	docs = slices.DeleteFunc(docs, yamlDocument.empty)
	switch {
	case len(docs) == 0:
		return nil, ErrEmpty
	case len(docs) > 1:
		return nil, fmt.Errorf("want one document, got %d", len(docs))
	case docs[0].json != nil:
		return checkedJSON(docs[0].json)
	}
	out, written, err := yamlToJSON(docs[0].root, newBudget(len(data)))
	if err != nil {
		return nil, err
	}
	return out, checkTexts(out, written)
}

// checkedJSON is a document that is JSON already.
func checkedJSON(data []byte) ([]byte, error) {
	if err := checkDuplicates(data); err != nil {
		return nil, err
	}
	return data, checkTexts(data, nil)
}

// checkTexts reports numbers and booleans in the place of text. The message quotes them as they are written in the
// document, not as they are converted.
func checkTexts(data []byte, written asWritten) error {
	_, err := parseJSON(data, written, 0)
	var e *Error
	if !errors.As(err, &e) {
		return nil
	}
	var m mistakes
	for _, f := range e.Fields {
		if strings.HasPrefix(f.Message, mustBeQuoted) {
			m.fields = append(m.fields, f)
		}
	}
	return m.err()
}

// checkDuplicates reports duplicate names in JSON.
func checkDuplicates(data []byte) error {
	if err := CheckJSON(data, maxDepth); err != nil {
		return err
	}
	var v any
	strict, err := json.UnmarshalStrict(data, &v, json.DisallowDuplicateFields)
	if err != nil {
		return fmt.Errorf("read JSON: %w", err)
	}
	var m mistakes
	for _, e := range strict {
		var at *path
		message := e.Error()
		var f json.FieldError
		if errors.As(e, &f) {
			at, message = at.name(f.FieldPath()), "is given twice"
		}
		m.add(at, "%s", message)
	}
	return m.err()
}

// asWritten has the numbers of a YAML document, by path, that the JSON does not show as they are written: 0755, 1.10, 1_000.
type asWritten map[string]string

// text returns the value at a path as it is written in the document.
func (w asWritten) text(at *path, raw []byte) string {
	if len(w) > 0 {
		if text, ok := w[at.String()]; ok {
			return text
		}
	}
	return string(raw)
}

// yamlToJSON writes a document as JSON.
func yamlToJSON(root *yaml.Node, budget *budget) ([]byte, asWritten, error) {
	if root.Kind != yaml.MappingNode {
		return nil, nil, &Error{Fields: []FieldError{{Message: "a document must be a mapping with apiVersion, kind, metadata and spec"}}}
	}
	c := converter{budget: budget}
	c.node(root, nil, 0)
	budget.bytes -= len(c.out)
	return c.out, c.written, c.err()
}

// budget bounds what the aliases and merges of all documents of an input expand to together. Without them none is used.
type budget struct {
	// nodes is how many nodes may still be visited, and names be merged, through aliases and merges.
	nodes int
	// bytes is how much the JSON may still grow.
	bytes int
}

// newBudget allows a moderate use of aliases for an input of so many bytes.
func newBudget(input int) *budget {
	return &budget{nodes: input/8 + 20_000, bytes: 6*input + 1<<20}
}

// converter writes a YAML node as JSON. Plain scalars are read as in YAML 1.2: on, off, yes and no are text, as a
// dependency's field "on" must be.
type converter struct {
	*budget
	mistakes
	out     []byte
	written asWritten
	// within are the anchors around the current node.
	within map[*yaml.Node]int
	// over: the document exceeds a bound, and the rest of it is not converted.
	over bool
}

// enter reports whether a node may be visited, and records once why not.
func (c *converter) enter(n *yaml.Node, at *path, depth int) bool {
	if len(c.within) > 0 {
		c.nodes--
	}
	switch {
	case c.over:
		return false
	case depth > maxDepth:
		c.fail(at, n, "is nested more than %d levels deep", maxDepth)
	case c.nodes < 0 || len(c.out) > c.bytes:
		c.fail(at, n, "the aliases of the document stand for too much")
	default:
		return true
	}
	c.over = true
	return false
}

func (c *converter) fail(at *path, n *yaml.Node, format string, args ...any) {
	c.add(at, "%s (line %d)", fmt.Sprintf(format, args...), n.Line)
}

func (c *converter) node(n *yaml.Node, at *path, depth int) {
	if !c.enter(n, at, depth) {
		return
	}
	switch n.Kind {
	case yaml.AliasNode:
		c.alias(n, at, depth)
	case yaml.MappingNode:
		c.mapping(n, at, depth)
	case yaml.SequenceNode:
		c.out = append(c.out, '[')
		for i, item := range n.Content {
			if i > 0 {
				c.out = append(c.out, ',')
			}
			c.node(item, at.index(i), depth+1)
		}
		c.out = append(c.out, ']')
	default:
		c.scalar(n, at)
	}
}

func (c *converter) alias(n *yaml.Node, at *path, depth int) {
	if c.within[n.Alias] > 0 {
		c.fail(at, n, "*%s stands for something that it is part of", n.Value)
		return
	}
	leave := c.follow(n)
	defer leave()
	c.node(n.Alias, at, depth+1)
}

// follow records that the nodes that follow are below an alias, until the function that it returns is called.
func (c *converter) follow(alias *yaml.Node) (leave func()) {
	if c.within == nil {
		c.within = map[*yaml.Node]int{}
	}
	c.within[alias.Alias]++
	return func() {
		if c.within[alias.Alias]--; c.within[alias.Alias] == 0 {
			delete(c.within, alias.Alias)
		}
	}
}

type member struct {
	name  string
	value *yaml.Node
}

func (c *converter) mapping(n *yaml.Node, at *path, depth int) {
	c.out = append(c.out, '{')
	for i, m := range c.members(n, at, depth) {
		if i > 0 {
			c.out = append(c.out, ',')
		}
		c.text(m.name)
		c.out = append(c.out, ':')
		c.node(m.value, at.name(m.name), depth+1)
	}
	c.out = append(c.out, '}')
}

// members are a mapping's own entries, then those that it merges in (<<) and does not have itself.
func (c *converter) members(n *yaml.Node, at *path, depth int) []member {
	if len(c.within) > 0 {
		c.nodes -= len(n.Content)
	}
	var own, merged []member
	line := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		for key.Kind == yaml.AliasNode {
			key = key.Alias
		}
		switch {
		case key.ShortTag() == "!!merge":
			merged = append(merged, c.mergedMembers(value, at, depth+1)...)
			continue
		case key.Kind != yaml.ScalarNode:
			c.fail(at, key, "a key must be text")
			continue
		case key.ShortTag() == "!!null" && key.Value == "":
			c.fail(at, key, "a key is missing before the colon")
			continue
		}
		if first, ok := line[key.Value]; ok {
			c.fail(at.name(key.Value), key, "is given twice, first in line %d", first)
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

func (c *converter) mergedMembers(n *yaml.Node, at *path, depth int) []member {
	if !c.enter(n, at, depth) {
		return nil
	}
	switch n.Kind {
	case yaml.AliasNode:
		leave := c.follow(n)
		defer leave()
		return c.mergedMembers(n.Alias, at, depth+1)
	case yaml.MappingNode:
		return c.members(n, at, depth+1)
	case yaml.SequenceNode:
		var all []member
		for _, item := range n.Content {
			all = append(all, c.mergedMembers(item, at, depth+1)...)
		}
		return all
	}
	c.fail(at, n, "<< must merge a mapping or a list of mappings")
	return nil
}

func (c *converter) scalar(n *yaml.Node, at *path) {
	switch tag := n.ShortTag(); tag {
	case "!!null":
		c.out = append(c.out, "null"...)
	case "!!bool":
		var b bool
		if err := n.Decode(&b); err != nil {
			c.fail(at, n, "%q is not true or false", n.Value)
			return
		}
		c.out = strconv.AppendBool(c.out, b)
	case "!!int", "!!float":
		c.number(n, at)
	case "!!str", "!!timestamp", "!!merge": // << means something as a key only
		c.text(n.Value)
	default:
		c.fail(at, n, "YAML's tag %s has no meaning here", tag)
	}
}

func (c *converter) number(n *yaml.Node, at *path) {
	if len(n.Value) > maxNumber {
		c.fail(at, n, "a number must have at most %d characters", maxNumber)
		return
	}
	if !canonical(n.Value) {
		c.remember(n.Value, at)
	}
	if gojson.Valid([]byte(n.Value)) {
		c.out = append(c.out, n.Value...)
		return
	}
	var v any
	if err := n.Decode(&v); err != nil {
		c.fail(at, n, "%q is not a number", n.Value)
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
			c.fail(at, n, "%s is not a number that can be used", n.Value)
			return
		}
		c.out = strconv.AppendFloat(c.out, v, 'g', -1, 64)
	default:
		c.fail(at, n, "%q is not a number", n.Value)
	}
}

// canonical reports whether a number, read and written by any program, keeps its text.
func canonical(text string) bool {
	if i, err := strconv.ParseInt(text, 10, 64); err == nil {
		return strconv.FormatInt(i, 10) == text
	}
	f, err := strconv.ParseFloat(text, 64)
	return err == nil && strconv.FormatFloat(f, 'f', -1, 64) == text
}

// remember records how a number is written. Only the first mistakes are shown, so it keeps a bounded number.
func (c *converter) remember(text string, at *path) {
	const most = 10 * MaxMistakes
	if len(c.written) == most {
		return
	}
	if c.written == nil {
		c.written = asWritten{}
	}
	c.written[at.String()] = text
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
