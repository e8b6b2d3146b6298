package v1

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"

	"k8s.io/apimachinery/pkg/api/equality"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metav1validation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Lengths of names. A Run's name is its Job's plus a suffix that is unique among the Job's Runs:
// -20261122t020000123456z, and -b12345678 after it for a repetition by a Backfill.
const (
	MaxJobNameLength = 52
	MaxRunNameLength = 90
)

// ValidateJob returns everything that is wrong with a Job, except for its schedule and time zone: those need a parser
// that this package does not import (controllers/job.Validate adds it). The Job may or may not have its defaults.
// Fields that are not supported yet are errors, too.
func ValidateJob(j *Job) field.ErrorList {
	errs := validateMeta(&j.ObjectMeta, validateJobName)
	errs = append(errs, validateJobSpec(&j.Spec, j.Name, field.NewPath("spec"))...)
	return append(errs, jobUnsupported.check(j)...)
}

// ValidateRun returns everything that is wrong with a Run.
func ValidateRun(r *Run) field.ErrorList {
	errs := validateMeta(&r.ObjectMeta, validateRunName)
	if job, ok := r.Labels[LabelJob]; ok && job != r.Spec.Job {
		errs = append(errs, field.Invalid(field.NewPath("metadata", "labels").Key(LabelJob), job, "must be spec.job"))
	}
	errs = append(errs, validateRunSpec(&r.Spec, field.NewPath("spec"))...)
	return append(errs, runUnsupported.check(r)...)
}

// ValidateJobUpdate returns what is wrong with replacing old by j: all of a Job except its identity may change.
func ValidateJobUpdate(j, old *Job) field.ErrorList {
	return append(validateSameObject(&j.ObjectMeta, &old.ObjectMeta), ValidateJob(j)...)
}

// ValidateRunUpdate returns what is wrong with replacing old by r: its spec must not change, except that cancel may
// be set.
func ValidateRunUpdate(r, old *Run) field.ErrorList {
	errs := append(validateSameObject(&r.ObjectMeta, &old.ObjectMeta), ValidateRun(r)...)
	spec := field.NewPath("spec")
	if old.Spec.Cancel && !r.Spec.Cancel {
		errs = append(errs, field.Forbidden(spec.Child("cancel"), "a Run that was cancelled stays cancelled; trigger the Job again"))
	}
	a, b := r.DeepCopy(), old.DeepCopy()
	SetDefaultsRun(a)
	SetDefaultsRun(b)
	a.Spec.Cancel, b.Spec.Cancel = false, false
	if !equality.Semantic.DeepEqual(a.Spec, b.Spec) {
		errs = append(errs, field.Forbidden(spec, "is fixed when the Run is made; only cancel may be set"))
	}
	return errs
}

func validateSameObject(m, old *metav1.ObjectMeta) field.ErrorList {
	var errs field.ErrorList
	path := field.NewPath("metadata")
	for _, f := range []struct{ name, value, old string }{
		{"name", m.Name, old.Name},
		{"namespace", m.Namespace, old.Namespace},
		{"uid", string(m.UID), string(old.UID)},
	} {
		if f.value != "" && f.old != "" && f.value != f.old {
			errs = append(errs, field.Invalid(path.Child(f.name), f.value, fmt.Sprintf("cannot be changed: the object has %q", f.old)))
		}
	}
	return errs
}

// validateMeta checks the user's metadata, and refuses fields that would have to be ignored. Fields that the server
// sets (uid, resourceVersion, generation, creationTimestamp, managedFields) may be there and are ignored, as in
// Kubernetes.
func validateMeta(m *metav1.ObjectMeta, validateName func(string) []string) field.ErrorList {
	var errs field.ErrorList
	path := field.NewPath("metadata")
	if m.Name == "" {
		errs = append(errs, field.Required(path.Child("name"), ""))
	} else {
		errs = append(errs, invalid(path.Child("name"), m.Name, validateName(m.Name))...)
	}
	if m.Namespace != "" {
		errs = append(errs, invalid(path.Child("namespace"), m.Namespace, validation.IsDNS1123Label(m.Namespace))...)
	}
	if m.GenerateName != "" {
		errs = append(errs, field.Forbidden(path.Child("generateName"), "is not supported: give the object a name"))
	}
	if len(m.OwnerReferences) > 0 {
		errs = append(errs, field.Forbidden(path.Child("ownerReferences"),
			"are not supported: a Run belongs to the Job in its spec, nothing else is owned"))
	}
	if len(m.Finalizers) > 0 {
		errs = append(errs, field.Forbidden(path.Child("finalizers"), "are not supported: deletion is over when the tasks are dead"))
	}
	errs = append(errs, metav1validation.ValidateLabels(m.Labels, path.Child("labels"))...)
	return append(errs, apivalidation.ValidateAnnotations(m.Annotations, path.Child("annotations"))...)
}

func validateJobName(name string) []string {
	msgs := validation.IsDNS1123Label(name)
	if len(name) > MaxJobNameLength {
		msgs = append(msgs, fmt.Sprintf("must have at most %d characters: the names of its Runs add to it", MaxJobNameLength))
	}
	return msgs
}

var runName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`)

func validateRunName(name string) []string {
	var msgs []string
	if !runName.MatchString(name) {
		msgs = append(msgs, "must consist of lower case letters, digits and '-', and begin and end with a letter or digit")
	}
	if len(name) > MaxRunNameLength {
		msgs = append(msgs, validation.MaxLenError(MaxRunNameLength))
	}
	return msgs
}

// repeats returns for each element whether an equal one comes before it.
func repeats[T comparable](list []T) []bool {
	seen := make(map[T]bool, len(list))
	repeated := make([]bool, len(list))
	for i, e := range list {
		repeated[i] = seen[e]
		seen[e] = true
	}
	return repeated
}

// invalid makes an error of each message.
func invalid(path *field.Path, value any, msgs []string) field.ErrorList {
	var errs field.ErrorList
	for _, msg := range msgs {
		errs = append(errs, field.Invalid(path, value, msg))
	}
	return errs
}

// oneOf checks an enumeration; an empty value stands for the default.
func oneOf[T ~string](path *field.Path, value T, choices ...T) field.ErrorList {
	if value == "" {
		return nil
	}
	for _, c := range choices {
		if value == c {
			return nil
		}
	}
	return field.ErrorList{field.NotSupported(path, value, choices)}
}

// positive checks a length of time that must not be zero.
func positive(path *field.Path, d *Duration) field.ErrorList {
	if d != nil && d.Duration <= 0 {
		return field.ErrorList{field.Invalid(path, d.String(), "must be greater than zero")}
	}
	return nil
}

// notNegative checks a length of time that may be zero.
func notNegative(path *field.Path, d *Duration) field.ErrorList {
	if d != nil && d.Duration < 0 {
		return field.ErrorList{field.Invalid(path, d.String(), "must not be negative")}
	}
	return nil
}

// inRange checks a whole number, both ends included.
func inRange[T int32 | int64](path *field.Path, value, low, high T) field.ErrorList {
	if value < low || value > high {
		return field.ErrorList{field.Invalid(path, value, fmt.Sprintf("must be between %d and %d", low, high))}
	}
	return nil
}

// plainText checks text for people: it is not too long, and has no control characters but line ends and tabs.
func plainText(path *field.Path, value string, most int) field.ErrorList {
	var errs field.ErrorList
	if len(value) > most {
		errs = append(errs, field.TooLong(path, "", most))
	}
	if strings.ContainsFunc(value, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }) {
		errs = append(errs, field.Invalid(path, Shorten(value, 64), "must not contain control characters"))
	}
	return errs
}

// noNUL checks text that becomes an argument, a variable or a path: for the kernel those end at a NUL.
func noNUL(path *field.Path, value string) field.ErrorList {
	if strings.ContainsRune(value, 0) {
		return field.ErrorList{field.Invalid(path, value, "must not contain a NUL character")}
	}
	return nil
}
