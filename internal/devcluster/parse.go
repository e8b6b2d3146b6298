package devcluster

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
)

// parseResources reads --resources: JSON, or "name(role):value;...".
func parseResources(s string) (resources, error) {
	if strings.HasPrefix(strings.TrimSpace(s), "[") {
		var list []mesos.Resource
		if err := json.Unmarshal([]byte(s), &list); err != nil {
			return nil, fmt.Errorf("resources: read as JSON: %w", err)
		}
		return fromMesos(list)
	}
	var out resources
	for _, part := range strings.Split(s, ";") {
		if strings.TrimSpace(part) == "" {
			continue
		}
		name, value, ok := strings.Cut(part, ":")
		if !ok {
			return nil, fmt.Errorf("resources: %q: want name:value or name(role):value", part)
		}
		r := resource{name: strings.TrimSpace(name), role: unreserved}
		if base, role, ok := strings.Cut(r.name, "("); ok {
			r.name, r.role = strings.TrimSpace(base), strings.TrimSpace(strings.TrimSuffix(role, ")"))
		}
		if err := r.parse(strings.TrimSpace(value)); err != nil {
			return nil, fmt.Errorf("resources: %q: %w", part, err)
		}
		if r.kind == mesos.TEXT {
			return nil, fmt.Errorf("resources: %q: want a number, [begin-end, ...] or {item, ...}", part)
		}
		out = out.plus(resources{r})
	}
	return out, nil
}

// parse sets the value and kind: a number, [begin-end, ...], {item, ...}, or else a text.
func (r *resource) parse(value string) error {
	switch {
	case strings.HasPrefix(value, "[") && strings.HasSuffix(value, "]"):
		r.kind = mesos.RANGES
		for _, s := range strings.Split(value[1:len(value)-1], ",") {
			first, last, ok := strings.Cut(strings.TrimSpace(s), "-")
			begin, err1 := strconv.ParseUint(strings.TrimSpace(first), 10, 64)
			end, err2 := strconv.ParseUint(strings.TrimSpace(last), 10, 64)
			if !ok || err1 != nil || err2 != nil || end < begin {
				return fmt.Errorf("%q is not a range: want begin-end", s)
			}
			r.ranges = addSpans(r.ranges, []span{{begin, end}})
		}
	case strings.HasPrefix(value, "{") && strings.HasSuffix(value, "}"):
		r.kind = mesos.SET
		for _, s := range strings.Split(value[1:len(value)-1], ",") {
			r.items = addItems(r.items, []string{strings.TrimSpace(s)})
		}
	default:
		number, notNumber := strconv.ParseFloat(value, 64)
		if notNumber != nil || math.IsNaN(number) || math.IsInf(number, 0) {
			r.kind, r.items = mesos.TEXT, []string{value}
			break
		}
		r.kind, r.scalar = mesos.SCALAR, int64(math.Round(number*1000))
		if number < 0 {
			return fmt.Errorf("%q is negative", value)
		}
	}
	return nil
}

// parseAttributes reads --attributes: "name:value;...". A set is an error: a real agent aborts at its start with "Bad type for attribute".
func parseAttributes(s string) ([]mesos.Attribute, error) {
	var out []mesos.Attribute
	for _, part := range strings.Split(s, ";") {
		if strings.TrimSpace(part) == "" {
			continue
		}
		name, value, ok := strings.Cut(part, ":")
		if !ok {
			return nil, fmt.Errorf("attributes: %q: want name:value", part)
		}
		var r resource
		if err := r.parse(strings.TrimSpace(value)); err != nil {
			return nil, fmt.Errorf("attributes: %q: %w", part, err)
		}
		if r.kind == mesos.SET {
			return nil, fmt.Errorf("attributes: %q: Bad type for attribute: a set; want a text, a number or [begin-end, ...]", part)
		}
		a := mesos.Attribute{Name: strings.TrimSpace(name), Type: r.kind}
		switch r.kind {
		case mesos.SCALAR:
			a.Scalar = &mesos.Value_Scalar{Value: float64(r.scalar) / 1000}
		case mesos.RANGES:
			a.Ranges = &mesos.Value_Ranges{}
			for _, s := range r.ranges {
				a.Ranges.Range = append(a.Ranges.Range, mesos.Value_Range{Begin: s.begin, End: s.end})
			}
		default:
			a.Text = &mesos.Value_Text{Value: r.items[0]}
		}
		out = append(out, a)
	}
	return out, nil
}
