package store

import (
	"errors"
	"testing"
)

func TestWriterCommitsAndConflictsPerObject(t *testing.T) {
	s := open(t)
	w := writer(t, s)
	key := JobKey("default", "a")
	create := Change{Guards: []Guard{SpecAt(key, 0)}, Writes: []Write{must(PutSpec(key, newJob("a")))}}
	rev, err := w.Apply(t.Context(), create)
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.GetJob(t.Context(), "default", "a")
	if err != nil {
		t.Fatal(err)
	}
	if got.Rev.SpecMod != rev || got.Object.Generation != 1 || got.Object.Spec.Schedule != "0 * * * *" {
		t.Fatalf("read back %+v after a write at %d", got, rev)
	}
	if _, err := w.Apply(t.Context(), create); !errors.Is(err, ErrConflict) {
		t.Fatalf("second creation: %v, want a conflict", err)
	}
}
