package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"time"

	"horae/api"
	v1 "horae/api/v1"
	"horae/internal/store"
)

// This file has what the requests share that make a Run: trigger, retry and succeed.

// newRun is a Run that a person has asked for, with what must hold when it is stored.
type newRun struct {
	run    *v1.Run
	guards []store.Guard
	// again is a Run that is what was asked for, and is there already; run is nil then.
	again store.AnyEntry
	// newKeys are the guards of change.NewKeys; they are found only if the Run is to be stored.
	newKeys func() ([]store.Guard, error)
}

// runRequest is a request that makes a Run.
type runRequest struct {
	// document is decoded from the body, which may be empty; undecoded begins the error if it cannot be.
	document  any
	undecoded string
	// id is in the document: requests with the same id make one Run.
	id *string
	// plan makes the Run of the object that the request is about.
	plan func(ctx context.Context, about stored) (newRun, error)
}

// serveRunRequest decodes a request, makes its Run and answers with it.
func (s *Server) serveRunRequest(w http.ResponseWriter, r *request, q runRequest) error {
	dry, err := r.dryRun()
	if err != nil {
		return err
	}
	err = s.compute(r.Context(), r.client, func() error { return api.Unmarshal(r.body, q.document) })
	if err != nil && !errors.Is(err, api.ErrEmpty) {
		return undecodable(err, q.undecoded)
	}
	if err := checkID(*q.id); err != nil {
		return err
	}
	for range maxTries {
		about, err := s.current(r.Context(), r.key())
		if err != nil {
			return err
		}
		plan, err := q.plan(r.Context(), about)
		if err != nil {
			return err
		}
		if done, err := s.makeRun(w, r, plan, *q.id, dry); done || err != nil {
			return err // otherwise the object has changed, or the name was taken: decide again
		}
	}
	return r.kind.contended(r.name)
}

// triggerID is what an ID may be: with the longest name of a Job it still makes a name.
var triggerID = regexp.MustCompile(`^[a-z0-9]{1,8}$`)

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
	as := *r
	as.kind = runs
	if plan.again != nil {
		return true, s.writeObject(w, &as, http.StatusOK, runs.shown(plan.again))
	}
	full, err := s.validated(runs, run)
	if err != nil {
		return false, err
	}
	key := store.RunKey(run.Namespace, run.Name)
	if id != "" {
		switch found, err := s.current(r.Context(), key); {
		case err == nil && samePurpose(found.GetObject().(*v1.Run), run):
			return true, s.writeObject(w, &as, http.StatusOK, runs.shown(found.AnyEntry))
		case err == nil && run.Spec.MarkSucceeded && found.GetObject().(*v1.Run).Spec.Reason != v1.ReasonManual:
			return false, nil // The schedule has just taken the occurrence that was to be marked.
		case err == nil:
			return false, runs.conflict(run.Name, "the id %s was used for something else (the Run %s): take another id",
				id, purpose(found.GetObject().(*v1.Run)))
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

// samePurpose reports whether one request may have made both Runs. Their common name does not say so: it has the Job and
// the id only.
func samePurpose(a, b *v1.Run) bool {
	return a.Spec.Job == b.Spec.Job && a.Spec.RetryOf == b.Spec.RetryOf && a.Spec.MarkSucceeded == b.Spec.MarkSucceeded &&
		v1.EqualTimes(a.Spec.ScheduledTime, b.Spec.ScheduledTime)
}

// purpose of a Run that was asked for, to follow "the Run".
func purpose(run *v1.Run) string {
	what := "was triggered"
	switch {
	case run.Spec.RetryOf != "":
		what = "repeats " + run.Spec.RetryOf
	case run.Spec.MarkSucceeded:
		what = "marks a success"
	}
	if at := run.Spec.ScheduledTime; at != nil {
		what += " for " + at.UTC().Format(time.RFC3339Nano)
	}
	return what
}
