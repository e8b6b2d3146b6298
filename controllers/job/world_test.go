package job

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "horae/api/v1"
	"horae/internal/calendar"
	"horae/internal/condition"
	"horae/internal/store"
)

// tester is what *testing.T and *rapid.T share.
type tester interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// world is a Job, its Runs and the clock, and carries decisions out as the store would: with its guards.
type world struct {
	t         tester
	revision  int64
	now       time.Time
	upSince   time.Time
	written   time.Time
	job       *store.Job
	runs      []*store.Run
	foreign   []*store.Run // Runs of other Jobs
	settings  Settings
	schedules *compiler
	calendars map[string]*v1.CalendarSpec // those that are there
	// stored is the Job's statistics key.
	stored store.StatisticsDocument
	// exact sends statuses through JSON and looks for writes to what is shared (I8). It is slow.
	exact bool
	// ever counts how often each Run name was created.
	ever map[string]int
}

// at is a time of the day on which the tests take place, such as "10:00" or "10:00:30.5", or a full RFC 3339 time.
func at(s string) time.Time {
	for _, layout := range []string{"15:04", "15:04:05", "15:04:05.999999"} {
		if t, err := time.Parse(layout, s); err == nil {
			return time.Date(2026, 11, 22, t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
		}
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t.UTC()
}

// newWorld has a Job "hello" that was created just now.
func newWorld(t tester, now time.Time, edit func(*v1.JobSpec)) *world {
	w := &world{t: t, now: now, upSince: now, revision: 100, schedules: &compiler{}, exact: true, ever: map[string]int{}}
	w.create(edit)
	return w
}

// create makes the Job, possibly anew.
func (w *world) create(edit func(*v1.JobSpec)) {
	w.revision++
	w.job = &store.Job{Key: store.JobKey("default", "hello"), Object: newJob(w.now, edit)}
	w.job.Rev = store.Revisions{SpecCreate: w.revision, SpecMod: w.revision, SpecVersion: 1}
	w.job.Object.Generation = 1
}

func newJob(created time.Time, edit func(*v1.JobSpec)) *v1.Job {
	job := &v1.Job{
		TypeMeta:   metav1.TypeMeta{APIVersion: "horae/v1", Kind: "Job"},
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "hello", CreationTimestamp: metav1.NewTime(created.Truncate(time.Second))},
		Spec:       v1.JobSpec{Schedule: "0 * * * *", Task: v1.TaskSpec{Shell: "true"}},
	}
	if edit != nil {
		edit(&job.Spec)
	}
	v1.SetDefaultsJob(job)
	return job
}

// edit writes the Job's spec, as a user would.
func (w *world) edit(change func(*v1.JobSpec)) {
	w.revision++
	next := *w.job
	next.Object = w.job.Object.DeepCopy()
	if change != nil {
		change(&next.Object.Spec)
	}
	v1.SetDefaultsJob(next.Object)
	next.Rev.SpecMod = w.revision
	next.Rev.SpecVersion++
	next.Object.Generation++
	next.Err = nil
	w.job = &next
}

func (w *world) input() Input {
	return Input{
		Job: w.job, Runs: slices.Clone(w.runs), UpSince: w.upSince, WrittenAt: w.written, Settings: w.settings,
		Compile: w.schedules.compile, Lookup: w.lookup, Calendars: w.named(),
	}
}

// named are the Calendars that the Job names.
func (w *world) named() []Calendar {
	var list []Calendar
	if w.job == nil {
		return nil
	}
	for _, name := range w.job.Object.Spec.Calendars.Names() {
		c := Calendar{Name: name, Reason: v1.ReasonNotFound, Problem: "is not there"}
		if spec := w.calendars[name]; spec != nil {
			days, err := calendar.Compile(spec)
			if err != nil {
				w.t.Fatalf("%v", err)
			}
			c = Calendar{Name: name, Days: days}
		}
		list = append(list, c)
	}
	return list
}

func (w *world) lookup(name string) *store.Run {
	for _, run := range slices.Concat(w.runs, w.foreign) {
		if run.Key.Name == name {
			return run
		}
	}
	return nil
}

// plan plans, and sees to it that nothing shared is written.
func (w *world) plan(in Input) Decision {
	w.t.Helper()
	if !w.exact {
		return Plan(in, w.now)
	}
	before := copyInput(in)
	d := Plan(in, w.now)
	if after := copyInput(in); !reflect.DeepEqual(before, after) {
		w.t.Errorf("I8: Plan modified its input")
	}
	return d
}

func copyInput(in Input) any {
	type object struct {
		rev store.Revisions
		obj any
	}
	var all []object
	if in.Job != nil {
		all = append(all, object{in.Job.Rev, in.Job.Object.DeepCopy()})
		s := &in.Job.Object.Status // What lies in a slice's spare room is shared as well.
		all = append(all, object{obj: fmt.Sprint(s.Active[:cap(s.Active)], s.Waiting[:cap(s.Waiting)], s.Moved[:cap(s.Moved)], s.NotRun[:cap(s.NotRun)])})
	}
	for _, run := range in.Runs {
		all = append(all, object{run.Rev, run.Object.DeepCopy()})
	}
	return all
}

// apply carries a decision out if its guards hold, and reports whether they did.
func (w *world) apply(in Input, d Decision) bool {
	w.t.Helper()
	change, err := changeOf(store.JobKey("default", "hello"), in.Job, &d, w.stored, w.now)
	if err != nil {
		w.t.Fatalf("%v", err)
	}
	if n := max(len(change.Guards), len(change.Writes)); n > 100 {
		w.t.Errorf("%d operations in one transaction", n)
	}
	if n := change.Size(); n > store.MaxChangeBytes {
		w.t.Errorf("%d bytes in one transaction", n)
	}
	statisticsKey := store.JobKey("default", "hello").Statistics()
	for _, g := range change.Guards {
		if g.EtcdKey != statisticsKey && w.revisionOf(g.EtcdKey) != g.Revision {
			return false
		}
	}
	written := map[string]bool{}
	for _, write := range change.Writes {
		if written[write.EtcdKey] {
			w.t.Errorf("%s is written twice in one transaction", write.EtcdKey)
		}
		written[write.EtcdKey] = true
	}
	w.revision++
	for _, write := range change.Writes {
		if write.EtcdKey == statisticsKey {
			w.stored = store.StatisticsDocument{Value: write.Value, Revision: w.revision}
		}
	}
	for _, run := range d.Create {
		w.ever[run.Name]++
		if w.ever[run.Name] > 1 {
			w.t.Errorf("I3: %s was created %d times", run.Name, w.ever[run.Name])
		}
		w.runs = append(w.runs, &store.Run{
			Key: store.RunKey("default", run.Name), Object: run,
			Rev: store.Revisions{SpecCreate: w.revision, SpecMod: w.revision, SpecVersion: 1},
		})
	}
	for _, run := range d.Cancel {
		w.update(run.Key.Name, func(next *store.Run) {
			next.Object.Spec.Cancel = true
			next.Rev.SpecMod = w.revision
		})
	}
	for _, run := range d.Delete {
		w.drop(run.Key.Name)
	}
	if d.WriteStatus {
		next := *w.job
		if d.Statistics != "" { // Only the store puts them into an entry.
			document, err := store.PutJobStatus(w.job.Key, w.job.Object, d.Statistics)
			if err != nil {
				w.t.Fatalf("%v", err)
			}
			next = *next.WithStatus(&store.KeyValue{Value: document.Value, ModRevision: w.revision})
		}
		next.Object = w.job.Object.DeepCopy()
		next.Object.Status = w.roundTrip(d.Status)
		next.Rev.StatusMod = w.revision
		w.job, w.written = &next, w.now
	}
	if d.DeleteStatus {
		w.job = nil
	}
	return true
}

// roundTrip is a status as etcd gives it back, with spare room in its slices, where a careless append would write.
func (w *world) roundTrip(s v1.JobStatus) v1.JobStatus {
	if !w.exact {
		return s
	}
	w.t.Helper()
	data, err := json.Marshal(s)
	if err != nil {
		w.t.Fatalf("%v", err)
	}
	var back v1.JobStatus
	if err := json.Unmarshal(data, &back); err != nil {
		w.t.Fatalf("%v", err)
	}
	if !equalStatus(&s, &back) {
		w.t.Errorf("the status changes on its way through etcd:\n%+v\n%+v", s, back)
	}
	back.Active, back.Waiting, back.NotRun = slices.Grow(back.Active, 4), slices.Grow(back.Waiting, 4), slices.Grow(back.NotRun, 4)
	back.Moved = slices.Grow(back.Moved, 4)
	return back
}

// revisionOf is the modification revision of a key.
func (w *world) revisionOf(etcdKey string) int64 {
	key, side, _ := store.ParseKey(etcdKey)
	var rev store.Revisions
	switch {
	case key.Kind == store.Jobs && w.job != nil:
		rev = w.job.Rev
	case key.Kind == store.Runs:
		if run := w.lookup(key.Name); run != nil {
			rev = run.Rev
		}
	}
	if side == store.SpecSide {
		return rev.SpecMod
	}
	return rev.StatusMod
}

// settle plans and carries out until there is nothing to do, and returns the last decision. A status that only sums up is
// waited for, without moving the clock. Planning once more must then give nothing: Plan twice equals Plan once.
func (w *world) settle() Decision {
	w.t.Helper()
	for range 1000 {
		w.written = time.Time{}
		in := w.input()
		d := w.plan(in)
		if d.Idle() {
			if d.After == time.Millisecond { // Something is due within it: not for ever.
				if again := Plan(in, w.now.Add(2*time.Millisecond)); again.Idle() && again.After == time.Millisecond {
					w.t.Errorf("an idle plan asks for another one at once, again and again")
				}
			}
			return d
		}
		if !w.apply(in, d) {
			w.t.Fatalf("a decision conflicts with the state that it was taken on")
		}
		if d.After == time.Millisecond {
			continue // More Runs than one transaction takes.
		}
		// No event wakes the controller for its own write, so planning again must change nothing.
		if again := w.plan(w.input()); !again.Idle() || again.After != d.After {
			w.t.Fatalf("Plan twice is not Plan once: first\n%+v\nthen\n%+v", d, again)
		}
	}
	w.t.Fatalf("the plan does not settle")
	panic("unreachable")
}

// to moves the clock and settles.
func (w *world) to(now time.Time) Decision {
	w.t.Helper()
	w.now = now
	return w.settle()
}

// down moves the clock while no controller runs, and settles.
func (w *world) down(now time.Time) Decision {
	w.t.Helper()
	w.upSince = now
	return w.to(now)
}

// update replaces a Run.
func (w *world) update(name string, change func(*store.Run)) {
	w.t.Helper()
	for i, run := range w.runs {
		if run.Key.Name == name {
			next := *run
			next.Object = run.Object.DeepCopy()
			change(&next)
			w.runs[i] = &next
			return
		}
	}
	w.t.Fatalf("no Run %s", name)
}

func (w *world) drop(name string) {
	w.runs = slices.DeleteFunc(slices.Clone(w.runs), func(run *store.Run) bool { return run.Key.Name == name })
}

// end brings a Run to its end, as the run controller would.
func (w *world) end(name string, phase v1.RunPhase) {
	w.t.Helper()
	w.revision++
	w.update(name, func(next *store.Run) {
		next.Object.Status.Phase = phase
		next.Object.Status.FinishTime = v1.NewTimePtr(w.now)
		next.Rev.StatusMod = w.revision
	})
}

// manual triggers a Run, as the server would.
func (w *world) manual(id string) string {
	w.revision++
	run := NewRun(w.job.Object, Manual(id), RunOptions{}, w.now)
	w.runs = append(w.runs, &store.Run{
		Key: store.RunKey("default", run.Name), Object: run,
		Rev: store.Revisions{SpecCreate: w.revision, SpecMod: w.revision, SpecVersion: 1},
	})
	return run.Name
}

func (w *world) status() *v1.JobStatus { return &w.job.Object.Status }

// names of the Runs that are there, without the Job's name: "20261122t100000z".
func (w *world) names() []string {
	var list []string
	for _, run := range w.runs {
		list = append(list, run.Key.Name[len("hello-"):])
	}
	return list
}

// notRun is status.notRun as text: "Missed Downtime 3 11:00-13:00".
func notRun(s *v1.JobStatus) []string {
	var list []string
	for _, n := range s.NotRun {
		text := fmt.Sprintf("%s %s %d %s", n.Outcome, n.Reason, n.Count, n.ScheduledTime.Format("15:04"))
		if n.Through != nil {
			text += "-" + n.Through.Format("15:04")
		}
		list = append(list, text)
	}
	return list
}

// scheduled is the reason of the condition Scheduled.
func scheduled(s *v1.JobStatus) string { return reasonOf(s, v1.JobScheduled) }

func reasonOf(s *v1.JobStatus, kind string) string {
	if c := condition.Find(s.Conditions, kind); c != nil {
		return c.Reason
	}
	return ""
}

func duration(d time.Duration) *v1.Duration { return &v1.Duration{Duration: d} }

func TestTheTestWorldRefusesWhatEtcdWouldRefuse(t *testing.T) {
	w := newWorld(t, at("09:30"), nil)
	w.settle()
	stale := w.input()
	w.to(at("10:00"))
	if w.apply(stale, Plan(stale, w.now)) {
		t.Error("a decision taken on an old status was carried out")
	}
}
