package v1

import (
	"fmt"
	"math"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Bounds of a task's constraints. Each pattern is compiled again for every Run that waits, and a few characters such as
// (\pL{1000}){100} may compile to very many instructions.
const (
	maxConstraints  = 64
	maxPattern      = 4096
	maxInstructions = 10_000 // of all patterns of a task together
)

func validateConstraints(list []Constraint, path *field.Path) field.ErrorList {
	if n := len(list); n > maxConstraints {
		return field.ErrorList{field.TooMany(path, n, maxConstraints)}
	}
	var errs field.ErrorList
	instructions := maxInstructions
	for i := range list {
		errs = append(errs, validateConstraint(&list[i], path.Index(i), &instructions)...)
	}
	return errs
}

// validateConstraint takes what the constraint's pattern needs from the instructions that are left.
func validateConstraint(c *Constraint, path *field.Path, instructions *int) field.ErrorList {
	var errs field.ErrorList
	if c.Attribute == "" {
		errs = append(errs, field.Required(path.Child("attribute"), "an agent's attribute, or hostname, agent, region, zone"))
	}
	if c.Operator == "" {
		return append(errs, field.Required(path.Child("operator"), "such as Equals or Like"))
	}
	operators := []ConstraintOperator{
		OpEquals, OpNotEquals, OpLike, OpUnlike, OpExists, OpNotExists, OpIn, OpNotIn, OpGt, OpLt, OpUnique, OpMaxPer, OpGroupBy,
	}
	if bad := oneOf(path.Child("operator"), c.Operator, operators...); bad != nil {
		return append(errs, bad...)
	}
	if msg := badConstraintValue(c.Operator, c.Value, instructions); msg != "" {
		if c.Value == "" {
			return append(errs, field.Required(path.Child("value"), msg))
		}
		errs = append(errs, field.Invalid(path.Child("value"), c.Value, msg))
	}
	return errs
}

// badConstraintValue returns what is wrong with the value of a constraint with that operator; "" if nothing is.
func badConstraintValue(op ConstraintOperator, value string, instructions *int) string {
	switch op {
	case OpEquals, OpNotEquals:
		if value == "" {
			return "the value to compare with"
		}
	case OpLike, OpUnlike:
		if value == "" {
			return "a regular expression that the whole value matches"
		}
		return badPattern(value, instructions)
	case OpExists, OpNotExists, OpUnique:
		if value != "" {
			return "must be empty: " + string(op) + " compares with nothing"
		}
	case OpIn, OpNotIn:
		if slices.ContainsFunc(strings.Split(value, ","), func(s string) bool { return strings.TrimSpace(s) == "" }) {
			return "must be values separated by commas"
		}
	case OpGt, OpLt:
		if n, err := strconv.ParseFloat(value, 64); err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
			return "must be a number"
		}
	case OpMaxPer:
		if n, err := strconv.ParseInt(value, 10, 32); err != nil || n < 1 {
			return "must be a whole number from 1 on"
		}
	case OpGroupBy:
		if n, err := strconv.ParseInt(value, 10, 32); value != "" && (err != nil || n < 1) {
			return "must be empty or the number of groups, from 1 on"
		}
	}
	return ""
}

// badPattern returns what is wrong with a pattern; "" if nothing is. Once no instructions are left, which has been reported, it
// compiles no more.
func badPattern(pattern string, instructions *int) string {
	if len(pattern) > maxPattern {
		return fmt.Sprintf("must have at most %d characters", maxPattern)
	}
	if *instructions < 0 {
		return ""
	}
	parsed, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return "must be a regular expression (RE2: no look-ahead, no back-references): " +
			strings.TrimPrefix(err.Error(), "error parsing regexp: ")
	}
	prog, err := syntax.Compile(parsed.Simplify())
	if err != nil || len(prog.Inst) > maxInstructions {
		*instructions = -1
		return "is too large a regular expression: its repetitions stand for too much"
	}
	if *instructions -= len(prog.Inst); *instructions < 0 {
		return "is too large a regular expression beside those of the other constraints: their repetitions stand for too much"
	}
	return ""
}
