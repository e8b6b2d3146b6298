package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"horae/api"
	v1 "horae/api/v1"
	"horae/internal/callback"
	"horae/internal/store"
)

// callbackName is the subresource of Runs that takes callbacks. Whoever has the token of an attempt may use it, and
// nobody else: no other authentication applies to it.
const callbackName = "callback"

// maxCallback bounds the body of a callback, which anybody may send.
const maxCallback = 64 << 10

// callback stores what the task of an attempt, or somebody in its place, reports.
func (s *Server) callback(w http.ResponseWriter, r *request) error {
	taskID, err := s.calledBy(r)
	if err != nil {
		s.metrics.callbacks.WithLabelValues("refused").Inc()
		return err
	}
	var c v1.Callback
	if err := api.Unmarshal(r.body, &c); err != nil {
		s.metrics.callbacks.WithLabelValues("refused").Inc()
		if errors.Is(err, api.ErrEmpty) {
			err = errors.New("the body is empty")
		}
		return undecodable(err, `decode the callback: want {"phase": "Succeeded" or "Failed", "message": ...}, `+
			`{"progress": n} or {"progressAdd": n, "id": ...}: `)
	}
	if errs := callback.Validate(&c); len(errs) > 0 {
		s.metrics.callbacks.WithLabelValues("refused").Inc()
		return r.kind.invalid(r.name, errs)
	}
	if r.query.Has(paramDryRun) {
		return badRequest("dryRun is not supported here")
	}
	result, err := s.reports.submit(r.Context(), r.key(), &report{taskID: taskID, callback: &c})
	if err != nil {
		return err
	}
	r.form.as = ""
	return r.form.write(w, http.StatusOK, result)
}

// calledBy returns the task whose token the request has. The token must be of the Run that the path names.
func (s *Server) calledBy(r *request) (taskID string, err error) {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return "", unauthorized("a callback needs the header \"Authorization: Bearer TOKEN\" with the token of its attempt " +
			"(HORAE_CALLBACK_TOKEN)")
	}
	keys, err := s.cfg.Cache.CallbackKeys()
	if err != nil {
		return "", apierrors.NewServiceUnavailable(err.Error())
	}
	if taskID, ok = callback.Verify(keys, strings.TrimSpace(token)); !ok {
		return "", unauthorized("the token is not one that Horae has made, or its key has been replaced")
	}
	if !strings.HasPrefix(taskID, r.namespace+"."+r.name+".") {
		return "", status(http.StatusForbidden, metav1.StatusReasonForbidden, "the token is of another Run")
	}
	return taskID, nil
}

func unauthorized(message string) error {
	return status(http.StatusUnauthorized, metav1.StatusReasonUnauthorized, "%s", message)
}

// storeReports stores the reports about one Run, in their order and with one write, and answers each.
func (s *Server) storeReports(ctx context.Context, run store.Key, batch []*report) {
	err := s.tryReports(ctx, run, batch)
	for _, r := range batch {
		if err != nil && !r.final {
			r.result, r.err = nil, err
		}
		s.metrics.callbacks.WithLabelValues(r.outcome()).Inc()
		close(r.done)
	}
}

// tryReports returns why nothing was stored: then the answers that are not final do not hold.
func (s *Server) tryReports(ctx context.Context, run store.Key, batch []*report) error {
	behind := true // The cache may not have seen the attempt yet.
	for range maxTries {
		change, refused, err := s.planReports(run, batch)
		switch {
		case err != nil:
			return err
		case refused && behind:
			behind = false
			if err := s.cfg.Cache.CatchUp(ctx); err != nil {
				return fmt.Errorf("read %s: %w", run, err)
			}
			continue
		case change == nil:
			return nil
		}
		revision, err := s.cfg.Store.Apply(ctx, *change)
		if err == nil {
			_ = s.waitFor(ctx, revision) // It is stored, whether or not the cache has seen it.
			return nil
		}
		if !errors.Is(err, store.ErrConflict) {
			return fmt.Errorf("store the callback of %s: %w", run, err)
		}
		if err := s.cfg.Cache.CatchUp(ctx); err != nil {
			return fmt.Errorf("read %s: %w", run, err)
		}
	}
	return apierrors.NewTooManyRequests("the Run changes too often to store its callback: try again", 1)
}

// planReports answers each report as if the change that it returns were made; nil: nothing changes. refused: a report
// was refused because of what the cache has of the Run. An answer is final if it rests neither on the change nor on a
// cache that may be behind.
func (s *Server) planReports(key store.Key, batch []*report) (change *store.Change, refused bool, err error) {
	run := store.As[v1.Run](present(s.cfg.Cache.Get(key)))
	stored := s.cfg.Cache.Callback(key.Namespace, key.Name)
	var doc *v1.CallbackDocument
	var at int64
	if stored != nil {
		at = stored.Revision
		if stored.Err == nil {
			doc = &stored.CallbackDocument
		}
	}
	changed := false
	for _, r := range batch {
		r.result, r.err, r.final = nil, nil, false
		next, repeated, err := s.planReport(run, key, doc, r)
		var refusal *callback.Refusal
		switch {
		case errors.As(err, &refusal):
			r.err = s.kindOf(store.Runs).conflict(key.Name, "%s", refusal.Error())
		case err != nil:
			r.err, refused = err, true
		case !repeated:
			doc, changed = next, true
		}
		if err == nil {
			r.result = resultOf(next, repeated)
		}
		r.final = !changed && (err == nil || refusal != nil)
	}
	if !changed {
		return nil, refused, nil
	}
	put, err := store.PutCallback(key, doc)
	if err != nil {
		return nil, refused, err
	}
	// The attempt must still be alive when the callback is stored: then it counts.
	return &store.Change{
		Guards: []store.Guard{store.SpecAt(key, run.Rev.SpecMod), store.StatusAt(key, run.Rev.StatusMod), store.CallbackAt(key, at)},
		Writes: []store.Write{put},
	}, refused, nil
}

// planReport returns the document after one report.
func (s *Server) planReport(run *store.Run, key store.Key, doc *v1.CallbackDocument, r *report) (*v1.CallbackDocument, bool, error) {
	if run == nil {
		return nil, false, s.kindOf(store.Runs).notFound(key.Name)
	}
	attempts := run.Object.Status.Attempts
	i := slices.IndexFunc(attempts, func(a v1.Attempt) bool { return a.TaskID == r.taskID })
	if i < 0 {
		return nil, false, gone("the attempt of this token is not one of the Run's: the Run was made anew, or the attempt never started")
	}
	if a := &attempts[i]; a.State.Terminal() {
		if ended := (&v1.CallbackDocument{TaskID: a.TaskID, Outcome: a.Callback}); callback.Repeats(ended, r.callback) {
			return ended, true, nil
		}
		return nil, false, gone("the attempt ended %s%s: its callbacks have no effect any more", a.State, since(a.FinishTime))
	}
	return callback.Merge(doc, &attempts[i], run.Object.Spec.Async != nil, r.callback, s.now())
}

func since(t *v1.Time) string {
	if t == nil {
		return ""
	}
	return " at " + t.UTC().Format(time.RFC3339)
}

func gone(format string, args ...any) error {
	return status(http.StatusGone, metav1.StatusReasonGone, format, args...)
}

func resultOf(d *v1.CallbackDocument, repeated bool) *v1.CallbackResult {
	out := &v1.CallbackResult{TaskID: d.TaskID, Progress: d.Progress, Repeated: repeated}
	if d.Outcome != nil {
		out.Phase = d.Outcome.Phase
	}
	return out
}
