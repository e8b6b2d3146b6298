package cache

import (
	"fmt"
	"testing"

	v1 "horae/api/v1"
	"horae/internal/store"
)

// TestBackfillsOfAJob: by creation, as they come, change and go.
func TestBackfillsOfAJob(t *testing.T) {
	s := open(t)
	c := newCache(t, s)
	follow(t, c)
	write := func(name, job string) {
		t.Helper()
		key := store.BackfillKey("default", name)
		waitFor(t, c, apply(t, s, store.Change{Writes: []store.Write{putSpec(&v1.Backfill{Spec: v1.BackfillSpec{Job: job}}, key)}}))
	}
	expect := func(what, of, want string) {
		t.Helper()
		var names []string
		for _, b := range c.BackfillsOf("default", of) {
			names = append(names, b.Key.Name)
		}
		if got := fmt.Sprint(names); got != want {
			t.Errorf("%s: of %s %s, want %s", what, of, got, want)
		}
	}
	write("z", "hello")
	write("a", "hello")
	write("b", "other")
	expect("made", "hello", "[z a]")
	expect("made", "other", "[b]")
	write("z", "hello")
	expect("written again", "hello", "[z a]")
	if b := c.BackfillsOf("default", "hello")[0]; b.Rev.SpecVersion != 2 {
		t.Errorf("an old entry: %+v", b.Rev)
	}
	write("a", "other")
	expect("of another Job now", "hello", "[z]")
	expect("of another Job now", "other", "[a b]")
	waitFor(t, c, put(t, s, store.BackfillKey("default", "z").Spec(), "nonsense"))
	expect("not to be read", "hello", "[]")
	waitFor(t, c, del(t, s, store.BackfillKey("default", "b").Spec()))
	expect("deleted", "other", "[a]")
	if len(c.Backfills("")) != 2 || c.Backfill("default", "z") == nil {
		t.Errorf("there are %v", c.Backfills(""))
	}
}
