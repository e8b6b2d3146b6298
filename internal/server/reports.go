package server

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	v1 "horae/api/v1"
	"horae/internal/store"
)

// reportInterval is the least time between two writes of callbacks of one Run that report progress only. Those that come
// meanwhile wait and are stored together.
const reportInterval = 250 * time.Millisecond

// report is one callback on its way to etcd. Its answer is set before done is closed.
type report struct {
	taskID   string
	callback *v1.Callback

	result *v1.CallbackResult
	err    error
	final  bool // the answer holds whether or not its batch is stored
	done   chan struct{}
}

// outcome of an answered report, for the metric.
func (r *report) outcome() string {
	var status apierrors.APIStatus
	switch {
	case r.err == nil && r.result.Repeated:
		return "repeated"
	case r.err == nil:
		return "stored"
	case errors.As(r.err, &status) && status.Status().Code < http.StatusInternalServerError:
		return "refused"
	}
	return "failed"
}

// reports collects the callbacks of each Run, so that tasks which report progress at a high rate cost few writes. A Run
// has one goroutine while callbacks come: it stores them at once if none was stored just now, and otherwise together
// with those that come within the interval. So an answer always means that the callback is stored.
type reports struct {
	store    func(ctx context.Context, run store.Key, batch []*report)
	interval time.Duration

	mu   sync.Mutex
	runs map[store.Key]*collection // guarded by mu
}

// collection is what waits of one Run.
type collection struct {
	waiting []*report     // guarded by the mutex of reports
	urgent  chan struct{} // holds one when an end was reported: that is stored at once
}

func newReports(interval time.Duration, f func(context.Context, store.Key, []*report)) *reports {
	return &reports{store: f, interval: interval, runs: map[store.Key]*collection{}}
}

// submit returns the answer to a callback once it is stored or refused.
func (q *reports) submit(ctx context.Context, run store.Key, r *report) (*v1.CallbackResult, error) {
	r.done = make(chan struct{})
	q.mu.Lock()
	c := q.runs[run]
	first := c == nil
	if first {
		c = &collection{urgent: make(chan struct{}, 1)}
		q.runs[run] = c
	}
	c.waiting = append(c.waiting, r)
	if r.callback.Phase != "" {
		select {
		case c.urgent <- struct{}{}:
		default:
		}
	}
	q.mu.Unlock()
	if first {
		go q.work(run, c)
	}
	select {
	case <-r.done:
		return r.result, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// work stores what comes of one Run, and ends when nothing more comes. It takes as long as an interval and a write,
// which is less than what requests under way get when the server stops.
func (q *reports) work(run store.Key, c *collection) {
	for {
		q.mu.Lock()
		batch := c.waiting
		c.waiting = nil
		if len(batch) == 0 {
			delete(q.runs, run)
		}
		q.mu.Unlock()
		if len(batch) == 0 {
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), unaryTimeout)
		q.store(ctx, run, batch)
		cancel()
		timer := time.NewTimer(q.interval)
		select {
		case <-timer.C:
		case <-c.urgent:
			timer.Stop()
		}
	}
}
