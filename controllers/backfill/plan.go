package backfill

import (
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "horae/api/v1"
	"horae/controllers/job"
	"horae/internal/reconcile"
	"horae/internal/schedule"
	"horae/internal/store"
)

// Input is everything that a decision depends on, besides the time. Nothing in it is modified (I8).
type Input struct {
	// Backfill as the cache has it; nil when neither its spec nor its status is there.
	Backfill *store.Backfill
	// Others are the other Backfills of the Job. They were read before Runs: what one of them did before it ended is
	// seen in Runs.
	Others []*store.Backfill
	// Job that the spec names; nil when neither its spec nor its status is there.
	Job *store.Job
	// Runs of the Job, by create revision.
	Runs []*store.Run
	// Lookup finds any Run of the namespace by name, even if its spec is gone; nil if there is none.
	Lookup func(name string) *store.Run
	// Calendars finds the Calendars that a Job names, each once, as they are now.
	Calendars func(*v1.JobCalendars) []job.Calendar
	// Parse reads a schedule. It must be a function of its argument.
	Parse func(schedule.Anchor) (*schedule.Schedule, error)
	// OneRun: etcd has refused several Runs in one transaction for their size, so the plan creates one at a time.
	OneRun bool
}

// Decision is what to do: Create, Cancel and the status are one transaction.
type Decision struct {
	// Create these Runs, each only if there is none of its name.
	Create []*v1.Run
	// Cancel these Runs.
	Cancel []*store.Run
	// Status is the whole next status.
	Status v1.BackfillStatus
	// Created is the creation time. The status document keeps it, because a spec need not have it.
	Created metav1.Time
	// WriteStatus: the status differs from the present one.
	WriteStatus bool
	// DeleteStatus: the Backfill is gone, and none of its Runs is active any more.
	DeleteStatus bool
	// DeleteSpec: the Backfill has been kept for as long as its ttl says.
	DeleteSpec bool
	// After is the delay after which to plan again at the latest. 0: when something changes.
	After time.Duration
}

// Idle reports whether there is nothing to do now.
func (d *Decision) Idle() bool {
	return !d.WriteStatus && !d.DeleteStatus && !d.DeleteSpec && len(d.Create)+len(d.Cancel) == 0
}

// Bounds of one plan. What it leaves, the next one does, which follows at once.
const (
	// maxTurns bounds the occurrences that have their turn.
	maxTurns = 5000
	// maxRuns bounds the Runs that are created or cancelled, maxRunBytes their size: they are one transaction.
	maxRuns     = 32
	maxRunBytes = store.MaxChangeBytes - 512<<10
)

// steps of the plan for a Backfill that exists and has not finished, in order. Each reads what the ones before it
// decided.
var steps = []func(*planner){
	(*planner).countRuns, // Every Run that ended is counted, once.
	(*planner).accept,    // A spec that is not valid runs nothing.
	(*planner).begin,     // The schedule is fixed when the Backfill has its turn.
	(*planner).take,      // Occurrences become Runs, or are skipped.
	(*planner).conclude,  // What it does or waits for, or how it ended.
}

// Plan decides. It is pure: the same input and time give the same decision, and planning again once the decision has
// been carried out gives an idle one.
func Plan(in Input, now time.Time) Decision {
	p := planner{in: in, now: now}
	e := in.Backfill
	switch {
	case e == nil:
	case e.Rev.Deleted():
		p.remove(e.Object.Status.Active)
		p.deleteStatus = !p.alive && e.Rev.StatusMod != 0
	default:
		p.plan()
	}
	return p.decision()
}

// planner holds what the steps of one plan share.
type planner struct {
	in   Input
	now  time.Time
	spec *v1.BackfillSpec
	next v1.BackfillStatus

	create       []*v1.Run
	cancel       []*store.Run
	writeStatus  bool
	deleteStatus bool
	deleteSpec   bool
	wake         reconcile.Alarm // when to plan again

	alive   bool   // a Run of a Backfill that is gone has not ended
	invalid string // why the spec is not accepted
	gone    bool   // the Job that the Backfill is about is gone
	waits   string // why no occurrence has its turn: a reason of Finished=False
	message string // explains it
	over    bool   // every occurrence has had its turn
	turns   *turns // nil until the schedule is fixed
	runSize int    // of the first Run created
	// ownSkipped: status.skippedFor is not shared with the cache.
	ownSkipped bool
}

func (p *planner) plan() {
	e := p.in.Backfill
	p.spec = &e.Object.Spec
	if e.Earlier != nil {
		// Runs of an earlier Backfill of the same name. This one begins when they have ended.
		p.remove(e.Earlier.Status.Active)
		if p.alive {
			return
		}
	}
	p.next = e.Object.Status // Shared with the cache: parts are replaced, never changed (I8).
	if e.SpecErr() == nil && finished(&p.next) {
		p.next.ObservedGeneration = e.Rev.SpecVersion
		p.expire()
	} else {
		for _, step := range steps {
			step(p)
		}
	}
	p.writeStatus = e.Rev.StatusMod == 0 || e.Earlier != nil || !equality.Semantic.DeepEqual(&p.next, &e.Object.Status)
}

func (p *planner) decision() Decision {
	d := Decision{
		Create: p.create, Cancel: p.cancel, Status: p.next,
		WriteStatus: p.writeStatus, DeleteStatus: p.deleteStatus, DeleteSpec: p.deleteSpec,
		After: p.wake.After(p.now),
	}
	if e := p.in.Backfill; e != nil {
		if d.Created = e.Object.CreationTimestamp; d.Created.IsZero() {
			d.Created = metav1.NewTime(p.now.UTC().Truncate(time.Second))
		}
	}
	return d
}

// remove cancels Runs of a Backfill that is gone, by their names.
func (p *planner) remove(active []string) {
	for _, name := range active {
		run := p.own(name)
		if run == nil || run.Rev.Deleted() || ended(run) {
			continue
		}
		p.alive = true
		switch {
		case run.Err != nil || run.Object.Spec.Cancel:
		case len(p.cancel) == maxRuns || p.in.OneRun && len(p.cancel) > 0 || !p.fits(run.Object, len(p.cancel)):
			p.wake.At(p.now)
			return
		default:
			p.cancel = append(p.cancel, run)
		}
	}
}

// own returns the Run of that name if it is one of this Backfill's; nil otherwise. If its spec is gone, the name
// must do.
func (p *planner) own(name string) *store.Run {
	run := p.in.Lookup(name)
	if run == nil || run.Rev.Deleted() || run.Err != nil || run.Object.Spec.Backfill == p.in.Backfill.Key.Name {
		return run
	}
	return nil
}

func ended(run *store.Run) bool { return run.Object.Status.Phase.Terminal() }
