package job

import (
	"errors"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/util/validation/field"

	v1 "horae/api/v1"
	"horae/internal/schedule"
	"horae/internal/store"
)

// Validate finds what is wrong with a Job whose defaults are set: all that v1.ValidateJob finds, and the schedule and the
// time zone. The Job is not changed.
func Validate(job *v1.Job) field.ErrorList {
	errs := v1.ValidateJob(job.DeepCopy()) // I8: comparing a resource.Quantity may turn it into another form of itself.
	spec := field.NewPath("spec")
	zone := job.Spec.TimeZone
	if _, err := schedule.LoadLocation(zone); err != nil {
		zone = "" // Whether the expression is right does not hang on the zone: both are told at once.
		errs = append(errs, field.Invalid(spec.Child("timeZone"), job.Spec.TimeZone, detail(err)))
	}
	if strings.TrimSpace(job.Spec.Schedule) == "" {
		return errs
	}
	at := v1.ScheduleStatus{Expression: strings.TrimSpace(job.Spec.Schedule), TimeZone: zone}
	if _, err := compile(store.JobKey(job.Namespace, job.Name), at); err != nil {
		errs = append(errs, field.Invalid(spec.Child("schedule"), job.Spec.Schedule, detail(err)))
	}
	return errs
}

// detail is an error of package schedule without the value, which field.Error repeats.
func detail(err error) string {
	var e *schedule.Error
	if errors.As(err, &e) && e.Line == 0 && e.Place == "" {
		return e.Message
	}
	return err.Error()
}

// Upcoming are the next n occurrences of a Job, without jitter, from its status: what the plan will handle, in order. It is
// empty for a Job without a schedule and fails on an invalid one. A suspended Job has them all the same. named are the Job's
// Calendars: what they let not run is left out, or stands where it is moved to.
func Upcoming(job *v1.Job, named []Calendar, now time.Time, n int) ([]time.Time, error) {
	expression := strings.TrimSpace(job.Spec.Schedule)
	if expression == "" {
		return nil, nil
	}
	at := v1.ScheduleStatus{Expression: expression, TimeZone: job.Spec.TimeZone, Since: v1.NewTime(now.Truncate(time.Second))}
	if s := job.Status.Schedule; s != nil && s.Expression == at.Expression && s.TimeZone == at.TimeZone {
		at = *s
	}
	compiled, err := compile(store.JobKey(job.Namespace, job.Name), at)
	if err != nil {
		return nil, err
	}
	from := cursor(&at, job.Status.LastScheduleTime)
	if c := job.Spec.Calendars; len(c.Names()) > 0 {
		d, err := daysOf(compiled, &job.Spec, named)
		if err != nil {
			return nil, err
		}
		if c.OnExcluded == v1.OnExcludedNextDay {
			return upcomingNextDay(d, job.Status.Moved, from, now, n), nil
		}
		compiled = onDays{d}
	}
	if from.Before(now) {
		from = now
	}
	var list []time.Time
	for t, ok := compiled.Next(from); ok && len(list) < n; t, ok = compiled.Next(t) {
		list = append(list, t)
	}
	return list, nil
}

// compile reads a schedule as of its anchor.
func compile(key store.Key, s v1.ScheduleStatus) (Occurrences, error) {
	location, err := schedule.LoadLocation(s.TimeZone)
	if err != nil {
		return nil, err
	}
	compiled, err := schedule.Parse(s.Expression, schedule.Options{
		Location: location, Created: s.Since.Time, HashKey: key.Namespace + "/" + key.Name,
	})
	if err != nil {
		return nil, err
	}
	return compiled, nil
}

// warningsOf is what a schedule has that is legal and perhaps not meant; "" mostly.
func warningsOf(o Occurrences) string {
	s, ok := o.(interface{ Warnings() []string })
	if !ok {
		return ""
	}
	list := s.Warnings()
	if len(list) == 0 {
		return ""
	}
	return v1.Short("spec.schedule: " + strings.Join(list, "; "))
}

// compiled keeps compiled schedules, so that a plan does not read its expression again. Its zero value is ready.
type compiled struct {
	mu sync.Mutex
	// recent and older are guarded by mu. When recent is full it becomes older: what was used lately survives.
	recent, older map[compiledKey]Occurrences
}

// compiledKey is all that a compiled schedule depends on. Expressions that do not depend on the Job or its anchor are shared.
type compiledKey struct {
	expression, timeZone string
	job                  store.Key
	since                int64
}

// maxCompiled schedules are in each of the two maps; one takes a few hundred bytes.
const maxCompiled = 8192

// get is compile with a memory. Failures are not kept.
func (c *compiled) get(key store.Key, s v1.ScheduleStatus) (Occurrences, error) {
	k := compiledKey{expression: s.Expression, timeZone: s.TimeZone}
	if strings.ContainsAny(s.Expression, "RP@H") { // Intervals, macros and H: they may depend on the anchor or the name.
		k.job, k.since = key, s.Since.Unix()
	}
	c.mu.Lock()
	found := c.recent[k]
	if found == nil {
		if found = c.older[k]; found != nil {
			c.keepLocked(k, found)
		}
	}
	c.mu.Unlock()
	if found != nil {
		return found, nil
	}
	made, err := compile(key, s)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	c.keepLocked(k, made)
	c.mu.Unlock()
	return made, nil
}

func (c *compiled) keepLocked(k compiledKey, s Occurrences) {
	if len(c.recent) >= maxCompiled {
		c.older, c.recent = c.recent, nil
	}
	if c.recent == nil {
		c.recent = map[compiledKey]Occurrences{}
	}
	c.recent[k] = s
}
