package backfill

import (
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/validation/field"

	v1 "horae/api/v1"
	"horae/controllers/job"
	"horae/internal/schedule"
)

// maxRange bounds the time between from and to: counting the occurrences of a schedule costs a little for each month.
const maxRange = 100 * 366 * 24 * time.Hour

// Admit returns what is wrong with the range of a valid Backfill at the present time, and for its Job; nil for a Job
// that is not known.
func Admit(spec *v1.BackfillSpec, j *v1.Job, namespace string, now time.Time) field.ErrorList {
	path := field.NewPath("spec")
	to := path.Child("to")
	switch {
	case spec.To.After(now):
		return field.ErrorList{field.Invalid(to, format(spec.To.Time), fmt.Sprintf(
			"is in the future (it is %s now): what is to come is for the Job's schedule; end the range now or earlier", format(now)))}
	case spec.To.Sub(spec.From.Time) > maxRange:
		return field.ErrorList{field.Invalid(to, format(spec.To.Time), "must be at most 100 years after from")}
	case j == nil:
		return nil
	case strings.TrimSpace(j.Spec.Schedule) == "":
		return field.ErrorList{field.Invalid(path.Child("job"), spec.Job,
			"has no schedule, and so no occurrences to run; to run it once, trigger it (horae trigger)")}
	}
	n, err := occurrences(spec, j, namespace, now)
	switch {
	case err != nil:
		return field.ErrorList{field.Invalid(path.Child("job"), spec.Job, v1.Short("its schedule cannot be read: "+err.Error()))}
	case n > v1.MaxBackfillOccurrences:
		return field.ErrorList{field.Invalid(to, format(spec.To.Time), fmt.Sprintf(
			"the range has %d occurrences of the Job; a Backfill may have at most %d: make it shorter, or make several Backfills",
			n, v1.MaxBackfillOccurrences))}
	}
	return nil
}

// occurrences counts those of the range by the Job's schedule.
func occurrences(spec *v1.BackfillSpec, j *v1.Job, namespace string, now time.Time) (int, error) {
	all, err := job.AnchorOf(namespace, spec.Job, job.ScheduleOf(j, now)).Parse()
	if err != nil {
		return 0, err
	}
	return all.Count(spec.From.Add(-schedule.Instant), spec.To.Add(-schedule.Instant)), nil
}
