package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"

	"horae/api"
	v1 "horae/api/v1"
	"horae/internal/store"
)

// trigger makes a Run of a Job by hand and answers with the Run.
func (s *Server) trigger(w http.ResponseWriter, r *request) error {
	dry, err := r.dryRun()
	if err != nil {
		return err
	}
	var t v1.Trigger
	err = s.compute(r.Context(), r.client, func() error { return api.Unmarshal(r.body, &t) })
	if err != nil && !errors.Is(err, api.ErrEmpty) {
		return undecodable(err, "decode the trigger: want {\"args\": [...], \"env\": [{\"name\": ..., \"value\": ...}], \"force\": ...}: ")
	}
	if t.ID != "" && !triggerID.MatchString(t.ID) {
		return badRequest("id %q: must be one to eight lower-case letters and digits", t.ID)
	}
	for range maxTries {
		job, err := s.current(r.Context(), r.key())
		if err != nil {
			return err
		}
		run, change, err := s.planTrigger(job, t)
		if err != nil {
			return err
		}
		as := *r
		as.kind = s.kindOf(store.Runs)
		done, err := s.triggered(r.Context(), run, t)
		if err != nil {
			return err
		}
		if done != nil {
			return s.writeObject(w, &as, http.StatusOK, as.kind.shown(done))
		}
		if change.NewKeys, err = s.checkConcurrency(r.Context(), job.GetObject().(*v1.Job), t); err != nil {
			return err
		}
		if dry {
			return s.writeObject(w, &as, http.StatusCreated, run)
		}
		rev, err := s.cfg.Store.Apply(r.Context(), change)
		if errors.Is(err, store.ErrConflict) {
			continue // the Job has changed, or the name was taken: decide again
		}
		if err != nil {
			return fmt.Errorf("trigger %s: %w", r.key(), err)
		}
		return s.answer(w, r, http.StatusCreated, store.RunKey(run.Namespace, run.Name), rev, run)
	}
	return r.kind.contended(r.name)
}

// triggerID is what an ID may be: with the longest name of a Job it still makes a name.
var triggerID = regexp.MustCompile(`^[a-z0-9]{1,8}$`)

// triggered returns the Run that an earlier trigger with the same ID has made, or nil.
func (s *Server) triggered(ctx context.Context, run *v1.Run, t v1.Trigger) (store.AnyEntry, error) {
	if t.ID == "" {
		return nil, nil
	}
	found, err := s.current(ctx, store.RunKey(run.Namespace, run.Name))
	if isNotFound(err) {
		return nil, nil
	}
	return found.AnyEntry, err
}

// planTrigger makes the Run and the change that stores it, provided that the Job is still what the Run was made of.
func (s *Server) planTrigger(cur stored, t v1.Trigger) (*v1.Run, store.Change, error) {
	k, name := s.kindOf(store.Jobs), cur.GetKey().Name
	if cur.GetErr() != nil {
		return nil, store.Change{}, k.conflict(name, "its spec is not usable, so there is nothing to run: %w", cur.GetErr())
	}
	if errs := s.cfg.Validate(cur.GetObject().DeepCopyObject().(object)); len(errs) > 0 { // I8: a validator may normalise quantities
		return nil, store.Change{}, k.conflict(name, "its spec is not valid, so there is nothing to run: %w", v1.AsError(errs))
	}
	run, err := s.cfg.NewRun(cur.GetObject().(*v1.Job), t, s.now())
	if err != nil {
		return nil, store.Change{}, badRequest("trigger %s: %v", name, err)
	}
	full, err := s.validated(s.kindOf(store.Runs), run)
	if err != nil {
		return nil, store.Change{}, err
	}
	key := store.RunKey(run.Namespace, run.Name)
	put, err := store.PutSpec(key, run)
	if err != nil {
		return nil, store.Change{}, err
	}
	return full.(*v1.Run), store.Change{
		Guards: []store.Guard{store.SpecAt(key, 0), store.SpecAt(cur.GetKey(), cur.GetRevisions().SpecMod)},
		Writes: []store.Write{put},
	}, nil
}

// checkConcurrency refuses a trigger while a Run of the Job is active, unless the Job's policy or the trigger
// allows it. The guards hold for as long as no Run has been made that it did not see.
func (s *Server) checkConcurrency(ctx context.Context, job *v1.Job, t v1.Trigger) ([]store.Guard, error) {
	if t.Force || job.Spec.ConcurrencyPolicy == v1.ConcurrencyAllow {
		return nil, nil
	}
	if err := s.cfg.Cache.CatchUp(ctx); err != nil {
		return nil, err
	}
	_, runs, seen := s.cfg.Cache.JobWithRuns(job.Namespace, job.Name)
	for _, run := range runs {
		if !run.Object.Status.Phase.Terminal() {
			return nil, s.kindOf(store.Jobs).conflict(job.Name, "run %s is active and spec.concurrencyPolicy is "+
				"%s: wait for its end, cancel it, or force the trigger (\"force\": true, horae trigger --force)",
				run.Key.Name, job.Spec.ConcurrencyPolicy)
		}
	}
	return []store.Guard{store.NoneSince(store.RunKey(job.Namespace, job.Name+"-"), seen)}, nil
}
