package store

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

func TestUnansweredWritesAreUnknown(t *testing.T) {
	b := block(t, 300*time.Millisecond)
	errs := applyAll(t.Context(), b.Writer, &b.wg, []Change{plain("/horae/test/a", "1"), plain("/horae/test/b", "1")})
	b.wg.Wait() // answers are held for ever
	for i, err := range append(errs, b.first) {
		if !errors.Is(err, ErrUnknown) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("change %d: %v, want unknown", i, err)
		}
	}
	if !strings.Contains(errs[0].Error(), "/horae/test/a") {
		t.Errorf("error %q does not name the key", errs[0])
	}
	if resp, err := b.direct.Get(t.Context(), "/horae/test/first"); err != nil || len(resp.Kvs) != 1 {
		t.Errorf("the write of unknown outcome: %v, %v; here it was made", resp, err)
	}
	// The connection that broke is replaced, and writing goes on.
	b.proxy.Restore()
	b.proxy.Break()
	for {
		_, err := b.Apply(t.Context(), plain("/horae/test/c", "1"))
		if err == nil {
			break
		}
		if !errors.Is(err, ErrUnknown) {
			t.Fatal(err)
		}
	}
}

func TestBrokenConnectionsAreUnknown(t *testing.T) {
	b := block(t, time.Minute)
	b.proxy.Break() // what etcd has answered is lost
	b.wg.Wait()
	if !errors.Is(b.first, ErrUnknown) {
		t.Errorf("%v, want unknown", b.first)
	}
}

func TestCancelledChanges(t *testing.T) {
	b := block(t, time.Minute)
	ctx, cancel := context.WithCancel(t.Context())
	errs := applyAll(ctx, b.Writer, &b.wg, []Change{plain("/horae/test/waiting", "1")})
	b.waits(1, 1)
	cancel()
	if _, err := b.Apply(ctx, plain("/horae/test/late", "1")); !errors.Is(err, context.Canceled) || errors.Is(err, ErrUnknown) {
		t.Errorf("cancelled before it came: %v", err)
	}
	b.proxy.Restore()
	b.wg.Wait()
	b.Close()
	if !errors.Is(errs[0], context.Canceled) || errors.Is(errs[0], ErrUnknown) {
		t.Errorf("cancelled while it waited: %v, want no doubt that it was not sent", errs[0])
	}
	resp, err := b.direct.Get(t.Context(), "/horae/test/", clientv3.WithPrefix())
	if err != nil {
		t.Fatal(err)
	}
	if len(resp.Kvs) != 1 {
		t.Errorf("written: %v, want the first change alone", resp.Kvs)
	}
}

func TestCancelledInFlightIsUnknown(t *testing.T) {
	b := block(t, time.Minute)
	b.proxy.Restore()
	b.wg.Wait()
	b.proxy.HoldAnswers()
	ctx, cancel := context.WithCancel(t.Context())
	errs := applyAll(ctx, b.Writer, &b.wg, []Change{plain("/horae/test/a", "1")})
	b.waits(0, 1)
	cancel()
	b.wg.Wait()
	if !errors.Is(errs[0], ErrUnknown) || !errors.Is(errs[0], context.Canceled) {
		t.Errorf("%v, want unknown", errs[0])
	}
	b.proxy.Restore()
}

func TestFencedWriterStaysFenced(t *testing.T) {
	b := block(t, time.Minute)
	errs := applyAll(t.Context(), b.Writer, &b.wg, []Change{plain("/horae/test/a", "1"), plain("/horae/test/b", "1")})
	b.waits(2, 1)
	if _, err := b.direct.Delete(t.Context(), b.fence.Key); err != nil {
		t.Fatal(err)
	}
	b.proxy.Restore()
	b.wg.Wait()
	for i, err := range errs {
		if !errors.Is(err, ErrFenced) {
			t.Errorf("change %d: %v, want fenced", i, err)
		}
	}
	// The key comes back, as another leader's: that changes nothing.
	lead(t, b.store)
	if _, err := b.Apply(t.Context(), plain("/horae/test/c", "1")); !errors.Is(err, ErrFenced) {
		t.Errorf("later: %v, want fenced", err)
	}
}
