package store

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"

	v1 "horae/api/v1"
	"horae/internal/etcdtest"
)

func TestReadsSeeBothKeysOfAnObject(t *testing.T) {
	s := open(t)
	ctx := t.Context()
	if _, err := s.GetRun(ctx, "default", "r"); !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), "runs/default/r") {
		t.Fatalf("no such Run: %v", err)
	}
	if _, _, err := s.Spec(ctx, RunKey("default", "r")); !errors.Is(err, ErrNotFound) {
		t.Fatalf("no such spec: %v", err)
	}
	key := RunKey("default", "r")
	run := newRun("r", "a")
	run.Status.Phase = v1.RunPending
	rev, err := s.Apply(ctx, Change{
		Guards: []Guard{SpecAt(key, 0), StatusAt(key, 0)}, Writes: []Write{must(PutSpec(key, run)), must(PutStatus(key, run))},
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.GetRun(ctx, "default", "r")
	if err != nil {
		t.Fatal(err)
	}
	if got.Object.Status.Phase != v1.RunPending || got.Object.Spec.Job != "a" || got.Earlier != nil {
		t.Errorf("got %+v", got.Object)
	}
	if want := (Revisions{SpecCreate: rev, SpecMod: rev, SpecVersion: 1, StatusMod: rev}); got.Rev != want {
		t.Errorf("revisions %+v, want %+v", got.Rev, want)
	}
	if doc, at, err := s.Spec(ctx, key); err != nil || at != rev || !strings.Contains(string(doc), `"kind":"Run"`) {
		t.Errorf("Spec = %s, %d, %v", doc, at, err)
	}

	if _, err := s.Apply(ctx, Change{Guards: []Guard{SpecAt(key, rev)}, Writes: []Write{DeleteSpec(key)}}); err != nil {
		t.Fatal(err)
	}
	if got, err = s.GetRun(ctx, "default", "r"); err != nil || !got.Rev.Deleted() || got.Object.Status.Phase != v1.RunPending {
		t.Fatalf("after the deletion: %+v, %v", got, err)
	}
	if _, err := s.Apply(ctx, Change{Guards: []Guard{SpecAt(key, rev)}, Writes: []Write{DeleteStatus(key)}}); !errors.Is(err, ErrConflict) {
		t.Errorf("a guard of what is gone: %v", err)
	}
	if _, err := s.Apply(ctx, Change{Guards: []Guard{SpecAt(key, 0), StatusAt(key, rev)}, Writes: []Write{DeleteStatus(key)}}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.GetRun(ctx, "default", "r"); !errors.Is(err, ErrNotFound) {
		t.Errorf("after the last of it: %v", err)
	}
}

func TestUnguardedStoreWritesOfUnknownOutcome(t *testing.T) {
	endpoint := etcdtest.Start(t)
	proxy := etcdtest.NewProxy(t, endpoint)
	s, err := Open(t.Context(), Config{Endpoints: []string{proxy.Endpoint}, RequestTimeout: 300 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	proxy.HoldAnswers()
	if _, err := s.Apply(t.Context(), plain("/horae/test/a", "1")); !errors.Is(err, ErrUnknown) {
		t.Errorf("not answered: %v", err)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Apply(cancelled, plain("/horae/test/b", "1")); !errors.Is(err, context.Canceled) || errors.Is(err, ErrUnknown) {
		t.Errorf("cancelled before: %v", err)
	}
	if _, err := s.GetJob(t.Context(), "default", "a"); err == nil || errors.Is(err, ErrNotFound) {
		t.Errorf("a read that is not answered: %v", err)
	}
	resp, err := etcdtest.Client(t, endpoint).Get(t.Context(), "/horae/test/a")
	if err != nil || len(resp.Kvs) != 1 {
		t.Errorf("the unknown write: %v, %v; here it was made", resp, err)
	}
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	if _, err := Open(t.Context(), Config{}); err == nil {
		t.Error("opened without endpoints")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0") // accepts and never answers
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	endpoint := "http://" + l.Addr().String()
	_, err = Open(t.Context(), Config{Endpoints: []string{endpoint}, RequestTimeout: 100 * time.Millisecond})
	if err == nil || !strings.Contains(err.Error(), endpoint) || !strings.Contains(err.Error(), "is it running") {
		t.Errorf("a silent server: %v", err)
	}
}

func TestAnotherEndpointTakesOver(t *testing.T) {
	endpoint := etcdtest.Start(t)
	proxy := etcdtest.NewProxy(t, endpoint)
	s := open(t, proxy.Endpoint, endpoint)
	if _, err := s.Apply(t.Context(), plain("/horae/test/a", "1")); err != nil {
		t.Fatal(err)
	}
	proxy.Cut()
	for {
		_, err := s.Apply(t.Context(), plain("/horae/test/a", "2"))
		if err == nil {
			break // written through the other endpoint
		}
		if !errors.Is(err, ErrUnknown) {
			t.Fatal(err)
		}
	}
}

func TestListIsAsOfOneRevision(t *testing.T) {
	s := open(t)
	const n = 2500
	w := writer(t, s)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			key := JobKey("default", fmt.Sprintf("j%04d", i))
			if _, err := w.Apply(t.Context(), Change{Writes: []Write{{key.Spec(), []byte("{}")}, {key.Status(), []byte("{}")}}}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	seen, pages := map[string]bool{}, 0
	var last string
	revision, err := s.List(t.Context(), func(kvs []*KeyValue) error {
		if pages++; pages == 2 { // between the pages: a deletion and a write that must not be seen
			if _, err := s.client.Delete(t.Context(), JobKey("default", "j2400").Spec()); err != nil {
				return err
			}
			if _, err := s.client.Put(t.Context(), JobKey("default", "j2401").Status(), "later"); err != nil {
				return err
			}
		}
		for _, kv := range kvs {
			if string(kv.Key) <= last {
				t.Errorf("%s comes after %s", kv.Key, last)
			}
			if last = string(kv.Key); string(kv.Value) != "{}" {
				t.Errorf("%s is as it was later", kv.Key)
			}
			seen[last] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(seen) != 2*n || pages < 6 {
		t.Errorf("%d keys in %d pages, want %d in at least 6", len(seen), pages, 2*n)
	}
	resp, err := s.client.Get(t.Context(), "x")
	if err != nil {
		t.Fatal(err)
	}
	if revision != resp.Header.Revision-2 {
		t.Errorf("revision %d, want that of the first page, %d", revision, resp.Header.Revision-2)
	}
}

func TestListOfACompactedRevision(t *testing.T) {
	s := open(t)
	for i := range pageSize + 1 {
		if _, err := s.client.Put(t.Context(), JobKey("default", strconv.Itoa(i)).Spec(), "{}"); err != nil {
			t.Fatal(err)
		}
	}
	_, err := s.List(t.Context(), func([]*KeyValue) error {
		resp, err := s.client.Put(t.Context(), "/x", "")
		if err == nil {
			_, err = s.client.Compact(t.Context(), resp.Header.Revision)
		}
		if errors.Is(err, rpctypes.ErrCompacted) {
			return nil
		}
		return err
	})
	if !errors.Is(err, ErrCompacted) {
		t.Errorf("got %v", err)
	}
}

func TestFrameworkIDIsWrittenByTheLeaderAlone(t *testing.T) {
	s := open(t)
	ids := &FrameworkIDs{Store: s, Writer: writer(t, s)}
	ctx := t.Context()
	for _, want := range []string{"", "f-1", "f-2", ""} {
		if want != "" {
			if err := ids.SetFrameworkID(ctx, want); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := ids.FrameworkID(ctx); err != nil || got != want && want != "" {
			t.Fatalf("FrameworkID = %q, %v, want %q", got, err, want)
		}
	}
	if err := ids.SetFrameworkID(ctx, ""); err != nil {
		t.Fatal(err)
	}
	if got, err := ids.FrameworkID(ctx); err != nil || got != "" {
		t.Errorf("a forgotten id: %q, %v", got, err)
	}
	if _, err := s.client.Delete(ctx, ids.Writer.fence.Key); err != nil {
		t.Fatal(err)
	}
	if err := ids.SetFrameworkID(ctx, "f-3"); !errors.Is(err, ErrFenced) {
		t.Errorf("a deposed leader: %v", err)
	}
}

// Workers count up keys of their own while etcd is restarted under them. Who does not know whether a write was made reads
// again, as every controller does; then nothing is lost and nothing counted twice.
func TestWritesSurviveARestartOfEtcd(t *testing.T) {
	server := etcdtest.New(t)
	s, err := Open(t.Context(), Config{Endpoints: []string{server.Endpoint}, RequestTimeout: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	w := writer(t, s)
	const workers, target = 8, 60
	halfway := make(chan struct{})
	var reached, wg sync.WaitGroup
	for i := range workers {
		reached.Add(1)
		wg.Go(func() {
			key := "/horae/test/" + strconv.Itoa(i)
			announce := sync.OnceFunc(reached.Done)
			defer announce()
			for {
				value, revision, err := s.read(t.Context(), key)
				if err != nil && !errors.Is(err, ErrNotFound) {
					continue // etcd is away
				}
				n, _ := strconv.Atoi(string(value))
				if n == target/2 {
					announce()
					<-halfway // all are at work when etcd goes
				}
				if n == target {
					return
				}
				_, err = w.Apply(t.Context(), guarded(key, strconv.Itoa(n+1), revision))
				// A conflict is one with itself: a write of unknown outcome was made after it had been looked for.
				if err != nil && !errors.Is(err, ErrUnknown) && !errors.Is(err, ErrConflict) {
					t.Errorf("%s: %v", key, err)
					return
				}
			}
		})
	}
	reached.Wait()
	var restart sync.WaitGroup
	restart.Go(server.Restart)
	close(halfway)
	restart.Wait()
	wg.Wait()
	for i := range workers {
		resp, err := s.client.Get(t.Context(), "/horae/test/"+strconv.Itoa(i))
		if err != nil {
			t.Fatal(err)
		}
		if kv := resp.Kvs[0]; string(kv.Value) != strconv.Itoa(target) || kv.Version != target {
			t.Errorf("%s is %s after %d writes, want %d of both", kv.Key, kv.Value, kv.Version, target)
		}
	}
}

// TestPagesAreBoundedInBytes: a page of large documents has few of them, and an answer that is too large is asked for in parts.
func TestPagesAreBoundedInBytes(t *testing.T) {
	for _, limit := range []int{0, 3 << 20} { // the default, and one that the first pages exceed
		endpoint := etcdtest.Start(t)
		s, err := Open(t.Context(), Config{Endpoints: []string{endpoint}, RequestTimeout: time.Minute, maxResponse: limit})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		const small, large = 40, 30
		for i := range small + large {
			value := "{}"
			if i >= small {
				value = strings.Repeat("x", 1<<20)
			}
			if _, err := s.client.Put(t.Context(), JobKey("default", fmt.Sprintf("j-%03d", i)).Spec(), value); err != nil {
				t.Fatal(err)
			}
		}
		keys, tail := 0, 0
		if _, err := s.List(t.Context(), func(page []*KeyValue) error {
			size := 0
			for _, kv := range page {
				size += len(kv.Value)
			}
			keys += len(page)
			if keys > small+10 { // the pages before have shown what to expect
				tail = max(tail, size)
			}
			if limit > 0 && size > limit {
				t.Errorf("a page of %d bytes", size)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if keys != small+large || tail > 2*pageBytes {
			t.Errorf("%d keys; pages of up to %d bytes", keys, tail)
		}
	}
}
