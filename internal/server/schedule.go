package server

import (
	"net/http"
	"time"

	"k8s.io/apimachinery/pkg/util/validation/field"

	v1 "horae/api/v1"
)

const (
	defaultOccurrences = 10
	maxOccurrences     = 10_000
)

// schedule answers the next occurrences of a Job.
func (s *Server) schedule(w http.ResponseWriter, r *request) error {
	count, err := r.number("count")
	if err != nil {
		return err
	}
	if count == 0 {
		count = defaultOccurrences
	}
	if count > maxOccurrences {
		return badRequest("count=%d: the limit is %d", count, maxOccurrences)
	}
	after := s.now()
	if v := r.query.Get("after"); v != "" {
		if after, err = time.Parse(time.RFC3339, v); err != nil {
			return badRequest("after=%q: must be a time such as 2026-11-22T02:00:00Z", v)
		}
	}
	e, err := s.find(r.key())
	if err != nil {
		return err
	}
	if e.GetErr() != nil {
		return r.kind.conflict(r.name, "its spec is not usable: %w", e.GetErr())
	}
	j := e.GetObject().(*v1.Job)
	s.rates.charge(r.client, int(count)/occurrencesPerCost)
	var times []time.Time
	if err := s.compute(r.Context(), r.client, func() error {
		times, err = s.cfg.Upcoming(j, after, int(count))
		return err
	}); err != nil {
		return r.kind.invalid(r.name, field.ErrorList{field.Invalid(field.NewPath("spec", "schedule"), j.Spec.Schedule, err.Error())})
	}
	out := v1.Occurrences{Schedule: j.Spec.Schedule, TimeZone: j.Spec.TimeZone, Suspend: j.Spec.Suspend, Times: make([]v1.Time, len(times))}
	for i, t := range times {
		out.Times[i] = v1.NewTime(t)
	}
	r.form.as = ""
	return r.form.write(w, http.StatusOK, out)
}
