package perturb

import (
	"fmt"
	"strings"
	"time"

	v1 "horae/api/v1"
	"horae/internal/store"
)

// scenario is what a user does. play returns when all that follows from it can be waited for by its end state alone.
type scenario struct {
	name string
	play func(w *world)
}

const (
	mergePatch = "application/merge-patch+json"
	yamlType   = "application/yaml"
)

// scenarios, in the order in which they are run.
var scenarios = []scenario{
	{"occurrences", occurrences},
	{"retries", retries},
	{"cancel", cancelRun},
	{"delete", deleteWhileActive},
	{"recreate", recreateWhileActive},
	{"suspend", suspendAndResume},
	{"replace", replace},
	{"history", history},
	{"missed", missed},
	{"calendars", calendars},
	{"broken", brokenAndMended},
	{"trigger", trigger},
	{"callback", callBack},
	{"callbacksooner", callBackSooner},
	{"people", people},
	{"unreachable", unreachable},
	{"failures", suspendAfterFailures},
	{"backfill", backfillOfThePast},
	{"dependents", dependents},
}

var (
	jobA    = store.JobKey("default", "a")
	created = "2026-01-01T00:00:00Z" // of Jobs whose occurrences all lie behind
)

// past is a Job with n occurrences that have passed since it was created, an hour apart from each other.
func past(n int, outcome string, more ...string) string {
	return fmt.Sprintf(`apiVersion: horae/v1
kind: Job
metadata: {name: a, creationTimestamp: %q}
spec:
  schedule: R%d/2026-01-01T01:00:00Z/PT1H
%s  task: {shell: "true", labels: {sim: %q}}
`, created, n, indent(more), outcome)
}

func indent(lines []string) string {
	text := ""
	for _, l := range lines {
		text += "  " + l + "\n"
	}
	return text
}

// manual is a Job that runs when it is triggered.
func manual(outcome string, more ...string) string {
	return fmt.Sprintf("apiVersion: horae/v1\nkind: Job\nmetadata: {name: a}\nspec:\n%s  task: {shell: \"true\", labels: {sim: %q}}\n", indent(more), outcome)
}

// occurrences: three of a schedule, side by side. The first effects of all are here too: the lead, the subscription and the
// framework id.
func occurrences(w *world) {
	w.put(jobA, past(3, "ok,20ms", "missedRuns: All", "concurrencyPolicy: Allow"))
	w.await("three Runs succeed", w.succeeded(3))
}

func retries(w *world) {
	w.put(jobA, past(1, "exit:3", "retries: {limit: 2, delay: 10ms}"))
	w.await("the Run fails", func() bool { s := w.job(); return s != nil && s.Failed == 1 })
}

func cancelRun(w *world) {
	w.put(jobA, past(1, "never"))
	name := w.running()
	w.request("PATCH", "runs/"+name, `{"spec":{"cancel":true}}`, mergePatch, func() bool {
		return strings.Contains(w.stored(store.RunKey("default", name)), `"cancel":true`)
	})
	w.await("the Run is killed", w.phase(v1.RunKilled))
}

func deleteWhileActive(w *world) {
	w.put(jobA, past(1, "never"))
	w.running()
	w.request("DELETE", "jobs/a", "", "", func() bool { return w.stored(jobA) == "" })
	w.await("nothing is left", w.empty)
}

// backfillOfThePast: the occurrences were before the Job was there. One that is skipped has run, and the counts are
// those of what Mesos ran. A Backfill that is deleted while a Run is active takes that with it.
func backfillOfThePast(w *world) {
	w.put(jobA, fmt.Sprintf(`apiVersion: horae/v1
kind: Job
metadata: {name: a, creationTimestamp: %q}
spec: {schedule: R5/2020-01-01T00:00:00Z/P1Y, task: {shell: "true", labels: {sim: "ok,10ms"}}}
`, created))
	make := func(name, from, to string, parallel int) store.Key {
		key := store.BackfillKey("default", name)
		w.put(key, fmt.Sprintf("apiVersion: horae/v1\nkind: Backfill\nmetadata: {name: %s, creationTimestamp: %q}\n"+
			"spec: {job: a, from: %s, to: %s, parallel: %d}\n", name, created, from, to, parallel))
		return key
	}
	first := make("first", "2020-01-01T00:00:00Z", "2023-01-01T00:00:00Z", 2)
	w.await("the first Backfill finishes", func() bool {
		b := w.view.Backfill("default", first.Name)
		return b != nil && b.Object.Status.Succeeded == 3 && b.Object.Status.FinishTime != nil
	})
	w.put(jobA, strings.Replace(w.stored(jobA), "ok,10ms", "never", 1))
	second := make("second", "2020-01-01T00:00:00Z", "2025-01-01T00:00:00Z", 1)
	w.running()
	w.request("DELETE", "backfills/second", "", "", func() bool { return w.stored(second) == "" })
	w.await("the second Backfill is gone, and its Run is killed", func() bool {
		killed := 0
		for _, r := range w.view.Runs("") {
			if r.Object.Status.Phase == v1.RunKilled {
				killed++
			}
		}
		return w.view.Backfill("default", second.Name) == nil && killed == 1
	})
}

// dependents: b follows each of three Runs of a, d follows those of b; c follows all of what a and e have run since its
// last Run. Each end starts what it must start once, whoever counts it.
func dependents(w *world) {
	follower := func(name, dependsOn string) {
		w.put(store.JobKey("default", name), fmt.Sprintf("apiVersion: horae/v1\nkind: Job\nmetadata: {name: %s, creationTimestamp: %q}\n"+
			"spec: {%s, history: {succeeded: 10}, task: {shell: \"true\", labels: {sim: \"ok,10ms\"}}}\n", name, created, dependsOn))
	}
	follower("b", "dependsOn: [{job: a}], dependencyPolicy: EachOnce")
	follower("c", "dependsOn: [{job: a}, {job: e}]")
	follower("d", "dependsOn: [{job: b}], dependencyPolicy: Any")
	// Of a parent that keeps no Run, too.
	w.put(jobA, past(3, "ok,10ms", "missedRuns: All", "concurrencyPolicy: Forbid", "history: {succeeded: 0}"))
	for _, name := range []string{"a", "b", "d"} {
		w.await("three Runs of "+name+" succeed", w.succeededOf(name, 3))
	}
	w.put(store.JobKey("default", "e"), strings.Replace(past(1, "ok,10ms"), "name: a", "name: e", 1))
	w.await("one Run of c follows all", w.succeededOf("c", 1))
}

// recreateWhileActive: the Job of the same name is another one, and makes a Run of the same name.
func recreateWhileActive(w *world) {
	w.put(jobA, past(1, "never"))
	w.running()
	w.request("DELETE", "jobs/a", "", "", func() bool { return w.stored(jobA) == "" })
	w.put(jobA, past(1, "ok,10ms"))
	w.await("the second Job's Run succeeds", w.succeeded(1))
}

// recreateUnseen comes to the same end, and there is no moment at which the manager sees that the first Job is gone.
func recreateUnseen(w *world) {
	w.put(jobA, past(1, "never"))
	w.running()
	m := w.current()
	m.holdWatches(true)
	if _, err := w.client.Delete(w.ctx, jobA.Spec()); err != nil {
		w.fatalf("delete: %v", err)
	}
	w.put(jobA, past(1, "ok,10ms"))
	m.release()
	w.await("the second Job's Run succeeds", w.succeeded(1))
}

func suspendAndResume(w *world) {
	w.put(jobA, past(3, "ok,20ms", "suspend: true", "missedRuns: Latest"))
	w.await("it is suspended", func() bool { return w.reason(v1.JobScheduled) == v1.ReasonSuspended })
	w.request("PATCH", "jobs/a", `{"spec":{"suspend":false}}`, mergePatch, func() bool {
		doc := w.stored(jobA) // ours is YAML, the server's JSON
		return strings.HasPrefix(doc, "{") && !strings.Contains(doc, `"suspend":true`)
	})
	w.await("the latest occurrence runs", w.succeeded(1))
}

// replace: the first occurrence, which has passed, runs until the second comes.
func replace(w *world) {
	first := time.Now().UTC().Truncate(time.Second).Add(-time.Hour)
	second := first.Add(time.Hour + 3*time.Second)
	for _, t := range []time.Time{first, second} {
		w.names = append(w.names, t.Format(time.RFC3339), t.Format("20060102t150405z"))
	}
	doc := past(2, "never", "concurrencyPolicy: Replace")
	doc = strings.ReplaceAll(doc, created, first.Add(-time.Minute).Format(time.RFC3339))
	w.names = append(w.names, first.Add(-time.Minute).Format(time.RFC3339), "-")
	w.put(jobA, strings.ReplaceAll(doc, "R2/2026-01-01T01:00:00Z/PT1H", "R2/"+first.Format(time.RFC3339)+"/PT3603S"))
	name := w.running()
	if !time.Now().Before(second) {
		w.t.Skip("the machine is too slow: the second occurrence came before the first could run")
	}
	w.await("the second replaces the first", func() bool {
		r := w.view.Run("default", name)
		return r != nil && r.Object.Status.Phase == v1.RunKilled && w.runningNow() != ""
	})
}

func history(w *world) {
	w.put(jobA, past(4, "ok", "missedRuns: All", "history: {succeeded: 1}"))
	w.await("four Runs succeed", w.succeeded(4))
	w.await("one is left", func() bool { return len(w.view.Runs("")) == 1 })
}

// missed: one after another.
func missed(w *world) {
	w.put(jobA, past(3, "ok,10ms", "missedRuns: All", "concurrencyPolicy: Forbid"))
	w.await("three Runs succeed", w.succeeded(3))
}

// calendars: a Calendar that comes keeps a day free; one that goes is reported.
func calendars(w *world) {
	key := store.CalendarKey("default", "free")
	w.put(key, "apiVersion: horae/v1\nkind: Calendar\nmetadata: {name: free}\nspec: {dates: [2026-01-02]}\n")
	w.await("the Calendar is accepted", func() bool {
		c := w.view.Calendar("default", "free")
		return c != nil && len(c.Object.Status.Conditions) > 0
	})
	doc := past(3, "ok,10ms", "missedRuns: All", "concurrencyPolicy: Allow", "calendars: {exclude: [free]}")
	w.put(jobA, strings.ReplaceAll(doc, "/PT1H", "/P1D"))
	w.await("two of three days run", func() bool { s := w.job(); return s != nil && s.Succeeded == 2 && s.Skipped == 1 && len(s.Active) == 0 })
	w.request("DELETE", "calendars/free", "", "", func() bool { return w.stored(key) == "" })
	w.await("the condition reports its absence", func() bool { return w.reason(v1.JobCalendarsFound) == v1.ReasonNotFound })
	w.await("the Calendar is gone", func() bool { return w.view.Calendar("default", "free") == nil })
}

func brokenAndMended(w *world) {
	w.put(jobA, strings.ReplaceAll(past(2, "ok,10ms", "missedRuns: All"), "schedule: R2", "schedule: often, R2"))
	w.await("the condition reports it", func() bool { return w.reason(v1.JobAccepted) == v1.ReasonInvalid })
	w.put(jobA, "kind: Job\nspec: [") // not even YAML
	w.await("that is reported too", func() bool { s := w.job(); return s != nil && s.ObservedGeneration == 2 })
	w.put(jobA, past(2, "ok,10ms", "missedRuns: All"))
	w.await("it is accepted", func() bool { return w.reason(v1.JobAccepted) == v1.ReasonValid })
	w.request("POST", "jobs/a/trigger", "", "", w.triggered(1))
	w.await("a Run succeeds", func() bool { s := w.job(); return s != nil && s.Succeeded >= 1 && len(s.Active) == 0 })
}

func trigger(w *world) {
	w.request("POST", "jobs", manual("ok,10ms"), yamlType, func() bool { return w.stored(jobA) != "" })
	w.request("POST", "jobs/a/trigger", `{"env":[{"name":"N","value":"1"}]}`, "application/json", w.triggered(1))
	w.await("the Run succeeds", w.succeeded(1))
	w.request("POST", "jobs/a/trigger", `{"env":[{"name":"N","value":"2"}]}`, "application/json", w.triggered(2))
	w.await("the second succeeds", w.succeeded(2))
}

// callBack: the task of an asynchronous Job ends, and then its callback comes: a failure, and of the second attempt a
// success.
func callBack(w *world) {
	w.put(jobA, past(1, "ok,10ms", "async: {timeout: 1h}", "retries: {limit: 1, delay: 10ms}"))
	for i, phase := range []v1.RunPhase{v1.RunFailed, v1.RunSucceeded} {
		name := ""
		w.await(fmt.Sprintf("attempt %d waits for its callback", i+1), func() bool { name = w.awaiting(i); return name != "" })
		body := fmt.Sprintf(`{"phase": %q, "message": "attempt %d", "progress": %d, "id": "end"}`, phase, i+1, i+1)
		w.request("POST", "runs/"+name+"/callback", body, "application/json", func() bool { return w.reported(name, i, phase) })
	}
	w.await("the Run succeeds", w.succeeded(1))
}

// awaiting is the Run whose i-th attempt that has started waits for its callback; "": there is none.
func (w *world) awaiting(i int) string {
	for _, r := range w.view.Runs("") {
		if all := startedOf(r); len(all) == i+1 && all[i].TaskFinishTime != nil && !all[i].State.Terminal() {
			return r.Key.Name
		}
	}
	return ""
}

func startedOf(r *store.Run) (all []v1.Attempt) {
	for _, a := range r.Object.Status.Attempts {
		if !a.NotStarted {
			all = append(all, a)
		}
	}
	return all
}

// reported reports whether etcd has the end of the i-th attempt from its callback: in the document, or in the status.
func (w *world) reported(name string, i int, phase v1.RunPhase) bool {
	r, err := w.store.GetRun(w.ctx, "default", name)
	if err != nil {
		w.fatalf("read %s: %v", name, err)
	}
	all := startedOf(r)
	if len(all) > i && all[i].Callback != nil {
		return all[i].Callback.Phase == phase
	}
	resp, err := w.client.Get(w.ctx, r.Key.Callback())
	if err != nil {
		w.fatalf("read what callbacks of %s have reported: %v", name, err)
	}
	return len(resp.Kvs) > 0 && len(all) > i && strings.Contains(string(resp.Kvs[0].Value), all[i].TaskID+`","outcome":{"phase":"`+string(phase))
}

// callBackSooner: the callback comes while the task runs, which is then lost: that does not matter.
func callBackSooner(w *world) {
	w.put(jobA, past(1, "never", "async: {}", "retries: {limit: 0}"))
	name := w.running()
	w.request("POST", "runs/"+name+"/callback", `{"phase": "Succeeded", "id": "end"}`, "application/json", func() bool {
		return w.reported(name, 0, v1.RunSucceeded)
	})
	w.request("PATCH", "runs/"+name, `{"spec":{"cancel":true}}`, mergePatch, func() bool {
		return strings.Contains(w.stored(store.RunKey("default", name)), `"cancel":true`)
	})
	w.await("the Run succeeds", w.succeeded(1))
}

// people: an occurrence fails, is repeated, and is marked as a success.
func people(w *world) {
	w.put(jobA, past(1, "exit:3,10ms", "retries: {limit: 0}"))
	w.await("the Run fails", func() bool { s := w.job(); return s != nil && s.Failed == 1 })
	name := w.view.Runs("")[0].Key.Name
	w.request("POST", "runs/"+name+"/retry", `{"id":"again"}`, "application/json", func() bool {
		return w.stored(store.RunKey("default", "a-magain")) != ""
	})
	w.await("the second fails", func() bool { s := w.job(); return s.Failed == 2 && len(s.Active) == 0 })
	w.request("POST", "jobs/a/succeed", `{"id":"marked","at":"2026-01-01T01:00:00Z"}`, "application/json", func() bool {
		return w.stored(store.RunKey("default", "a-mmarked")) != ""
	})
	w.await("the mark counts", w.succeeded(1))
}

// unreachable: the agent of a Run is cut off for good; the Run is replaced on the other, and the old task killed when the agent
// comes back.
func unreachable(w *world) {
	w.put(jobA, past(1, "never", "unreachable: {then: Replace, after: 50ms}", "retries: {delay: 10ms}"))
	name := w.running()
	attempts := w.view.Run("default", name).Object.Status.Attempts
	first := attempts[len(attempts)-1]
	agent := w.agentOf(first.AgentID)
	agent.Partition()
	w.await("it runs elsewhere", func() bool {
		r := w.view.Run("default", name).Object.Status
		return r.Phase == v1.RunRunning && r.Attempts[len(r.Attempts)-1].AgentID != first.AgentID
	})
	agent.Heal()
	w.await("the first task is killed", func() bool { return w.ran.of(first.TaskID) == "TASK_KILLED" })
}

func suspendAfterFailures(w *world) {
	w.put(jobA, past(3, "exit:1", "missedRuns: All", "suspendAfterFailures: 2", "retries: {limit: 0}"))
	w.await("it is suspended", func() bool { return w.reason(v1.JobScheduled) == v1.ReasonTooManyFailures })
}

// job is the status of the Job; nil when there is none.
func (w *world) job() *v1.JobStatus {
	j := w.view.Job("default", "a")
	if j == nil || j.Rev.Deleted() {
		return nil
	}
	return &j.Object.Status
}

// reason of one of the Job's conditions.
func (w *world) reason(condition string) string {
	s := w.job()
	if s == nil {
		return ""
	}
	for _, c := range s.Conditions {
		if c.Type == condition {
			return c.Reason
		}
	}
	return ""
}

func (w *world) succeeded(n int64) func() bool { return w.succeededOf("a", n) }

func (w *world) succeededOf(job string, n int64) func() bool {
	return func() bool {
		j := w.view.Job("default", job)
		return j != nil && !j.Rev.Deleted() && j.Object.Status.Succeeded == n && len(j.Object.Status.Active) == 0
	}
}

// phase reports whether the one Run is in it.
func (w *world) phase(p v1.RunPhase) func() bool {
	return func() bool {
		runs := w.view.Runs("")
		return len(runs) == 1 && runs[0].Object.Status.Phase == p
	}
}

func (w *world) empty() bool {
	return w.view.Count(store.Jobs) == 0 && w.view.Count(store.Runs) == 0
}

// running waits for a Run that is Running, and returns its name.
func (w *world) running() string {
	w.t.Helper()
	name := ""
	w.await("a Run is running", func() bool { name = w.runningNow(); return name != "" })
	return name
}

func (w *world) runningNow() string {
	for _, r := range w.view.Runs("") {
		if r.Object.Status.Phase == v1.RunRunning {
			return r.Key.Name
		}
	}
	return ""
}

// triggered reports whether there are n Runs by hand.
func (w *world) triggered(n int) func() bool {
	return func() bool {
		found := 0
		if _, err := w.store.List(w.ctx, func(page []*store.KeyValue) error {
			for _, kv := range page {
				if key, side, ok := store.ParseKey(string(kv.Key)); ok && side == store.SpecSide && key.Kind == store.Runs && strings.HasPrefix(key.Name, "a-m") {
					found++
				}
			}
			return nil
		}); err != nil {
			w.fatalf("list: %v", err)
		}
		if found > n {
			w.t.Errorf("%d triggers made %d Runs", n, found)
		}
		return found >= n
	}
}
