package server

import (
	"context"
	"slices"
	"strings"
	"testing"

	v1 "horae/api/v1"
	"horae/internal/store"
)

// meddling is a store in which something else happens just before a deletion.
type meddling struct {
	*store.Store
	before map[string]func() // by the name of what is deleted; each happens once
}

func (s *meddling) Apply(ctx context.Context, change store.Change) (int64, error) {
	key, _, _ := store.ParseKey(change.Writes[0].EtcdKey)
	if f := s.before[key.Name]; f != nil {
		delete(s.before, key.Name)
		f()
	}
	return s.Store.Apply(ctx, change)
}

// TestDeleteCollectionLeavesAloneWhatIsNotSelectedAnyMore: while the first is deleted, or just as its own turn has come.
func TestDeleteCollectionLeavesAloneWhatIsNotSelectedAnyMore(t *testing.T) {
	const patch = "application/merge-patch+json"
	suspended := func(name string) string { return jobYAML(name, "  suspend: true") }
	for _, tt := range []struct {
		name, path string
		before     func(f *fixture) map[string]func()
		gone, left []string
	}{
		{
			name: "by phase: a Run is launched", path: runsPath + "?fieldSelector=status.phase%3DPending",
			before: func(f *fixture) map[string]func() {
				running := func(name string) func() {
					return func() { f.setStatus(name, func(s *v1.RunStatus) { s.Phase = v1.RunRunning }) }
				}
				return map[string]func(){"a-m1": running("a-m2"), "a-m3": running("a-m3")}
			},
			gone: []string{"a-m1"}, left: []string{"a-m2", "a-m3"},
		},
		{
			name: "by phase: a Run is placed in the queue, and still Pending", path: runsPath + "?fieldSelector=status.phase%3DPending",
			before: func(f *fixture) map[string]func() {
				return map[string]func(){"a-m3": func() { f.setStatus("a-m3", func(s *v1.RunStatus) { s.Message = "waits" }) }}
			},
			gone: []string{"a-m1", "a-m2", "a-m3"},
		},
		{
			name: "by what a user says: a Job is edited", path: jobsPath + "?fieldSelector=spec.suspend%3Dtrue",
			before: func(f *fixture) map[string]func() {
				resume := func(name string) func() {
					return func() {
						f.want(200, f.do("PATCH", jobsPath+"/"+name, `{"spec":{"suspend":false}}`, "Content-Type", patch))
					}
				}
				return map[string]func(){"x": resume("y"), "z": resume("z")}
			},
			gone: []string{"x"}, left: []string{"a", "y", "z"},
		},
		{
			name: "all: a Job is made anew", path: jobsPath,
			before: func(f *fixture) map[string]func() {
				anew := func(name string) func() {
					return func() {
						f.want(200, f.do("DELETE", jobsPath+"/"+name, ""))
						f.want(201, f.do("POST", jobsPath, suspended(name)))
					}
				}
				return map[string]func(){"a": anew("y"), "z": anew("z")}
			},
			gone: []string{"a", "x"}, left: []string{"y", "z"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := start(t)
			f.createJob("a")
			for _, name := range []string{"x", "y", "z"} {
				f.want(201, f.do("POST", jobsPath, suspended(name)))
				f.want(201, f.do("POST", jobsPath+"/a/trigger", `{"force":true}`))
			}
			other := f.another(func(c *Config) { c.Store = &meddling{f.store, tt.before(f)} })
			names := func(a answer) []string {
				var list []string
				for _, o := range decode[v1.JobList](t, f.want(200, a)).Items { // Of Runs, too, it is the names that matter.
					list = append(list, o.Name)
				}
				return list
			}
			if gone := names(other.do("DELETE", tt.path, "")); !slices.Equal(gone, tt.gone) {
				t.Errorf("deleted %v, want %v", gone, tt.gone)
			}
			all, _, _ := strings.Cut(tt.path, "?")
			if left := names(other.do("GET", all, "")); !slices.Equal(left, tt.left) {
				t.Errorf("left %v, want %v", left, tt.left)
			}
		})
	}
}
