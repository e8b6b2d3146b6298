package server

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"strconv"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"horae/internal/store"
)

// get answers one object.
func (s *Server) get(w http.ResponseWriter, r *request) error {
	if err := s.notOlderThan(r); err != nil {
		return err
	}
	if r.kind.derived != nil {
		o := r.kind.derived.get(r.namespace, r.name)
		if o == nil {
			return r.kind.notFound(r.name)
		}
		return s.writeObject(w, r, http.StatusOK, o)
	}
	e, err := s.find(r.key())
	if err != nil {
		return err
	}
	return s.writeObject(w, r, http.StatusOK, r.kind.shown(e))
}

// find looks an object up in the cache.
func (s *Server) find(key store.Key) (store.AnyEntry, error) {
	e := present(s.cfg.Cache.Get(key))
	if e == nil {
		return nil, s.kindOf(key.Kind).notFound(key.Name)
	}
	return e, nil
}

// notOlderThan waits until the cache has come to the revision that a read names, so that a client never reads
// something older than it has seen.
func (s *Server) notOlderThan(r *request) error {
	want, err := r.number(paramRevision)
	if err != nil || want == 0 {
		return err
	}
	return s.waitFor(r.Context(), want)
}

// waitFor waits, for a bounded time, until the cache stands at a revision.
func (s *Server) waitFor(ctx context.Context, revision int64) error {
	if s.cfg.Cache.Revision() >= revision {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, waitForCache)
	defer cancel()
	err := s.cfg.Cache.WaitFor(ctx, revision)
	if errors.Is(err, context.DeadlineExceeded) {
		return futureRevision(revision, s.cfg.Cache.Revision())
	}
	return err
}

// list returns the selected objects: all of them, or a page if the client limits their number. What is derived is
// returned whole, which Kubernetes allows.
func (s *Server) list(w http.ResponseWriter, r *request) error {
	sel, err := r.selection()
	if err != nil {
		return err
	}
	p, err := r.pages()
	if err != nil {
		return err
	}
	if p.revision == 0 {
		if err := s.notOlderThan(r); err != nil {
			return err
		}
	}
	if r.kind.derived == nil && (p.limit > 0 || p.revision > 0) {
		return s.page(w, r, sel, p)
	}
	if p.revision > 0 {
		return badRequest("resourceVersionMatch=Exact: %s are derived from the present objects", r.kind.kind)
	}
	objs, revision, err := s.selected(r, sel)
	if err != nil {
		return err
	}
	return s.writeList(w, r, metav1.ListMeta{ResourceVersion: strconv.FormatInt(revision, 10)}, objs)
}

// selected returns the selected objects of the request's namespace (of all for ""), sorted, as of the revision that it
// returns. They are made and selected one by one, as they are asked for.
func (s *Server) selected(r *request, sel selection) (objs iter.Seq[object], revision int64, err error) {
	err = s.compute(r.Context(), r.client, func() error {
		if r.kind.derived != nil {
			objs, revision = r.kind.derived.list(r.namespace, sel)
		} else {
			objs, revision = s.stored(r, sel)
		}
		return nil
	})
	return objs, revision, err
}

// stored returns the selected objects of a kind that is stored.
func (s *Server) stored(r *request, sel selection) (iter.Seq[object], int64) {
	k := r.kind
	all, revision := s.cfg.Cache.ListKinds([]store.Kind{k.kind}, r.namespace)
	s.rates.charge(r.client, len(all)/scanned)
	return func(yield func(object) bool) {
		for _, e := range all {
			if present(e) == nil {
				continue
			}
			if o := k.shown(e); sel.matches(k, o) && !yield(o) {
				return
			}
		}
	}, revision
}
