package job

import (
	"encoding/base32"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "horae/api/v1"
)

// Occasion is why a Run is created. There is one Run for each occasion of a Job, and its name follows from the two
// (I3). An occasion is a value: two that are equal are the same one.
type Occasion struct {
	// Reason is the sort of occasion; it decides which of the fields below are used.
	Reason v1.RunReason
	// ScheduledTime is the occurrence, without jitter. A manual trigger has none. A Run that follows others has theirs.
	ScheduledTime time.Time
	// ID distinguishes manual triggers (see ManualID), and repetitions of an occurrence (see Repeated). Of a Run that
	// follows others it is a function of those.
	ID string
	// Due is when the last Run ended that this one follows.
	Due time.Time
}

// Scheduled returns the occasion of an occurrence of the Job's schedule.
func Scheduled(t time.Time) Occasion { return Occasion{Reason: v1.ReasonSchedule, ScheduledTime: t} }

// Manual returns the occasion of a manual trigger.
func Manual(id string) Occasion { return Occasion{Reason: v1.ReasonManual, ID: id} }

// Backfilled returns the occasion of an occurrence that a Backfill runs. Its Run has the name that the schedule would
// give it, so the two never run it both.
func Backfilled(t time.Time) Occasion { return Occasion{Reason: v1.ReasonBackfill, ScheduledTime: t} }

// Repeated returns the occasion of an occurrence that a Backfill runs although that name is taken. The id is the
// Backfill's, of at most eight characters.
func Repeated(t time.Time, id string) Occasion {
	return Occasion{Reason: v1.ReasonBackfill, ScheduledTime: t, ID: id}
}

// ManualID turns five random bytes into the part of a manual Run's name that distinguishes it from others.
func ManualID(random [5]byte) string {
	return strings.ToLower(base32.StdEncoding.EncodeToString(random[:]))
}

// OccasionOf returns the occasion that a scheduled Run was created for.
func OccasionOf(run *v1.Run) Occasion {
	o := Occasion{Reason: run.Spec.Reason}
	if t := run.Spec.ScheduledTime; t != nil {
		o.ScheduledTime = t.Time
	}
	return o
}

// RunName returns the name of a Job's Run for this occasion (I3).
func (o Occasion) RunName(job string) string {
	switch {
	case o.Reason == v1.ReasonDependency:
		return job + "-d" + o.ID
	case o.ScheduledTime.IsZero():
		return manualPrefix(job) + o.ID
	case o.Reason == v1.ReasonBackfill && o.ID != "":
		return job + "-" + timeInName(o.ScheduledTime) + "-b" + o.ID
	}
	return job + "-" + timeInName(o.ScheduledTime)
}

// timeInName formats an occurrence for a Run's name: 20261122t020000z. A fraction of a second has three digits or six.
func timeInName(t time.Time) string {
	t = t.UTC()
	text := t.Format("20060102t150405")
	switch us := t.Nanosecond() / 1000; {
	case us == 0:
	case us%1000 == 0:
		text += fmt.Sprintf("%03d", us/1000)
	default:
		text += fmt.Sprintf("%06d", us)
	}
	return text + "z"
}

// manualPrefix returns the prefix of the names of a Job's manual Runs.
func manualPrefix(job string) string { return job + "-m" }

// RunOptions are what a Run has that follows neither from its Job nor from its occasion.
type RunOptions struct {
	// StartBy: the Run is Missed if it has not started by then; zero: never.
	StartBy time.Time
	// Parents are the Runs that this one follows; OmittedParents is how many more there are.
	Parents        []string
	OmittedParents int32
	// Backfill that makes the Run, and the Priority that it gives it.
	Backfill string
	Priority int32
	// NoDependents: the end of the Run starts no other.
	NoDependents bool
	// Args and Env of a manual trigger.
	Args []string
	Env  []v1.EnvVar
}

// NewRun makes a Run of a Job. No other code does. The Run holds a copy of all that it needs of the Job as it is now,
// and shares nothing with it.
func NewRun(job *v1.Job, o Occasion, opts RunOptions, now time.Time) *v1.Run {
	labels := maps.Clone(job.Labels)
	if labels == nil {
		labels = map[string]string{}
	}
	labels[v1.LabelJob] = job.Name
	run := &v1.Run{
		TypeMeta: metav1.TypeMeta{APIVersion: v1.GroupVersion.String(), Kind: v1.KindRun},
		ObjectMeta: metav1.ObjectMeta{
			Namespace: job.Namespace, Name: o.RunName(job.Name), Labels: labels,
			CreationTimestamp: metav1.NewTime(now.UTC().Truncate(time.Second)),
		},
		Spec: v1.RunSpec{
			Job:            job.Name,
			Reason:         o.Reason,
			ScheduledTime:  v1.NewTimePtr(o.ScheduledTime),
			StartBy:        v1.NewTimePtr(opts.StartBy),
			Parents:        slices.Clone(opts.Parents),
			OmittedParents: opts.OmittedParents,
			NoDependents:   opts.NoDependents,
			Args:           slices.Clone(opts.Args),
			Env:            slices.Clone(opts.Env),
			Owner:          job.Spec.Owner,
			RunPolicy:      *job.Spec.RunPolicy.DeepCopy(),
			Task:           *job.Spec.Task.DeepCopy(),
		},
	}
	if o.Reason == v1.ReasonBackfill {
		// What is late already cannot come too late: such a Run waits for room, however long that takes.
		run.Spec.QueueTimeout = nil
		run.Spec.Backfill, run.Spec.Priority = opts.Backfill, opts.Priority
	}
	return run
}
