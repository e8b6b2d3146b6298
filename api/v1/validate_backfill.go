package v1

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// ValidateBackfill returns what is wrong with a Backfill by itself. What is wrong with its range for the Job, package
// controllers/backfill says.
func ValidateBackfill(b *Backfill) field.ErrorList {
	errs := validateMeta(&b.ObjectMeta, validation.IsDNS1123Label)
	path, s := field.NewPath("spec"), &b.Spec
	if s.Job == "" {
		errs = append(errs, field.Required(path.Child("job"), "the name of a Job"))
	} else {
		errs = append(errs, invalid(path.Child("job"), s.Job, validateJobName(s.Job))...)
	}
	if s.From.IsZero() {
		errs = append(errs, field.Required(path.Child("from"), "a time such as 2026-11-22T02:00:00Z"))
	}
	switch to := path.Child("to"); {
	case s.To.IsZero():
		errs = append(errs, field.Required(to, "a time such as 2026-11-22T02:00:00Z"))
	case !s.From.IsZero() && !s.To.After(s.From.Time):
		errs = append(errs, field.Invalid(to, s.To.UTC().Format(time.RFC3339Nano), "must be later than from: the range ends before it"))
	}
	if s.Parallel != nil {
		errs = append(errs, inRange(path.Child("parallel"), *s.Parallel, 1, MaxBackfillParallel)...)
	}
	errs = append(errs, oneOf(path.Child("order"), s.Order, BackfillOldestFirst, BackfillNewestFirst)...)
	errs = append(errs, oneOf(path.Child("runs"), s.Runs, BackfillMissing, BackfillFailed, BackfillAll)...)
	if s.Priority != nil {
		errs = append(errs, inRange(path.Child("priority"), *s.Priority, MinPriority, MaxPriority)...)
	}
	return append(errs, positive(path.Child("ttl"), s.TTL)...)
}

// validateRunBackfill checks that a Run names a Backfill if and only if that is why it exists.
func validateRunBackfill(s *RunSpec, path *field.Path) field.ErrorList {
	at := path.Child("backfill")
	switch {
	case s.Backfill == "" && s.Reason == ReasonBackfill:
		return field.ErrorList{field.Required(at, fmt.Sprintf("with reason %s", ReasonBackfill))}
	case s.Backfill == "":
		return nil
	}
	errs := invalid(at, s.Backfill, validation.IsDNS1123Label(s.Backfill))
	if s.Reason != ReasonBackfill && s.Reason != "" {
		errs = append(errs, field.Forbidden(at, fmt.Sprintf("needs reason %s", ReasonBackfill)))
	}
	return errs
}

// ValidateBackfillUpdate returns what is wrong with replacing old by b: of its spec only parallel, suspend, priority
// and ttl may change.
func ValidateBackfillUpdate(b, old *Backfill) field.ErrorList {
	errs := append(validateSameObject(&b.ObjectMeta, &old.ObjectMeta), ValidateBackfill(b)...)
	after, before := b.DeepCopy(), old.DeepCopy()
	SetDefaultsBackfill(after)
	SetDefaultsBackfill(before)
	for _, f := range []struct {
		name          string
		after, before any
	}{
		{"job", after.Spec.Job, before.Spec.Job},
		{"from", after.Spec.From, before.Spec.From},
		{"to", after.Spec.To, before.Spec.To},
		{"order", after.Spec.Order, before.Spec.Order},
		{"runs", after.Spec.Runs, before.Spec.Runs},
		{"dependents", after.Spec.Dependents, before.Spec.Dependents},
	} {
		if !equality.Semantic.DeepEqual(f.after, f.before) {
			errs = append(errs, field.Forbidden(field.NewPath("spec", f.name), fmt.Sprintf(
				"is fixed when the Backfill is made (it is %v); only parallel, suspend, priority and ttl may change: make another Backfill",
				f.before)))
		}
	}
	return errs
}
