package job

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	v1 "horae/api/v1"
	"horae/internal/statistics"
	"horae/internal/store"
)

// finish brings a Run to its end after it waited and ran, as the run controller would.
func (w *world) finish(name string, phase v1.RunPhase, start time.Time) {
	w.t.Helper()
	w.end(name, phase)
	w.update(name, func(next *store.Run) {
		next.Object.Status.StartTime = v1.NewTimePtr(start)
		next.Object.Status.Attempts = []v1.Attempt{{State: phase}}
	})
}

// windows are the Job's statistics as they are stored.
func (w *world) windows() []v1.StatisticsWindow {
	w.t.Helper()
	recent, err := statistics.ParseRecent(w.job.Statistics())
	if err != nil {
		w.t.Fatalf("%v", err)
	}
	history, err := statistics.ParseHistory(w.stored.Value, w.job.Object.UID)
	if err != nil {
		w.t.Fatalf("%v", err)
	}
	list, err := statistics.Summarise(history, recent, w.now)
	if err != nil {
		w.t.Fatalf("%v", err)
	}
	return list
}

func TestWhatRunsContribute(t *testing.T) {
	retried := func(r *v1.Run) { r.Spec.Reason, r.Spec.ScheduledTime = v1.ReasonManual, v1.NewTimePtr(at("03:00")) }
	type want struct {
		succeeded, failed int64
		duration, waiting time.Duration // -1: none
	}
	for _, tt := range []struct {
		name  string
		phase v1.RunPhase
		edit  func(*v1.Run)
		want  want
	}{
		{"scheduled, waits from its time on", v1.RunSucceeded, nil, want{1, 0, 50 * time.Second, 10 * time.Second}},
		{"failed, has no duration", v1.RunFailed, nil, want{0, 1, -1, 10 * time.Second}},
		{"lost, has failed", v1.RunLost, nil, want{0, 1, -1, 10 * time.Second}},
		{"killed, neither succeeded nor failed", v1.RunKilled, nil, want{0, 0, -1, 10 * time.Second}},
		{"missed", v1.RunMissed, func(r *v1.Run) { r.Status.StartTime = nil }, want{0, 0, -1, -1}},
		{"retried, waits from its creation on", v1.RunSucceeded, retried, want{1, 0, 50 * time.Second, 10 * time.Second}},
		{"backfilled, waits on purpose", v1.RunSucceeded, func(r *v1.Run) { r.Spec.Reason = v1.ReasonBackfill }, want{1, 0, 50 * time.Second, -1}},
		{"marked as succeeded, has no task", v1.RunSucceeded, func(r *v1.Run) {
			r.Status.StartTime, r.Status.Attempts, r.Spec.MarkSucceeded = nil, nil, true
		}, want{1, 0, -1, -1}},
		{"a clock that went back, is no negative time", v1.RunSucceeded, func(r *v1.Run) {
			r.Status.StartTime, r.Status.FinishTime = v1.NewTimePtr(at("09:59")), v1.NewTimePtr(at("09:58"))
		}, want{1, 0, 0, 0}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, at("09:30"), nil)
			w.settle()
			w.to(at("10:00"))
			name := "hello-20261122t100000z"
			w.now = at("10:01")
			w.finish(name, tt.phase, at("10:00:10"))
			if tt.edit != nil {
				w.update(name, func(next *store.Run) { tt.edit(next.Object) })
			}
			w.settle()
			all := w.windows()[3]
			got := want{all.Succeeded, all.Failed, -1, -1}
			if all.Duration != nil {
				got.duration = all.Duration.Mean.Duration
			}
			if all.Waiting != nil {
				got.waiting = all.Waiting.Mean.Duration
			}
			if got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
			if short := w.status().Duration; !equalDistribution(short, all.Duration) {
				t.Errorf("status.duration is %+v, that of all time %+v", short, all.Duration)
			}
		})
	}
}

func TestWaitingBeginsAfterJitter(t *testing.T) {
	w := newWorld(t, at("09:30"), func(s *v1.JobSpec) { s.Jitter = duration(10 * time.Minute) })
	w.settle()
	due := withJitter(w.job.Key, nil, w.job.Object.Spec.Jitter, at("10:00"))
	w.to(due)
	w.now = due.Add(time.Minute)
	w.finish("hello-20261122t100000z", v1.RunSucceeded, due.Add(3*time.Second))
	w.settle()
	if got := w.windows()[3].Waiting; got == nil || got.Max.Duration.Round(time.Second) != 3*time.Second {
		t.Errorf("waiting %+v", got)
	}
}

// Each Run is in the statistics once, whatever was interrupted, repeated or planned on old data, and whether or not the
// Run and the ones before it have been deleted.
func TestStatisticsCountEachRunOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t, at("00:30"), func(s *v1.JobSpec) {
			s.Schedule, s.ConcurrencyPolicy = "@every 1m", v1.ConcurrencyAllow
			keep := int32(rapid.IntRange(0, 2).Draw(t, "history"))
			s.History.Succeeded, s.History.Failed = &keep, &keep
		})
		w.exact = false
		w.settle()
		ended := map[v1.RunPhase]int64{}
		seconds := time.Duration(0)
		for range rapid.IntRange(1, 8).Draw(t, "rounds") {
			stale := w.input()
			staleAt := w.stored
			w.to(w.now.Add(time.Duration(rapid.IntRange(0, 30).Draw(t, "minutes")) * time.Minute))
			for _, run := range w.runs {
				if run.Object.Status.Phase.Terminal() || rapid.IntRange(0, 3).Draw(t, "ends") == 0 {
					continue
				}
				phase := rapid.SampledFrom([]v1.RunPhase{v1.RunSucceeded, v1.RunSucceeded, v1.RunFailed, v1.RunKilled}).Draw(t, "phase")
				length := time.Duration(rapid.IntRange(0, 100).Draw(t, "seconds")) * time.Second
				w.finish(run.Key.Name, phase, w.now.Add(-length))
				if ended[phase]++; phase == v1.RunSucceeded {
					seconds += length
				}
			}
			switch rapid.SampledFrom([]string{"settle", "lag", "lost answer"}).Draw(t, "fault") {
			case "lag": // A controller whose cache is behind writes nothing.
				if d := Plan(stale, w.now); d.WriteStatus && stale.Job.Rev != w.job.Rev {
					now := w.stored
					w.stored = staleAt
					if w.apply(stale, d) {
						t.Fatalf("a decision taken on an old status was carried out")
					}
					w.stored = now
				}
			case "lost answer": // It was carried out, and the controller plans it again on what it read before.
				in := w.input()
				w.written, in.WrittenAt = time.Time{}, time.Time{}
				if d := Plan(in, w.now); d.WriteStatus && w.apply(in, d) && w.apply(in, Plan(in, w.now)) {
					t.Fatalf("a decision was carried out twice")
				}
			}
			w.settle()
		}
		all := w.windows()[3]
		if all.Succeeded != ended[v1.RunSucceeded] || all.Failed != ended[v1.RunFailed] {
			t.Fatalf("%d succeeded and %d failed, want %v", all.Succeeded, all.Failed, ended)
		}
		if s := w.status(); s.Succeeded != all.Succeeded || s.Failed != all.Failed {
			t.Fatalf("the status counts %d and %d", s.Succeeded, s.Failed)
		}
		if n := ended[v1.RunSucceeded]; n > 0 && (all.Duration.Count != n || (all.Duration.Mean.Duration-seconds/time.Duration(n)).Abs() > time.Millisecond) {
			t.Fatalf("durations %+v, want %s of %d", all.Duration, seconds, n)
		}
	})
}

// Damaged statistics cost themselves alone.
func TestDamagedStatisticsStartAnew(t *testing.T) {
	w := newWorld(t, at("00:30"), func(s *v1.JobSpec) { s.Schedule = "@every 1m" })
	w.settle()
	round := func() Decision {
		t.Helper()
		w.to(w.now.Add(time.Minute))
		w.finish(w.runs[len(w.runs)-1].Key.Name, v1.RunSucceeded, w.now.Add(-time.Second))
		w.written = time.Time{}
		in := w.input()
		d := w.plan(in)
		if !w.apply(in, d) {
			t.Fatal("conflict")
		}
		return d
	}
	for range statistics.MaxSamples + 1 {
		if d := round(); d.Damaged != nil {
			t.Fatal(d.Damaged)
		}
	}
	if w.stored.Value == nil {
		t.Fatal("nothing was folded")
	}
	document, err := store.PutJobStatus(w.job.Key, w.job.Object, "rubbish")
	if err != nil {
		t.Fatal(err)
	}
	w.revision++
	w.job = w.job.WithStatus(&store.KeyValue{Value: document.Value, ModRevision: w.revision})
	before := w.status().Succeeded
	if d := round(); d.Damaged == nil {
		t.Error("nothing is said about it")
	}
	if s := w.status(); s.Succeeded != before+1 || s.Duration.Count != 1 {
		t.Errorf("succeeded %d, durations %+v", s.Succeeded, s.Duration)
	}
	w.stored.Value = []byte(`{"kind":"Job"}`)
	for range statistics.MaxSamples + 1 {
		round()
	}
	if got := w.windows()[3].Succeeded; got != statistics.MaxSamples+2 {
		t.Errorf("%d samples after the stored statistics started anew", got)
	}
}

// The wait for the next write of the sums does not lose samples, and more samples than a document takes are folded at
// once.
func TestManyRunsThatEndAtOnce(t *testing.T) {
	w := newWorld(t, at("09:30"), func(s *v1.JobSpec) { s.Schedule = "" })
	w.settle()
	const many = 3*statistics.MaxSamples + 5
	for i := range many {
		w.finish(w.manual(fmt.Sprintf("%04d", i)), v1.RunSucceeded, w.now)
	}
	w.written = w.now
	if d := w.plan(w.input()); d.WriteStatus {
		t.Error("sums were written at once")
	}
	w.settle()
	if got := w.windows()[3]; got.Succeeded != many || got.Duration.Count != many || w.stored.Value == nil {
		t.Errorf("%+v", got)
	}
}

// In etcd: the statistics are folded into a key of their own, a change that is based on an old one is refused, and the
// key goes with the Job.
func TestStatisticsKeyInEtcd(t *testing.T) {
	r := newRig(t)
	r.follow()
	r.put(hello.Spec(), "{apiVersion: horae/v1, kind: Job, spec: {task: {shell: 'true'}}}")
	r.once("09:30")
	end := func(n int) {
		t.Helper()
		for i := range n {
			run := NewRun(r.cache.Job("default", "hello").Object, Manual(fmt.Sprintf("%04d", i)), RunOptions{}, *r.clock.Load())
			write, err := store.PutSpec(store.RunKey("default", run.Name), run)
			if err != nil {
				t.Fatal(err)
			}
			r.put(write.EtcdKey, string(write.Value))
			r.endRun(run.Name, v1.RunSucceeded)
		}
	}
	stored := func() store.StatisticsDocument {
		t.Helper()
		list, err := r.store.Statistics(t.Context(), []store.Key{hello}, 0)
		if err != nil {
			t.Fatal(err)
		}
		return list[0]
	}
	end(statistics.MaxSamples + 1)
	in, _, err := r.gather(hello)
	if err != nil {
		t.Fatal(err)
	}
	r.once("10:00")
	document := stored()
	h, err := statistics.ParseHistory(document.Value, r.cache.Job("default", "hello").Object.UID)
	if err != nil {
		t.Fatal(err)
	}
	if list, err := statistics.Summarise(h, statistics.Recent{}, at("10:00")); err != nil || list[3].Succeeded != statistics.MaxSamples+1 {
		t.Errorf("%+v, %v", list, err)
	}

	// The plan of a controller that has read neither of the two documents since.
	d := Plan(in, at("10:00"))
	change, err := changeOf(hello, in.Job, &d, store.StatisticsDocument{}, at("10:00"))
	if err != nil || d.Fold == nil {
		t.Fatalf("%v, %+v", err, d.Fold)
	}
	change.Guards = slices.DeleteFunc(change.Guards, func(g store.Guard) bool { return g.EtcdKey != hello.Statistics() })
	if _, err := r.store.Apply(t.Context(), change); !errors.Is(err, store.ErrConflict) {
		t.Errorf("a fold into an old document: %v", err)
	}

	r.put(hello.Spec(), "")
	r.once("10:01")
	r.once("10:02")
	if document := stored(); document.Value != nil {
		t.Errorf("after the Job is gone its statistics are there: %s", document.Value)
	}
}
