package check

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"horae/test/robustness/history"
)

// Kind is what is wrong.
type Kind string

// The kinds of findings. There must be none.
const (
	// Missed: an occurrence of an acknowledged Job, due long enough before the read, that has no completed task and was not recorded as
	// one that does not run, for a reason that the Job's own policies allow; or a trigger that was acknowledged and did not run.
	Missed Kind = "missed"
	// Duplicate: a task ID started twice; two Runs for one occurrence; or another attempt of a Run whose earlier one had begun
	// and was not ended by a fault.
	Duplicate Kind = "duplicate"
	// Phantom: a task for what is not in the schedule, not in the Job's count, later than an acknowledged deletion, inside an
	// acknowledged suspension, of a Job that was refused, or triggered by nobody.
	Phantom Kind = "phantom"
	// Overlap: two tasks at once of a Job that allows one; or two attempts of one Run at once, whatever the Job allows.
	Overlap Kind = "overlap"
	// Ghost: a Run that is said to have succeeded, and whose task did not come to its end.
	Ghost Kind = "ghost"
	// Unheard: a callback that was acknowledged, and whose attempt ended otherwise; or a Run of an asynchronous Job that is
	// said to have succeeded, and whose callback was refused or never made.
	Unheard Kind = "unheard"
	// Unrecorded: a task that is not an attempt of any Run that etcd ever held.
	Unrecorded Kind = "unrecorded"
	// Unended: a Run that had not ended at the read though it was due long before.
	Unended Kind = "unended"
	// Stale: a task with less than the last acknowledged edit before its occurrence.
	Stale Kind = "stale"
	// Lost: a Run that ended badly, or a task that did not come to its end, without a fault that kills tasks.
	Lost Kind = "lost"
	// Diverged: a manager that shows a Run otherwise than etcd has it, when all is at rest.
	Diverged Kind = "diverged"
	// Miscounted: the sums or the list of a Job's status contradict its Runs.
	Miscounted Kind = "miscounted"
)

// Finding is one thing that is wrong.
type Finding struct {
	Kind Kind
	Job  string
	Text string
}

func (f Finding) String() string { return fmt.Sprintf("%s: %s: %s", f.Kind, f.Job, f.Text) }

// StrictResult is the verdict of the strict mode.
type StrictResult struct {
	// Findings, in the order of their kinds above, and then of Jobs. The history is valid if there are none.
	Findings []Finding
	// Occurrences that were due and judged, and how many of these ran, and were recorded as not run.
	Occurrences, Ran, NotRun int
	// NotRunFor counts the latter by reason.
	NotRunFor map[string]int
	// Incomplete are tasks that a fault killed, Retried the attempts that made up for one.
	Incomplete, Retried int
	// Joins are Runs that follow others, and Consumed how many they follow. Backfilled are the Runs of Backfills.
	Joins, Consumed, Backfills, Backfilled int
	// Lateness of the first tasks of scheduled Runs.
	Lateness Lateness
}

// Strict judges a history with no solver: every task says which occurrence, Run and attempt it is. A Job whose addition was not
// acknowledged need not run, but what runs of it must be right. Recovery is how long after a fault a late start is put down
// to it.
//
// What faults excuse is little. A fault that kills tasks, or loses their ends (history.Fault.Deadly), excuses another attempt of a Run
// whose attempt it met, a task without an end, and a Run that is out of retries. Nothing excuses a missed occurrence, a doubled
// or a phantom task, an overlap, a ghost, or a task without a record.
func Strict(h *history.History, recovery time.Duration) StrictResult {
	v := newView(h)
	for _, check := range []func(*view){
		(*view).occurrences, // Each one that was due ran, or is recorded as not run: missed, lost.
		(*view).triggers,    // So did each trigger: missed, phantom.
		(*view).tasks,       // Each task is one that may be: phantom, unrecorded, stale, lost.
		(*view).runs,        // Each Run's attempts: duplicate, ghost, unheard, unended.
		(*view).overlaps,    // No two at once that may not be.
		(*view).dependents,  // Each end leads to one Run of those that follow it: missed, duplicate, phantom.
		(*view).backfills,   // Each occurrence of a Backfill has one Run at most: duplicate, phantom, unended, miscounted.
		(*view).sums,        // What the Jobs' statuses say adds up.
		(*view).views,       // Every manager says the same.
		(*view).lateness,    // How late it all was.
	} {
		check(v)
	}
	v.result.Lateness.attribute(h.Faults, recovery)
	slices.SortStableFunc(v.result.Findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(slices.Index(kinds, a.Kind), slices.Index(kinds, b.Kind)), cmp.Compare(a.Job, b.Job))
	})
	return v.result
}

var kinds = []Kind{Missed, Duplicate, Phantom, Overlap, Ghost, Unheard, Unrecorded, Unended, Stale, Lost, Diverged, Miscounted}

// Counts of the findings by kind, with the zeros.
func (r StrictResult) Counts() string {
	n := map[Kind]int{}
	for _, f := range r.Findings {
		n[f.Kind]++
	}
	var text string
	for _, k := range kinds {
		text += fmt.Sprintf(" %s %d", k, n[k])
	}
	return text[1:]
}
