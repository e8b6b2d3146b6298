package run

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	v1 "horae/api/v1"
	"horae/internal/offer"
	"horae/internal/store"
)

// TestNotSentSpeaksOfOneIntent: an attempt that was not stored leaves its number to the next one. What is said
// of the former is not said of the latter.
func TestNotSentSpeaksOfOneIntent(t *testing.T) {
	r := testRun(withAttempts(attempt(1, v1.RunLaunching)))
	at1 := r.Object.Status.Attempts[0].LaunchTime.Time
	for name, tc := range map[string]struct {
		of   time.Time
		want v1.RunPhase
	}{
		"of this intent":      {of: at1, want: v1.RunPending},
		"of one before it":    {of: at1.Add(-time.Second), want: ""},
		"of one that came up": {of: at1.Add(time.Millisecond), want: ""},
	} {
		t.Run(name, func(t *testing.T) {
			u := offer.Update{TaskID: taskID(1), AgentID: "S0", State: offer.TaskDropped, Reason: notSent, Timestamp: tc.of}
			d := Plan(Input{Run: r, Updates: []offer.Update{u}}, at1.Add(time.Second))
			got := v1.RunPhase("")
			if d.Status != nil {
				got = d.Status.Phase
			}
			if got != tc.want || len(d.Kill) > 0 {
				t.Errorf("the Run's phase becomes %q, want %q; kills %v", got, tc.want, d.Kill)
			}
		})
	}
}

// intents lets a test into the writes of attempts.
type intents struct {
	Writer
	mu     sync.Mutex
	before func(n int) error // called before the n-th; what it returns is the answer. Guarded by mu, like the next
	n      int
}

func (i *intents) Apply(ctx context.Context, change store.Change) (int64, error) {
	for _, w := range change.Writes {
		if strings.Contains(string(w.Value), `"phase":"Launching"`) {
			i.mu.Lock()
			i.n++
			n, before := i.n, i.before
			i.mu.Unlock()
			if err := before(n); err != nil {
				return 0, err
			}
		}
	}
	return i.Writer.Apply(ctx, change)
}

// TestARequestFromBehindDoesNotTouchTheAttempt has a Run asked for once more as it was before its attempt,
// which happens when it is reconciled before the cache has the intent. The second intent has the number of the
// first, and etcd does not answer: so much for the second; the first has been sent, and goes on.
func TestARequestFromBehindDoesNotTouchTheAttempt(t *testing.T) {
	for _, when := range []string{"while the intent is stored", "when the attempt runs"} {
		t.Run(when, func(t *testing.T) {
			w := newWorld(t)
			w.master.script["r/1"] = runsOn
			writer := &intents{}
			c := w.lead(func(cfg *Config) { writer.Writer, cfg.Writer = cfg.Writer, writer })
			var seen *store.Run // as it was before its attempt
			asked := func() {
				if err := c.want(seen, time.Now()); err != nil {
					t.Error(err)
				}
			}
			done := make(chan struct{})
			writer.before = func(n int) error {
				if n == 1 {
					if seen = c.cache.Run("default", "r"); when == "while the intent is stored" {
						asked()
					}
					return nil
				}
				defer func() {
					select {
					case <-done:
					default:
						close(done)
					}
				}()
				return fmt.Errorf("write: %w", store.ErrUnknown)
			}
			key := w.createRun("r", quickRetries)
			id := w.idOf(key, 1)
			w.until("it runs", func() bool { return w.master.has("ACK " + id + " TASK_RUNNING") })
			if when == "when the attempt runs" {
				asked()
				<-done
			}
			// What was said of the second intent has been dealt with when the pendingUpdates is empty.
			w.until("nothing is left to be read", func() bool { return len(c.pending.keys()) == 0 })
			w.master.finish(id, offer.TaskFinished)
			s := w.ends(key)
			if s.Phase != v1.RunSucceeded || len(s.Attempts) != 1 || w.master.count("KILL") > 0 {
				t.Errorf("status = %+v\n%s", s, strings.Join(w.master.events(), "\n"))
			}
		})
	}
}
