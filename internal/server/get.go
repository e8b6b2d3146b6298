package server

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "horae/api/v1"
	"horae/internal/store"
)

// get answers one object.
func (s *Server) get(w http.ResponseWriter, r *request) error {
	if err := s.notOlderThan(r); err != nil {
		return err
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

// notOlderThan waits until the cache has seen the revision that a read names: what a client has seen once, he does not see
// older again.
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

// list answers all objects that are selected, in one piece: limit is a wish that a server need not grant, so that no
// continue token is ever handed out.
func (s *Server) list(w http.ResponseWriter, r *request) error {
	sel, err := r.selection()
	if err != nil {
		return err
	}
	if r.query.Get(paramContinue) != "" {
		return badRequest("continue: this server answers lists whole and hands out no continue tokens")
	}
	if err := s.notOlderThan(r); err != nil {
		return err
	}
	objs, revision := s.selected(r.kind, r.namespace, sel)
	if want, _ := r.number(paramRevision); r.query.Get(paramMatch) == string(metav1.ResourceVersionMatchExact) && want != revision {
		return badRequest("resourceVersionMatch=Exact: this server answers the current revision (%d) only", revision)
	}
	meta := metav1.ListMeta{ResourceVersion: strconv.FormatInt(revision, 10)}
	switch r.form.as {
	case asTable:
		t, err := r.kind.table(objs, r.form.include, true, s.now())
		if err != nil {
			return err
		}
		t.ListMeta = meta
		return r.form.write(w, http.StatusOK, t)
	case asPartial:
		l := &metav1.PartialObjectMetadataList{
			TypeMeta: metav1.TypeMeta{Kind: "PartialObjectMetadataList", APIVersion: metav1.SchemeGroupVersion.String()}, ListMeta: meta,
			Items: make([]metav1.PartialObjectMetadata, len(objs)),
		}
		for i, o := range objs {
			l.Items[i] = *partial(o)
		}
		return r.form.write(w, http.StatusOK, l)
	}
	return r.writeList(w, meta, objs)
}

// selected are the objects of a namespace (of all for "") that are selected, by namespace and name, as of the revision returned.
func (s *Server) selected(k *kind, namespace string, sel selection) ([]object, int64) {
	var objs []object
	all, revision := s.cfg.Cache.List(k.kind, namespace)
	for _, e := range all {
		if present(e) == nil {
			continue
		}
		if o := k.shown(e); sel.matches(k, o) {
			objs = append(objs, o)
		}
	}
	return objs, revision
}

// writeList streams plain JSON object by object, so that a long list is never in memory as one document.
func (r *request) writeList(w http.ResponseWriter, meta metav1.ListMeta, objs []object) error {
	if r.form.yaml || r.form.pretty {
		if objs == nil {
			objs = []object{}
		}
		return r.form.write(w, http.StatusOK, map[string]any{
			"apiVersion": v1.GroupVersion.String(), "kind": r.kind.Name + "List", "metadata": meta, "items": objs,
		})
	}
	w.Header().Set("Content-Type", jsonType)
	b := bufio.NewWriterSize(w, 32<<10)
	fmt.Fprintf(b, `{"kind":"%sList","apiVersion":"%s","metadata":{"resourceVersion":"%s"},"items":[`,
		r.kind.Name, v1.GroupVersion, meta.ResourceVersion)
	for i, o := range objs {
		if i > 0 {
			_ = b.WriteByte(',') // the buffer keeps the first error; the client may be gone, and there is nobody to tell
		}
		data, err := json.Marshal(o)
		if err != nil {
			// Part of the answer is sent: only breaking it off keeps the client from taking it for the whole.
			panic(http.ErrAbortHandler)
		}
		_, _ = b.Write(data)
	}
	_, _ = b.WriteString("]}\n")
	_ = b.Flush()
	return nil
}
