package manager

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"horae/internal/backoff"
	"horae/internal/callback"
	"horae/internal/store"
)

// This file has the leader make the key from which the tokens of callbacks are derived, if there is none. Operators
// rotate it (docs/etcd.md), so that it may go away at any time.

// makeCallbackKey makes the first key, and waits until the cache has it. A document that cannot be used stays: somebody
// has written it, and the error says what is wrong with it.
func (m *Manager) makeCallbackKey(ctx context.Context, writer *store.Writer) error {
	for {
		_, err := m.cache.CallbackKeys()
		if err == nil {
			return nil
		}
		var key [callback.KeySize]byte
		if _, err := rand.Read(key[:]); err != nil {
			return fmt.Errorf("make a key for callbacks: %w", err)
		}
		revision, err := store.CreateCallbackKeys(ctx, writer, key[:])
		switch {
		case err == nil:
			m.log.Info("Made a key for the tokens of callbacks", "key", store.CallbackKeysKey)
			return m.cache.WaitFor(ctx, revision)
		case errors.Is(err, store.ErrFenced):
			return err
		case errors.Is(err, store.ErrConflict):
			if err = m.cache.CatchUp(ctx); err == nil {
				if _, err = m.cache.CallbackKeys(); err != nil {
					m.log.Error(err, "The keys for callbacks cannot be used: asynchronous Runs wait", "key", store.CallbackKeysKey)
				}
				return nil
			}
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		m.log.Info("The key for callbacks could not be stored, trying again", "error", err.Error())
		if err := backoff.Sleep(ctx, askAgain); err != nil {
			return err
		}
	}
}

// keepCallbackKey makes another key whenever the document was deleted, until ctx ends.
func (m *Manager) keepCallbackKey(ctx context.Context, writer *store.Writer) error {
	for {
		if err := m.makeCallbackKey(ctx, writer); err != nil {
			if ctx.Err() != nil {
				return nil //nolint:nilerr // the end of the term
			}
			return err
		}
		select {
		case <-m.keysChanged:
		case <-ctx.Done():
			return nil
		}
	}
}

// callbackKeysChanged is called by the cache.
func (m *Manager) callbackKeysChanged() {
	select {
	case m.keysChanged <- struct{}{}:
	default:
	}
}

// calledBack is called by the cache when a callback has reported something of a Run.
func (m *Manager) calledBack(run store.Key) {
	if t := m.term.Load(); t != nil {
		t.runPlans.CalledBack(run)
	}
}
