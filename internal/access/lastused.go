package access

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/go-logr/logr"

	v1 "horae/api/v1"
	"horae/internal/cache"
	"horae/internal/store"
)

// Store is what is written to: *store.Store.
type Store interface {
	Apply(ctx context.Context, change store.Change) (int64, error)
}

// coarse is how exact the time of the last use is: a token in use costs one small write in this time.
const coarse = time.Hour

// lastUsed writes when tokens were used last, and removes what is left of those that were deleted. It is best effort:
// what does not fit into the queue, or fails, is written at the next use.
type lastUsed struct {
	now   func() time.Time
	log   logr.Logger
	queue chan store.Change

	mu      sync.Mutex
	written map[string]time.Time    // guarded by mu: what stands in the status, or is on its way there
	known   map[string]*store.Token // guarded by mu
}

func newLastUsed(now func() time.Time, log logr.Logger) *lastUsed {
	return &lastUsed{
		now: now, log: log, queue: make(chan store.Change, 256),
		written: map[string]time.Time{}, known: map[string]*store.Token{},
	}
}

func (l *lastUsed) see(e cache.Event) {
	if e.Key.Kind != store.Tokens {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	token := store.As[v1.Token](e.New)
	switch {
	case token == nil:
		delete(l.known, e.Key.Name)
		delete(l.written, e.Key.Name)
	case token.Rev.Deleted():
		delete(l.known, e.Key.Name)
		l.enqueue(store.Change{
			Guards: []store.Guard{store.SpecAt(e.Key, 0), store.StatusAt(e.Key, token.Rev.StatusMod)},
			Writes: []store.Write{store.DeleteStatus(e.Key)},
		})
	default:
		l.known[e.Key.Name] = token
		delete(l.written, e.Key.Name)
		if at := token.Object.Status.LastUsed; at != nil {
			l.written[e.Key.Name] = at.Time
		}
	}
}

// use records that a token was used.
func (l *lastUsed) use(name string) {
	at := l.now().Truncate(coarse)
	l.mu.Lock()
	defer l.mu.Unlock()
	token := l.known[name]
	if token == nil || !l.written[name].Before(at) {
		return
	}
	l.written[name] = at
	o := token.Object.DeepCopy()
	o.Status = v1.TokenStatus{LastUsed: v1.NewTimePtr(at)}
	put, err := store.PutStatus(token.Key, o)
	if err != nil {
		l.log.Error(err, "The last use of a token cannot be written", "token", name)
		return
	}
	l.enqueue(store.Change{
		Guards: []store.Guard{store.SpecAt(token.Key, token.Rev.SpecMod), store.StatusAt(token.Key, token.Rev.StatusMod)},
		Writes: []store.Write{put},
	})
}

func (l *lastUsed) enqueue(c store.Change) {
	select {
	case l.queue <- c:
	default:
	}
}

// run writes until ctx ends.
func (l *lastUsed) run(ctx context.Context, s Store) {
	for {
		select {
		case change := <-l.queue:
			// A conflict means that another manager was first.
			if _, err := s.Apply(ctx, change); err != nil && !errors.Is(err, store.ErrConflict) && ctx.Err() == nil {
				l.log.V(1).Info("The last use of a token was not written", "error", err.Error())
			}
		case <-ctx.Done():
			return
		}
	}
}
