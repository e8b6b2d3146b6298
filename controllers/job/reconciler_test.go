package job

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"go.etcd.io/etcd/server/v3/embed"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "horae/api/v1"
	"horae/internal/cache"
	"horae/internal/condition"
	"horae/internal/etcdtest"
	"horae/internal/reconcile"
	"horae/internal/store"
)

var hello = store.JobKey("default", "hello")

// rig is a reconciler over a real etcd, with a clock that the test moves.
type rig struct {
	t     *testing.T
	store *store.Store
	cache *cache.Cache
	clock atomic.Pointer[time.Time]
	*Reconciler
}

func newRig(t *testing.T) *rig {
	t.Helper()
	s, err := store.Open(t.Context(), store.Config{Endpoints: []string{etcdtest.Start(t)}, RequestTimeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	r := &rig{t: t, store: s, cache: cache.New(s, logr.Discard(), cache.VerifyImmutable())}
	r.set(at("09:30"))
	r.Reconciler = New(Config{Cache: r.cache, Writer: s, Statistics: s, Log: logr.Discard(), Now: func() time.Time { return *r.clock.Load() }, Metrics: prometheus.NewRegistry()})
	return r
}

// follow starts the cache; at the end it proves that nobody modified an entry (I8).
func (r *rig) follow() {
	r.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.cache.Follow(ctx) }()
	r.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			r.t.Error(err)
		}
		if err := r.cache.Verify(); err != nil {
			r.t.Errorf("I8: %v", err)
		}
	})
	<-r.cache.Synced()
}

func (r *rig) set(now time.Time) { r.clock.Store(&now) }

// put writes a key as etcdctl would; an empty value deletes it.
func (r *rig) put(etcdKey, value string) {
	r.t.Helper()
	w := store.Write{EtcdKey: etcdKey}
	if value != "" {
		w.Value = []byte(value)
	}
	rev, err := r.store.Apply(r.t.Context(), store.Change{Writes: []store.Write{w}})
	if err != nil {
		r.t.Fatal(err)
	}
	r.wait(rev)
}

func (r *rig) wait(revision int64) {
	r.t.Helper()
	if err := r.cache.WaitFor(r.t.Context(), revision); err != nil {
		r.t.Fatal(err)
	}
}

// once reconciles at a time of day, and lets the cache see what was written.
func (r *rig) once(now string) reconcile.Result {
	r.t.Helper()
	r.set(at(now))
	result, err := r.Reconcile(r.t.Context(), hello)
	if err != nil {
		r.t.Fatal(err)
	}
	r.wait(result.Revision)
	return result
}

func (r *rig) status() *v1.JobStatus {
	r.t.Helper()
	job := r.cache.Job("default", "hello")
	if job == nil {
		r.t.Fatal("the Job is not in the cache")
	}
	return &job.Object.Status
}

// endRun writes a Run's status, as the run controller would.
func (r *rig) endRun(name string, phase v1.RunPhase) {
	r.t.Helper()
	run := r.cache.Run("default", name).Object.DeepCopy()
	run.Status.Phase, run.Status.FinishTime = phase, v1.NewTimePtr(*r.clock.Load())
	w, err := store.PutStatus(store.RunKey("default", name), run)
	if err != nil {
		r.t.Fatal(err)
	}
	r.put(w.EtcdKey, string(w.Value))
}

const helloYAML = `
apiVersion: horae/v1
kind: Job
spec:
  schedule: "0 * * * *"
  task: {shell: "true"}
`

func TestReconcilerTakesAJobFromItsBirthToItsEnd(t *testing.T) {
	r := newRig(t)
	r.follow()
	r.put(hello.Spec(), helloYAML)

	// Seen for the first time.
	if d := r.once("09:30"); d.After != 30*time.Minute || d.Revision == 0 {
		t.Errorf("result %+v, want another look in 30m", d)
	}
	if reasonOf(r.status(), v1.JobAccepted) != v1.ReasonValid {
		t.Errorf("status %+v", r.status())
	}
	if created := r.cache.Job("default", "hello").Object.CreationTimestamp; !created.Time.Equal(at("09:30")) {
		t.Errorf("created %v: the status keeps when the Job was first seen", created)
	}
	if d := r.once("09:45"); d.Revision != 0 {
		t.Errorf("wrote something with nothing to do: %+v", d)
	}

	// Due: the Run and the cursor come in one revision.
	d := r.once("10:00")
	run := r.cache.Run("default", "hello-20261122t100000z")
	if run == nil || run.Rev.SpecCreate != d.Revision || r.cache.Job("default", "hello").Rev.StatusMod != d.Revision {
		t.Fatalf("Run %+v at revision %d", run, d.Revision)
	}
	if err := run.Err; err != nil || len(v1.ValidateRun(run.Object.DeepCopy())) > 0 {
		t.Errorf("the Run is not valid: %v %v", err, v1.ValidateRun(run.Object.DeepCopy()))
	}
	if run.Object.Labels[v1.LabelJob] != "hello" || len(r.cache.RunsOf("default", "hello")) != 1 {
		t.Errorf("labels %v", run.Object.Labels)
	}
	if d := r.once("10:00:00.2"); d.Revision != 0 {
		t.Errorf("wrote something after the creation: %+v", d)
	}

	// It ends; the count waits for its turn.
	r.endRun(run.Key.Name, v1.RunSucceeded)
	if d := r.once("10:00:00.4"); d.Revision != 0 || d.After != 600*time.Millisecond {
		t.Errorf("result %+v, want the count in 600ms", d)
	}
	r.once("10:00:01")
	if s := r.status(); s.Succeeded != 1 || len(s.Active) != 0 {
		t.Errorf("status %+v", s)
	}

	// The user deletes the Job while another Run is active.
	r.once("11:00")
	r.put(hello.Spec(), "")
	r.once("11:01")
	if run := r.cache.Run("default", "hello-20261122t110000z"); !run.Object.Spec.Cancel {
		t.Fatal("the active Run is not cancelled")
	}
	r.once("11:01")
	if r.cache.Job("default", "hello") == nil {
		t.Fatal("the status went before the task was dead")
	}
	r.endRun("hello-20261122t110000z", v1.RunKilled)
	r.once("11:02")
	if job := r.cache.Job("default", "hello"); job != nil {
		t.Errorf("the status is still there: %+v", job)
	}
	if runs := r.cache.RunsOf("default", "hello"); len(runs) != 0 {
		t.Errorf("%d Runs are still there", len(runs))
	}
	if d := r.once("11:03"); d != (reconcile.Result{}) {
		t.Errorf("result %+v for a Job of which nothing is left", d)
	}
}

func TestABrokenDocumentGetsItsConditionAndNothingElse(t *testing.T) {
	r := newRig(t)
	r.follow()
	for _, row := range []struct{ name, document, path string }{
		{"unknown field", strings.Replace(helloYAML, "shell", "shel", 1), "spec.task.shel"},
		{"wrong schedule", strings.Replace(helloYAML, "0 *", "99 *", 1), "spec.schedule"},
		{"wrong zone", strings.Replace(helloYAML, "spec:", "spec:\n  timeZone: Mars/Olympus", 1), "spec.timeZone"},
		{"no YAML at all", "{{{", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			r.put(hello.Spec(), row.document)
			r.once("09:31")
			r.once("12:31")
			c := condition.Find(r.status().Conditions, v1.JobAccepted)
			if c == nil || c.Status != "False" || !strings.Contains(c.Message, row.path) {
				t.Errorf("condition %+v, want one that names %q", c, row.path)
			}
			if runs := r.cache.RunsOf("default", "hello"); len(runs) != 0 {
				t.Errorf("%d Runs were made", len(runs))
			}
		})
	}
}

func TestAStatusThatCannotBeReadStopsTheJobAndIsLeftAlone(t *testing.T) {
	r := newRig(t)
	r.follow()
	r.put(hello.Spec(), helloYAML)
	r.put(hello.Status(), "{{{")
	r.set(at("10:00"))
	_, err := r.Reconcile(t.Context(), hello)
	if err == nil || !strings.Contains(err.Error(), hello.Status()) {
		t.Errorf("error %v, want one that names the key", err)
	}
	if r.cache.Job("default", "hello").StatusErr() == nil {
		t.Error("the status was overwritten")
	}
}

func TestI3TwoLeadersCreateOneRun(t *testing.T) {
	r := newRig(t)
	r.follow()
	r.put(hello.Spec(), helloYAML)
	r.once("09:30")
	r.set(at("10:00"))
	in, _, err := r.gather(hello) // What the other one has seen.
	if err != nil {
		t.Fatal(err)
	}
	r.once("10:00")

	late := Plan(in, at("10:00:00.1"))
	change, err := changeOf(hello, in.Job, &late, store.StatisticsDocument{}, *r.clock.Load())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.store.Apply(t.Context(), change); !errors.Is(err, store.ErrConflict) {
		t.Errorf("the second creation gave %v, want a conflict", err)
	}
}

func TestI3AnEditThatCameFirstIsRespected(t *testing.T) {
	r := newRig(t)
	r.follow()
	r.put(hello.Spec(), helloYAML)
	r.once("09:30")
	r.set(at("10:00"))
	in, _, err := r.gather(hello)
	if err != nil {
		t.Fatal(err)
	}
	r.put(hello.Spec(), strings.Replace(helloYAML, "spec:", "spec:\n  suspend: true", 1))
	d := Plan(in, at("10:00"))
	change, err := changeOf(hello, in.Job, &d, store.StatisticsDocument{}, *r.clock.Load())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.store.Apply(t.Context(), change); !errors.Is(err, store.ErrConflict) {
		t.Errorf("a Run of the former spec was created: %v", err)
	}
}

// staleCache shows the cache as it was at an earlier revision, as far as this test's Runs are concerned: it has heard of none.
type staleCache struct {
	*cache.Cache
	revision int64
}

func (c staleCache) JobWithParents(namespace, name string) (*store.Job, []*store.Run, []*store.Job, int64) {
	return c.Job(namespace, name), nil, nil, c.revision
}

// A manual Run that this leader's cache has not heard of yet is active all the same: nothing starts beside it, unless the Job allows
// that.
func TestAManualRunThatIsUnheardOfIsRespected(t *testing.T) {
	for policy, want := range map[v1.ConcurrencyPolicy]bool{
		v1.ConcurrencyForbid: false, v1.ConcurrencyQueue: false, v1.ConcurrencyReplace: false, v1.ConcurrencyAllow: true,
	} {
		t.Run(string(policy), func(t *testing.T) {
			r := newRig(t)
			r.follow()
			r.put(hello.Spec(), strings.Replace(helloYAML, "spec:", "spec:\n  concurrencyPolicy: "+string(policy), 1))
			r.once("09:30")
			seen := r.cache.Revision()
			put, err := store.PutSpec(store.RunKey("default", "hello-mabcdefgh"), NewRun(r.cache.Job("default", "hello").Object, Manual("abcdefgh"), RunOptions{}, at("09:59")))
			if err != nil {
				t.Fatal(err)
			}
			r.put(put.EtcdKey, string(put.Value))

			r.set(at("10:00"))
			behind := New(Config{Cache: staleCache{r.cache, seen}, Writer: r.store, Statistics: r.store, Log: logr.Discard(), Now: r.cfg.Now})
			behind.upSince.Store(r.upSince.Load())
			_, err = behind.Reconcile(t.Context(), hello)
			if created := err == nil; created != want || err != nil && !errors.Is(err, store.ErrConflict) {
				t.Errorf("got %v, want a Run %t, or a conflict", err, want)
			}
			if want {
				return
			}
			// Once the cache has heard of it the policy decides.
			r.once("10:00:01")
			if run := r.cache.Run("default", "hello-20261122t100000z"); run != nil {
				t.Errorf("%s was created", run.Key)
			}
		})
	}
}

func TestI6ADeposedLeaderWritesNothing(t *testing.T) {
	r := newRig(t)
	r.follow()
	r.put(hello.Spec(), helloYAML)
	w := r.store.Writer(store.Fence{Key: store.LeaderPrefix + "nobody", CreateRevision: 7})
	defer w.Close()
	deposed := New(Config{Cache: r.cache, Writer: w, Log: logr.Discard()})
	if _, err := deposed.Reconcile(t.Context(), hello); !errors.Is(err, store.ErrFenced) {
		t.Errorf("error %v, want ErrFenced", err)
	}
	if r.cache.Job("default", "hello").Rev.StatusMod != 0 {
		t.Error("a status was written")
	}
}

func TestARunDeletedWhileActiveHoldsItsPlace(t *testing.T) {
	r := newRig(t)
	r.follow()
	r.put(hello.Spec(), strings.Replace(helloYAML, "spec:", "spec:\n  concurrencyPolicy: Queue", 1))
	r.once("09:30")
	r.once("10:00")
	run := store.RunKey("default", "hello-20261122t100000z")
	r.endRun(run.Name, v1.RunRunning)
	r.put(run.Spec(), "") // etcdctl del: its task is still there.
	r.once("11:00")
	if s := r.status(); len(s.Waiting) != 1 || len(r.cache.RunsOf("default", "hello")) != 0 {
		t.Fatalf("status %+v: 11:00 does not wait for the task to die", s)
	}
	deleted := r.cache.Run("default", run.Name)
	if key := jobOf(deleted); key != hello {
		t.Errorf("the Run's Job is %v", key)
	}
	r.put(run.Status(), "") // The run controller has killed it.
	r.once("11:05")
	if r.cache.Run("default", "hello-20261122t110000z") == nil {
		t.Errorf("status %+v: 11:00 does not run", r.status())
	}
}

// restless is a cache that goes on after it has been asked for the Job, or for its Runs.
type restless struct {
	*cache.Cache
	afterJob, afterRuns func()
}

func (c *restless) Job(namespace, name string) *store.Job {
	defer c.afterJob()
	return c.Cache.Job(namespace, name)
}

func (c *restless) RunsOf(namespace, job string) []*store.Run {
	defer c.afterRuns()
	return c.Cache.RunsOf(namespace, job)
}

func (c *restless) JobWithParents(namespace, name string) (*store.Job, []*store.Run, []*store.Job, int64) {
	defer func() {
		c.afterJob()
		c.afterRuns()
	}()
	return c.Cache.JobWithParents(namespace, name)
}

// What a plan knows of a Job and its Runs is of one moment, however fast the cache goes on.
func TestWhatIsGatheredIsOfOneMoment(t *testing.T) {
	fix := store.RunKey("default", "my-fix")
	const fixYAML = "apiVersion: horae/v1\nkind: Run\nspec: {job: hello, reason: Manual, task: {shell: \"true\"}}\n"
	nothing := func() {}
	// begin has a Job whose status calls a Run active.
	begin := func(r *rig) {
		r.put(hello.Spec(), helloYAML)
		r.put(fix.Spec(), fixYAML)
		r.endRun(fix.Name, v1.RunRunning)
		r.once("09:30")
	}
	deleted := func(r *rig) (afterJob, afterRuns func()) { return nothing, func() { r.put(fix.Spec(), "") } }
	for _, tt := range []struct {
		name    string
		before  func(*rig)
		changes func(*rig) (afterJob, afterRuns func())
		check   func(*rig)
	}{
		{
			name: "a Job is made anew, and a Run of it: the Run is not one of a deleted Job", before: func(*rig) {},
			changes: func(r *rig) (afterJob, afterRuns func()) {
				return func() {
					r.put(hello.Spec(), helloYAML)
					r.put(fix.Spec(), fixYAML)
				}, nothing
			},
			check: func(r *rig) {
				if r.cache.Run("default", fix.Name).Object.Spec.Cancel {
					r.t.Error("it was cancelled")
				}
			},
		},
		{
			name: "an active Run is deleted: it is active once", before: begin, changes: deleted,
			check: func(r *rig) {
				r.once("09:40") // Writes what it has found.
				if s := r.status(); !slices.Equal(s.Active, []string{fix.Name}) {
					r.t.Errorf("active: %v", s.Active)
				}
			},
		},
		{
			name: "a Run that has failed is deleted: it has failed once", changes: deleted,
			before: func(r *rig) {
				begin(r)
				r.endRun(fix.Name, v1.RunFailed)
			},
			check: func(r *rig) {
				if s := r.status(); s.Failed != 1 || len(s.Active) != 0 {
					r.t.Errorf("failed %d, active %v", s.Failed, s.Active)
				}
			},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t)
			r.follow()
			tt.before(r)
			afterJob, afterRuns := tt.changes(r)
			r.cfg.Cache = &restless{r.cache, sync.OnceFunc(afterJob), sync.OnceFunc(afterRuns)}
			r.once("09:35")
			tt.check(r)
		})
	}
}

func TestTheLoopRunsAJobEverySecond(t *testing.T) {
	r := newRig(t)
	r.Reconciler = New(Config{Cache: r.cache, Writer: r.store, Statistics: r.store, Log: logr.Discard()})
	loop := reconcile.New(reconcile.Config{Name: "job", Reconciler: r.Reconciler, Log: logr.Discard(), Workers: 4})
	runs := make(chan *store.Run, 100)
	r.cache.Listen(func(e cache.Event) {
		before, after := cache.Of[v1.Run](e)
		switch {
		case e.Key.Kind == store.Jobs:
			loop.Add(e.Key)
		case matters(before, after):
			if before == nil {
				runs <- after
			}
			loop.Add(hello)
		}
	})
	r.cache.OnRevision(loop.Observed)
	r.follow()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- loop.Run(ctx) }()

	r.put(hello.Spec(), strings.NewReplacer("0 *", "* * *", "spec:", "spec:\n  concurrencyPolicy: Allow").Replace(helloYAML))
	var last time.Time
	for range 3 {
		run := <-runs
		now := run.Object.Spec.ScheduledTime.Time
		if !last.IsZero() && !now.Equal(last.Add(time.Second)) {
			t.Errorf("%v follows %v", now, last)
		}
		last = now
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// slow is a writer that takes its time: the clock goes on while it writes.
type slow struct {
	Writer
	rig *rig
}

func (s slow) Apply(ctx context.Context, c store.Change) (int64, error) {
	s.rig.set(s.rig.clock.Load().Add(20 * time.Millisecond))
	return s.Writer.Apply(ctx, c)
}

func TestASlowWriteDoesNotMakeTheNextRunLate(t *testing.T) {
	r := newRig(t)
	r.cfg.Writer = slow{r.store, r}
	r.follow()
	r.put(hello.Spec(), helloYAML)
	if d := r.once("09:30"); d.After != 30*time.Minute-20*time.Millisecond {
		t.Errorf("looks again %v after the write, want what is left of 30m", d.After)
	}
	if d := r.once("09:59:59.99"); d.Revision != 0 || d.After != 10*time.Millisecond {
		t.Errorf("result %+v", d)
	}
}

func TestRunsThatMatterToTheirJob(t *testing.T) {
	run := func(phase v1.RunPhase, rev store.Revisions) *store.Run {
		return &store.Run{Rev: rev, Object: &v1.Run{Status: v1.RunStatus{Phase: phase}}}
	}
	live, gone := store.Revisions{SpecCreate: 1, SpecMod: 1}, store.Revisions{}
	for _, row := range []struct {
		name          string
		before, after *store.Run
		want          bool
	}{
		{"new", nil, run(v1.RunPending, live), true},
		{"launched", run(v1.RunPending, live), run(v1.RunRunning, live), false},
		{"ended", run(v1.RunRunning, live), run(v1.RunFailed, live), true},
		{"deleted", run(v1.RunRunning, live), run(v1.RunRunning, gone), true},
		{"gone", run(v1.RunKilled, gone), nil, true},
	} {
		if got := matters(row.before, row.after); got != row.want {
			t.Errorf("%s: %v, want %v", row.name, got, row.want)
		}
	}
}

func TestWritesAreForgottenInTime(t *testing.T) {
	w := writes{interval: time.Second}
	for i := range 5000 {
		w.note(store.JobKey("default", string(rune('a'+i%26))+time.Duration(i).String()), at("10:00").Add(time.Duration(i)*time.Millisecond))
	}
	if n := len(w.times); n > 2100 {
		t.Errorf("%d writes are remembered, of which 1000 matter", n)
	}
}

func TestValidate(t *testing.T) {
	for _, row := range []struct {
		name   string
		edit   func(*v1.JobSpec)
		fields []string
	}{
		{"a plain Job", nil, nil},
		{"no schedule", func(s *v1.JobSpec) { s.Schedule = "" }, nil},
		{"several expressions", func(s *v1.JobSpec) { s.Schedule = "0 2 * * *\nR/2026-01-01T00:00:00Z/P1D\n" }, nil},
		{"a bad schedule", func(s *v1.JobSpec) { s.Schedule = "0 25 * * *" }, []string{"spec.schedule"}},
		{"a schedule that never fires", func(s *v1.JobSpec) { s.Schedule = "0 0 30 2 *" }, []string{"spec.schedule"}},
		{"an unknown zone", func(s *v1.JobSpec) { s.TimeZone = "Nowhere/City" }, []string{"spec.timeZone"}},
		{"an ambiguous zone", func(s *v1.JobSpec) { s.TimeZone = "IST" }, []string{"spec.timeZone"}},
		{"a bad schedule and no task", func(s *v1.JobSpec) { s.Schedule, s.Task.Shell = "x", "" }, []string{"spec.schedule", "spec.task"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			var fields []string
			for _, err := range Validate(newJob(at("10:00"), row.edit)) {
				fields = append(fields, err.Field)
			}
			slices.Sort(fields)
			if !slices.Equal(fields, row.fields) {
				t.Errorf("errors at %v, want %v", fields, row.fields)
			}
		})
	}
}

func TestUpcoming(t *testing.T) {
	job := newJob(at("09:30"), func(s *v1.JobSpec) { s.Suspend = true })
	list, err := Upcoming(job, nil, at("10:30"), 2)
	if err != nil || len(list) != 2 || !list[0].Equal(at("11:00")) || !list[1].Equal(at("12:00")) {
		t.Errorf("got %v, %v", list, err)
	}
	job.Spec.Schedule = "R//PT1H" // Its anchor stands in the status.
	job.Status.Schedule = &v1.ScheduleStatus{Expression: "R//PT1H", TimeZone: "Etc/UTC", Since: v1.NewTime(at("09:07"))}
	if list, err := Upcoming(job, nil, at("10:30"), 1); err != nil || !list[0].Equal(at("11:07")) {
		t.Errorf("got %v, %v", list, err)
	}
	job.Spec.Schedule = "R2/2026-11-22T10:45:00Z/PT1H"
	if list, err := Upcoming(job, nil, at("10:30"), 5); err != nil || len(list) != 2 {
		t.Errorf("got %v, %v", list, err)
	}
	job.Spec.Schedule = ""
	if list, err := Upcoming(job, nil, at("10:30"), 5); err != nil || len(list) != 0 {
		t.Errorf("got %v, %v", list, err)
	}
	job.Spec.Schedule = "nonsense"
	if _, err := Upcoming(job, nil, at("10:30"), 5); err == nil {
		t.Error("nonsense has occurrences")
	}
}

// TestStatusKeysAreAsDocumented: the status document is a public interface.
func TestStatusKeysAreAsDocumented(t *testing.T) {
	w := newWorld(t, at("09:30"), nil)
	in := w.input()
	d := Plan(in, w.now)
	change, err := changeOf(hello, in.Job, &d, w.stored, w.now)
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := json.Unmarshal(change.Writes[0].Value, &doc); err != nil {
		t.Fatal(err)
	}
	if doc["apiVersion"] != "horae/v1" || doc["kind"] != "Job" || doc["spec"] != nil || doc["status"] == nil {
		t.Errorf("document %s", change.Writes[0].Value)
	}
}

// TestAJobThatEtcdDoesNotTake: an etcd with a smaller limit than the default gets one Run at a time, and a Job of which it does not take
// even one reports that, and goes on when its spec has become smaller.
func TestAJobThatEtcdDoesNotTake(t *testing.T) {
	s, err := store.Open(t.Context(), store.Config{
		Endpoints:      []string{etcdtest.Start(t, etcdtest.WithConfig(func(c *embed.Config) { c.MaxRequestBytes = 20 << 10 }))},
		RequestTimeout: time.Minute,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	r := &rig{t: t, store: s, cache: cache.New(s, logr.Discard(), cache.VerifyImmutable())}
	r.set(at("09:30"))
	r.Reconciler = New(Config{Cache: r.cache, Writer: s, Statistics: s, Log: logr.Discard(), Now: func() time.Time { return *r.clock.Load() }})
	r.follow()
	job := func(size int) string {
		return "apiVersion: horae/v1\nkind: Job\nspec:\n  schedule: \"0 * * * *\"\n  missedRuns: All\n  concurrencyPolicy: Allow\n  task: {shell: \"" + strings.Repeat("x", size) + "\"}\n"
	}
	settle := func(now string) {
		for range 20 {
			if d := r.once(now); d.After != time.Millisecond {
				return
			}
		}
		t.Fatal("the Job does not settle")
	}
	r.put(hello.Spec(), job(12<<10))
	settle("09:30")
	settle("12:30") // Three are due: two of them do not fit into one transaction.
	if s := r.status(); s.ActiveCount != 3 || reasonOf(s, v1.JobAccepted) != v1.ReasonValid {
		t.Errorf("%d Runs, %+v", s.ActiveCount, s.Conditions)
	}
	r.put(hello.Spec(), job(19<<10)) // The Run is larger than the Job by what defaults add.
	settle("13:00")
	c := condition.Find(r.status().Conditions, v1.JobAccepted)
	if c.Status != metav1.ConditionFalse || !strings.Contains(c.Message, "too large") || r.status().ActiveCount != 3 {
		t.Errorf("%d Runs, condition %+v", r.status().ActiveCount, c)
	}
	r.put(hello.Spec(), job(10))
	settle("13:30")
	if s := r.status(); s.ActiveCount != 4 || reasonOf(s, v1.JobAccepted) != v1.ReasonValid {
		t.Errorf("%d Runs, %+v", s.ActiveCount, s.Conditions)
	}
}
