package check

import (
	"slices"
	"testing"
	"time"

	v1 "horae/api/v1"
	"horae/test/robustness/history"
)

// newFamily is a scene in which b follows each of the three Runs of a, which end at 6 seconds of their minutes.
func newFamily() *scene {
	s := newScene()
	s.Jobs["b"] = history.Job{Name: "b", Epsilon: 10 * second, Duration: 5 * second, Concurrency: v1.ConcurrencyQueue,
		MissedRuns: v1.MissedRunsAll, Retries: 5, Parents: []string{"a"}, On: v1.OnSucceeded, Policy: v1.DependencyEachOnce}
	s.op(history.Add, history.OK, -5).Job = "b"
	for k, name := range []string{"a-0", "a-1", "a-2"} {
		s.follow(k, name)
	}
	s.Statuses["b"] = history.Status{Succeeded: 3, Idle: true}
	return s
}

// follow adds a Run of b that follows those of a, and its task, ten seconds after the k-th minute.
func (s *scene) follow(k int, parents ...string) {
	name := "b-" + string(rune('0'+k))
	text := ""
	for i, p := range parents {
		if i > 0 {
			text += ","
		}
		text += p
	}
	id := "default." + name + ".1.1"
	s.Records = append(s.Records, history.Record{Name: name, Job: "b", Reason: v1.ReasonDependency, Created: int64(200 + k), Phase: v1.RunSucceeded,
		Parents: parents, Attempts: []history.Attempt{{Task: id, State: v1.RunSucceeded, Launched: at(k, 9), Finished: at(k, 15)}}})
	s.Witnesses = append(s.Witnesses, history.Witness{File: id + ".1", Task: id, Run: name, Job: "b", Attempt: 1, Reason: v1.ReasonDependency,
		Parents: text, Start: at(k, 10), End: at(k, 15)})
}

// unfollowed takes the k-th Run of b out.
func (s *scene) unfollowed(k int) {
	name := "b-" + string(rune('0'+k))
	s.Records = slices.DeleteFunc(s.Records, func(r history.Record) bool { return r.Name == name })
	s.Witnesses = slices.DeleteFunc(s.Witnesses, func(w history.Witness) bool { return w.Run == name })
	s.Statuses["b"] = history.Status{}
}

func (s *scene) b(change func(*history.Job)) {
	j := s.Jobs["b"]
	change(&j)
	s.Jobs["b"] = j
}

func (s *scene) record(name string) *history.Record {
	return &s.Records[slices.IndexFunc(s.Records, func(r history.Record) bool { return r.Name == name })]
}

func (s *scene) witness(run string) *history.Witness {
	return &s.Witnesses[slices.IndexFunc(s.Witnesses, func(w history.Witness) bool { return w.Run == run })]
}

func (s *scene) opOfB(kind history.OpKind, o history.Outcome, minute, sec int) *history.Op {
	s.Ops = append(s.Ops, history.Op{Kind: kind, Job: "b", Outcome: o, Invoked: at(minute, sec), Completed: at(minute, sec+1)})
	return &s.Ops[len(s.Ops)-1]
}

func TestStrictOfDependents(t *testing.T) {
	for name, test := range map[string]struct {
		spoil func(*scene)
		want  []Kind
	}{
		"all is well":                                 {spoil: func(*scene) {}},
		"an end that nothing follows":                 {func(s *scene) { s.unfollowed(1) }, []Kind{Missed}},
		"of a Job that may be deleted":                {func(s *scene) { s.unfollowed(2); s.opOfB(history.Delete, history.Unknown, 2, 0) }, nil},
		"of a parent that may be deleted":             {func(s *scene) { s.unfollowed(2); s.op(history.Delete, history.Unknown, 130) }, nil},
		"from before the Job was there":               {func(s *scene) { s.unfollowed(0); s.Ops[1].Completed = at(0, 7) }, nil},
		"of a Job whose addition is unknown":          {func(s *scene) { s.unfollowed(1); s.Ops[1].Outcome = history.Unknown }, nil},
		"that does not count: it is to start nothing": {func(s *scene) { s.unfollowed(1); s.record("a-1").NoDependents = true }, nil},
		"that does not count: a failure": {func(s *scene) {
			s.unfollowed(1)
			s.fault(1, true)
			s.record("a-1").Phase = v1.RunLost
			s.Statuses["a"] = history.Status{}
		}, nil},
		"a failure, where any end counts": {func(s *scene) {
			s.b(func(j *history.Job) { j.On = v1.OnFinished })
			s.unfollowed(1)
			s.fault(1, true)
			s.record("a-1").Phase = v1.RunLost
			s.Statuses["a"] = history.Status{}
		}, []Kind{Missed}},
		"an end that is banked at the end": {func(s *scene) {
			s.unfollowed(2)
			s.record("a-2").Attempts[0].Finished = at(29, 50)
			s.Banked = map[string]history.Bank{"b": {Runs: []string{"a-2"}}}
		}, nil},
		"an end that is banked for long":         {func(s *scene) { s.unfollowed(2); s.Banked = map[string]history.Bank{"b": {Runs: []string{"a-2"}}} }, []Kind{Missed}},
		"an end that is banked without a name":   {func(s *scene) { s.unfollowed(2); s.Banked = map[string]history.Bank{"b": {Omitted: 1}} }, nil},
		"an end that is banked and consumed":     {func(s *scene) { s.Banked = map[string]history.Bank{"b": {Runs: []string{"a-2"}}} }, []Kind{Missed, Duplicate}},
		"an end that is recorded, as allowed":    {func(s *scene) { s.unfollowed(1); s.b(forbid); s.recordedEnd(v1.ReasonOverlap) }, nil},
		"an end that is recorded, not allowed":   {func(s *scene) { s.unfollowed(1); s.recordedEnd(v1.ReasonOverlap) }, []Kind{Missed}},
		"a bank that cannot have been full":      {func(s *scene) { s.unfollowed(1); s.recordedEnd(v1.ReasonTooManyBanked) }, []Kind{Missed}},
		"two ends lost, and one recorded":        {func(s *scene) { s.unfollowed(1); s.unfollowed(2); s.b(forbid); s.recordedEnd(v1.ReasonOverlap) }, []Kind{Missed}},
		"two Runs that follow the same":          {func(s *scene) { s.follow(3, "a-2"); s.Statuses["b"] = history.Status{} }, []Kind{Duplicate}},
		"a Run that follows one twice":           {func(s *scene) { s.b(sinceLast); s.unfollowed(1); s.follow(1, "a-1", "a-1") }, []Kind{Duplicate}},
		"a Run that follows two, each once":      {func(s *scene) { s.unfollowed(1); s.unfollowed(2); s.follow(2, "a-1", "a-2") }, []Kind{Phantom}},
		"a Run that follows two, since the last": {func(s *scene) { s.b(sinceLast); s.unfollowed(1); s.unfollowed(2); s.follow(2, "a-1", "a-2") }, nil},
		"a Run without one of each parent": {func(s *scene) {
			s.b(func(j *history.Job) { j.Parents = append(j.Parents, "c") })
			s.unfollowed(1)
			s.unfollowed(2)
			s.Banked = map[string]history.Bank{"b": {Runs: []string{"a-1", "a-2"}}}
		}, []Kind{Phantom}},
		"a Run that follows nothing":              {func(s *scene) { s.follow(3); s.Statuses["b"] = history.Status{} }, []Kind{Phantom}},
		"a Run that follows what is not there":    {func(s *scene) { s.unfollowed(1); s.follow(1, "a-9") }, []Kind{Missed, Phantom, Phantom}},
		"a Run that follows what started nothing": {func(s *scene) { s.record("a-1").NoDependents = true }, []Kind{Phantom}},
		"a task that does not know its parents":   {func(s *scene) { s.witness("b-1").Parents = "" }, []Kind{Phantom}},
		"a task before what it follows has ended": {func(s *scene) { s.witness("b-1").Start = at(1, 5) }, []Kind{Phantom}},
		"after the deletion":                      {func(s *scene) { s.opOfB(history.Delete, history.OK, 2, 2) }, []Kind{Phantom}},
		"inside a suspension":                     {func(s *scene) { s.opOfB(history.Suspend, history.OK, 2, 2) }, []Kind{Phantom}},
		"after the suspension": {func(s *scene) {
			s.opOfB(history.Suspend, history.OK, 2, 2)
			s.opOfB(history.Resume, history.OK, 2, 8)
		}, nil},
		"with an old edit":             {func(s *scene) { s.opOfB(history.Edit, history.OK, 2, 2).Edit = 1 }, []Kind{Stale}},
		"with an edit that came later": {func(s *scene) { s.opOfB(history.Edit, history.OK, 2, 8).Edit = 1 }, nil},
		"a Run that has not ended": {func(s *scene) {
			s.record("b-1").Phase = v1.RunPending
			s.witness("b-1").End = time.Time{}
			s.Statuses["b"] = history.Status{}
		}, []Kind{Missed, Lost}},
		"two of b at once, of which one is queued": {func(s *scene) { s.witness("b-1").End = at(2, 20) }, []Kind{Overlap}},
		"two of b at once, where that is allowed": {func(s *scene) {
			s.b(func(j *history.Job) { j.Concurrency = v1.ConcurrencyAllow })
			s.witness("b-1").End = at(2, 20)
		}, nil},
		"a Run of a Job that follows none": {func(s *scene) { s.b(func(j *history.Job) { j.Parents = nil }) }, []Kind{Phantom, Phantom, Phantom}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newFamily()
			test.spoil(s)
			judged(t, s, test.want)
		})
	}
}

// judged compares the kinds of the findings, in any order.
func judged(t *testing.T, s *scene, want []Kind) {
	t.Helper()
	r := Strict(&s.History, 0)
	var got []Kind
	for _, f := range r.Findings {
		got = append(got, f.Kind)
	}
	slices.Sort(got)
	if want = slices.Sorted(slices.Values(want)); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", r.Findings, want)
	}
}

func sinceLast(j *history.Job) { j.Policy = v1.DependencyAllSinceLastRun }

// recordedEnd has b's status record one end for that reason.
func (s *scene) recordedEnd(reason string) {
	s.Statuses["b"] = history.Status{Succeeded: 2, Skipped: 1}
	s.NotRun = append(s.NotRun, history.NotRun{Job: "b", From: at(1, 6), Through: at(1, 6), Count: 1, Outcome: v1.RunSkipped, Reason: reason})
}

// newRepetition is a scene in which a Backfill x has run all three occurrences of a once more, at 5:00, 6:00 and 7:00.
func newRepetition() *scene {
	s := newScene()
	s.op(history.Repeat, history.OK, 280).Backfill = "x"
	for k := range 3 {
		name, id := "a-x"+string(rune('0'+k)), "default.a-x"+string(rune('0'+k))+".1.1"
		s.Records = append(s.Records, history.Record{Name: name, Job: "a", Reason: v1.ReasonBackfill, Nominal: at(k, 0), Created: int64(300 + k),
			Phase: v1.RunSucceeded, NoDependents: true, Backfill: "x",
			Attempts: []history.Attempt{{Task: id, State: v1.RunSucceeded, Launched: at(5+k, 0), Finished: at(5+k, 6)}}})
		s.Witnesses = append(s.Witnesses, history.Witness{File: id + ".1", Task: id, Run: name, Job: "a", Attempt: 1, Reason: v1.ReasonBackfill,
			Nominal: at(k, 0), Start: at(5+k, 1), End: at(5+k, 6)})
	}
	s.Backfills = map[string]history.Backfill{"x": {Job: "a", From: at(0, 0), To: at(4, 0), Runs: v1.BackfillAll, Finished: true,
		Total: 3, Done: 3, Succeeded: 3}}
	s.Statuses["a"] = history.Status{Succeeded: 6, Occurrences: 3, Idle: true}
	return s
}

func (s *scene) backfill(change func(*history.Backfill)) {
	b := s.Backfills["x"]
	change(&b)
	s.Backfills["x"] = b
}

// skipped has x skip its last occurrence.
func (s *scene) skipped(reason string) {
	s.Records, s.Witnesses = s.Records[:5], s.Witnesses[:5]
	s.Statuses["a"] = history.Status{}
	s.backfill(func(b *history.Backfill) { b.Succeeded, b.Skipped, b.SkippedFor = 2, 1, map[string]int64{reason: 1} })
}

func TestStrictOfBackfills(t *testing.T) {
	for name, test := range map[string]struct {
		spoil func(*scene)
		want  []Kind
	}{
		"all is well":                           {spoil: func(*scene) {}},
		"beside a Run of the schedule":          {func(s *scene) { s.job(forbid); s.witness("a-x0").Start = at(1, 2) }, nil},
		"two Runs of one occurrence":            {func(s *scene) { s.record("a-x1").Nominal = at(0, 0); s.witness("a-x1").Nominal = at(0, 0) }, []Kind{Duplicate}},
		"a Run out of the range":                {func(s *scene) { s.backfill(func(b *history.Backfill) { b.To, b.Total, b.Done = at(2, 0), 2, 2 }) }, []Kind{Phantom, Miscounted}},
		"a Run out of the schedule":             {func(s *scene) { s.record("a-x1").Nominal = at(0, 30) }, []Kind{Phantom}},
		"a Run of a Backfill that is not there": {func(s *scene) { s.record("a-x1").Backfill = "y" }, []Kind{Phantom, Miscounted}},
		"a Run that starts others":              {func(s *scene) { s.record("a-x1").NoDependents = false }, []Kind{Phantom}},
		"a Run that did not run":                {func(s *scene) { s.witness("a-x1").Task = "other" }, []Kind{Unrecorded, Ghost}},
		"nobody asked for it":                   {func(s *scene) { s.Ops = s.Ops[:1] }, []Kind{Phantom}},
		"it was refused":                        {func(s *scene) { s.Ops[1].Outcome = history.Failed }, []Kind{Phantom}},
		"of unknown outcome":                    {func(s *scene) { s.Ops[1].Outcome = history.Unknown }, nil},
		"it was acknowledged and is not there":  {func(s *scene) { s.op(history.Repeat, history.OK, 290).Backfill = "y" }, []Kind{Missed}},
		"it has not finished":                   {func(s *scene) { s.backfill(func(b *history.Backfill) { b.Finished = false }) }, []Kind{Unended}},
		"it counts a success twice":             {func(s *scene) { s.backfill(func(b *history.Backfill) { b.Succeeded = 4 }) }, []Kind{Miscounted}},
		"it counts a failure too many":          {func(s *scene) { s.backfill(func(b *history.Backfill) { b.Failed = 1 }) }, []Kind{Miscounted}},
		"it leaves an occurrence out":           {func(s *scene) { s.backfill(func(b *history.Backfill) { b.Total, b.Done = 2, 2 }) }, []Kind{Miscounted}},
		"it skips what still runs":              {func(s *scene) { s.skipped(v1.ReasonHasRun) }, nil},
		"it skips for no reason": {func(s *scene) {
			s.skipped(v1.ReasonHasRun)
			s.backfill(func(b *history.Backfill) { b.SkippedFor = nil })
		}, []Kind{Miscounted}},
		"it skips what it was to run": {func(s *scene) { s.skipped(v1.ReasonMayHaveRun) }, []Kind{Missed}},
		"it runs what was not missing": {func(s *scene) {
			s.backfill(func(b *history.Backfill) { b.Runs = v1.BackfillMissing })
		}, []Kind{Duplicate, Duplicate, Duplicate}},
		"of a Job that may be deleted": {func(s *scene) {
			s.op(history.Delete, history.Unknown, 600)
			s.backfill(func(b *history.Backfill) { b.Finished = false })
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := newRepetition()
			test.spoil(s)
			judged(t, s, test.want)
		})
	}
}
