package job

import (
	"fmt"
	"testing"

	v1 "horae/api/v1"
	"horae/internal/store"
)

// BenchmarkFan plans a Job of which a Run has ended and on which n others depend.
func BenchmarkFan(b *testing.B) {
	for _, n := range []int{0, 1, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			f := newFamily(b)
			f.parents("a")
			f.end(f.start("a", nil), v1.RunSucceeded)
			var dependents []*store.Job
			for range n {
				dependents = append(dependents, &store.Job{Object: &v1.Job{Spec: v1.JobSpec{DependsOn: []v1.Dependency{{Job: "a"}}}}})
			}
			in := f.input("a")
			in.Dependents = func() []*store.Job { return dependents }
			for b.Loop() {
				if d := Plan(in, f.now); !d.WriteStatus || (d.Status.Completions != nil) != (n > 0) {
					b.Fatal("the end was not listed")
				}
			}
		})
	}
}

// BenchmarkJoin plans a Job that depends on n others, of which the last one has ended.
func BenchmarkJoin(b *testing.B) {
	for _, n := range []int{1, 10, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			f := newFamily(b)
			var names []string
			for i := range n {
				names = append(names, fmt.Sprintf("p%d", i))
			}
			f.parents(names...)
			f.child("c", nil, names...)
			for _, name := range names {
				f.ran(name, v1.RunSucceeded, nil)
			}
			in := f.input("c")
			for b.Loop() {
				if d := Plan(in, f.now); len(d.Create) != 1 {
					b.Fatal("nothing follows")
				}
			}
		})
	}
}
