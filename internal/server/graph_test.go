package server

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "horae/api/v1"
	"horae/internal/store"
)

// dependentJob is a Job's document that depends on others.
func dependentJob(name string, parents ...string) string {
	return fmt.Sprintf(`{"apiVersion":"horae/v1","kind":"Job","metadata":{"name":%q},"spec":{%s"task":{"shell":"true"}}}`,
		name, dependsOnJSON(parents))
}

func dependsOnJSON(parents []string) string {
	if len(parents) == 0 {
		return ""
	}
	var list []string
	for _, p := range parents {
		list = append(list, fmt.Sprintf(`{"job":%q}`, p))
	}
	return `"dependsOn":[` + strings.Join(list, ",") + `],`
}

func TestACycleIsRefusedAndNamed(t *testing.T) {
	f := start(t)
	for _, doc := range []string{dependentJob("a"), dependentJob("b", "a"), dependentJob("c", "b", "x"), dependentJob("d", "c")} {
		f.want(http.StatusCreated, f.do("POST", jobsPath, doc))
	}
	for name, tc := range map[string]struct{ method, path, doc, want string }{
		"closed by a new Job":    {"POST", jobsPath, dependentJob("x", "c"), "spec.dependsOn[0].job: Invalid value: \"c\": these Jobs would depend on each other in a circle: x -> c -> x"},
		"closed by a change":     {"PUT", jobsPath + "/a", dependentJob("a", "x", "c"), "spec.dependsOn[1].job: Invalid value: \"c\": these Jobs would depend on each other in a circle: a -> b -> c -> a"},
		"closed far away":        {"PUT", jobsPath + "/a", dependentJob("a", "d"), "circle: a -> b -> c -> d -> a"},
		"itself":                 {"PUT", jobsPath + "/a", dependentJob("a", "a"), "a Job cannot depend on itself"},
		"also when it is not to": {"PUT", jobsPath + "/a?dryRun=All", dependentJob("a", "d"), "circle: a -> b -> c -> d -> a"},
	} {
		if a := f.want(http.StatusUnprocessableEntity, f.do(tc.method, tc.path, tc.doc)); !strings.Contains(a.status.Message, tc.want) {
			t.Errorf("%s: got %s", name, a.status.Message)
		}
	}
	f.want(http.StatusOK, f.do("PUT", jobsPath+"/a", dependentJob("a", "y"))) // no cycle
}

// TestAJobInACycleCanBeMended, and be suspended until then.
func TestAJobInACycleCanBeMended(t *testing.T) {
	f := start(t)
	f.want(http.StatusCreated, f.do("POST", jobsPath, dependentJob("b", "a")))
	f.put(store.JobKey("default", "a").Spec(), dependentJob("a", "b"))
	patch := func(code int, doc string) {
		t.Helper()
		f.want(code, f.do("PATCH", jobsPath+"/a", doc, "Content-Type", "application/merge-patch+json"))
	}
	patch(http.StatusOK, `{"spec":{"suspend":true}}`)
	patch(http.StatusUnprocessableEntity, `{"spec":{"dependsOn":[{"job":"b"},{"job":"c"}]}}`)
	patch(http.StatusOK, `{"spec":{"dependsOn":null}}`)
}

func TestGraph(t *testing.T) {
	f := start(t)
	for _, doc := range []string{dependentJob("alone"), dependentJob("a"), dependentJob("b", "a"), dependentJob("c", "b", "gone"), dependentJob("other", "alien")} {
		f.want(http.StatusCreated, f.do("POST", jobsPath, doc))
	}
	f.setJobStatus("b", func(s *v1.JobStatus) {
		s.Conditions = []metav1.Condition{{Type: v1.JobHealthy, Status: metav1.ConditionFalse, Reason: v1.ReasonLastRunFailed}}
		s.Parents = []v1.ParentStatus{{Job: "a", On: v1.OnSucceeded, Omitted: 1, Banked: []v1.BankedEnd{{Run: "a-m1", Number: 1}}}}
	})
	f.setJobStatus("a", func(s *v1.JobStatus) { s.ActiveCount = 1 })
	for path, want := range map[string]string{
		"/apis/horae/v1/namespaces/default/graph": "a Running, alien Missing, gone Missing, b Failed, other Idle, c Idle; a-b 2, alien-other 0, b-c 0, gone-c 0",
		"/apis/horae/v1/graph":                    "a Running, alien Missing, gone Missing, b Failed, other Idle, c Idle; a-b 2, alien-other 0, b-c 0, gone-c 0",
		"/apis/horae/v1/namespaces/other/graph":   "; ",
		jobsPath + "/b/graph":                     "a Running, b Failed, c Idle; a-b 2, b-c 0",
		jobsPath + "/c/graph":                     "a Running, gone Missing, b Failed, c Idle; a-b 2, b-c 0, gone-c 0",
		jobsPath + "/alone/graph":                 "alone Idle; ",
	} {
		g := read[v1.Graph](f, path, http.StatusOK)
		var jobs, edges []string
		for _, j := range g.Jobs {
			jobs = append(jobs, j.Name+" "+string(j.State))
		}
		for _, e := range g.Edges {
			edges = append(edges, fmt.Sprintf("%s-%s %d", e.From, e.To, e.Banked))
		}
		if got := strings.Join(jobs, ", ") + "; " + strings.Join(edges, ", "); got != want || g.Kind != "Graph" || g.Truncated {
			t.Errorf("%s\ngot  %s\nwant %s", path, got, want)
		}
	}
	f.want(http.StatusNotFound, f.do("GET", jobsPath+"/nobody/graph", ""))
	f.want(http.StatusMethodNotAllowed, f.do("POST", "/apis/horae/v1/namespaces/default/graph", "{}"))
}

// setJobStatus writes a Job's status as its controller would.
func (f *fixture) setJobStatus(name string, change func(*v1.JobStatus)) {
	f.t.Helper()
	key := store.JobKey("default", name)
	job := f.cache.Job("default", name).Object.DeepCopy()
	change(&job.Status)
	w, err := store.PutStatus(key, job)
	if err != nil {
		f.t.Fatal(err)
	}
	f.put(w.EtcdKey, string(w.Value))
}

// TestAGraphIsBounded: an answer has so many edges and no more.
func TestAGraphIsBounded(t *testing.T) {
	g := newGraph()
	s := &Server{cfg: Config{Cache: nothing{}}}
	for i := range maxGraphEdges/v1.MaxParents + 2 {
		job := &store.Job{Key: store.JobKey("default", fmt.Sprint("child-", i)), Object: &v1.Job{}}
		for k := range v1.MaxParents {
			job.Object.Spec.DependsOn = append(job.Object.Spec.DependsOn, v1.Dependency{Job: fmt.Sprint("parent-", k)})
		}
		g.follow(s, job)
	}
	if len(g.out.Edges) != maxGraphEdges || !g.out.Truncated {
		t.Errorf("%d edges, truncated: %v", len(g.out.Edges), g.out.Truncated)
	}
}

// nothing is a Cache without objects.
type nothing struct{ Cache }

func (nothing) Get(store.Key) store.AnyEntry { return nil }

// TestTheDefaultsOfADependentJobMove with dependsOn, unless somebody has written the fields.
func TestTheDefaultsOfADependentJobMove(t *testing.T) {
	f := start(t)
	patch := func(name, doc string) *v1.Job {
		t.Helper()
		return decode[v1.Job](t, f.want(http.StatusOK, f.do("PATCH", jobsPath+"/"+name, doc, "Content-Type", "application/merge-patch+json")))
	}
	f.createJob("moves")
	f.createJob("stays", "  concurrencyPolicy: Forbid\n")
	for name, want := range map[string]v1.ConcurrencyPolicy{"moves": v1.ConcurrencyQueue, "stays": v1.ConcurrencyForbid} {
		if got := patch(name, `{"spec":{"schedule":null,"dependsOn":[{"job":"a"}]}}`).Spec.ConcurrencyPolicy; got != want {
			t.Errorf("%s with dependsOn: %s, want %s", name, got, want)
		}
		if got := patch(name, `{"spec":{"description":"x"}}`).Spec; got.ConcurrencyPolicy != want || got.DependencyPolicy != v1.DependencyAllSinceLastRun {
			t.Errorf("%s after another change: %s, want %s", name, got.ConcurrencyPolicy, want)
		}
		if got := patch(name, `{"spec":{"dependsOn":null}}`).Spec; got.ConcurrencyPolicy != v1.ConcurrencyForbid || got.DependencyPolicy != "" {
			t.Errorf("%s without dependsOn: %s, %s", name, got.ConcurrencyPolicy, got.DependencyPolicy)
		}
	}
	if got := f.stored(store.JobKey("default", "moves")); strings.Contains(got, "Policy") {
		t.Errorf("defaults are stored as if somebody had written them: %s", got)
	}
}
