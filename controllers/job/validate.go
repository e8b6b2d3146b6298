package job

import (
	"errors"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	v1 "horae/api/v1"
	"horae/internal/schedule"
	"horae/internal/store"
)

// Validate returns what is wrong with a Job whose defaults are set: what v1.ValidateJob returns, and mistakes in the
// schedule and the time zone. It does not change the Job.
func Validate(job *v1.Job) field.ErrorList {
	errs := v1.ValidateJob(job.DeepCopy()) // I8: comparing a resource.Quantity may turn it into another form of itself.
	spec := field.NewPath("spec")
	zone := job.Spec.TimeZone
	if _, err := schedule.LoadLocation(zone); err != nil {
		zone = "" // The expression can be checked without the zone, so that both mistakes are reported at once.
		errs = append(errs, field.Invalid(spec.Child("timeZone"), job.Spec.TimeZone, detail(err)))
	}
	if strings.TrimSpace(job.Spec.Schedule) == "" {
		return errs
	}
	if _, err := parse(job, zone); err != nil {
		errs = append(errs, field.Invalid(spec.Child("schedule"), job.Spec.Schedule, detail(err)))
	}
	return errs
}

// Warnings returns what in a valid Job is perhaps not meant, the schedule included.
func Warnings(job *v1.Job) []string {
	list := v1.WarningsJob(job)
	if s, err := parse(job, job.Spec.TimeZone); err == nil {
		if w := warningsOf(s); w != "" {
			list = append(list, w)
		}
	}
	return list
}

// parse reads a Job's schedule, as if the Job were made now. Without one that is an error.
func parse(job *v1.Job, zone string) (*schedule.Schedule, error) {
	at := v1.ScheduleStatus{Expression: strings.TrimSpace(job.Spec.Schedule), TimeZone: zone}
	return anchorOf(store.JobKey(job.Namespace, job.Name), at).Parse()
}

// detail returns the message of an error of package schedule without the value, because field.Error adds it.
func detail(err error) string {
	var e *schedule.Error
	if errors.As(err, &e) && e.Line == 0 && e.Place == "" {
		return e.Message
	}
	return err.Error()
}
