package server

import (
	"net/http"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "horae/api/v1"
)

// previewBackfill answers what a Backfill of a Job would do if it started now. Its range and choice are parameters
// with the names of the fields of its spec.
func (s *Server) previewBackfill(w http.ResponseWriter, r *request) error {
	if s.cfg.PreviewBackfill == nil {
		return status(http.StatusNotImplemented, metav1.StatusReasonUnknown, "this server previews no Backfills")
	}
	limit, err := r.number("limit")
	if err != nil {
		return err
	}
	if limit == 0 {
		limit = defaultOccurrences
	}
	if limit > maxOccurrences {
		return badRequest("limit=%d: the limit is %d", limit, maxOccurrences)
	}
	b := &v1.Backfill{ObjectMeta: metav1.ObjectMeta{Namespace: r.namespace, Name: "preview"}, Spec: v1.BackfillSpec{
		Job: r.name, Order: v1.BackfillOrder(r.query.Get("order")), Runs: v1.BackfillRuns(r.query.Get("runs")),
	}}
	for _, p := range []struct {
		name string
		to   *v1.Time
	}{{"from", &b.Spec.From}, {"to", &b.Spec.To}} {
		t, err := time.Parse(time.RFC3339, r.query.Get(p.name))
		if err != nil {
			return badRequest("%s=%q: must be a time such as 2026-11-22T02:00:00Z", p.name, r.query.Get(p.name))
		}
		*p.to = v1.NewTime(t)
	}
	v1.SetDefaultsBackfill(b)
	if _, err := s.find(r.key()); err != nil {
		return err
	}
	if err := s.cfg.Cache.CatchUp(r.Context()); err != nil {
		return err
	}
	var out *v1.BackfillPreview
	if err := s.compute(r.Context(), r.client, func() error {
		preview, errs := s.cfg.PreviewBackfill(b, int(limit))
		if len(errs) > 0 {
			return r.kind.invalid(r.name, errs)
		}
		out = preview
		return nil
	}); err != nil {
		return err
	}
	r.form.as = ""
	return r.form.write(w, http.StatusOK, out)
}
