package placement

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	v1 "horae/api/v1"
	"horae/internal/offer"
)

// constraints are those of a task, compiled. All must hold.
type constraints struct {
	// text is equal for equal constraints.
	text string
	// all look at the agent alone. most (Unique, MaxPer) and even (GroupBy) depend on where the Job's other
	// attempts are.
	all, most, even []constraint
}

type constraint struct {
	v1.Constraint
	pattern *regexp.Regexp // Like, Unlike
	number  float64        // Gt, Lt
	values  []string       // In, NotIn
	n       int            // MaxPer, GroupBy; 1 for Unique
}

// others reports whether the constraints depend on the Job's other attempts.
func (cs *constraints) others() bool { return len(cs.most)+len(cs.even) > 0 }

var noConstraints = &constraints{}

// compile prepares constraints. What it refuses, validation has refused before.
func compile(cs []v1.Constraint) (*constraints, error) {
	if len(cs) == 0 {
		return noConstraints, nil
	}
	out := &constraints{}
	var text strings.Builder
	for i, c := range cs {
		fmt.Fprintf(&text, "%q %s %q;", c.Attribute, c.Operator, c.Value)
		k, err := compileOne(c)
		if err != nil {
			return nil, fmt.Errorf("spec.task.constraints[%d]: %w", i, err)
		}
		switch c.Operator {
		case v1.OpUnique, v1.OpMaxPer:
			out.most = append(out.most, k)
		case v1.OpGroupBy:
			out.even = append(out.even, k)
		default:
			out.all = append(out.all, k)
		}
	}
	out.text = text.String()
	return out, nil
}

func compileOne(c v1.Constraint) (constraint, error) {
	k := constraint{Constraint: c, n: 1}
	var err error
	switch c.Operator {
	case v1.OpEquals, v1.OpNotEquals, v1.OpExists, v1.OpNotExists, v1.OpUnique:
	case v1.OpLike, v1.OpUnlike:
		k.pattern, err = regexp.Compile(`\A(?:` + c.Value + `)\z`)
	case v1.OpGt, v1.OpLt:
		k.number, err = strconv.ParseFloat(c.Value, 64)
	case v1.OpIn, v1.OpNotIn:
		for v := range strings.SplitSeq(c.Value, ",") {
			k.values = append(k.values, strings.TrimSpace(v))
		}
	case v1.OpMaxPer, v1.OpGroupBy:
		if c.Operator == v1.OpGroupBy && c.Value == "" {
			break
		}
		if k.n, err = strconv.Atoi(c.Value); err == nil && k.n < 1 {
			err = fmt.Errorf("%s: %d is less than 1", c.Operator, k.n)
		}
	default:
		err = fmt.Errorf("%q is not an operator", c.Operator)
	}
	return k, err
}

// unmet returns the first constraint that the agent of the offer does not meet, or nil.
func (cs *constraints) unmet(o *offer.Offer) *constraint {
	for i := range cs.all {
		if !cs.all[i].met(o) {
			return &cs.all[i]
		}
	}
	return nil
}

func (c *constraint) String() string {
	return strings.TrimSpace(c.Attribute + " " + string(c.Operator) + " " + c.Value)
}

// met answers as Chronos did for Equals, Like and Unlike (a scalar never Equals a text, and nothing is Unlike a
// missing attribute), and as Kubernetes's node selectors for the rest: NotEquals and NotIn hold where there is
// no such attribute.
func (c *constraint) met(o *offer.Offer) bool {
	a, found := attribute(o, c.Attribute)
	switch c.Operator {
	case v1.OpExists:
		return found
	case v1.OpNotExists:
		return !found
	case v1.OpEquals:
		return found && a.Type == offer.Text && a.Text == c.Value
	case v1.OpNotEquals:
		return !found || !holds(&a, c.Value)
	case v1.OpLike:
		return found && a.Type != offer.Ranges && slices.ContainsFunc(texts(&a), c.pattern.MatchString)
	case v1.OpUnlike:
		return found && a.Type != offer.Ranges && !slices.ContainsFunc(texts(&a), c.pattern.MatchString)
	case v1.OpIn:
		return found && slices.ContainsFunc(c.values, func(v string) bool { return holds(&a, v) })
	case v1.OpNotIn:
		return !found || !slices.ContainsFunc(c.values, func(v string) bool { return holds(&a, v) })
	case v1.OpGt:
		n, ok := number(&a)
		return found && ok && n > c.number
	case v1.OpLt:
		n, ok := number(&a)
		return found && ok && n < c.number
	}
	return false
}

// attribute finds an attribute of an agent. hostname, agent, region and zone come from the offer if the agent
// sets no attribute of that name.
func attribute(o *offer.Offer, name string) (offer.Attribute, bool) {
	for i := range o.Attributes {
		if o.Attributes[i].Name == name {
			return o.Attributes[i], true
		}
	}
	text := ""
	switch name {
	case "hostname":
		text = o.Hostname
	case "agent":
		text = o.AgentID
	case "region":
		text = o.Region
	case "zone":
		text = o.Zone
	}
	return offer.Attribute{Name: name, Type: offer.Text, Text: text}, text != ""
}

// texts returns what a pattern is matched against. A scalar is written as Java writes a double, because
// constraints that were written for Chronos expect that.
func texts(a *offer.Attribute) []string {
	switch a.Type {
	case offer.Text:
		return []string{a.Text}
	case offer.Scalar:
		return []string{JavaDouble(a.Scalar)}
	case offer.Set:
		return a.Set
	}
	return nil
}

// plainText writes an attribute of any type, as Mesos does in its flags.
func plainText(a *offer.Attribute) string {
	switch a.Type {
	case offer.Scalar:
		return strconv.FormatFloat(a.Scalar, 'f', -1, 64)
	case offer.Set:
		items := slices.Sorted(slices.Values(a.Set))
		return "{" + strings.Join(items, ",") + "}"
	case offer.Ranges:
		ranges := make([]string, len(a.Ranges))
		for i, r := range a.Ranges {
			ranges[i] = fmt.Sprintf("%d-%d", r.Begin, r.End)
		}
		return "[" + strings.Join(ranges, ",") + "]"
	}
	return a.Text
}

// holds reports whether an attribute is the value, or has it among its items or in its ranges.
func holds(a *offer.Attribute, value string) bool {
	switch a.Type {
	case offer.Text:
		return a.Text == value
	case offer.Set:
		return slices.Contains(a.Set, value)
	case offer.Scalar:
		n, err := strconv.ParseFloat(value, 64)
		return err == nil && n == a.Scalar
	}
	n, err := strconv.ParseUint(value, 10, 64)
	return err == nil && slices.ContainsFunc(a.Ranges, func(r offer.Range) bool { return r.Begin <= n && n <= r.End })
}

func number(a *offer.Attribute) (float64, bool) {
	switch a.Type {
	case offer.Scalar:
		return a.Scalar, true
	case offer.Text:
		n, err := strconv.ParseFloat(a.Text, 64)
		return n, err == nil
	}
	return 0, false
}

// JavaDouble writes a number as Java's Double.toString does: 1.0, 0.001, 1.0E7, 1.23456789E8.
func JavaDouble(f float64) string {
	s := strconv.FormatFloat(f, 'e', -1, 64) // shortest digits: d.ddde±xx
	mantissa, exponent, ok := strings.Cut(s, "e")
	if !ok {
		return s // NaN, ±Inf
	}
	e, _ := strconv.Atoi(exponent)
	if f == 0 || e >= -3 && e < 7 {
		s = strconv.FormatFloat(f, 'f', -1, 64)
		if !strings.Contains(s, ".") {
			s += ".0"
		}
		return s
	}
	if !strings.Contains(mantissa, ".") {
		mantissa += ".0"
	}
	return mantissa + "E" + strconv.Itoa(e)
}
