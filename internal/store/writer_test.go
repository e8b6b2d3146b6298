package store

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	clientv3 "go.etcd.io/etcd/client/v3"

	"horae/internal/etcdtest"
)

func TestWriterCommitsAndConflictsPerObject(t *testing.T) {
	s := open(t)
	w := writer(t, s)
	key := JobKey("default", "a")
	create := Change{Guards: []Guard{SpecAt(key, 0)}, Writes: []Write{must(PutSpec(key, newJob("a")))}}
	rev, err := w.Apply(t.Context(), create)
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.GetJob(t.Context(), "default", "a")
	if err != nil {
		t.Fatal(err)
	}
	if got.Rev.SpecMod != rev || got.Object.Generation != 1 || got.Object.Spec.Schedule != "0 * * * *" {
		t.Fatalf("read back %+v after a write at %d", got, rev)
	}
	if _, err := w.Apply(t.Context(), create); !errors.Is(err, ErrConflict) || !strings.Contains(err.Error(), key.Spec()) {
		t.Fatalf("second creation: %v, want a conflict that names the key", err)
	}
}

// blocked is a writer whose first transaction is under way and not answered, so that what follows waits and is grouped.
type blocked struct {
	*Writer
	store    *Store
	direct   *clientv3.Client
	proxy    *etcdtest.Proxy
	registry *prometheus.Registry
	wg       sync.WaitGroup
	first    error
}

func block(t *testing.T, timeout time.Duration) *blocked {
	t.Helper()
	endpoint := etcdtest.Start(t)
	b := &blocked{proxy: etcdtest.NewProxy(t, endpoint), direct: etcdtest.Client(t, endpoint), registry: prometheus.NewRegistry()}
	var err error
	b.store, err = Open(t.Context(), Config{Endpoints: []string{b.proxy.Endpoint}, RequestTimeout: timeout, Registerer: b.registry})
	if err != nil {
		t.Fatal(err)
	}
	b.Writer = b.store.Writer(lead(t, b.store))
	t.Cleanup(func() {
		b.proxy.Restore()
		b.wg.Wait()
		b.Close()
		_ = b.store.Close()
	})
	b.proxy.HoldAnswers()
	b.wg.Go(func() { _, b.first = b.Apply(context.Background(), plain("/horae/test/first", "1")) })
	for b.waits(0, 1); ; {
		resp, err := b.direct.Get(t.Context(), "/horae/test/first")
		if err != nil {
			t.Fatal(err)
		}
		if len(resp.Kvs) == 1 {
			return b
		}
	}
}

// waits until so many changes are queued and so many transactions are in flight.
func (b *blocked) waits(queued, inFlight int) {
	for {
		b.mu.Lock()
		done := len(b.queue) == queued && b.inFlight == inFlight
		b.mu.Unlock()
		if done {
			return
		}
		runtime.Gosched() // nothing reports it
	}
}

func plain(key, value string) Change {
	return Change{Writes: []Write{{EtcdKey: key, Value: []byte(value)}}}
}

func guarded(key, value string, revision int64) Change {
	c := plain(key, value)
	c.Guards = []Guard{{key, revision}}
	return c
}

// applyAll applies changes concurrently and returns what came of each.
func applyAll(ctx context.Context, w *Writer, wg *sync.WaitGroup, changes []Change) []error {
	errs := make([]error, len(changes))
	for i, c := range changes {
		wg.Go(func() { _, errs[i] = w.Apply(ctx, c) })
	}
	return errs
}

func TestWhatWaitsIsGroupedAndConflictsStayWithTheirObject(t *testing.T) {
	b := block(t, time.Minute)
	const n = 20 // fewer than pipelineAt: all wait for the first
	var changes []Change
	for i := range n {
		revision := int64(0)
		if i%5 == 0 {
			revision = 1 // no such revision of the key: conflicts
		}
		changes = append(changes, guarded(fmt.Sprintf("/horae/test/%d", i), "v", revision))
	}
	errs := applyAll(t.Context(), b.Writer, &b.wg, changes)
	b.waits(n, 1)
	b.proxy.Restore()
	b.wg.Wait()
	for i, err := range errs {
		if conflict := errors.Is(err, ErrConflict); conflict != (i%5 == 0) || err != nil && !conflict {
			t.Errorf("change %d: %v", i, err)
		}
		resp, err := b.direct.Get(t.Context(), changes[i].Writes[0].EtcdKey)
		if err != nil {
			t.Fatal(err)
		}
		if written := len(resp.Kvs) == 1; written != (i%5 != 0) {
			t.Errorf("change %d written: %v", i, written)
		}
	}
	if ok, conflict := counted(t, b.registry, resultOK), counted(t, b.registry, resultConflict); ok != 17 || conflict != 4 {
		t.Errorf("counted %v made and %v conflicts, want 17 and 4", ok, conflict)
	}
	if n := transactions(t, b.registry); n != 2 {
		t.Errorf("%d transactions, want 2: the first change, and all that waited", n)
	}
}

func transactions(t *testing.T, r *prometheus.Registry) uint64 {
	t.Helper()
	return gathered(t, r, "horae_store_transaction_changes")[0].GetHistogram().GetSampleCount()
}

func counted(t *testing.T, r *prometheus.Registry, result string) float64 {
	t.Helper()
	for _, m := range gathered(t, r, "horae_store_changes_total") {
		if m.GetLabel()[0].GetValue() == result {
			return m.GetCounter().GetValue()
		}
	}
	return 0
}

func gathered(t *testing.T, r *prometheus.Registry, name string) []*dto.Metric {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()
		}
	}
	t.Fatalf("no metric %s", name)
	return nil
}

func TestGroupsFitIntoEtcdsLimits(t *testing.T) {
	b := block(t, time.Minute)
	var changes []Change
	for i := range 400 { // each with 5 operations, so that at most 123 fit: 123 + 5 = 128
		var c Change
		for k := range 5 {
			key := fmt.Sprintf("/horae/test/%d/%d", i, k)
			c.Guards = append(c.Guards, Guard{key, 0})
			c.Writes = append(c.Writes, Write{key, []byte("v")})
		}
		changes = append(changes, c)
	}
	var widest Change
	for k := range maxOps - 1 {
		widest.Writes = append(widest.Writes, Write{fmt.Sprintf("/horae/test/widest/%d", k), []byte("v")})
	}
	changes = append(changes, widest)
	for i := range 3 {
		changes = append(changes, plain(fmt.Sprintf("/horae/test/large/%d", i), strings.Repeat("x", maxBytes*3/4)))
	}
	errs := applyAll(t.Context(), b.Writer, &b.wg, changes)
	b.proxy.Restore()
	b.wg.Wait()
	for i, err := range errs {
		if err != nil {
			t.Errorf("change %d: %v", i, err)
		}
	}
}

func TestWritesOfOneKeyKeepTheirOrder(t *testing.T) {
	b := block(t, time.Minute)
	const n = 5
	var queued sync.WaitGroup
	for i := range n {
		queued.Go(func() {
			if _, err := b.Apply(t.Context(), plain("/horae/test/a", strconv.Itoa(i))); err != nil {
				t.Error(err)
			}
		})
		b.waits(i+1, 1) // so that they come in order
	}
	b.proxy.Restore()
	queued.Wait()
	watch, cancel := context.WithCancel(t.Context())
	defer cancel()
	var got []string
	for resp := range b.direct.Watch(watch, "/horae/test/a", clientv3.WithRev(1)) {
		for _, ev := range resp.Events {
			got = append(got, string(ev.Kv.Value))
		}
		if len(got) == n {
			break
		}
	}
	if want := "0 1 2 3 4"; strings.Join(got, " ") != want {
		t.Errorf("written in the order %v, want %s", got, want)
	}
}

// Each of the two reads what the other writes. Together in one transaction both would pass: etcd compares before it writes.
func TestGroupingDoesNotMakeWriteSkew(t *testing.T) {
	b := block(t, time.Minute)
	errs := applyAll(t.Context(), b.Writer, &b.wg, []Change{
		{Guards: []Guard{{"/horae/test/y", 0}}, Writes: []Write{{"/horae/test/x", []byte("1")}}},
		{Guards: []Guard{{"/horae/test/x", 0}}, Writes: []Write{{"/horae/test/y", []byte("1")}}},
	})
	b.waits(2, 1)
	b.proxy.Restore()
	b.wg.Wait()
	if (errs[0] == nil) == (errs[1] == nil) {
		t.Errorf("results %v: want exactly one to conflict", errs)
	}
}

func TestChangeWithoutWritesChecks(t *testing.T) {
	s := open(t)
	w := writer(t, s)
	if rev, err := w.Apply(t.Context(), Change{}); err != nil || rev == 0 {
		t.Errorf("the fence holds: %d, %v", rev, err)
	}
	if _, err := w.Apply(t.Context(), Change{Guards: []Guard{{"/horae/test/a", 1}}}); !errors.Is(err, ErrConflict) {
		t.Errorf("a guard that does not hold: %v", err)
	}
	if _, err := s.client.Delete(t.Context(), w.fence.Key); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Apply(t.Context(), Change{}); !errors.Is(err, ErrFenced) || !strings.Contains(err.Error(), "check the fence") {
		t.Errorf("the fence does not hold: %v", err)
	}
}

func TestRefusedChangeDoesNotTakeOthersWithIt(t *testing.T) {
	s := open(t)
	w := writer(t, s)
	refused := []Change{
		plain("", "1"),
		{Writes: []Write{{"/horae/test/a", nil}, {"/horae/test/a", nil}}},
		{Guards: []Guard{{"", 0}}},
		{Writes: make([]Write, maxOps)},
		plain("/horae/test/huge", strings.Repeat("x", 1900<<10)), // etcd's own limit
		plain("/horae/test/huge", strings.Repeat("x", 3<<20)),    // the client's
	}
	for i := range maxOps {
		refused[3].Writes[i] = Write{EtcdKey: "/horae/test/" + strconv.Itoa(i)}
	}
	var wg sync.WaitGroup
	errs := applyAll(t.Context(), w, &wg, refused)
	var good []Change
	for i := range 50 {
		good = append(good, plain(fmt.Sprintf("/horae/test/good/%d", i), "v"))
	}
	goodErrs := applyAll(t.Context(), w, &wg, good)
	wg.Wait()
	for i, err := range errs {
		if err == nil || errors.Is(err, ErrUnknown) {
			t.Errorf("refused change %d: %v, want no doubt that it was not made", i, err)
		}
	}
	for i, err := range goodErrs {
		if err != nil {
			t.Errorf("good change %d: %v", i, err)
		}
	}
}

// etcd's permissions work by key: a change that is not allowed is refused, the others of its group are not.
func TestForbiddenChangeOfAGroup(t *testing.T) {
	b := block(t, time.Minute)
	ctx := t.Context()
	for _, step := range []func() error{
		func() error { _, err := b.direct.RoleAdd(ctx, "some"); return err },
		func() error {
			_, err := b.direct.RoleGrantPermission(ctx, "some", "/horae/", clientv3.GetPrefixRangeEnd("/horae/t"), clientv3.PermissionType(clientv3.PermReadWrite))
			return err
		},
		func() error { _, err := b.direct.UserAdd(ctx, "root", "secret"); return err },
		func() error { _, err := b.direct.UserGrantRole(ctx, "root", "root"); return err },
		func() error { _, err := b.direct.UserAdd(ctx, "horae", "secret"); return err },
		func() error { _, err := b.direct.UserGrantRole(ctx, "horae", "some"); return err },
		func() error { _, err := b.direct.AuthEnable(ctx); return err },
	} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
	s, err := Open(ctx, Config{Endpoints: b.direct.Endpoints(), Username: "horae", Password: "secret"})
	if err == nil {
		_ = s.Close()
		t.Fatal("opened without permission to read all of /horae/")
	}
	if !strings.Contains(err.Error(), "permission denied") {
		t.Errorf("Open: %v", err)
	}
	group := []*request{must(newRequest(plain("/horae/test/a", "1"))), must(newRequest(plain("/other", "1")))}
	client, err := clientv3.New(clientv3.Config{Endpoints: b.direct.Endpoints(), Username: "horae", Password: "secret"})
	if err != nil {
		t.Fatal(err)
	}
	limited := &Store{client: client, timeout: time.Minute, metrics: b.store.metrics}
	t.Cleanup(func() { _ = limited.Close() })
	w := limited.Writer(b.fence)
	w.inFlight++
	w.commit(group)
	if res := <-group[0].done; res.err != nil {
		t.Errorf("the allowed change: %v", res.err)
	}
	if res := <-group[1].done; res.err == nil || errors.Is(res.err, ErrUnknown) {
		t.Errorf("the forbidden change: %v", res.err)
	}
}

func TestCloseAnswersWhatCameBefore(t *testing.T) {
	b := block(t, time.Minute)
	errs := applyAll(t.Context(), b.Writer, &b.wg, []Change{plain("/horae/test/a", "1")})
	b.waits(1, 1)
	closed := make(chan struct{})
	go func() {
		b.Close()
		close(closed)
	}()
	b.proxy.Restore()
	<-closed
	b.wg.Wait()
	if errs[0] != nil {
		t.Errorf("what waited at Close: %v", errs[0])
	}
	if _, err := b.Apply(t.Context(), plain("/horae/test/b", "1")); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

func TestCloseDoesNotWaitForAnEtcdThatIsAway(t *testing.T) {
	b := block(t, 300*time.Millisecond)
	var changes []Change
	for range 5 { // one key: they would take a transaction, and a timeout, each
		changes = append(changes, plain("/horae/test/a", "1"))
	}
	errs := applyAll(t.Context(), b.Writer, &b.wg, changes)
	b.waits(5, 1)
	b.Close() // the first transaction is never answered
	b.wg.Wait()
	for i, err := range errs {
		if !errors.Is(err, ErrClosed) || errors.Is(err, ErrUnknown) {
			t.Errorf("change %d: %v, want no doubt that it was not sent", i, err)
		}
	}
}

func TestNewKeysGuardAgainstWhatWasNotSeen(t *testing.T) {
	s := open(t)
	w := writer(t, s)
	seen, err := w.Apply(t.Context(), plain(RunKey("default", "a-m1").Spec(), "1"))
	if err != nil {
		t.Fatal(err)
	}
	create := func(prefix string, revision int64) error {
		c := plain("/horae/test/"+prefix, strconv.FormatInt(revision, 10))
		c.NewKeys = []Guard{NoneSince(RunKey("default", prefix), revision)}
		_, err := w.Apply(t.Context(), c)
		return err
	}
	if err := create("a-m", seen); err != nil {
		t.Errorf("all were seen: %v", err)
	}
	if _, err := w.Apply(t.Context(), plain(RunKey("default", "a-m1").Spec(), "changed")); err != nil {
		t.Fatal(err)
	}
	if err := create("a-m", seen); err != nil {
		t.Errorf("a change is no creation: %v", err)
	}
	if _, err := w.Apply(t.Context(), plain(RunKey("default", "a-m2").Spec(), "1")); err != nil {
		t.Fatal(err)
	}
	if err := create("a-m", seen); !errors.Is(err, ErrConflict) {
		t.Errorf("one was created since: got %v, want a conflict", err)
	}
	if err := create("b-m", seen); err != nil {
		t.Errorf("there is none: %v", err)
	}
	if err := (Change{NewKeys: []Guard{{}}}).check(); err == nil {
		t.Error("a guard without a key was taken")
	}
}

func TestPausedWriterRefusesAndWritesNothing(t *testing.T) {
	s := open(t)
	w := writer(t, s)
	w.Pause(true)
	if _, err := w.Apply(t.Context(), plain("a", "1")); !errors.Is(err, ErrPaused) {
		t.Errorf("a paused writer: %v, want ErrPaused", err)
	}
	if _, err := w.Apply(t.Context(), Change{}); err != nil {
		t.Errorf("asked whether the fence holds: %v", err)
	}
	w.Pause(false)
	revision, err := w.Apply(t.Context(), plain("b", "1"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := s.client.Get(t.Context(), "a"); err != nil || got.Count != 0 || got.Header.Revision != revision {
		t.Errorf("got %v, %v: want nothing of what came during the pause", got, err)
	}
}
