package callback

import (
	"fmt"
	"regexp"
	"slices"
	"time"
	"unicode"

	"k8s.io/apimachinery/pkg/util/validation/field"

	v1 "horae/api/v1"
)

// Bounds of callbacks.
const (
	// MaxIDs is how many ids of progress are remembered: a repeated callback changes nothing if no more than these came
	// between.
	MaxIDs = 64
	// MaxProgress is the greatest whole number that every JSON parser keeps exactly.
	MaxProgress = 1<<53 - 1
	// MaxMessage is what is kept of a message, in bytes.
	MaxMessage = 1024
)

var idForm = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// Validate returns what is wrong with a callback, whatever came before it.
func Validate(c *v1.Callback) field.ErrorList {
	var errs field.ErrorList
	phase, progress, add, id := field.NewPath("phase"), field.NewPath("progress"), field.NewPath("progressAdd"), field.NewPath("id")
	switch c.Phase {
	case v1.RunSucceeded, v1.RunFailed:
	case "":
		if c.Progress == nil && c.ProgressAdd == nil {
			errs = append(errs, field.Required(phase, "Succeeded or Failed; or give progress or progressAdd"))
		}
		if c.Message != "" {
			errs = append(errs, field.Forbidden(field.NewPath("message"), "means nothing without a phase"))
		}
	default:
		errs = append(errs, field.NotSupported(phase, v1.Shorten(string(c.Phase), 64), []v1.RunPhase{v1.RunSucceeded, v1.RunFailed}))
	}
	errs = append(errs, validateNumber(progress, c.Progress)...)
	errs = append(errs, validateNumber(add, c.ProgressAdd)...)
	if c.Progress != nil && c.ProgressAdd != nil {
		errs = append(errs, field.Forbidden(add, "give progress or progressAdd, not both"))
	}
	switch {
	case c.ID != "" && !idForm.MatchString(c.ID):
		errs = append(errs, field.Invalid(id, v1.Shorten(c.ID, 64), "must be one to 64 letters, digits, '.', '_' and '-'"))
	case c.ID == "" && c.ProgressAdd != nil:
		errs = append(errs, field.Required(id, "progressAdd needs one, so that a repeated callback is not counted twice"))
	}
	return errs
}

func validateNumber(path *field.Path, n *int64) field.ErrorList {
	if n != nil && (*n < 0 || *n > MaxProgress) {
		return field.ErrorList{field.Invalid(path, *n, fmt.Sprintf("must be between 0 and %d", int64(MaxProgress)))}
	}
	return nil
}

// Refusal is why a valid callback changes nothing. Its text is for the caller.
type Refusal struct{ text string }

func (r *Refusal) Error() string { return r.text }

func refuse(format string, args ...any) error { return &Refusal{fmt.Sprintf(format, args...)} }

// Merge returns the document after a callback of the attempt, which must be alive. The callback must be valid. before
// is the present document; one of another attempt counts as none. repeated: the callback was stored before, and next is
// what there is. Merge does not modify what it gets.
func Merge(before *v1.CallbackDocument, attempt *v1.Attempt, async bool, c *v1.Callback, now time.Time) (
	next *v1.CallbackDocument, repeated bool, err error) {
	next = &v1.CallbackDocument{TaskID: attempt.TaskID, Outcome: attempt.Callback}
	if before != nil && before.TaskID == attempt.TaskID {
		next.Progress, next.IDs = before.Progress, before.IDs
		if next.Outcome == nil {
			next.Outcome = before.Outcome
		}
	}
	if Repeats(next, c) {
		return next, true, nil
	}
	if o := next.Outcome; o != nil {
		return nil, false, refuse("the attempt was reported %s at %s already; that stays", o.Phase, o.Time.UTC().Format(time.RFC3339))
	}
	if c.Phase != "" {
		if !async {
			return nil, false, refuse("the Run is not asynchronous (its Job has no spec.async): it ends with its task, " +
				"and takes progress only")
		}
		next.Outcome = &v1.CallbackOutcome{Phase: c.Phase, Message: clean(c.Message), Time: v1.NewTime(now), ID: c.ID}
	}
	switch {
	case c.Progress != nil:
		n := *c.Progress
		next.Progress = &n
	case c.ProgressAdd != nil:
		n := *c.ProgressAdd
		if next.Progress != nil {
			n += *next.Progress
		}
		if n > MaxProgress {
			return nil, false, refuse("progress would be %d: the limit is %d", n, int64(MaxProgress))
		}
		next.Progress = &n
	}
	if c.ID != "" && c.Phase == "" {
		from := max(len(next.IDs)+1-MaxIDs, 0)
		next.IDs = append(slices.Clone(next.IDs[from:]), c.ID)
	}
	return next, false, nil
}

// Repeats reports whether the document has the callback already, by its id.
func Repeats(d *v1.CallbackDocument, c *v1.Callback) bool {
	switch {
	case c.ID == "":
		return false
	case c.Phase != "":
		return d.Outcome != nil && d.Outcome.ID == c.ID && d.Outcome.Phase == c.Phase
	}
	return slices.Contains(d.IDs, c.ID)
}

// clean bounds a message and replaces its control characters, which would upset terminals.
func clean(message string) string {
	runes := []rune(v1.Shorten(message, MaxMessage-len("...")))
	for i, r := range runes {
		if r == unicode.ReplacementChar || unicode.IsControl(r) && r != '\n' && r != '\t' {
			runes[i] = ' '
		}
	}
	return string(runes)
}
