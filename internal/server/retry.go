package server

import (
	"context"
	"net/http"

	"k8s.io/apimachinery/pkg/util/validation/field"

	v1 "horae/api/v1"
	"horae/internal/store"
)

// retry makes a new Run that repeats an ended one, and answers with it.
func (s *Server) retry(w http.ResponseWriter, r *request) error {
	var t v1.Retry
	return s.serveRunRequest(w, r, runRequest{
		document: &t, id: &t.ID,
		undecoded: `decode the retry: want {"jobTask": ..., "force": ..., "note": ...}: `,
		plan: func(ctx context.Context, old stored) (newRun, error) {
			return s.planRetry(ctx, old, t, r.user())
		},
	})
}

// planRetry makes the Run.
func (s *Server) planRetry(ctx context.Context, old stored, t v1.Retry, user string) (newRun, error) {
	k, key := s.kindOf(store.Runs), old.GetKey()
	run := old.GetObject().(*v1.Run)
	switch {
	case old.GetErr() != nil:
		return newRun{}, k.conflict(key.Name, "its spec is not usable, so there is nothing to repeat: %w", old.GetErr())
	case !run.Status.Phase.Terminal():
		return newRun{}, k.conflict(key.Name, "the Run is still active (%s): wait for its end, or cancel it first (horae cancel %s)",
			phase(run), key.Name)
	}
	job, err := s.current(ctx, store.JobKey(key.Namespace, run.Spec.Job))
	if isNotFound(err) {
		return newRun{}, k.conflict(key.Name, "its Job %s does not exist any more", run.Spec.Job)
	}
	if err != nil {
		return newRun{}, err
	}
	if err := s.usable(job); err != nil {
		return newRun{}, err
	}
	made, err := s.cfg.Runs.Retry(run, job.GetObject().(*v1.Job), t, s.now())
	if err != nil {
		return newRun{}, badRequest("retry %s: %v", key.Name, err)
	}
	made.Spec.RequestedBy = user
	return newRun{
		run:    made,
		guards: []store.Guard{store.SpecAt(key, old.GetRevisions().SpecMod), store.SpecAt(job.GetKey(), job.GetRevisions().SpecMod)},
		newKeys: func() ([]store.Guard, error) {
			return s.checkConcurrency(ctx, job.GetObject().(*v1.Job), t.Force, "retry")
		},
	}, nil
}

// checkRetryOf refuses a new Run that repeats one which is still active, or of another Job. One that is gone may be
// named: histories are bounded.
func (s *Server) checkRetryOf(run *v1.Run) error {
	if run.Spec.RetryOf == "" {
		return nil
	}
	path := field.NewPath("spec", "retryOf")
	old := store.As[v1.Run](present(s.cfg.Cache.Get(store.RunKey(run.Namespace, run.Spec.RetryOf))))
	var why string
	switch {
	case old == nil:
		return nil
	case old.Err == nil && old.Object.Spec.Job != run.Spec.Job:
		why = "is a Run of another Job"
	case !old.Object.Status.Phase.Terminal():
		why = "has not ended"
	default:
		return nil
	}
	return s.kindOf(store.Runs).invalid(run.Name, field.ErrorList{field.Invalid(path, run.Spec.RetryOf, why)})
}

// scheduledAt reports whether the Run stands for the scheduled time.
func scheduledAt(run *store.Run, t v1.Time) bool {
	at := run.Object.Spec.ScheduledTime
	return run.Err == nil && at != nil && at.Equal(t.Time)
}
