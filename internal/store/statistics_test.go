package store

import (
	"errors"
	"strings"
	"testing"

	v1 "horae/api/v1"
)

func TestStatisticsStandBesideTheStatus(t *testing.T) {
	key := JobKey("default", "hello")
	job := newJob("hello")
	job.UID = UID(key, 5)
	job.Status.Succeeded = 3
	status := must(PutJobStatus(key, job, "AQID"))
	entry := NewEntry[v1.Job](key, &KeyValue{Value: must(PutSpec(key, job)).Value, CreateRevision: 5, ModRevision: 5, Version: 1},
		&KeyValue{Value: status.Value, ModRevision: 6})
	if got := entry.Statistics(); got != "AQID" || entry.Err != nil || entry.Object.Status.Succeeded != 3 {
		t.Errorf("statistics %q, status %+v, %v", got, entry.Object.Status, entry.Err)
	}
	anew := entry.WithSpec(&KeyValue{Value: must(PutSpec(key, job)).Value, CreateRevision: 9, ModRevision: 9, Version: 1})
	if got := anew.Statistics(); got != "" {
		t.Errorf("a new Job of the name has the statistics %q of the one before", got)
	}
	// Something else in their place costs the statistics, and nothing else.
	foreign := strings.Replace(string(status.Value), `"AQID"`, `{"a":[1]}`, 1)
	entry = entry.WithStatus(&KeyValue{Value: []byte(foreign), ModRevision: 7})
	if got := entry.Statistics(); got != `{"a":[1]}` || entry.Err != nil || entry.Object.Status.Succeeded != 3 {
		t.Errorf("statistics %q, status %+v, %v", got, entry.Object.Status, entry.Err)
	}
}

func TestStatisticsKeysAreReadAsOfARevision(t *testing.T) {
	s := open(t)
	w := writer(t, s)
	a, b := JobKey("default", "a"), JobKey("default", "b")
	apply := func(c Change) int64 {
		t.Helper()
		revision, err := w.Apply(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		return revision
	}
	first := apply(Change{Guards: []Guard{StatisticsAt(a, 0)}, Writes: []Write{PutStatistics(a, []byte("one"))}})
	second := apply(Change{Guards: []Guard{StatisticsAt(a, first)}, Writes: []Write{PutStatistics(a, []byte("two"))}})
	if _, err := w.Apply(t.Context(), Change{Guards: []Guard{StatisticsAt(a, first)}, Writes: []Write{DeleteStatistics(a)}}); !errors.Is(err, ErrConflict) {
		t.Errorf("a change based on an old document: %v", err)
	}
	for _, tt := range []struct {
		at      int64
		want    string
		written int64
	}{{first, "one", first}, {second, "two", second}, {0, "two", second}} {
		list, err := s.Statistics(t.Context(), []Key{b, a}, tt.at)
		if err != nil {
			t.Fatal(err)
		}
		if list[0].Value != nil || list[0].Revision != 0 || string(list[1].Value) != tt.want || list[1].Revision != tt.written {
			t.Errorf("at %d: %+v", tt.at, list)
		}
	}
	if _, err := s.client.Compact(t.Context(), second); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Statistics(t.Context(), []Key{a}, first); !errors.Is(err, ErrCompacted) {
		t.Errorf("as of a revision that was compacted: %v", err)
	}
	if why := Stray(a.Statistics()); why != "" {
		t.Errorf("a statistics key is a stray: %s", why)
	}
}
