package api

import (
	gojson "encoding/json"
	"fmt"
	"math"
	"strconv"

	"go.yaml.in/yaml/v3"
)

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
