package server

import (
	"context"
	"net/http"
	"time"

	"k8s.io/apimachinery/pkg/util/validation/field"

	v1 "horae/api/v1"
	"horae/internal/store"
)

// succeed makes a Run of a Job that has no task and succeeds at once, and answers with it.
func (s *Server) succeed(w http.ResponseWriter, r *request) error {
	var t v1.Succeed
	return s.serveRunRequest(w, r, runRequest{
		document: &t, id: &t.ID,
		undecoded: `decode the mark: want {"at": "2026-11-22T02:00:00Z", "note": ...}: `,
		plan: func(ctx context.Context, job stored) (newRun, error) {
			return s.planSucceed(ctx, job, t, r.user())
		},
	})
}

// planSucceed makes the Run, unless one marks the scheduled time already.
func (s *Server) planSucceed(ctx context.Context, job stored, t v1.Succeed, user string) (plan newRun, err error) {
	if err := s.usable(job); err != nil {
		return newRun{}, err
	}
	obj := job.GetObject().(*v1.Job)
	plan = newRun{guards: []store.Guard{store.SpecAt(job.GetKey(), job.GetRevisions().SpecMod)}}
	named := true
	if t.At != nil {
		if named, plan.again, plan.newKeys, err = s.checkOccurrence(ctx, obj, t); err != nil || plan.again != nil {
			return plan, err
		}
	}
	if plan.run, err = s.cfg.Runs.Mark(obj, t, named, s.now()); err != nil {
		return newRun{}, badRequest("mark a success of %s: %v", obj.Name, err)
	}
	plan.run.Spec.RequestedBy = user
	return plan, nil
}

// checkOccurrence refuses to mark a scheduled time that is not one of the Job's, has not come, runs, or has succeeded.
// free: no Run has the name of the occurrence, so that the mark takes it: then the schedule cannot run the occurrence
// any more (I3). Otherwise it has run, and will not again.
func (s *Server) checkOccurrence(ctx context.Context, job *v1.Job, t v1.Succeed) (
	free bool, again store.AnyEntry, newKeys func() ([]store.Guard, error), err error) {
	k, at, when := s.kindOf(store.Jobs), field.NewPath("at"), t.At.UTC().Format(time.RFC3339Nano)
	refuse := func(format string, args ...any) (bool, store.AnyEntry, func() ([]store.Guard, error), error) {
		return false, nil, nil, k.conflict(job.Name, format, args...)
	}
	if t.At.After(s.now()) {
		return false, nil, nil, k.invalid(job.Name, field.ErrorList{field.Invalid(at, when, "must not be in the future")})
	}
	if err := s.cfg.Cache.CatchUp(ctx); err != nil {
		return false, nil, nil, err
	}
	_, runs, seen := s.cfg.Cache.JobWithRuns(job.Namespace, job.Name)
	free, found := true, false
	name := s.cfg.Runs.OccurrenceName(job.Name, t.At.Time)
	for _, run := range runs {
		if run.Key.Name == name {
			free = false
		}
		if run.Rev.Deleted() || !scheduledAt(run, *t.At) {
			continue
		}
		found = true
		spec, phase := &run.Object.Spec, phase(run.Object)
		switch {
		case spec.MarkSucceeded:
			return false, run, nil, nil
		case !phase.Terminal():
			return refuse("run %s of this scheduled time is active (%s): cancel it first (horae cancel %s)",
				run.Key.Name, phase, run.Key.Name)
		case phase == v1.RunSucceeded:
			return refuse("run %s of this scheduled time has succeeded already", run.Key.Name)
		}
	}
	if !found {
		switch occurs, err := s.cfg.Runs.Occurs(job, t.At.Time); {
		case err != nil:
			return refuse("its schedule cannot be read: %w", err)
		case !occurs:
			return false, nil, nil, k.invalid(job.Name, field.ErrorList{field.Invalid(at, when,
				"is not a scheduled time of this Job, and none of its Runs has it")})
		}
	}
	// Another Run of this time may be made meanwhile.
	return free, nil, func() ([]store.Guard, error) {
		return []store.Guard{store.NoneSince(store.RunKey(job.Namespace, job.Name+"-"), seen)}, nil
	}, nil
}
