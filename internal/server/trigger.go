package server

import (
	"context"
	"net/http"

	v1 "horae/api/v1"
	"horae/internal/store"
)

// trigger makes a Run of a Job by hand and answers with the Run.
func (s *Server) trigger(w http.ResponseWriter, r *request) error {
	var t v1.Trigger
	return s.serveRunRequest(w, r, runRequest{
		document: &t, id: &t.ID,
		undecoded: `decode the trigger: want {"args": [...], "env": [{"name": ..., "value": ...}], "force": ...}: `,
		plan: func(ctx context.Context, job stored) (newRun, error) {
			return s.planTrigger(ctx, job, t, r.user())
		},
	})
}

// planTrigger makes the Run, and says what must hold when it is stored: the Job is still what the Run was made of.
func (s *Server) planTrigger(ctx context.Context, job stored, t v1.Trigger, user string) (newRun, error) {
	if err := s.usable(job); err != nil {
		return newRun{}, err
	}
	obj := job.GetObject().(*v1.Job)
	run, err := s.cfg.NewRun(obj, t, s.now())
	if err != nil {
		return newRun{}, badRequest("trigger %s: %v", obj.Name, err)
	}
	run.Spec.RequestedBy = user
	return newRun{
		run:     run,
		guards:  []store.Guard{store.SpecAt(job.GetKey(), job.GetRevisions().SpecMod)},
		newKeys: func() ([]store.Guard, error) { return s.checkConcurrency(ctx, obj, t.Force, "trigger") },
	}, nil
}

// checkConcurrency refuses a request (trigger or retry) while a Run of the Job is active, unless the Job's policy or
// force allows it. The guards hold for as long as no Run has been made that it did not see.
func (s *Server) checkConcurrency(ctx context.Context, job *v1.Job, force bool, request string) ([]store.Guard, error) {
	if force || job.Spec.ConcurrencyPolicy == v1.ConcurrencyAllow {
		return nil, nil
	}
	if err := s.cfg.Cache.CatchUp(ctx); err != nil {
		return nil, err
	}
	_, runs, seen := s.cfg.Cache.JobWithRuns(job.Namespace, job.Name)
	for _, run := range runs {
		// A Backfill's Runs are beside the schedule, and so beside what people start.
		if !run.Object.Status.Phase.Terminal() && run.Object.Spec.Reason != v1.ReasonBackfill {
			return nil, s.kindOf(store.Jobs).conflict(job.Name, "run %s is active and spec.concurrencyPolicy is "+
				"%s: wait for its end, cancel it, or force the %s (\"force\": true, horae %s --force)",
				run.Key.Name, job.Spec.ConcurrencyPolicy, request, request)
		}
	}
	return []store.Guard{store.NoneSince(store.RunKey(job.Namespace, job.Name+"-"), seen)}, nil
}
