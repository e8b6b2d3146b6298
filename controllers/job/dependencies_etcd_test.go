package job

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	v1 "horae/api/v1"
	"horae/internal/cache"
	"horae/internal/store"
)

// watched is a rig that also keeps which Jobs each change concerns.
type watched struct {
	*rig
	mu   sync.Mutex
	keys []string // guarded by mu
}

func newWatched(t *testing.T) *watched {
	w := &watched{rig: newRig(t)}
	w.cache.Listen(func(e cache.Event) {
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, key := range w.Concerns(e) {
			w.keys = append(w.keys, key.Name)
		}
	})
	w.follow()
	return w
}

// woken are the Jobs that were to be reconciled since the last call, each once.
func (w *watched) woken() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	slices.Sort(w.keys)
	list := fmt.Sprint(slices.Compact(w.keys))
	w.keys = nil
	return list
}

// job writes a Job as etcdctl would, and reconciles it.
func (w *watched) job(name, spec string) {
	w.put(store.JobKey("default", name).Spec(), "apiVersion: horae/v1\nkind: Job\nspec: {"+spec+"task: {shell: \"true\"}}")
	w.plan(name)
}

func (w *watched) plan(name string) {
	w.t.Helper()
	for range 5 {
		result, err := w.Reconcile(w.t.Context(), store.JobKey("default", name))
		if err != nil {
			w.t.Fatal(err)
		}
		if result.Revision == 0 {
			return
		}
		w.wait(result.Revision)
	}
}

// run writes a manual Run of a Job, and ends it.
func (w *watched) run(job, id string, phase v1.RunPhase) {
	w.put(store.RunKey("default", job+"-m"+id).Spec(),
		"apiVersion: horae/v1\nkind: Run\nspec: {job: "+job+", reason: Manual, task: {shell: \"true\"}}")
	w.endRun(job+"-m"+id, phase)
}

// TestAnEndWakesItsChildrenOnly: the cost of an end is that of its children, not of all Jobs.
func TestAnEndWakesItsChildrenOnly(t *testing.T) {
	w := newWatched(t)
	w.job("other", "")
	w.job("parent", "")
	w.job("child", "dependsOn: [{job: parent}], ")
	w.job("cleaner", "dependsOn: [{job: parent, on: Failed}], ")
	w.job("grandchild", "dependsOn: [{job: child}], ")
	w.woken()

	w.run("parent", "1", v1.RunSucceeded)
	expect(t, "woken by the Run", w.woken(), "[parent]")
	w.plan("parent")
	expect(t, "woken by the end", w.woken(), "[child]")
	w.plan("child")
	expect(t, "Runs of the child", len(w.cache.RunsOf("default", "child")), 1)
	expect(t, "woken by the child's Run", w.woken(), "[child]")

	w.run("parent", "2", v1.RunFailed)
	w.plan("parent")
	expect(t, "woken by a failure", w.woken(), "[cleaner parent]")

	w.job("parent", "description: edited, ")
	expect(t, "woken by an edit", w.woken(), "[parent]")
	w.put(store.JobKey("default", "parent").Spec(), "")
	expect(t, "woken by its deletion", w.woken(), "[child cleaner parent]")
	w.plan("child")
	child := w.cache.Job("default", "child").Object
	expect(t, "ParentsFound", reasonOf(&child.Status, v1.JobParentsFound), v1.ReasonNotFound)
	expect(t, "dependsOn of the child", len(child.Spec.DependsOn), 1)
}

// TestACycleThatEtcdctlMakes blocks its Jobs and no others, until somebody breaks it.
func TestACycleThatEtcdctlMakes(t *testing.T) {
	w := newWatched(t)
	w.job("a", "")
	w.job("b", "dependsOn: [{job: a}], ")
	w.job("c", "dependsOn: [{job: b}], ")
	w.job("below", "dependsOn: [{job: c}], ")
	w.woken()
	w.job("a", "dependsOn: [{job: c}], ")
	expect(t, "woken by the cycle", w.woken(), "[a b c]")
	for _, name := range []string{"b", "c", "below"} {
		w.plan(name)
	}
	reason := func(name string) string {
		return reasonOf(&w.cache.Job("default", name).Object.Status, v1.JobParentsFound)
	}
	for name, want := range map[string]string{"a": v1.ReasonCycle, "b": v1.ReasonCycle, "c": v1.ReasonCycle, "below": v1.ReasonFound} {
		expect(t, name, reason(name), want)
	}
	w.run("a", "1", v1.RunSucceeded)
	w.plan("a")
	w.plan("b")
	expect(t, "Runs of a Job in a cycle", len(w.cache.RunsOf("default", "b")), 0)
	w.run("c", "1", v1.RunSucceeded)
	w.plan("c")
	w.plan("below")
	expect(t, "Runs of a Job below it", len(w.cache.RunsOf("default", "below")), 1)
	w.woken()

	w.job("a", "")
	expect(t, "woken by the end of the cycle", w.woken(), "[a b c]")
	w.plan("b")
	expect(t, "afterwards", reason("b"), v1.ReasonFound)
	expect(t, "Runs afterwards", len(w.cache.RunsOf("default", "b")), 1)
}
