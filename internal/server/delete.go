package server

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"horae/api"
	"horae/internal/store"
)

// delete removes the spec. The status, and the tasks, are the controller's to end.
func (s *Server) delete(w http.ResponseWriter, r *request) error {
	opts, dry, err := r.deleteOptions()
	if err != nil {
		return err
	}
	e, err := s.deleteOne(r, opts, dry, nil)
	if err != nil {
		return err
	}
	return r.form.write(w, http.StatusOK, &metav1.Status{
		TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: metav1.StatusSuccess, Code: http.StatusOK,
		Details: &metav1.StatusDetails{Name: r.name, Group: r.kind.resource().Group, Kind: string(r.kind.kind),
			UID: e.GetObject().GetUID()},
	})
}

// chosen is an object that a deletion of a collection has selected, with the selection. It is deleted only while
// it is selected.
type chosen struct {
	selection
	uid types.UID
}

// still reports whether the entry is that object, and selected.
func (c *chosen) still(k *kind, e store.AnyEntry) bool {
	return e.GetObject().GetUID() == c.uid && c.matches(k, k.shown(e))
}

// guards see to it that the entry is deleted as it is here.
func (c *chosen) guards(e store.AnyEntry) []store.Guard {
	guards := []store.Guard{store.SpecAt(e.GetKey(), e.GetRevisions().SpecMod)}
	if c != nil && c.readsStatus() {
		guards = append(guards, store.StatusAt(e.GetKey(), e.GetRevisions().StatusMod))
	}
	return guards
}

// deleteOne deletes an object. If one is given it deletes that object only, and only while it is still selected;
// otherwise the object is not found.
func (s *Server) deleteOne(r *request, opts *metav1.DeleteOptions, dry bool, one *chosen) (store.AnyEntry, error) {
	for range maxTries {
		cur, err := s.current(r.Context(), r.key())
		if err != nil {
			return nil, err
		}
		if one != nil && !one.still(r.kind, cur) {
			return nil, r.kind.notFound(r.name)
		}
		if p := opts.Preconditions; p != nil {
			if known, err := s.knows(r.Context(), deref(p.ResourceVersion)); err != nil {
				return nil, err
			} else if !known {
				continue
			}
			if err := r.kind.checkPreconditions(cur, deref(p.UID), deref(p.ResourceVersion)); err != nil {
				return nil, err
			}
		}
		if dry {
			return cur, nil
		}
		rev, err := s.cfg.Store.Apply(r.Context(), store.Change{
			Guards: one.guards(cur), Writes: []store.Write{store.DeleteSpec(r.key())},
		})
		if errors.Is(err, store.ErrConflict) {
			// The next try reads the spec from etcd, but the status from the cache.
			if err := s.cfg.Cache.CatchUp(r.Context()); err != nil {
				return nil, fmt.Errorf("delete %s: %w", r.key(), err)
			}
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("delete %s: %w", r.key(), err)
		}
		if err := s.waitFor(r.Context(), rev); err != nil {
			return nil, fmt.Errorf("%s is deleted (revision %d), but the cache has not seen it yet: %w", r.key(), rev, err)
		}
		return cur, nil
	}
	return nil, r.kind.contended(r.name)
}

// deleteCollection deletes the selected objects of a namespace, one by one, and returns those that it deleted. An
// object that is no longer selected when its turn comes is left alone, and so is a new object of the same name.
func (s *Server) deleteCollection(w http.ResponseWriter, r *request) error {
	sel, err := r.selection()
	if err != nil {
		return err
	}
	opts, dry, err := r.deleteOptions()
	if err != nil {
		return err
	}
	release, err := s.share.lists.take(r.Context(), r.client)
	if err != nil {
		return err
	}
	defer release()
	var gone []object
	objs, _, err := s.selected(r, sel)
	if err != nil {
		return err
	}
	for o := range objs {
		one := *r
		one.name = o.GetName()
		switch _, err := s.deleteOne(&one, opts, dry, &chosen{sel, o.GetUID()}); {
		case err == nil:
			gone = append(gone, o)
		case !isNotFound(err):
			return err
		}
	}
	r.form.as = ""
	return s.writeList(w, r, metav1.ListMeta{ResourceVersion: strconv.FormatInt(s.cfg.Cache.Revision(), 10)}, slices.Values(gone))
}

// deleteOptions are in the body, if there is one, or in the query.
func (r *request) deleteOptions() (*metav1.DeleteOptions, bool, error) {
	opts := &metav1.DeleteOptions{}
	if mediaType(r.Header.Get("Content-Type")) == protobufType {
		var err error
		if r.body, err = fromProtobuf(r.body); err != nil {
			return nil, false, err
		}
	}
	if err := api.Unmarshal(r.body, opts); err != nil && !errors.Is(err, api.ErrEmpty) {
		return nil, false, undecodable(err, "decode DeleteOptions: ")
	}
	if v := r.query.Get("propagationPolicy"); v != "" {
		opts.PropagationPolicy = (*metav1.DeletionPropagation)(&v)
	}
	orphan := opts.PropagationPolicy != nil && *opts.PropagationPolicy == metav1.DeletePropagationOrphan
	//nolint:staticcheck // deprecated, and still sent by old clients: refused like its successor
	if orphan || opts.OrphanDependents != nil && *opts.OrphanDependents {
		return nil, false, badRequest("propagationPolicy=Orphan is not supported: the Runs of a Job go with it")
	}
	dry, err := r.dryRun()
	if err == nil && len(opts.DryRun) > 0 {
		if opts.DryRun[0] != metav1.DryRunAll {
			return nil, false, badRequest("dryRun=%s: the one value is All", opts.DryRun[0])
		}
		dry = true
	}
	return opts, dry, err
}

func deref[T any](p *T) T {
	var zero T
	if p == nil {
		return zero
	}
	return *p
}
