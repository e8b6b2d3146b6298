package job

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	v1 "horae/api/v1"
)

// TestEachOccurrenceIsOneRunOrOneToldMiss drives a Job through any sequence of ticks, restarts, crashes between deciding and doing,
// decisions taken on a lagging cache, clock steps, suspensions, edits, manual Runs and ends of Runs. In the end every
// occurrence has become exactly one Run, or waits, or was recorded and counted once; and every Run that ended was counted once.
func TestEachOccurrenceIsOneRunOrOneToldMiss(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		spec := drawSpec(t)
		w := newWorld(t, at("00:00:01"), spec)
		w.settings.MissedLimit = rapid.SampledFrom([]int{3, 40}).Draw(t, "limit")
		s := simulation{world: w, stale: w.input()}
		t.Repeat(map[string]func(*rapid.T){
			"tick":    func(t *rapid.T) { w.to(w.now.Add(drawStep(t))) },
			"restart": func(t *rapid.T) { w.down(w.now.Add(drawStep(t))) },
			"back":    func(t *rapid.T) { w.down(w.now.Add(-drawStep(t))) },
			"crash":   s.crash,
			"look":    func(*rapid.T) { s.stale = w.input() },
			"lag":     s.lag,
			"end":     s.end,
			"manual":  func(*rapid.T) { s.manual++; w.manual(ManualID([5]byte{byte(s.manual), byte(s.manual >> 8)})) },
			"edit":    func(*rapid.T) { w.edit(func(s *v1.JobSpec) { s.Description += "." }) },
			"suspend": func(*rapid.T) { w.edit(func(s *v1.JobSpec) { s.Suspend = !s.Suspend }) },
			"policy": func(t *rapid.T) {
				next := drawPolicies(t)
				w.edit(next)
			},
			"calendar": func(t *rapid.T) { s.editCalendar(t) },
			"":         s.check,
		})
		w.edit(func(s *v1.JobSpec) { s.Calendars = nil })
		w.settle()
		w.edit(func(s *v1.JobSpec) { s.Suspend, s.SuspendAfterFailures, s.Jitter = false, nil, nil })
		w.to(w.now.Add(48 * time.Hour)) // All that the clock may have gone back by, and more.
		s.check(t)
		if next := w.status().NextScheduleTime; next == nil || next.Before(w.now.Add(-time.Minute)) {
			t.Fatalf("due occurrences are left: next is %v at %v", next, w.now)
		}
	})
}

// TestAllSkipsNothing: under missedRuns: All each occurrence becomes a Run, whatever the concurrency policy and whatever happens.
func TestAllSkipsNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		spec := drawSpec(t)
		concurrency := rapid.SampledFrom([]v1.ConcurrencyPolicy{v1.ConcurrencyForbid, v1.ConcurrencyAllow, v1.ConcurrencyReplace, v1.ConcurrencyQueue})
		all := func(s *v1.JobSpec) {
			spec(s)
			s.MissedRuns, s.ConcurrencyPolicy, s.StartingDeadline = v1.MissedRunsAll, concurrency.Draw(t, "policy"), nil
		}
		w := newWorld(t, at("00:00:01"), all)
		w.settings.MissedLimit = MaxMissedLimit
		s := simulation{world: w, stale: w.input()}
		step := func() time.Duration { return min(drawStep(t), 10*time.Minute) }
		t.Repeat(map[string]func(*rapid.T){
			"tick":    func(*rapid.T) { w.to(w.now.Add(step())) },
			"restart": func(*rapid.T) { w.down(w.now.Add(step())) },
			"crash":   s.crash,
			"end":     s.end,
			"suspend": func(*rapid.T) { w.edit(func(s *v1.JobSpec) { s.Suspend = !s.Suspend }) },
			"policy": func(t *rapid.T) {
				next := concurrency.Draw(t, "next policy")
				w.edit(func(s *v1.JobSpec) { s.ConcurrencyPolicy = next })
			},
			"": func(t *rapid.T) {
				w.settle()
				s := w.status()
				if s.Skipped != 0 || s.Missed != 0 && s.NotRun[0].Reason != v1.ReasonTooManyMissed {
					t.Fatalf("%d skipped, %d missed: %v", s.Skipped, s.Missed, notRun(s))
				}
			},
		})
	})
}

type simulation struct {
	*world
	stale             Input
	manual            int
	succeeded, failed int64
	allowed           bool // concurrencyPolicy has been Allow
	moved             bool // calendars.onExcluded has been NextDay: several occurrences may have become one
}

// editCalendar changes the days on which the Job runs, by an edit of a Calendar or of the Job.
func (s *simulation) editCalendar(t *rapid.T) {
	var spec v1.CalendarSpec
	for range rapid.IntRange(0, 2).Draw(t, "ranges") {
		day := s.now.AddDate(0, 0, rapid.IntRange(-2, 3).Draw(t, "day"))
		spec.Dates = append(spec.Dates, day.Format(time.DateOnly))
	}
	s.calendars = map[string]*v1.CalendarSpec{"a": &spec, "b": {Weekdays: v1.Weekdays[:]}}
	if rapid.IntRange(0, 3).Draw(t, "gone") == 0 {
		delete(s.calendars, "a")
	}
	c := rapid.SampledFrom([]*v1.JobCalendars{nil, {Exclude: []string{"a"}}, {Only: []string{"a"}}, {Exclude: []string{"a"}, Only: []string{"b"}}}).Draw(t, "calendars").DeepCopy()
	if c != nil && rapid.Bool().Draw(t, "to the next day") {
		c.OnExcluded, s.moved = v1.OnExcludedNextDay, true
	}
	if rapid.Bool().Draw(t, "edit the Job too") {
		s.edit(func(spec *v1.JobSpec) { spec.Calendars = c })
	}
}

// crash decides and dies before anything is done.
func (s *simulation) crash(t *rapid.T) {
	s.now = s.now.Add(drawStep(t))
	s.plan(s.input())
	s.upSince = s.now
}

// lag decides on what the cache had before. The guards must see to it that nothing comes of it, or only what is still right.
func (s *simulation) lag(t *rapid.T) {
	s.apply(s.stale, s.plan(s.stale))
}

func (s *simulation) end(t *rapid.T) {
	for _, run := range s.runs {
		if ended(run) || !rapid.Bool().Draw(t, "ends") {
			continue
		}
		phase := rapid.SampledFrom([]v1.RunPhase{v1.RunSucceeded, v1.RunFailed, v1.RunLost, v1.RunKilled}).Draw(t, "phase")
		s.world.end(run.Key.Name, phase)
		switch phase {
		case v1.RunSucceeded:
			s.succeeded++
		case v1.RunFailed, v1.RunLost:
			s.failed++
		}
	}
}

func (s *simulation) check(t *rapid.T) {
	s.settle()
	s.allowed = s.allowed || s.job.Object.Spec.ConcurrencyPolicy == v1.ConcurrencyAllow
	status := s.status()
	compiled, err := s.schedules.compile(s.job.Key, *status.Schedule)
	if err != nil {
		t.Fatal(err)
	}
	handled := int64(0)
	if status.LastScheduleTime != nil {
		handled = int64(compiled.Count(cursor(status.Schedule, nil), status.LastScheduleTime.Time))
	}
	created := int64(len(s.ever))
	if !s.moved && status.Occurrences != handled || status.Occurrences+int64(len(status.Moved)) > handled {
		t.Fatalf("%d occurrences and %d moved, but the cursor passed %d", status.Occurrences, len(status.Moved), handled)
	}
	if sum := created + status.Missed + status.Skipped + int64(len(status.Waiting)); sum != status.Occurrences {
		t.Fatalf("%d handled, but %d became Runs, %d were missed, %d skipped, %d wait: %d", status.Occurrences, created, status.Missed, status.Skipped, len(status.Waiting), sum)
	}
	if status.Succeeded != s.succeeded || status.Failed != s.failed {
		t.Fatalf("%d succeeded and %d failed, counted are %d and %d", s.succeeded, s.failed, status.Succeeded, status.Failed)
	}
	var active []string
	for _, run := range s.runs {
		if !ended(run) {
			active = append(active, run.Key.Name)
		}
	}
	slices.Sort(active)
	if counted := slices.Sorted(slices.Values(status.Active)); !slices.Equal(active, counted) {
		t.Fatalf("active are %v, the status says %v", active, counted)
	}
	if len(active) > 1 && s.job.Object.Spec.ConcurrencyPolicy != v1.ConcurrencyAllow && s.manual == 0 && !s.allowed {
		t.Fatalf("%v are active under %s", active, s.job.Object.Spec.ConcurrencyPolicy)
	}
	if len(status.NotRun) > maxNotRun {
		t.Fatalf("%d entries in notRun", len(status.NotRun))
	}
}

func drawStep(t *rapid.T) time.Duration {
	longest := rapid.SampledFrom([]time.Duration{2 * time.Second, 2 * time.Minute, 3 * time.Hour}).Draw(t, "scale")
	return time.Duration(rapid.Int64Range(int64(time.Millisecond), int64(longest)).Draw(t, "step"))
}

func drawSpec(t *rapid.T) func(*v1.JobSpec) {
	expression := rapid.SampledFrom([]string{
		"*/7 * * * *", "17 * * * *", "R/2026-11-22T00:00:13Z/PT11M", "R//PT13M", "@every 19m", "*/30 * * * * *",
		"5,35 * * * *\nR/2026-11-20T00:00:00.5Z/PT25M", "H * * * *",
	}).Draw(t, "schedule")
	policies := drawPolicies(t)
	return func(s *v1.JobSpec) {
		s.Schedule = expression
		policies(s)
	}
}

func drawPolicies(t *rapid.T) func(*v1.JobSpec) {
	concurrency := rapid.SampledFrom([]v1.ConcurrencyPolicy{v1.ConcurrencyForbid, v1.ConcurrencyAllow, v1.ConcurrencyReplace, v1.ConcurrencyQueue}).Draw(t, "concurrency")
	missed := rapid.SampledFrom([]v1.MissedRunsPolicy{v1.MissedRunsLatest, v1.MissedRunsAll, v1.MissedRunsNone}).Draw(t, "missed")
	jitter := rapid.SampledFrom([]time.Duration{0, 0, time.Minute, time.Hour}).Draw(t, "jitter")
	deadline := rapid.SampledFrom([]time.Duration{0, 0, time.Second, 20 * time.Minute}).Draw(t, "deadline")
	failures := rapid.SampledFrom([]int32{0, 0, 2}).Draw(t, "failures")
	return func(s *v1.JobSpec) {
		s.ConcurrencyPolicy, s.MissedRuns = concurrency, missed
		s.Jitter, s.StartingDeadline, s.SuspendAfterFailures = nil, nil, nil
		if jitter > 0 {
			s.Jitter = duration(jitter)
		}
		if deadline > 0 {
			s.StartingDeadline = duration(deadline)
		}
		if failures > 0 {
			s.SuspendAfterFailures = &failures
		}
	}
}

func TestJitterIsStableAndSpreadsEvenly(t *testing.T) {
	const spread = 5 * time.Minute
	w := newWorld(t, at("09:00"), nil)
	// It must stay so for ever: what is due must not move with a new version.
	if got := jitterOf(w.job.Key, at("10:00"), spread); got != 77352452*time.Microsecond {
		t.Errorf("jitter of 10:00 is %v, was always %v", got, 77352452*time.Microsecond)
	}
	var buckets [10]int
	const n = 10_000
	for i := range n {
		d := jitterOf(w.job.Key, at("10:00").Add(time.Duration(i)*time.Hour), spread)
		if d < 0 || d > spread {
			t.Fatalf("jitter %v is not within %v", d, spread)
		}
		buckets[min(9, int(d*10/spread))]++
	}
	for i, count := range buckets {
		if count < n/10*8/10 || count > n/10*12/10 {
			t.Errorf("%d of %d fall in tenth %d", count, n, i)
		}
	}
	if d := jitterOf(w.job.Key, at("10:00"), 0); d != 0 {
		t.Errorf("without jitter it is %v", d)
	}
}

func FuzzRunNamesTellOccurrencesApart(f *testing.F) {
	f.Add(int64(0), int64(1000))
	f.Add(int64(500_000), int64(500))
	f.Add(int64(1_792_634_400_000_000), int64(1_792_634_400_500_000))
	const last = 253402300799_999999
	f.Fuzz(func(t *testing.T, a, b int64) {
		a, b = (a%last+last)%last, (b%last+last)%last
		x, y := Scheduled(time.UnixMicro(a)).RunName("job"), Scheduled(time.UnixMicro(b)).RunName("job")
		if (x == y) != (a == b) {
			t.Errorf("%d and %d are named %s and %s", a, b, x, y)
		}
	})
}
