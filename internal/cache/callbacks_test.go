package cache

import (
	"context"
	"slices"
	"sync"
	"testing"

	"horae/internal/store"
)

const callbackDoc = `{"taskID":"default.hello-1.3.1","progress":4}`

// callbackEvents are what the listeners got.
type callbackEvents struct {
	mu   sync.Mutex
	runs []string
	keys int
}

func (e *callbackEvents) listen(c *Cache) {
	c.OnCallback(func(run store.Key) {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.runs = append(e.runs, run.String())
	})
	c.OnCallbackKeys(func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.keys++
	})
}

// taken returns the events since the last call.
func (e *callbackEvents) taken() (runs []string, keys int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	runs, keys, e.runs, e.keys = e.runs, e.keys, nil, 0
	return runs, keys
}

func TestCallbacksAreKeptBesideTheRuns(t *testing.T) {
	s := open(t)
	one, two := store.RunKey("default", "hello-1"), store.RunKey("default", "hello-2")
	at := put(t, s, one.Callback(), callbackDoc)
	c := newCache(t, s)
	var events callbackEvents
	events.listen(c)
	follow(t, c)

	got := c.Callback("default", "hello-1")
	if got == nil || got.Revision != at || got.TaskID != "default.hello-1.3.1" || *got.Progress != 4 {
		t.Fatalf("listed: %+v", got)
	}
	if runs, keys := events.taken(); !slices.Equal(runs, []string{one.String()}) || keys != 1 {
		t.Errorf("events of the list: %v, keys %d", runs, keys)
	}
	put(t, s, two.Callback(), "?")
	waitFor(t, c, del(t, s, one.Callback()))
	if c.Callback("default", "hello-1") != nil {
		t.Error("it is still there")
	}
	if bad := c.Callback("default", "hello-2"); bad == nil || bad.Err == nil {
		t.Errorf("a document that cannot be used: %+v", bad)
	}
	if runs, _ := events.taken(); !slices.Equal(runs, []string{two.String(), one.String()}) {
		t.Errorf("events: %v", runs)
	}
	if got := c.Callbacks(); !slices.Equal(got, []store.Key{two}) {
		t.Errorf("there are %v", got)
	}
	if strays, _ := c.Strays(); len(strays) > 0 || c.Count(store.Runs) > 0 {
		t.Errorf("strays %v, %d Runs", strays, c.Count(store.Runs))
	}
	put(t, s, "/horae/system/callbacks/a/b/c", callbackDoc)
	waitFor(t, c, put(t, s, "/horae/system/callbacks/a", callbackDoc))
	if n := len(c.Callbacks()); n != 1 {
		t.Errorf("%d documents: keys that are no Run's count", n)
	}
}

func TestCallbackKeysAreFollowed(t *testing.T) {
	s := open(t)
	c := newCache(t, s)
	var events callbackEvents
	events.listen(c)
	follow(t, c)
	if _, err := c.CallbackKeys(); err == nil {
		t.Error("there is a key, of nobody")
	}
	waitFor(t, c, put(t, s, store.CallbackKeysKey, `{"keys":["MDEyMzQ1Njc4OWFiY2RlZg==","ZmVkY2JhOTg3NjU0MzIxMA=="]}`))
	if keys, err := c.CallbackKeys(); err != nil || len(keys) != 2 || string(keys[0]) != "0123456789abcdef" {
		t.Errorf("%q, %v", keys, err)
	}
	for _, wrong := range []string{`?`, `{"keys":[]}`, `{"keys":["MDEy"]}`, `{"keys":"MDEyMzQ1Njc4OWFiY2RlZg=="}`} {
		waitFor(t, c, put(t, s, store.CallbackKeysKey, wrong))
		if keys, err := c.CallbackKeys(); err == nil || keys != nil {
			t.Errorf("%s: %q", wrong, keys)
		}
	}
	waitFor(t, c, del(t, s, store.CallbackKeysKey))
	if _, err := c.CallbackKeys(); err == nil {
		t.Error("the key is still there")
	}
	if _, n := events.taken(); n != 7 {
		t.Errorf("%d events of keys, want 7", n)
	}
}

// TestCallbacksAreListedAgain: what went while the watch was broken is gone afterwards, and what stayed gives no event.
func TestCallbacksAreListedAgain(t *testing.T) {
	s := open(t)
	stays, goes := store.RunKey("default", "stays"), store.RunKey("default", "goes")
	put(t, s, stays.Callback(), callbackDoc)
	put(t, s, goes.Callback(), callbackDoc)
	c := newCache(t, s)
	var events callbackEvents
	events.listen(c)
	list := func() {
		t.Helper()
		now, err := s.Position(t.Context())
		if err == nil {
			_, err = c.list(context.Background(), now)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	list()
	before := c.Callback("default", "stays")
	events.taken()
	del(t, s, goes.Callback())
	list()
	if runs, _ := events.taken(); !slices.Equal(runs, []string{goes.String()}) {
		t.Errorf("events: %v", runs)
	}
	if c.Callback("default", "goes") != nil || c.Callback("default", "stays") != before {
		t.Error("the second list was not taken over, or decoded what has not changed")
	}
}
