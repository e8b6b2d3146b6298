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
	at := v1.ScheduleStatus{Expression: strings.TrimSpace(job.Spec.Schedule), TimeZone: zone}
	if _, err := anchorOf(store.JobKey(job.Namespace, job.Name), at).Parse(); err != nil {
		errs = append(errs, field.Invalid(spec.Child("schedule"), job.Spec.Schedule, detail(err)))
	}
	return errs
}

// detail returns the message of an error of package schedule without the value, because field.Error adds it.
func detail(err error) string {
	var e *schedule.Error
	if errors.As(err, &e) && e.Line == 0 && e.Place == "" {
		return e.Message
	}
	return err.Error()
}
