package job

import (
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "horae/api/v1"
	"horae/internal/calendar"
	"horae/internal/reconcile"
	"horae/internal/statistics"
	"horae/internal/store"
)

// Input is everything that a decision depends on, besides the time. Nothing in it is modified (I8).
type Input struct {
	// Job as the cache has it; nil when neither its spec nor its status is there.
	Job *store.Job
	// Runs of the Job, of this incarnation and earlier ones, by create revision.
	Runs []*store.Run
	// Lookup finds any Run of the namespace by name, including those of other Jobs; nil if there is none. It is
	// called for names that are about to be used.
	Lookup func(name string) *store.Run
	// Uncounted reports whether the Backfill that made a Run has yet to count its end; nil: none has.
	Uncounted func(*store.Run) bool
	// Calendars are those that the spec names, each once.
	Calendars []Calendar
	// Parents are the Jobs that the spec depends on, in order, as of the same revision as Job: nil for one that is not there.
	Parents []*store.Job
	// Dependents finds the Jobs that depend on this one. It is called when a Run that ended is counted.
	Dependents func() []*store.Job
	// Cycle of dependencies that the Job is in: see cache.Cycle. Nil without one.
	Cycle []string
	// Compile reads a schedule. It must be a function of its arguments.
	Compile func(store.Key, v1.ScheduleStatus) (Occurrences, error)
	// UpSince is when the controller began to reconcile Jobs: what was due before passed in downtime.
	UpSince time.Time
	// OneRun: etcd has refused several Runs of this spec in one transaction for their size, so the plan touches one
	// at a time. TooLarge is the refusal of a single one; nil if there was none.
	OneRun   bool
	TooLarge error
	// WrittenAt is when the status was last written; zero if that is long ago.
	WrittenAt time.Time
	// Settings of the controller.
	Settings Settings
}

// Occurrences is a compiled schedule: a set of instants. *schedule.Schedule is one.
type Occurrences interface {
	// Next is the first one after the given time, Prev the last one at or before it.
	Next(after time.Time) (time.Time, bool)
	Prev(atOrBefore time.Time) (time.Time, bool)
	// Count is the number of instants later than after and not later than upTo.
	Count(after, upTo time.Time) int
}

// Settings of the controller that hold for every Job. Zero values stand for the defaults.
type Settings struct {
	// MissedLimit is how many occurrences may wait for their turn under missedRuns: All. Beyond it the oldest are
	// recorded as missed. It also bounds the occurrences on time that one plan admits. Default 100, at most
	// MaxMissedLimit.
	MissedLimit int
	// StatusInterval is the least time between two writes of a status of which only sums changed. Default 1 s.
	StatusInterval time.Duration
	// MaxLag is how late an occurrence may be handled and still count as on time rather than as passed in downtime.
	// Default 1 min.
	MaxLag time.Duration
}

// MaxMissedLimit bounds Settings.MissedLimit: occurrences that wait are listed in the Job's status, which must stay
// small.
const MaxMissedLimit = 1000

func (s Settings) withDefaults() Settings {
	if s.MissedLimit <= 0 {
		s.MissedLimit = 100
	}
	s.MissedLimit = min(s.MissedLimit, MaxMissedLimit)
	if s.StatusInterval <= 0 {
		s.StatusInterval = time.Second
	}
	if s.MaxLag <= 0 {
		s.MaxLag = time.Minute
	}
	return s
}

// Decision is what to do: Create, Cancel, Delete and the status are one transaction.
type Decision struct {
	// Create these Runs, each only if there is none of its name.
	Create []*v1.Run
	// Cancel these Runs.
	Cancel []*store.Run
	// Delete the specs of these Runs, which have ended.
	Delete []*store.Run
	// Status is the Job's whole next status.
	Status v1.JobStatus
	// Created is the Job's creation time. The status document keeps it, because a spec need not have it.
	Created metav1.Time
	// Statistics stand beside the status, and are written with it. If Fold is not nil, they are not known yet: it must be
	// folded first, into what is stored under the Job's statistics key. Damaged is why those that stood there were
	// given up.
	Statistics string
	Fold       *statistics.Recent
	Damaged    error
	// WriteStatus: the status differs from the present one and is to be written now. A status of which only sums
	// changed may have to wait: then this is false, and After is how long.
	WriteStatus bool
	// DeleteStatus: the Job is gone, and so are its Runs: delete its status key.
	DeleteStatus bool
	// After is the delay after which to plan again at the latest. 0: when something changes.
	After time.Duration
}

// Idle reports whether there is nothing to do now.
func (d *Decision) Idle() bool {
	return !d.WriteStatus && !d.DeleteStatus && len(d.Create)+len(d.Cancel)+len(d.Delete) == 0
}

// steps of the plan for a Job that exists, in order. Each reads what the ones before it decided.
var steps = []func(*planner){
	(*planner).removeEarlier, // Runs of an earlier Job of the same name go.
	(*planner).countRuns,     // Every Run that ended is counted, once.
	(*planner).accept,        // A spec that is not valid runs nothing.
	(*planner).anchor,        // A new schedule starts from now.
	(*planner).block,         // Suspension, by the user or after failures.
	(*planner).take,          // What has come due is admitted, or recorded as missed or skipped.
	(*planner).start,         // What waits and has room becomes a Run.
	(*planner).follow,        // Ends of the Runs of Jobs that it depends on become Runs.
	(*planner).forecast,      // The next occurrence, and the conditions.
	(*planner).trimHistory,   // Old Runs go.
	(*planner).settle,        // Write now, later, or not at all.
	(*planner).summarise,     // What is written includes the statistics of the Runs that it counts.
}

// Plan decides. It is pure: the same input and time give the same decision, and planning again once the decision has
// been carried out gives an idle one.
func Plan(in Input, now time.Time) Decision {
	in.Settings = in.Settings.withDefaults()
	p := planner{in: in, now: now}
	if in.Job == nil || in.Job.Rev.Deleted() {
		p.remove()
		return p.decision()
	}
	p.spec = &in.Job.Object.Spec
	p.next = in.Job.Object.Status // Shared with the cache: parts are replaced, never changed (I8).
	for _, t := range p.next.Waiting {
		p.waiting = append(p.waiting, Scheduled(t.Time))
	}
	for _, step := range steps {
		step(&p)
	}
	return p.decision()
}

// planner holds what the steps of one plan share.
type planner struct {
	in   Input
	now  time.Time
	spec *v1.JobSpec
	next v1.JobStatus

	create       []*v1.Run
	cancel       []*store.Run
	discard      []*store.Run
	budget       budget
	writeStatus  bool
	deleteStatus bool
	spent        bool            // the budget had no room for something
	wake         reconcile.Alarm // when to plan again

	statistics string
	fold       *statistics.Recent
	damaged    error

	active   []*store.Run    // not ended, oldest first
	counted  []*store.Run    // ended, and counted by this plan
	waiting  []Occasion      // handled, and to be started when there is room; oldest first
	invalid  string          // why the spec is not accepted
	warned   string          // a warning about an accepted schedule
	blocked  string          // why nothing scheduled starts: a reason of the condition Scheduled
	held     string          // the same, as it was before this plan
	schedule Occurrences     // those on days with runs; nil without a schedule
	off      Occurrences     // those on days without runs; nil without Calendars
	days     *calendar.Split // divides the two; nil without Calendars

	parents         []v1.ParentStatus      // of spec.dependsOn, in order
	formerOn        []v1.DependencyOutcome // of each, the outcome that counted before the spec was written
	firstSight      []bool                 // of each, whether this is the first plan that depends on it
	dependOnThis    []dependent            // see dependents
	knowsDependents bool
}

func (p *planner) decision() Decision {
	d := Decision{
		Create: p.create, Cancel: p.cancel, Delete: p.discard,
		Status: p.next, Statistics: p.statistics, Fold: p.fold, Damaged: p.damaged,
		WriteStatus: p.writeStatus, DeleteStatus: p.deleteStatus, After: p.wake.After(p.now),
	}
	if p.in.Job != nil {
		if d.Created = p.in.Job.Object.CreationTimestamp; d.Created.IsZero() {
			d.Created = metav1.NewTime(p.now.UTC().Truncate(time.Second))
		}
	}
	return d
}

// settle decides whether the status is written, and when.
func (p *planner) settle() {
	present := &p.in.Job.Object.Status
	p.keepWaiting()
	// A new observedRunRevision alone is not worth a write. It comes from Runs that are active, and each of those is
	// counted when it ends: status.active names it, or it ends at a later revision.
	observed := p.next.ObservedRunRevision
	p.next.ObservedRunRevision = present.ObservedRunRevision
	// Nor is it that some more ends of parents were seen and do not concern the Job: the parents list them until then.
	parents := p.next.Parents
	if onlySeen(present.Parents, parents) {
		p.next.Parents = present.Parents
	}
	if equalStatus(present, &p.next) {
		return
	}
	p.next.ObservedRunRevision, p.next.Parents = observed, parents
	if len(p.create)+len(p.cancel) > 0 || !onlySums(present, &p.next) {
		p.writeStatus = true
		return
	}
	// Only sums changed: the write may wait, and so may the deletion of the Runs that they count.
	age := p.now.Sub(p.in.WrittenAt)
	if wait := p.in.Settings.StatusInterval - age; age >= 0 && wait > 0 {
		p.discard = nil
		p.wake.At(p.now.Add(wait))
		return
	}
	p.writeStatus = true
}

// keepWaiting sets status.waiting.
func (p *planner) keepWaiting() {
	if slices.EqualFunc(p.waiting, p.next.Waiting, func(o Occasion, t v1.Time) bool { return o.ScheduledTime.Equal(t.Time) }) {
		return
	}
	p.next.Waiting = nil
	for _, o := range p.waiting {
		p.next.Waiting = append(p.next.Waiting, v1.NewTime(o.ScheduledTime))
	}
}
