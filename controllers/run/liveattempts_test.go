package run

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	v1 "horae/api/v1"
	"horae/internal/store"
)

// TestLiveAttempts: an attempt counts from when it gets its place until the cache has its end, whatever old
// states come in between.
func TestLiveAttempts(t *testing.T) {
	var c liveAttempts
	request := wants(t, "r", "2", "1Mi")
	job := store.JobKey("default", "hello")
	as := func(revision int64, attempts ...v1.Attempt) *store.Run {
		r := testRun(func(r *v1.Run) {
			r.Name = "r"
			r.Spec.Task.Resources.CPUs = quantity("2")
			if len(attempts) > 0 {
				withAttempts(attempts...)(r)
			}
		})
		r.Rev.StatusMod = revision
		return r
	}
	alive := func(want int) {
		t.Helper()
		sites, tasks, used := c.Sites(job), c.Tasks(), c.Usage()["default"]
		if len(sites) != want || tasks["S0"] != want || used.CPUs() != float64(2*want) {
			t.Errorf("live %v, tasks %v, usage %v; want %d", sites, tasks, used, want)
		}
	}
	alive(0)
	request.Run.Rev.StatusMod = 10
	c.placed(request, "S0", "node1")
	alive(1)
	for _, stale := range []int64{0, 5, 10} {
		if c.see(as(stale)) != nil {
			t.Error("an end was seen in an old state")
		}
	}
	alive(1)
	c.see(as(11, attempt(1, v1.RunLaunching)))
	c.see(as(12, attempt(1, v1.RunRunning)))
	alive(1)
	if ended := c.see(as(13, attempt(1, v1.RunFailed))); ended == nil || ended.job != job {
		t.Errorf("its end was not seen: %+v", ended)
	}
	alive(0)

	// A leader that has just won knows what the cache has; what could not be stored is taken back.
	c.see(as(14, attempt(2, v1.RunRunning)))
	alive(1)
	c.remove(request.Run.Key)
	alive(0)
	if diff := cmp.Diff([]int{0, 0, 0, 0}, []int{len(c.runs), len(c.jobs), len(c.used), len(c.tasks)}); diff != "" {
		t.Errorf("something stays (-want +got):\n%s", diff)
	}
}
