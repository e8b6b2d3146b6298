package check

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"horae/test/robustness/history"
)

// at is a time of 2000-01-01 in minutes and seconds.
func at(minute, second int) time.Time { return time.Date(2000, 1, 1, 0, minute, second, 0, time.UTC) }

// example is the Job of the original's own tests.
var example = history.Job{Name: "1", Start: at(0, 0), Count: 3, Epsilon: 10 * time.Second, Interval: time.Minute}

const forgiveness = 5 * time.Second

func TestTargets(t *testing.T) {
	first, second, third := Window{at(0, 0), at(0, 15)}, Window{at(1, 0), at(1, 15)}, Window{at(2, 0), at(2, 15)}
	for name, test := range map[string]struct {
		read time.Time
		want []Window
	}{
		"long after: all of them":                              {time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC), []Window{first, second, third}},
		"the second may still begin at the read":               {at(1, 10), []Window{first}},
		"the second may be forgiven until the read":            {at(1, 15), []Window{first}},
		"a moment later it must have begun":                    {at(1, 15).Add(1), []Window{first, second}},
		"before the first has to be over nothing is asked for": {at(0, 14), nil},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, Targets(&example, test.read, forgiveness)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSolveTheOriginalsExamples(t *testing.T) {
	targets := Targets(&example, time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC), forgiveness)
	span := func(minute, second int) Span { return Span{at(minute, second), at(minute, second+10)} }
	incomplete := Span{Start: at(0, 0)}
	spans := []Span{span(2, 7), span(0, 3), span(1, 5), span(3, 0), incomplete}

	s := Solve(targets, spans, time.Second)
	if !s.Valid {
		t.Errorf("not valid: %+v", s)
	}
	if diff := cmp.Diff([]Span{span(3, 0)}, s.Extra); diff != "" {
		t.Errorf("extra: %s", diff)
	}
	if diff := cmp.Diff([]Span{incomplete}, s.Incomplete); diff != "" {
		t.Errorf("incomplete: %s", diff)
	}
	for i, want := range []Span{span(0, 3), span(1, 5), span(2, 7)} {
		if got := s.Targets[i].By; got == nil || *got != want {
			t.Errorf("target %d is satisfied by %v, want %v", i, got, want)
		}
	}

	s = Solve(targets, slices.DeleteFunc(spans, func(x Span) bool { return x == span(1, 5) }), time.Second)
	if s.Valid || s.Extra != nil || s.Targets[1].By != nil || s.Targets[0].By == nil || s.Targets[2].By == nil {
		t.Errorf("without the run of 1:05 got %+v, want the second target alone unsatisfied, and nothing extra", s)
	}
}

func TestSolveTruncates(t *testing.T) {
	windows := []Window{{at(0, 10), at(0, 20)}}
	early := Span{at(0, 10).Add(-time.Millisecond), at(0, 30)}
	late := Span{at(0, 20).Add(999 * time.Millisecond), at(0, 30)}
	if Solve(windows, []Span{early}, time.Second).Valid {
		t.Error("a start in the second before the window is not in it")
	}
	if !Solve(windows, []Span{late}, time.Second).Valid {
		t.Error("a start in the window's last second is in it")
	}
	if Solve(windows, []Span{late}, 100*time.Millisecond).Valid {
		t.Error("in tenths of a second it is not")
	}
}

func TestSolveWithoutTargetsIsValid(t *testing.T) {
	if s := Solve(nil, []Span{{at(0, 1), at(0, 2)}}, time.Second); !s.Valid || len(s.Extra) != 1 {
		t.Errorf("got %+v, want valid, and one extra", s)
	}
}

// TestSolveEqualsBruteForceProperty: for windows that overlap as they like the sweep finds an assignment exactly if there is one.
func TestSolveEqualsBruteForceProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		second := rapid.IntRange(0, 12)
		var windows []Window
		for range rapid.IntRange(0, 5).Draw(t, "windows") {
			from := second.Draw(t, "from")
			windows = append(windows, Window{at(0, from), at(0, from+rapid.IntRange(0, 6).Draw(t, "length"))})
		}
		var spans []Span
		for range rapid.IntRange(0, 6).Draw(t, "runs") {
			s := Span{Start: at(0, second.Draw(t, "start"))}
			if rapid.Bool().Draw(t, "complete") {
				s.End = s.Start.Add(time.Second)
			}
			spans = append(spans, s)
		}
		got, want := Solve(windows, spans, time.Second), assignable(windows, spans)
		if got.Valid != want {
			t.Fatalf("Solve says %t, trying everything says %t", got.Valid, want)
		}
		used := map[*Span]bool{}
		for _, target := range got.Targets {
			if by := target.By; by != nil {
				if used[by] || by.Start.Before(target.From) || by.Start.After(target.To) || by.End.IsZero() {
					t.Fatalf("%v is satisfied by %v", target.Window, by)
				}
				used[by] = true
			}
		}
	})
}

// assignable tries every assignment of tasks to windows.
func assignable(windows []Window, spans []Span) bool {
	if len(windows) == 0 {
		return true
	}
	for i, s := range spans {
		w := windows[0]
		if s.End.IsZero() || s.Start.Before(w.From) || s.Start.After(w.To) {
			continue
		}
		if assignable(windows[1:], slices.Delete(slices.Clone(spans), i, i+1)) {
			return true
		}
	}
	return false
}

func TestCompatibilityJudgesAcknowledgedJobs(t *testing.T) {
	job := func(name string) history.Job { j := example; j.Name = name; return j }
	add := func(name string, o history.Outcome) history.Op {
		return history.Op{Kind: history.Add, Job: name, Outcome: o}
	}
	h := &history.History{
		Read: at(30, 0), Forgiveness: forgiveness,
		Jobs: map[string]history.Job{"ok": job("ok"), "unknown": job("unknown"), "failed": job("failed"), "deleted": job("deleted")},
		Ops: []history.Op{add("ok", history.OK), add("unknown", history.Unknown), add("failed", history.Failed), add("deleted", history.OK),
			{Kind: history.Delete, Job: "deleted", Outcome: history.Unknown}},
	}
	for k := range 3 {
		start := example.Target(k).Add(time.Second)
		h.Witnesses = append(h.Witnesses, history.Witness{Job: "ok", Start: start, End: start.Add(time.Second)})
	}
	r := Compatibility(h, time.Second)
	if satisfied, all := r.Satisfied(); !r.Valid || len(r.Jobs) != 1 || satisfied != 3 || all != 3 {
		t.Errorf("got %+v, want ok alone judged, with 3 of 3", r)
	}
	h.Witnesses = h.Witnesses[1:]
	if r := Compatibility(h, time.Second); r.Valid || r.Jobs["ok"].Valid {
		t.Errorf("got %+v, want an invalid history: the first target has no task", r)
	}
}
