package calendar

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/go-logr/logr"

	v1 "horae/api/v1"
	"horae/internal/cache"
	"horae/internal/etcdtest"
	"horae/internal/store"
)

// TestCalendarsPutWithEtcdctl follows a Calendar through its life over a real etcd.
func TestCalendarsPutWithEtcdctl(t *testing.T) {
	ctx := t.Context()
	s, err := store.Open(ctx, store.Config{Endpoints: []string{etcdtest.Start(t)}, RequestTimeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	c := cache.New(s, logr.Discard(), cache.VerifyImmutable())
	following, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- c.Follow(following) }()
	t.Cleanup(func() {
		stop()
		if err := errors.Join(<-done, c.Verify()); err != nil {
			t.Error(err)
		}
	})
	<-c.Synced()
	wait := func(revision int64) {
		t.Helper()
		if err := c.WaitFor(ctx, revision); err != nil {
			t.Fatal(err)
		}
	}
	key := store.CalendarKey("default", "holidays")
	write := func(etcdKey, value string) {
		t.Helper()
		w := store.Write{EtcdKey: etcdKey}
		if value != "" {
			w.Value = []byte(value)
		}
		revision, err := s.Apply(ctx, store.Change{Writes: []store.Write{w}})
		if err != nil {
			t.Fatal(err)
		}
		wait(revision)
	}
	r := &Reconciler{Cache: c, Writer: s, Log: logr.Discard(), Now: func() time.Time { return now }}
	reconcile := func() *store.Calendar {
		t.Helper()
		for range 2 { // The second time there is nothing to write.
			result, err := r.Reconcile(ctx, key)
			if err != nil {
				t.Fatal(err)
			}
			wait(result.Revision)
		}
		return c.Calendar("default", "holidays")
	}

	write(key.Spec(), "apiVersion: horae/v1\nkind: Calendar\nspec:\n  dates: [2026-12-25]\n")
	e := reconcile()
	if s := e.Object.Status; s.Days != 1 || s.LastDay != "2026-12-25" || s.Conditions[0].Reason != v1.ReasonValid {
		t.Errorf("valid: %+v", s)
	}
	written := e.Rev.StatusMod
	if e = reconcile(); e.Rev.StatusMod != written {
		t.Error("nothing changed, and the status was written again")
	}
	write(key.Spec(), "apiVersion: horae/v1\nkind: Calendar\nspec:\n  dates: 2026-12-25\n")
	if s := reconcile().Object.Status; s.Days != 0 || s.NextDays != nil || s.Conditions[0].Reason != v1.ReasonInvalid || s.Conditions[0].Message == "" {
		t.Errorf("not to be decoded: %+v", s)
	}
	write(key.Status(), "nonsense")
	if e := reconcile(); e.StatusErr() != nil || e.Object.Status.Conditions[0].Reason != v1.ReasonInvalid {
		t.Errorf("its status was spoilt: %+v", e)
	}
	// Deleted and made again before anybody looked: the status is the new one's.
	write(key.Spec(), "")
	write(key.Spec(), "apiVersion: horae/v1\nkind: Calendar\nspec:\n  weekdays: [SUN]\n")
	if e := reconcile(); e.Earlier != nil || e.Object.Status.Days != 53 {
		t.Errorf("made again: %+v, %+v", e.Earlier, e.Object.Status)
	}
	write(key.Spec(), "")
	if e := reconcile(); e != nil {
		t.Errorf("after the deletion %+v is left", e)
	}
}

func TestConcerns(t *testing.T) {
	r := &Reconciler{}
	a, b := entry(v1.CalendarSpec{}), entry(v1.CalendarSpec{})
	b.Rev.StatusMod = 9
	if keys := r.Concerns(cache.Event{Key: a.Key, Old: a, New: b}); keys != nil {
		t.Error("a status alone is its own word")
	}
	b.Rev.SpecMod++
	for _, e := range []cache.Event{{Key: a.Key, Old: a, New: b}, {Key: a.Key, New: b}, {Key: a.Key, Old: a}} {
		if keys := r.Concerns(e); len(keys) != 1 || keys[0] != a.Key {
			t.Errorf("a change of the spec concerns %v", keys)
		}
	}
	if keys := r.Concerns(cache.Event{Key: store.JobKey("default", "hello")}); keys != nil {
		t.Error("a Job concerns it")
	}
}
