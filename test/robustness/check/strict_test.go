package check

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	v1 "horae/api/v1"
	"horae/test/robustness/history"
)

// A scene is a history that is right, for tests to spoil: the Job a with three occurrences, at 0:00, 1:00 and 2:00, each of which ran for
// five seconds one second after it was due; read at 30:00.
type scene struct{ history.History }

const second = time.Second

func newScene() *scene {
	s := &scene{history.History{Began: at(0, 0).Add(-time.Minute), Read: at(30, 0), Forgiveness: forgiveness,
		Jobs: map[string]history.Job{"a": {
			Name: "a", Start: at(0, 0), Interval: time.Minute, Count: 3, Epsilon: 10 * second, Duration: 5 * second,
			Concurrency: v1.ConcurrencyAllow, MissedRuns: v1.MissedRunsAll, Retries: 5,
		}},
		Statuses: map[string]history.Status{"a": {Succeeded: 3, Occurrences: 3, Last: at(2, 0), Idle: true}},
	}}
	s.op(history.Add, history.OK, -10)
	for k := range 3 {
		s.run(k)
	}
	return s
}

// op is an operation on a that took a second, at that second of the first minute.
func (s *scene) op(kind history.OpKind, o history.Outcome, sec int) *history.Op {
	s.Ops = append(s.Ops, history.Op{Kind: kind, Job: "a", Outcome: o, Invoked: at(0, sec), Completed: at(0, sec+1)})
	return &s.Ops[len(s.Ops)-1]
}

// run adds the Run of occurrence k, and its task.
func (s *scene) run(k int) {
	name := fmt.Sprintf("a-%d", k)
	s.Records = append(s.Records, history.Record{
		Name: name, Job: "a", Reason: v1.ReasonSchedule, Nominal: at(k, 0), Created: int64(100 + k), Phase: v1.RunSucceeded,
		Attempts: []history.Attempt{{Task: task(k, 1), State: v1.RunSucceeded, Launched: at(k, 0), Finished: at(k, 6)}},
	})
	s.task(k, 1, at(k, 1))
}

// task adds what one task left.
func (s *scene) task(k, attempt int, start time.Time) *history.Witness {
	s.Witnesses = append(s.Witnesses, history.Witness{
		File: task(k, attempt) + ".1", Task: task(k, attempt), Run: fmt.Sprintf("a-%d", k), Job: "a", Attempt: attempt,
		Reason: v1.ReasonSchedule, Nominal: at(k, 0), Start: start, End: start.Add(5 * second),
	})
	return &s.Witnesses[len(s.Witnesses)-1]
}

func task(k, attempt int) string { return fmt.Sprintf("default.a-%d.%d.%d", k, 100+k, attempt) }

// retry gives occurrence k a second attempt, which started at that second of its minute; the first ended in that state.
func (s *scene) retry(k int, state v1.RunPhase, sec int) {
	r := &s.Records[k]
	r.Attempts[0].State = state
	r.Attempts = append(r.Attempts, history.Attempt{Task: task(k, 2), State: v1.RunSucceeded, Launched: at(k, sec), Finished: at(k, sec+6)})
	s.task(k, 2, at(k, sec))
}

// without takes out the record and the witnesses of occurrence k.
func (s *scene) without(k int) {
	s.withoutTask(k)
	s.Records = slices.DeleteFunc(s.Records, func(r history.Record) bool { return r.Nominal.Equal(at(k, 0)) })
	s.Statuses["a"] = history.Status{}
}

func (s *scene) withoutTask(k int) {
	s.Witnesses = slices.DeleteFunc(s.Witnesses, func(w history.Witness) bool { return w.Nominal.Equal(at(k, 0)) })
}

// again makes the last Run and its task ones for occurrence k.
func (s *scene) again(k int) {
	s.Records[len(s.Records)-1].Nominal, s.Witnesses[len(s.Witnesses)-1].Nominal = at(k, 0), at(k, 0)
	s.Statuses["a"] = history.Status{}
}

// notRun adds that occurrence k was recorded as not run.
func (s *scene) notRun(k int, outcome v1.RunPhase, reason string) {
	s.NotRun = append(s.NotRun, history.NotRun{Job: "a", From: at(k, 0), Through: at(k, 0), Count: 1, Outcome: outcome, Reason: reason})
}

// fault that was there for the first half of a minute.
func (s *scene) fault(minute int, deadly bool) {
	s.Faults = append(s.Faults, history.Fault{Kind: "kill", From: at(minute, 0), To: at(minute, 30), Deadly: deadly})
}

// async makes the Job an asynchronous one, with these callbacks of its Runs' first attempts.
func (s *scene) async(outcomes ...history.Outcome) {
	s.job(func(j *history.Job) { j.Async = true })
	for k, o := range outcomes {
		s.Calls = append(s.Calls, history.Call{Task: s.Records[k].Attempts[0].Task, Outcome: o})
	}
}

func (s *scene) job(change func(*history.Job)) {
	j := s.Jobs["a"]
	change(&j)
	s.Jobs["a"] = j
}

func TestStrict(t *testing.T) {
	for name, test := range map[string]struct {
		spoil func(*scene)
		want  []Kind // none: the history is valid
	}{
		"all is well": {spoil: func(*scene) {}},

		"an occurrence without a Run":                       {func(s *scene) { s.without(1) }, []Kind{Missed}},
		"of a Job whose addition is unknown":                {func(s *scene) { s.without(1); s.Ops[0].Outcome = history.Unknown }, nil},
		"that was due before the Job was added":             {func(s *scene) { s.without(0); s.Ops[0].Completed = at(0, 1) }, nil},
		"of a Job that was deleted":                         {func(s *scene) { s.without(2); s.op(history.Delete, history.Unknown, 100) }, nil},
		"that is recorded as not run, as its policy allows": {func(s *scene) { s.without(1); s.job(forbid); s.notRun(1, v1.RunSkipped, v1.ReasonOverlap) }, nil},
		"that is recorded as not run, of a Job that wants all": {func(s *scene) {
			s.without(1)
			s.job(func(j *history.Job) { j.Concurrency = v1.ConcurrencyForbid })
			s.notRun(1, v1.RunSkipped, v1.ReasonOverlap)
		}, []Kind{Missed}},
		"that is recorded as not run, as its policy does not": {func(s *scene) { s.without(1); s.notRun(1, v1.RunSkipped, v1.ReasonOverlap) }, []Kind{Missed}},
		"recorded as too late, with a deadline":               {func(s *scene) { s.without(1); s.job(deadline); s.notRun(1, v1.RunMissed, v1.ReasonStartingDeadline) }, nil},
		"recorded as too late, without a deadline":            {func(s *scene) { s.without(1); s.notRun(1, v1.RunMissed, v1.ReasonStartingDeadline) }, []Kind{Missed}},
		"that the record of another one does not cover":       {func(s *scene) { s.without(1); s.job(forbid); s.notRun(2, v1.RunSkipped, v1.ReasonOverlap) }, []Kind{Missed, Miscounted}},
		"a Run without any attempt":                           {func(s *scene) { s.withoutTask(1); s.Records[1].Phase, s.Records[1].Attempts = v1.RunPending, nil }, []Kind{Missed, Unended, Miscounted}},
		"a Run that was too late, with a deadline": {func(s *scene) {
			s.withoutTask(1)
			s.job(deadline)
			s.Records[1].Phase, s.Records[1].Attempts = v1.RunMissed, nil
			s.Statuses["a"] = history.Status{Succeeded: 2, Missed: 1, Occurrences: 3, Idle: true}
		}, nil},
		"a Run that a fault has used up": {func(s *scene) {
			s.fault(1, true)
			s.withoutTask(1)
			s.Records[1].Phase, s.Records[1].Attempts[0].State = v1.RunLost, v1.RunLost
			s.Statuses["a"] = history.Status{Succeeded: 2, Failed: 1, Occurrences: 3, Idle: true}
		}, nil},
		"a Run that nothing has used up": {func(s *scene) {
			s.fault(2, true)
			s.withoutTask(1)
			s.Records[1].Phase, s.Records[1].Attempts[0].State = v1.RunLost, v1.RunLost
			s.Statuses["a"] = history.Status{Succeeded: 2, Failed: 1, Occurrences: 3, Idle: true}
		}, []Kind{Lost}},

		"a task that started twice":                   {func(s *scene) { s.task(1, 1, at(1, 20)) }, []Kind{Duplicate}},
		"a retry of what a fault had killed":          {func(s *scene) { s.fault(1, true); s.Witnesses[1].End = time.Time{}; s.retry(1, v1.RunLost, 20) }, nil},
		"a retry of what no fault had killed":         {func(s *scene) { s.fault(1, false); s.retry(1, v1.RunLost, 20) }, []Kind{Duplicate}},
		"a retry of what had succeeded":               {func(s *scene) { s.fault(1, true); s.retry(1, v1.RunSucceeded, 20) }, []Kind{Duplicate}},
		"a retry of what had ended, recorded as lost": {func(s *scene) { s.fault(1, true); s.retry(1, v1.RunLost, 20) }, nil},
		"a retry at the same time":                    {func(s *scene) { s.fault(1, true); s.retry(1, v1.RunLost, 3) }, []Kind{Overlap}},
		"two Runs for one occurrence":                 {func(s *scene) { s.run(7); s.again(2) }, []Kind{Duplicate}},
		"a task of an occurrence out of schedule":     {func(s *scene) { s.Witnesses[1].Nominal = at(1, 1) }, []Kind{Phantom}},
		"a task of an occurrence past the count":      {func(s *scene) { s.run(3); s.Statuses["a"] = history.Status{} }, []Kind{Phantom}},
		"a task before its time":                      {func(s *scene) { s.Witnesses[1].Start = at(0, 59) }, []Kind{Phantom}},
		"a task of a Job that was refused":            {func(s *scene) { s.Ops[0].Outcome = history.Failed; s.Witnesses = s.Witnesses[:1] }, []Kind{Phantom, Ghost, Ghost}},
		"a task of a Job that nobody asked for":       {func(s *scene) { s.task(0, 1, at(0, 1)).Job = "b"; s.Witnesses[3].Run = "b-0" }, []Kind{Phantom}},
		"an occurrence after the deletion":            {func(s *scene) { s.op(history.Delete, history.OK, 70) }, []Kind{Phantom}},
		"an occurrence before the deletion":           {func(s *scene) { s.op(history.Delete, history.OK, 130) }, nil},
		"an occurrence after a possible deletion":     {func(s *scene) { s.op(history.Delete, history.Unknown, 70) }, nil},
		"an occurrence inside a suspension":           {func(s *scene) { s.op(history.Suspend, history.OK, 30); s.op(history.Resume, history.OK, 90) }, []Kind{Phantom}},
		"made up for after the suspension":            {func(s *scene) { s.op(history.Suspend, history.OK, 30); s.op(history.Resume, history.OK, 60) }, nil},
		"inside a suspension of unknown outcome":      {func(s *scene) { s.op(history.Suspend, history.Unknown, 30) }, nil},
		"a resumption that may have come late":        {func(s *scene) { s.op(history.Resume, history.Unknown, 10); s.op(history.Suspend, history.OK, 30) }, nil},
		"a task that etcd knows nothing of":           {func(s *scene) { s.task(1, 2, at(1, 20)) }, []Kind{Duplicate, Unrecorded}},
		"a Run that etcd knows nothing of":            {func(s *scene) { s.Witnesses[1].Run = "a-x" }, []Kind{Missed, Unrecorded}},
		"a Run that succeeded without a task":         {func(s *scene) { s.withoutTask(1) }, []Kind{Missed, Ghost}},
		"a Run that succeeded without an end":         {func(s *scene) { s.Witnesses[1].End = time.Time{} }, []Kind{Missed, Ghost, Lost}},
		"a Run that goes on and on":                   {func(s *scene) { s.Records[1].Phase = v1.RunRunning; s.Statuses["a"] = history.Status{} }, []Kind{Unended}},
		"an edit that the occurrence has not seen":    {func(s *scene) { s.op(history.Edit, history.OK, 70).Edit = 1 }, []Kind{Stale}},
		"an edit that it has seen":                    {func(s *scene) { s.op(history.Edit, history.OK, 70).Edit = 1; s.Witnesses[2].Edit = 1 }, nil},
		"an older edit that may have come later": {func(s *scene) {
			s.op(history.Edit, history.Unknown, 65).Edit = 1
			s.op(history.Edit, history.OK, 70).Edit = 2
			s.Witnesses[2].Edit = 1
		}, nil},

		"a retry of what failed by itself":       {func(s *scene) { s.job(flaky); s.retryAll() }, nil},
		"a failure that is said to be a success": {func(s *scene) { s.job(flaky); s.Statuses["a"] = history.Status{} }, []Kind{Missed, Missed, Missed, Ghost, Ghost, Ghost}},
		"a manager that shows another phase":     {func(s *scene) { s.Views = views("a-0", v1.RunSucceeded, "a-1", v1.RunRunning, "a-2", v1.RunSucceeded) }, []Kind{Diverged}},
		"a manager that has not heard of a Run":  {func(s *scene) { s.Views = views("a-0", v1.RunSucceeded, "a-1", v1.RunSucceeded) }, []Kind{Diverged}},
		"a manager that shows a Run too many": {func(s *scene) {
			s.Views = views("a-0", v1.RunSucceeded, "a-1", v1.RunSucceeded, "a-2", v1.RunSucceeded, "a-3", v1.RunSucceeded)
		}, []Kind{Diverged}},

		"callbacks that counted":                     {func(s *scene) { s.async(history.OK, history.OK, history.Unknown) }, nil},
		"a callback that was refused, and a success": {func(s *scene) { s.async(history.OK, history.Failed, history.OK) }, []Kind{Unheard}},
		"a callback that nobody made, and a success": {func(s *scene) { s.async(history.OK, history.OK) }, []Kind{Unheard}},
		"a callback that was acknowledged and ignored": {func(s *scene) {
			s.async(history.OK, history.OK, history.OK)
			s.fault(1, true)
			s.retry(1, v1.RunLost, 20)
			s.Calls = append(s.Calls, history.Call{Task: s.Records[1].Attempts[1].Task, Outcome: history.OK})
		}, []Kind{Unheard}},

		"two at once, of a Job that allows it":              {func(s *scene) { s.Witnesses[1].End = at(2, 20) }, nil},
		"two at once, of a Job that does not":               {func(s *scene) { s.job(forbid); s.Witnesses[1].End = at(2, 20) }, []Kind{Overlap}},
		"a manual one during a scheduled one":               {func(s *scene) { s.job(forbid); s.manual(3, 200) }, nil},
		"a scheduled one during a manual one":               {func(s *scene) { s.job(forbid); s.manual(-2, 50) }, []Kind{Overlap}},
		"a manual one that nobody asked for":                {func(s *scene) { s.manual(30, 200); s.Ops = s.Ops[:1] }, []Kind{Phantom}},
		"a trigger whose Run is not there":                  {func(s *scene) { s.op(history.Trigger, history.OK, 30).Run = "a-m1" }, []Kind{Missed}},
		"a sum that counts one twice":                       {func(s *scene) { s.Statuses["a"] = history.Status{Succeeded: 4, Occurrences: 3, Idle: true} }, []Kind{Miscounted}},
		"a sum that has lost an occurrence":                 {func(s *scene) { s.Statuses["a"] = history.Status{Succeeded: 3, Occurrences: 4, Idle: true} }, []Kind{Miscounted}},
		"a sum of a Job that is not at rest":                {func(s *scene) { s.Statuses["a"] = history.Status{Succeeded: 2, Occurrences: 2} }, nil},
		"an occurrence that is recorded as not run and ran": {func(s *scene) { s.notRun(1, v1.RunSkipped, v1.ReasonOverlap) }, []Kind{Miscounted}},
		"a record of what the schedule has not got":         {func(s *scene) { s.notRun(3, v1.RunSkipped, v1.ReasonOverlap) }, []Kind{Miscounted}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene()
			test.spoil(s)
			r := Strict(&s.History, 0)
			var got []Kind
			for _, f := range r.Findings {
				got = append(got, f.Kind)
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("got %v, want %v", r.Findings, test.want)
			}
		})
	}
}

// retryAll gives every occurrence a second attempt; the first has failed.
func (s *scene) retryAll() {
	for k := range 3 {
		s.retry(k, v1.RunFailed, 20)
	}
}

// views are what a manager shows: Runs and their phases by turns.
func views(shown ...any) map[string]map[string]v1.RunPhase {
	phases := map[string]v1.RunPhase{}
	for i := 0; i < len(shown); i += 2 {
		phases[shown[i].(string)] = shown[i+1].(v1.RunPhase)
	}
	return map[string]map[string]v1.RunPhase{"manager-a": phases}
}

func flaky(j *history.Job)    { j.Flaky = true }
func forbid(j *history.Job)   { j.Concurrency, j.MissedRuns = v1.ConcurrencyForbid, v1.MissedRunsLatest }
func deadline(j *history.Job) { j.Deadline = true }

// manual adds a manual Run that was asked for, made at that revision, and started at that second of the first minute.
func (s *scene) manual(sec int, created int64) {
	s.op(history.Trigger, history.OK, sec-2).Run = "a-m1"
	s.Records = append(s.Records, history.Record{Name: "a-m1", Job: "a", Reason: v1.ReasonManual, Created: created, Phase: v1.RunSucceeded,
		Attempts: []history.Attempt{{Task: "default.a-m1.1.1", State: v1.RunSucceeded}}})
	w := s.task(9, 1, at(0, sec))
	w.Task, w.Run, w.Reason, w.Nominal = "default.a-m1.1.1", "a-m1", v1.ReasonManual, time.Time{}
	s.Statuses["a"] = history.Status{Succeeded: 4, Occurrences: 3, Idle: true}
}

func TestStrictCounts(t *testing.T) {
	s := newScene()
	s.fault(1, true)
	s.Witnesses[1].End = time.Time{}
	s.retry(1, v1.RunLost, 40)
	s.without(2)
	s.job(forbid)
	s.notRun(2, v1.RunSkipped, v1.ReasonOverlap)
	r := Strict(&s.History, 0)
	if r.Occurrences != 3 || r.Ran != 2 || r.NotRun != 1 || r.NotRunFor[v1.ReasonOverlap] != 1 || r.Incomplete != 1 || r.Retried != 1 {
		t.Errorf("got %+v", r)
	}
	if want := "missed 0 duplicate 0"; !strings.HasPrefix(r.Counts(), want) {
		t.Errorf("counts %q, want %q first", r.Counts(), want)
	}
}

func TestLatenessIsPutDownToFaults(t *testing.T) {
	s := newScene()
	s.Witnesses[0].Start = at(0, 11) // 11 s late, with no fault about
	s.Witnesses[1].Start = at(1, 25) // in a fault
	s.Witnesses[2].Start = at(2, 20) // after it
	s.fault(1, false)
	l := Strict(&s.History, 0).Lateness
	if l.Late != 3 || l.Unexplained != 2 {
		t.Errorf("%d late and %d unexplained, want 3 and 2", l.Late, l.Unexplained)
	}
	if l = Strict(&s.History, time.Minute).Lateness; l.Unexplained != 1 {
		t.Errorf("%d unexplained, want 1: the fault is felt for another minute", l.Unexplained)
	}
	s.op(history.Suspend, history.Unknown, 82)
	s.op(history.Resume, history.OK, 90)
	if l = Strict(&s.History, 0).Lateness; len(l.Starts) != 2 || l.Worst(1) != "a-2 20s" {
		t.Errorf("got %+v, want the start at 1:25 left out: the Job may have been suspended", l.Starts)
	}
	s.Ops = s.Ops[:1]
	l = Strict(&s.History, 0).Lateness
	if l.Percentile(0) != 11*second || l.Percentile(50) != 20*second || l.Percentile(100) != 25*second {
		t.Errorf("percentiles %s, %s, %s", l.Percentile(0), l.Percentile(50), l.Percentile(100))
	}
	if none := (&Lateness{}).Percentile(50); none != 0 {
		t.Errorf("without starts the median is %s", none)
	}
}
