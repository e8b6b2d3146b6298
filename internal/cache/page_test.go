package cache

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"horae/internal/store"
)

// names of a list, each with the revision of its spec.
func namesOf(list []store.AnyEntry) []string {
	names := []string{}
	for _, e := range list {
		names = append(names, fmt.Sprintf("%s/%s@%d", e.GetKey().Namespace, e.GetKey().Name, e.GetRevisions().SpecMod))
	}
	return names
}

// Whatever happens between them, the pages of a list are together what the list was at its revision.
func TestPagesAreOfOneRevision(t *testing.T) {
	s := open(t)
	c := newCache(t, s, WithRing(1<<12))
	follow(t, c)
	random := rand.New(rand.NewPCG(5, 6))
	change := func() {
		ns, job := []string{"one", "two"}[random.IntN(2)], fmt.Sprintf("j%02d", random.IntN(30))
		var revision int64
		if random.IntN(3) == 0 {
			revision = apply(t, s, store.Change{Writes: []store.Write{store.DeleteSpec(store.JobKey(ns, job))}})
		} else {
			revision = writeJob(t, s, ns, job)
		}
		waitFor(t, c, revision)
	}
	for range 60 {
		change()
	}
	for round := range 20 {
		namespace := []string{"", "one"}[round%2]
		whole, revision := c.List(store.Jobs, namespace)
		odd := func(e store.AnyEntry) bool { return round%3 > 0 || e.GetKey().Name[2]%2 == 1 }
		want := namesOf(slices.DeleteFunc(slices.Clone(whole), func(e store.AnyEntry) bool { return !odd(e) }))
		var got []string
		at := Selection{Kind: store.Jobs, Namespace: namespace, Limit: 1 + random.IntN(7), Matches: odd}
		for {
			page, more, seen, err := c.Page(at)
			if err != nil || seen != revision || len(page) > at.Limit {
				t.Fatalf("%d of %d at %d, want at %d: %v", len(page), at.Limit, seen, revision, err)
			}
			got = append(got, namesOf(page)...)
			if more != len(want)-len(got) {
				t.Fatalf("%d more, want %d", more, len(want)-len(got))
			}
			if more == 0 {
				break
			}
			at.Revision, at.After = seen, page[len(page)-1].GetKey()
			for range random.IntN(4) {
				change()
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("round %d: got %v, want %v", round, got, want)
		}
	}
	if _, _, _, err := c.Page(Selection{Kind: store.Jobs, Revision: c.Revision() + 1}); !errors.Is(err, ErrGone) {
		t.Errorf("at a revision of the future: %v", err)
	}
	if _, _, _, err := c.Page(Selection{Kind: "sources"}); err == nil {
		t.Error("a kind that is not known")
	}
}

func TestPagesOfForgottenRevisionsAreGone(t *testing.T) {
	s := open(t)
	c := newCache(t, s, WithRing(4))
	follow(t, c)
	first := writeJob(t, s, "one", "a")
	var last int64
	for range 10 {
		last = writeJob(t, s, "one", "b")
	}
	waitFor(t, c, last)
	if _, _, _, err := c.Page(Selection{Kind: store.Jobs, Revision: first}); !errors.Is(err, ErrGone) {
		t.Errorf("got %v", err)
	}
	if page, _, at, err := c.Page(Selection{Kind: store.Jobs, Revision: last - 1}); err != nil || at != last-1 || len(page) != 2 {
		t.Errorf("got %v at %d: %v", namesOf(page), at, err)
	}
}
