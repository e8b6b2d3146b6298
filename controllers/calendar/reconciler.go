package calendar

import (
	"context"
	"fmt"
	"time"

	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "horae/api/v1"
	"horae/internal/cache"
	"horae/internal/reconcile"
	"horae/internal/store"
)

// Cache is what the reconciler reads. Its objects are shared and never modified (I8).
type Cache interface {
	// Calendar returns a Calendar, even if its spec is gone; nil if its status is gone too.
	Calendar(namespace, name string) *store.Calendar
}

// Writer makes fenced changes (I6). It blocks until the change is committed.
type Writer interface {
	Apply(ctx context.Context, change store.Change) (revision int64, err error)
}

// Reconciler writes the statuses of Calendars. Cache and Writer are needed.
type Reconciler struct {
	Cache  Cache
	Writer Writer
	Log    logr.Logger
	// Now is the clock; nil: the machine's.
	Now func() time.Time
}

var _ reconcile.Reconciler = (*Reconciler)(nil)

// Concerns returns the keys to reconcile after a change: a Calendar whose spec changed.
func (r *Reconciler) Concerns(e cache.Event) []store.Key {
	if e.Key.Kind == store.Calendars && e.SpecChanged() {
		return []store.Key{e.Key}
	}
	return nil
}

// Reconcile implements reconcile.Reconciler.
func (r *Reconciler) Reconcile(ctx context.Context, key store.Key) (reconcile.Result, error) {
	// 1. Gather.
	now := time.Now
	if r.Now != nil {
		now = r.Now
	}
	entry := r.Cache.Calendar(key.Namespace, key.Name)
	// 2. Plan.
	d := Plan(entry, now())
	if !d.WriteStatus && !d.DeleteStatus {
		return reconcile.Result{After: d.After}, nil
	}
	// 3. Do.
	change, err := changeOf(entry, &d)
	if err != nil {
		return reconcile.Result{}, err
	}
	revision, err := r.Writer.Apply(ctx, change)
	if err != nil {
		return reconcile.Result{}, fmt.Errorf("carry out the plan of %s: %w", key, err)
	}
	if d.WriteStatus {
		c := d.Status.Conditions[0]
		r.Log.V(1).Info("Read calendar", "calendar", key.String(), "accepted", c.Status, "message", c.Message, "days", d.Status.Days)
	}
	return reconcile.Result{After: d.After, Revision: revision}, nil
}

func changeOf(e *store.Calendar, d *Decision) (store.Change, error) {
	c := store.Change{Guards: []store.Guard{store.SpecAt(e.Key, e.Rev.SpecMod), store.StatusAt(e.Key, e.Rev.StatusMod)}}
	if d.DeleteStatus {
		c.Writes = []store.Write{store.DeleteStatus(e.Key)}
		return c, nil
	}
	write, err := store.PutStatus(e.Key, &v1.Calendar{ObjectMeta: metav1.ObjectMeta{
		Namespace: e.Key.Namespace, Name: e.Key.Name, UID: e.Object.UID, CreationTimestamp: d.Created,
	}, Status: d.Status})
	c.Writes = []store.Write{write}
	return c, err
}
