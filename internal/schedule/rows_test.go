package schedule

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// A row of testdata/*.json: the first instants strictly after After, on which independent libraries agree.
type row struct {
	Schedule  string
	TimeZone  string
	After     time.Time
	Next      []time.Time
	Exhausted bool
}

func readRows(t testing.TB) map[string][]row {
	t.Helper()
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) != 3 {
		t.Fatalf("testdata/*.json: %v (%v), want 3 files", files, err)
	}
	all := map[string][]row{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var rows []row
		if err := json.Unmarshal(data, &rows); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		all[filepath.Base(file)] = rows
	}
	return all
}

func TestEveryRowOnWhichLibrariesAgree(t *testing.T) {
	for file, rows := range readRows(t) {
		for _, r := range rows {
			t.Run(file+"/"+r.Schedule+" "+r.TimeZone, func(t *testing.T) {
				s := mustParse(t, r.Schedule, r.TimeZone)
				at := r.After
				for i, want := range r.Next {
					got, ok := s.Next(at)
					if !ok || !got.Equal(want) {
						t.Fatalf("instant %d after %v is %v (%v), want %v", i, at, got, ok, want)
					}
					at = got
				}
				if got, ok := s.Next(at); r.Exhausted && ok {
					t.Errorf("after the last: %v, want exhausted", got)
				} else if !r.Exhausted && !ok {
					t.Error("exhausted too early")
				}
				if len(r.Next) == 0 {
					return
				}
				if got := s.Count(r.After, at); got != len(r.Next) {
					t.Errorf("Count(%v, %v) = %d, want %d", r.After, at, got, len(r.Next))
				}
				for i := len(r.Next) - 1; i > 0; i-- {
					if got, ok := s.Prev(r.Next[i].Add(-1)); !ok || !got.Equal(r.Next[i-1]) {
						t.Errorf("last before %v is %v (%v), want %v", r.Next[i], got, ok, r.Next[i-1])
					}
				}
			})
		}
	}
}

func mustParse(t testing.TB, text, zone string) *Schedule {
	t.Helper()
	loc, err := LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Parse(text, Options{Location: loc, Created: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), HashKey: "default/test"})
	if err != nil {
		t.Fatalf("Parse(%q): %v", text, err)
	}
	return s
}
