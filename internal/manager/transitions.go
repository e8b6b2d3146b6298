package manager

import (
	"context"
	"errors"

	"horae/internal/feed"
	"horae/internal/store"
)

// observeTransitions has the controllers of a term count and log what happens to Jobs and Runs, until ctx ends. Only the
// leader does, so that each transition is counted in one process.
func (m *Manager) observeTransitions(ctx context.Context, t *term, r *feed.Reader) {
	defer func() { r.Close() }()
	for {
		next, err := r.Next(ctx)
		switch {
		case errors.Is(err, feed.ErrBehind):
			m.log.Info("Transitions came faster than they were counted: some are missing in the metrics")
			r.Close()
			r = m.feed.Subscribe()
		case err != nil:
			return
		case next.Key.Kind == store.Jobs:
			t.jobPlans.Happened(next.Key, next.Change)
		case next.Key.Kind == store.Runs:
			t.runPlans.Happened(next.Key, next.Change)
		}
	}
}
