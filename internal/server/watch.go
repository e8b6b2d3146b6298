package server

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"net/http"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"

	"horae/internal/cache"
	"horae/internal/store"
)

const (
	// bookmarkEvery is how often a quiet watch gets a bookmark, if its client wants them.
	bookmarkEvery = time.Minute
	// minWatch is how long a watch lasts at least when the client sets no timeout. It lasts up to twice as long, at
	// random, so that watches that began together do not end together.
	minWatch = 30 * time.Minute
)

// watchRequest is what a watch asks for besides its selection.
type watchRequest struct {
	sel selection
	// from is the revision after which events are wanted.
	from int64
	// initial: the present objects come first, as ADDED.
	initial   bool
	bookmarks bool
	// endMark: a bookmark follows the present objects (client-go's WatchList).
	endMark bool
	timeout time.Duration
}

func (r *request) watchRequest() (watchRequest, error) {
	var q watchRequest
	var err error
	if q.sel, err = r.selection(); err != nil {
		return q, err
	}
	if q.from, err = r.number(paramRevision); err != nil {
		return q, err
	}
	if q.bookmarks, err = r.flag(paramBookmarks); err != nil {
		return q, err
	}
	seconds, err := r.number(paramTimeout)
	if err != nil {
		return q, err
	}
	q.timeout = time.Duration(min(seconds, int64((24*time.Hour)/time.Second))) * time.Second
	if seconds == 0 {
		q.timeout = minWatch + rand.N(minWatch)
	}
	send, err := r.flag(paramInitial)
	if err != nil {
		return q, err
	}
	match := metav1.ResourceVersionMatch(r.query.Get(paramMatch))
	switch {
	case send && match != metav1.ResourceVersionMatchNotOlderThan:
		return q, badRequest("sendInitialEvents=true needs resourceVersionMatch=NotOlderThan")
	case send && !q.bookmarks:
		return q, badRequest("sendInitialEvents=true needs allowWatchBookmarks=true")
	case !r.query.Has(paramInitial) && match != "":
		return q, badRequest("resourceVersionMatch is for a watch with sendInitialEvents only")
	}
	q.endMark = send
	q.initial = send || q.from == 0 && !r.query.Has(paramInitial)
	return q, nil
}

// watch streams changes, after the present objects if they are asked for.
func (s *Server) watch(w http.ResponseWriter, r *request) error {
	q, err := r.watchRequest()
	if err != nil {
		return err
	}
	if r.form.yaml {
		return notAcceptable("a watch is a stream of JSON documents")
	}
	if err := s.notOlderThan(r); err != nil {
		return err
	}
	ctx, cancel := s.streamContext(r.Context())
	defer cancel()
	ctx, cancelTimeout := context.WithTimeout(ctx, q.timeout)
	defer cancelTimeout()

	from, release := q.from, func() {}
	var objs iter.Seq[object]
	if q.initial {
		if release, err = s.share.lists.take(ctx, r.client); err != nil {
			return err
		}
		defer release()
		if objs, from, err = s.selected(r, q.sel); err != nil {
			return err
		}
	} else if from == 0 {
		from = s.cfg.Cache.Revision()
	}
	events, translate, err := s.changes(ctx, r, from)
	if err != nil {
		return fmt.Errorf("watch %s from revision %d: %w", r.kind.kind, from, err)
	}
	out := &watchWriter{s: s, r: r, w: w, rc: http.NewResponseController(w), headers: true, translate: translate}
	out.begin()
	if q.initial {
		if s.initial(ctx, objs, out) != nil {
			return nil // it has ended, or the client is gone
		}
	} else {
		if err := s.compute(ctx, r.client, func() error { out.again(events.Last(), q.sel); return nil }); err != nil {
			return nil // it has ended
		}
	}
	if q.endMark {
		out.bookmark(from, true)
	}
	if err := out.flush(); err != nil {
		return nil // the client is gone
	}
	release()
	s.follow(ctx, events, q, out)
	return nil
}

// initial sends the present objects.
func (s *Server) initial(ctx context.Context, objs iter.Seq[object], out *watchWriter) error {
	next, stop := iter.Pull(objs)
	defer stop()
	for more := true; more; {
		if err := s.compute(ctx, out.r.client, func() error {
			s.rates.charge(out.r.client, chunkCost)
			for !out.full() {
				var o object
				if o, more = next(); !more {
					return nil
				}
				out.event(watch.Added, o)
			}
			return nil
		}); err != nil {
			return err
		}
		if err := out.flush(); err != nil {
			return err
		}
	}
	return nil
}

// changes are the changes after a revision that a watch is about, and what makes events for its client of them.
func (s *Server) changes(ctx context.Context, r *request, from int64) (*cache.Watcher, translator, error) {
	kinds := []store.Kind{r.kind.kind}
	if r.kind.derived != nil {
		kinds = r.kind.derived.sources()
	}
	events, err := s.cfg.Cache.WatchKinds(ctx, kinds, r.namespace, from)
	if err != nil {
		return nil, nil, err
	}
	if r.kind.derived == nil {
		return events, r.kind.translate, nil
	}
	translate, err := r.kind.derived.translator(ctx, from)
	return events, translate, err
}

// over is a context that has ended. With it Next returns an event that is there already, and does not wait.
var over = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

// follow sends events until ctx ends, the client is gone, or the cache no longer keeps the next event.
func (s *Server) follow(ctx context.Context, events *cache.Watcher, q watchRequest, out *watchWriter) {
	for {
		quiet, cancel := context.WithTimeout(ctx, bookmarkEvery)
		e, err := events.Next(quiet)
		cancel()
		for err == nil {
			// A client that got some events of a transaction, and resumes from their revision, gets all of them again.
			if s.compute(ctx, out.r.client, func() error {
				for err == nil && !out.full() {
					for _, t := range out.translate(e, q.sel) {
						out.event(t.typ, t.obj)
					}
					e, err = events.Next(over)
				}
				return nil
			}) != nil {
				return // it has ended, before this event was sent: no bookmark may come after it
			}
			if err == nil && out.flush() != nil {
				return
			}
		}
		switch {
		case errors.Is(err, cache.ErrGone):
			out.fail(err)
		case q.bookmarks && (ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded)):
			// Nothing happened for a while, or this is the end: say how far the watch has come.
			out.bookmark(events.Revision(), false)
		}
		if out.flush() != nil || ctx.Err() != nil || errors.Is(err, cache.ErrGone) {
			return
		}
		s.rest(ctx)
	}
}

// rest makes many watches gather events before they send them: each that wakes up for each event costs more than all
// that they send. Few do not rest.
func (s *Server) rest(ctx context.Context) {
	const few, each, most = 16, 250 * time.Microsecond, 500 * time.Millisecond
	open := s.share.streams.inUse()
	if open <= few {
		return
	}
	timer := time.NewTimer(min(time.Duration(open)*each, most))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
