package calendar

import "strings"

// component is what is between a BEGIN and its END.
type component struct {
	name     string
	line     int
	props    []property
	children []*component
}

// property is a content line: NAME;PARAM=VALUE:value.
type property struct {
	line   int
	name   string
	params map[string]string
	value  string
}

// maxDepth bounds the nesting of components; RFC 5545 has three levels.
const maxDepth = 8

// readComponents reads the structure of an iCalendar text (RFC 5545 3.1, 3.6).
func readComponents(text string) ([]*component, error) {
	root := &component{}
	open := []*component{root}
	for _, line := range unfold(text) {
		p, err := parseLine(line)
		if err != nil {
			return nil, err
		}
		top := open[len(open)-1]
		switch {
		case p.name == "BEGIN" && len(open) > maxDepth:
			return nil, errorAt(p.line, "more than %d components in each other", maxDepth)
		case p.name == "BEGIN":
			c := &component{name: strings.ToUpper(p.value), line: p.line}
			top.children = append(top.children, c)
			open = append(open, c)
		case top == root:
			return nil, errorAt(p.line, "must begin with BEGIN:VCALENDAR, not %s", p.name)
		case p.name == "END" && !strings.EqualFold(p.value, top.name):
			return nil, errorAt(p.line, "END:%s does not fit BEGIN:%s of line %d", p.value, top.name, top.line)
		case p.name == "END":
			open = open[:len(open)-1]
		default:
			top.props = append(top.props, p)
		}
	}
	if c := open[len(open)-1]; c != root {
		return nil, errorAt(c.line, "BEGIN:%s has no END", c.name)
	}
	return root.children, nil
}

// textLine is a content line, put together from the lines that it was folded into.
type textLine struct {
	number int
	text   string
}

func unfold(text string) []textLine {
	var lines []textLine
	var parts []string // of the last line; joined at once, for a text may be one line of a megabyte
	flush := func() {
		if len(parts) > 0 {
			lines[len(lines)-1].text = strings.Join(parts, "")
		}
	}
	text = strings.TrimPrefix(text, "\ufeff")
	number := 0
	for line := range strings.SplitSeq(text, "\n") {
		number++
		line = strings.TrimSuffix(line, "\r")
		switch {
		case len(parts) > 0 && line != "" && (line[0] == ' ' || line[0] == '\t'):
			parts = append(parts, line[1:])
		case strings.TrimSpace(line) == "":
		default:
			flush()
			lines, parts = append(lines, textLine{number: number}), []string{line}
		}
	}
	flush()
	return lines
}

// parseLine reads a content line. Of a parameter that is given twice the last one counts.
func parseLine(line textLine) (property, error) {
	p := property{line: line.number}
	rest := line.text
	end := strings.IndexAny(rest, ";:")
	if end <= 0 {
		return p, errorAt(line.number, "must be NAME:VALUE")
	}
	p.name, rest = strings.ToUpper(rest[:end]), rest[end:]
	for rest != "" && rest[0] == ';' {
		name, value, ok := strings.Cut(rest[1:], "=")
		if !ok {
			return p, errorAt(line.number, "a parameter of %s has no value", p.name)
		}
		if p.params == nil {
			p.params = map[string]string{}
		}
		if end = paramEnd(value); end < 0 {
			return p, errorAt(line.number, "a parameter of %s has no end", p.name)
		}
		p.params[strings.ToUpper(name)], rest = strings.Trim(value[:end], `"`), value[end:]
	}
	if rest == "" {
		return p, errorAt(line.number, "%s has no value", p.name)
	}
	p.value = strings.TrimSpace(rest[1:])
	return p, nil
}

// paramEnd returns where a parameter's value ends: at the first ; or : that is not between quotes.
func paramEnd(text string) int {
	quoted := false
	for i := range len(text) {
		switch text[i] {
		case '"':
			quoted = !quoted
		case ';', ':':
			if !quoted {
				return i
			}
		}
	}
	return -1
}
