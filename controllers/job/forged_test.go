package job

import (
	"fmt"
	"math"
	"testing"

	v1 "horae/api/v1"
)

// The store refuses the statuses below. What decides does not rely on that.

// forge puts a status that Horae has not written.
func (f *family) forge(job string, change func(*v1.JobStatus)) {
	f.revision++
	next := *f.jobs[job]
	next.Object = next.Object.DeepCopy()
	change(&next.Object.Status)
	next.Rev.StatusMod = f.revision
	f.jobs[job] = &next
}

func TestOmittedEndsWithoutAnyBanked(t *testing.T) {
	f := newFamily(t)
	f.parents("a", "b")
	f.child("c", nil, "a", "b")
	f.forge("c", func(s *v1.JobStatus) { s.Parents[0].Omitted = 5 })
	f.edit("c", func(s *v1.JobSpec) { s.DependsOn = s.DependsOn[1:] })
	f.settle("c")
	expect(t, "parents", len(f.status("c").Parents), 1)
	expect(t, "recorded", f.recorded("c"), "")
}

func TestNumbersOfEndsThatCannotBe(t *testing.T) {
	for _, last := range []int64{-1, math.MinInt64, 0, 1 << 62, math.MaxInt64 - 1, math.MaxInt64} {
		t.Run(fmt.Sprint(last), func(t *testing.T) {
			f := newFamily(t)
			f.parents("a")
			f.child("c", nil, "a")
			f.forge("a", func(s *v1.JobStatus) {
				s.Completions = &v1.Completions{Last: last, Ends: []v1.Completion{{Run: "a-1", Outcome: v1.RunSucceeded}}}
			})
			if n := len(newEnds(nil, f.jobs["a"])); n > 1 {
				t.Errorf("%d new ends, of one", n)
			}
			f.settle("c")
			expect(t, "missed", f.status("c").Missed, 0)
			expect(t, "Runs", len(f.runsOf("c")), 0)
		})
	}
}
