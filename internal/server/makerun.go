package server

import (
	"errors"
	"fmt"
	"net/http"

	v1 "horae/api/v1"
	"horae/internal/store"
)

// This file has what the requests share that make a Run: trigger, retry and succeed.

// newRun is a Run that a person has asked for, with what must hold when it is stored.
type newRun struct {
	run    *v1.Run
	guards []store.Guard
	// newKeys are the guards of change.NewKeys; they are found only if the Run is to be stored.
	newKeys func() ([]store.Guard, error)
}

// usable refuses a Job that cannot run.
func (s *Server) usable(job stored) error {
	k, name := s.kindOf(store.Jobs), job.GetKey().Name
	if job.GetErr() != nil {
		return k.conflict(name, "its spec is not usable, so there is nothing to run: %w", job.GetErr())
	}
	if errs := s.cfg.Validate(job.GetObject().DeepCopyObject().(object)); len(errs) > 0 { // I8: a validator may normalise quantities
		return k.conflict(name, "its spec is not valid, so there is nothing to run: %w", v1.AsError(errs))
	}
	return nil
}

func checkID(id string) error {
	if id != "" && !triggerID.MatchString(id) {
		return badRequest("id %q: must be one to eight lower-case letters and digits", v1.Shorten(id, 64))
	}
	return nil
}

// makeRun stores a planned Run and answers with it, or with the one that an earlier request with the same id has made.
// It returns false if another writer came between.
func (s *Server) makeRun(w http.ResponseWriter, r *request, plan newRun, id string, dry bool) (done bool, err error) {
	runs, run := s.kindOf(store.Runs), plan.run
	full, err := s.validated(runs, run)
	if err != nil {
		return false, err
	}
	key := store.RunKey(run.Namespace, run.Name)
	as := *r
	as.kind = runs
	if id != "" {
		switch found, err := s.current(r.Context(), key); {
		case err == nil:
			return true, s.writeObject(w, &as, http.StatusOK, runs.shown(found.AnyEntry))
		case !isNotFound(err):
			return false, err
		}
	}
	put, err := store.PutSpec(key, run)
	if err != nil {
		return false, err
	}
	change := store.Change{Guards: append(plan.guards, store.SpecAt(key, 0)), Writes: []store.Write{put}}
	if plan.newKeys != nil {
		if change.NewKeys, err = plan.newKeys(); err != nil {
			return false, err
		}
	}
	if dry {
		return true, s.writeObject(w, &as, http.StatusCreated, full)
	}
	rev, err := s.cfg.Store.Apply(r.Context(), change)
	if errors.Is(err, store.ErrConflict) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("create %s: %w", key, err)
	}
	return true, s.answer(w, &as, http.StatusCreated, key, rev, full)
}
