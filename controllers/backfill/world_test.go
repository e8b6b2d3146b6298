package backfill

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"horae/api"
	v1 "horae/api/v1"
	"horae/controllers/job"
	"horae/internal/reconcile"
	"horae/internal/store"
)

// tester is what *testing.T and *rapid.T share.
type tester interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// at is a time of day of the day on which the tests take place, such as "10:00", or a full RFC 3339 time.
func at(s string) time.Time {
	if t, err := time.Parse("15:04", s); err == nil {
		return time.Date(2026, 11, 22, t.Hour(), t.Minute(), 0, 0, time.UTC)
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t.UTC()
}

// snapshot is what etcd held at a revision.
type snapshot struct {
	revision int64
	kvs      map[string]*store.KeyValue
	read     map[documents]any // entries that were decoded, of all snapshots
}

// documents of an object.
type documents struct{ spec, status *store.KeyValue }

// world is an etcd in memory, the controllers of Jobs and of Backfills over a cache that may lag, and the clock.
type world struct {
	t       tester
	now     time.Time
	history []*snapshot // the last one is the present
	seen    int         // what the cache has seen: an index of history
	gates   map[store.Key]int64

	jobs      *job.Reconciler
	backfills *Reconciler

	// lose says what becomes of the next write of a controller: "" it is made; "before": it is not, and the manager
	// has crashed; "after": it is made, and the manager has crashed before it heard so.
	lose string

	made     map[string]int    // Runs ever created, by uid of the Backfill and occurrence
	ran      map[string]string // occurrences that the schedule or a Backfill of what is missing has run
	ends     map[string]int    // ends of a Backfill's Runs, by uid and "Succeeded" or "Failed"
	forgot   bool              // a person has deleted what says that something has run
	parallel int               // the largest there has been
}

func newWorld(t tester, now time.Time) *world {
	w := &world{t: t, now: now, history: []*snapshot{{revision: 100, kvs: map[string]*store.KeyValue{}, read: map[documents]any{}}}, made: map[string]int{},
		ran: map[string]string{}, ends: map[string]int{}}
	w.restart()
	return w
}

// restart begins a term: nothing is remembered.
func (w *world) restart() {
	w.gates = map[store.Key]int64{}
	w.jobs = job.New(job.Config{Cache: view{w}, Writer: w, Now: func() time.Time { return w.now }})
	w.backfills = New(Config{Cache: view{w}, Writer: w, Now: func() time.Time { return w.now }})
}

func (w *world) present() *snapshot { return w.history[len(w.history)-1] }

// Apply makes a change in the present, whatever the cache has seen.
func (w *world) Apply(_ context.Context, c store.Change) (int64, error) {
	lose := w.lose
	w.lose = ""
	if lose == "before" {
		return 0, errors.New("crashed")
	}
	p := w.present()
	for _, g := range c.Guards {
		if kv := p.kvs[g.EtcdKey]; kv == nil && g.Revision != 0 || kv != nil && kv.ModRevision != g.Revision {
			return 0, store.ErrConflict
		}
	}
	for _, g := range c.NewKeys {
		for key, kv := range p.kvs {
			if strings.HasPrefix(key, g.EtcdKey) && kv.CreateRevision > g.Revision {
				return 0, store.ErrConflict
			}
		}
	}
	revision := w.put(c.Writes)
	if lose == "after" {
		return 0, errors.New("crashed")
	}
	return revision, nil
}

func (w *world) put(writes []store.Write) int64 {
	next := &snapshot{revision: w.present().revision + 1, kvs: maps.Clone(w.present().kvs), read: w.present().read}
	for _, write := range writes {
		if write.Value == nil {
			delete(next.kvs, write.EtcdKey)
			continue
		}
		kv := &store.KeyValue{Key: []byte(write.EtcdKey), Value: write.Value, CreateRevision: next.revision, ModRevision: next.revision, Version: 1}
		if old := next.kvs[write.EtcdKey]; old != nil {
			kv.CreateRevision, kv.Version = old.CreateRevision, old.Version+1
		}
		next.kvs[write.EtcdKey] = kv
	}
	w.history = append(w.history, next)
	for _, write := range writes {
		if key, side, ok := store.ParseKey(write.EtcdKey); ok && side == store.SpecSide && key.Kind == store.Runs && w.history[len(w.history)-2].kvs[write.EtcdKey] == nil {
			w.created(run(next, key.Name))
		}
	}
	return next.revision
}

// created checks what must hold when a Run is created.
func (w *world) created(r *store.Run) {
	w.t.Helper()
	spec := &r.Object.Spec
	if spec.ScheduledTime == nil {
		return
	}
	when := spec.ScheduledTime.UTC().Format(time.RFC3339Nano)
	repeats := false
	if spec.Backfill != "" {
		b := entry[v1.Backfill](w.present(), store.BackfillKey("default", spec.Backfill))
		id := string(b.Object.UID) + " " + when
		if w.made[id]++; w.made[id] > 1 {
			w.t.Fatalf("backfill %s runs %s twice", spec.Backfill, when)
		}
		repeats = b.Object.Spec.Runs != v1.BackfillMissing
		if n := len(w.live(spec.Backfill)); n > w.parallel {
			w.t.Fatalf("%d Runs of %s are active", n, spec.Backfill)
		}
	}
	if before := w.ran[when]; before != "" && !repeats && !w.forgot {
		w.t.Fatalf("%s runs %s, which has run as %s", r.Key.Name, when, before)
	}
	w.ran[when] = r.Key.Name
}

func entry[T any](s *snapshot, key store.Key) *store.Entry[T] {
	spec, status := s.kvs[key.Spec()], s.kvs[key.Status()]
	if spec == nil && status == nil {
		return nil
	}
	known, ok := s.read[documents{spec, status}].(*store.Entry[T])
	if !ok {
		known = store.NewEntry[T](key, spec, status)
		s.read[documents{spec, status}] = known
	}
	return known
}

func run(s *snapshot, name string) *store.Run { return entry[v1.Run](s, store.RunKey("default", name)) }

// all returns the entries of a kind, by create revision and name.
func all[T any](s *snapshot, kind store.Kind) []*store.Entry[T] {
	names := map[string]bool{}
	for etcdKey := range s.kvs {
		if key, _, ok := store.ParseKey(etcdKey); ok && key.Kind == kind {
			names[key.Name] = true
		}
	}
	var list []*store.Entry[T]
	for _, name := range slices.Sorted(maps.Keys(names)) {
		list = append(list, entry[T](s, store.Key{Kind: kind, Namespace: "default", Name: name}))
	}
	slices.SortStableFunc(list, func(a, b *store.Entry[T]) int { return int(a.Rev.SpecCreate - b.Rev.SpecCreate) })
	return list
}

// view is the cache of the controllers.
type view struct{ w *world }

func (v view) at() *snapshot { return v.w.history[v.w.seen] }

func (v view) Backfill(_, name string) *store.Backfill {
	return entry[v1.Backfill](v.at(), store.BackfillKey("default", name))
}

func (v view) BackfillsOf(_, job string) []*store.Backfill {
	return slices.DeleteFunc(all[v1.Backfill](v.at(), store.Backfills), func(b *store.Backfill) bool { return b.Object.Spec.Job != job })
}

func (v view) JobWithRuns(_, name string) (*store.Job, []*store.Run, int64) {
	runs := slices.DeleteFunc(all[v1.Run](v.at(), store.Runs), func(r *store.Run) bool { return r.Object.Spec.Job != name })
	return entry[v1.Job](v.at(), store.JobKey("default", name)), runs, v.at().revision
}
func (v view) JobWithParents(namespace, name string) (*store.Job, []*store.Run, []*store.Job, int64) {
	j, runs, revision := v.JobWithRuns(namespace, name)
	return j, runs, nil, revision
}
func (v view) Dependents(_, _ string) []*store.Job    { return nil }
func (v view) Cycle(_, _ string) []string             { return nil }
func (v view) Cyclic() []store.Key                    { return nil }
func (v view) Run(_, name string) *store.Run          { return run(v.at(), name) }
func (v view) Calendar(_, _ string) *store.Calendar   { return nil }
func (v view) JobsWith(_, _ string) []store.Key       { return nil }
func (v view) JobsWithActive(_, _ string) []store.Key { return nil }
func (v view) Job(_, name string) *store.Job {
	return entry[v1.Job](v.at(), store.JobKey("default", name))
}
func (w *world) backfill(name string) *store.Backfill {
	return entry[v1.Backfill](w.present(), store.BackfillKey("default", name))
}
func (w *world) status(name string) *v1.BackfillStatus          { return &w.backfill(name).Object.Status }
func (w *world) job() *store.Job                                { return entry[v1.Job](w.present(), store.JobKey("default", "hello")) }
func (w *world) user(writes ...store.Write)                     { w.put(writes) }
func (w *world) delete(key store.Key)                           { w.user(store.DeleteSpec(key)) }
func (w *world) specOf(key store.Key, o api.Object) store.Write { return must(store.PutSpec(key, o)) }

func must(write store.Write, err error) store.Write {
	if err != nil {
		panic(err)
	}
	return write
}

// apply writes a Job hello.
func (w *world) apply(edit func(*v1.JobSpec)) {
	j := &v1.Job{TypeMeta: metav1.TypeMeta{APIVersion: "horae/v1", Kind: "Job"}, ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "hello"},
		Spec: v1.JobSpec{Schedule: "0 * * * *", Task: v1.TaskSpec{Shell: "true"}}}
	if now := w.job(); now != nil && !now.Rev.Deleted() {
		j.CreationTimestamp, j.Spec = now.Object.CreationTimestamp, *now.Object.Spec.DeepCopy()
	} else {
		j.CreationTimestamp = metav1.NewTime(w.now.Truncate(time.Second))
	}
	if edit != nil {
		edit(&j.Spec)
	}
	key := store.JobKey("default", "hello")
	w.user(w.specOf(key, j))
}

// make writes a Backfill of hello.
func (w *world) make(name, from, to string, edit func(*v1.BackfillSpec)) {
	spec := v1.BackfillSpec{Job: "hello", From: v1.NewTime(at(from)), To: v1.NewTime(at(to))}
	if edit != nil {
		edit(&spec)
	}
	if spec.Parallel == nil {
		spec.Parallel = new(int32)
		*spec.Parallel = 1
	}
	w.parallel = max(w.parallel, int(*spec.Parallel))
	b := &v1.Backfill{TypeMeta: metav1.TypeMeta{APIVersion: "horae/v1", Kind: "Backfill"}, ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name}, Spec: spec}
	w.user(w.specOf(store.BackfillKey("default", name), b))
}

// edit changes a Backfill's spec.
func (w *world) edit(name string, edit func(*v1.BackfillSpec)) {
	b := w.backfill(name).Object.DeepCopy()
	edit(&b.Spec)
	w.parallel = max(w.parallel, int(*b.Spec.Parallel))
	w.user(w.specOf(store.BackfillKey("default", name), b))
}

// live returns the Runs of a Backfill that have not ended, with their spec there.
func (w *world) live(backfill string) []*store.Run {
	return slices.DeleteFunc(all[v1.Run](w.present(), store.Runs), func(r *store.Run) bool {
		return r.Rev.Deleted() || ended(r) || r.Object.Spec.Backfill != backfill
	})
}

// end brings a Run to its end, as the run controller does.
func (w *world) end(name string, phase v1.RunPhase) {
	r := run(w.present(), name)
	if r.Rev.Deleted() {
		w.user(store.DeleteStatus(r.Key))
		return
	}
	if r.Object.Spec.Cancel {
		phase = v1.RunKilled
	}
	if of := r.Object.Spec.Backfill; of != "" {
		if b := w.backfill(of); b != nil && !b.Rev.Deleted() && slices.Contains(b.Object.Status.Active, r.Key.Name) {
			outcome := "Failed"
			if phase == v1.RunSucceeded {
				outcome = "Succeeded"
			}
			w.ends[string(b.Object.UID)+" "+outcome]++
		}
	}
	if t := r.Object.Spec.ScheduledTime; t != nil && (phase == v1.RunMissed || phase == v1.RunKilled) {
		if when := t.UTC().Format(time.RFC3339Nano); w.ran[when] == name {
			delete(w.ran, when) // It has not been tried.
		}
	}
	done := r.Object.DeepCopy()
	done.Status = v1.RunStatus{Phase: phase, FinishTime: v1.NewTimePtr(w.now), Message: string(phase) + " here"}
	w.user(must(store.PutStatus(r.Key, done)))
}

// reconcile has a key planned once. The cache has seen the key's own last write.
func (w *world) reconcile(key store.Key) {
	if gate := w.gates[key]; w.history[w.seen].revision < gate {
		w.seen = slices.IndexFunc(w.history, func(s *snapshot) bool { return s.revision == gate })
	}
	var result reconcile.Result
	var err error
	if key.Kind == store.Jobs {
		result, err = w.jobs.Reconcile(context.Background(), key)
	} else {
		result, err = w.backfills.Reconcile(context.Background(), key)
	}
	switch {
	case err == nil:
		w.gates[key] = max(w.gates[key], result.Revision)
	case errors.Is(err, store.ErrConflict):
	case strings.Contains(err.Error(), "crashed"):
		w.restart()
	default:
		w.t.Fatalf("reconcile %s: %v", key, err)
	}
}

func (w *world) keys() []store.Key {
	keys := []store.Key{store.JobKey("default", "hello")}
	for _, b := range all[v1.Backfill](w.present(), store.Backfills) {
		keys = append(keys, b.Key)
	}
	return keys
}

// settle reconciles everything until nothing is written any more.
func (w *world) settle() {
	for range 10_000 {
		before := w.present().revision
		for _, r := range all[v1.Run](w.present(), store.Runs) {
			if r.Rev.Deleted() {
				w.end(r.Key.Name, "")
			}
		}
		for _, key := range w.keys() {
			w.seen = len(w.history) - 1
			w.reconcile(key)
		}
		if w.present().revision == before {
			return
		}
	}
	w.t.Fatalf("it does not come to rest")
}

// finish settles, and ends what is active, until nothing is.
func (w *world) finish(phase func(r *store.Run) v1.RunPhase) {
	for range 10_000 {
		w.settle()
		busy := false
		for _, r := range all[v1.Run](w.present(), store.Runs) {
			if !ended(r) {
				w.end(r.Key.Name, phase(r))
				busy = true
			}
		}
		if !busy {
			w.now = w.now.Add(2 * time.Second) // The job controller writes sums once a second.
			w.settle()
			return
		}
	}
	w.t.Fatalf("it does not finish")
}

func succeeds(*store.Run) v1.RunPhase { return v1.RunSucceeded }

// runsOf lists the occurrences of a Backfill's Runs that are kept, with their names' endings.
func (w *world) runsOf(backfill string) string {
	var list []string
	for _, r := range all[v1.Run](w.present(), store.Runs) {
		if r.Object.Spec.Backfill == backfill {
			text := r.Object.Spec.ScheduledTime.Format("15:04")
			if strings.Contains(r.Key.Name, "z-b") {
				text += "*"
			}
			list = append(list, text)
		}
	}
	return strings.Join(list, " ")
}

// sums of a status.
func sums(s *v1.BackfillStatus) string {
	text := fmt.Sprintf("%d/%d ok=%d failed=%d skipped=%d active=%d", s.Done, s.Total, s.Succeeded, s.Failed, s.Skipped, s.ActiveCount)
	for _, f := range s.SkippedFor {
		text += fmt.Sprintf(" %s=%d", f.Reason, f.Count)
	}
	return text
}

// reasonOf returns the reason of the condition Finished, with "!" if it is True.
func reasonOf(s *v1.BackfillStatus) string {
	for _, c := range s.Conditions {
		if c.Type == v1.BackfillFinished {
			if c.Status == metav1.ConditionTrue {
				return c.Reason + "!"
			}
			return c.Reason
		}
	}
	return ""
}
