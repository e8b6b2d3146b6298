package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	v1 "horae/api/v1"
	"horae/internal/store"
)

const tableType = "application/json;as=Table;v=v1;g=meta.k8s.io"

// populate makes Jobs in two namespaces, and Runs of one in three phases.
func (f *fixture) populate() {
	f.t.Helper()
	for _, j := range []struct{ ns, name, labels string }{
		{"default", "b", "team: x"}, {"default", "a", "team: y"}, {"other", "a", "team: x"},
	} {
		body := strings.Replace(jobYAML(j.name), "name: "+j.name, "name: "+j.name+"\n  labels: {"+j.labels+"}", 1)
		f.want(201, f.do("POST", "/apis/horae/v1/namespaces/"+j.ns+"/jobs", body))
	}
	for range 3 {
		f.want(201, f.do("POST", jobsPath+"/a/trigger", `{"force":true}`))
	}
	f.setStatus("a-m1", func(s *v1.RunStatus) { s.Phase = v1.RunSucceeded })
	f.setStatus("a-m2", func(s *v1.RunStatus) { s.Phase = v1.RunRunning })
}

func TestListsAndSelectors(t *testing.T) {
	f := start(t)
	f.populate()
	const all = "/apis/horae/v1/"
	for _, tt := range []struct {
		name, path string
		code       int
		want       []string
		says       string
	}{
		{name: "a namespace, sorted by name", path: jobsPath, want: []string{"default/a", "default/b"}},
		{name: "all namespaces", path: all + "jobs", want: []string{"default/a", "default/b", "other/a"}},
		{name: "a namespace without objects", path: all + "namespaces/none/jobs"},
		{name: "labels", path: all + "jobs?labelSelector=team%3Dx", want: []string{"default/b", "other/a"}},
		{name: "labels that are set", path: all + "jobs?labelSelector=team%20in%20(y,z)", want: []string{"default/a"}},
		{name: "the name", path: all + "jobs?fieldSelector=metadata.name%3Da", want: []string{"default/a", "other/a"}},
		{name: "the namespace", path: all + "jobs?fieldSelector=metadata.namespace%3Dother", want: []string{"other/a"}},
		{name: "the phase", path: runsPath + "?fieldSelector=status.phase%3DRunning", want: []string{"default/a-m2"}},
		{name: "no phase is Pending", path: runsPath + "?fieldSelector=status.phase%3DPending", want: []string{"default/a-m3"}},
		{name: "the Job of Runs, and not a phase", path: runsPath + "?fieldSelector=spec.job%3Da,status.phase!%3DSucceeded", want: []string{"default/a-m2", "default/a-m3"}},
		{name: "a page", path: jobsPath + "?limit=1", want: []string{"default/a"}},
		{name: "resourceVersion 0 is whatever there is", path: jobsPath + "?resourceVersion=0", want: []string{"default/a", "default/b"}},
		{name: "a field that cannot be selected", path: jobsPath + "?fieldSelector=spec.owner%3Dx", code: 400, says: "spec.suspend"},
		{name: "a selector that is none", path: jobsPath + "?labelSelector=%3D%3D", code: 400, says: "labelSelector"},
		{name: "continue", path: jobsPath + "?continue=abc", code: 400, says: "continue"},
		{name: "an exact revision, when nothing was there", path: jobsPath + "?resourceVersion=1&resourceVersionMatch=Exact"},
		{name: "no exact revision", path: jobsPath + "?resourceVersion=0&resourceVersionMatch=Exact", code: 400, says: "Exact"},
		{name: "a way to match that there is not", path: jobsPath + "?resourceVersion=1&resourceVersionMatch=Odd", code: 400, says: "Odd"},
		{name: "events of the past", path: "/api/v1/events?resourceVersion=1&resourceVersionMatch=Exact", code: 400, says: "derived"},
		{name: "a kind that there is not", path: all + "namespaces/default/pods", code: 404, says: "there are jobs, runs, calendars and backfills"},
		{name: "a namespace that cannot be", path: all + "namespaces/A_b/jobs", code: 400, says: "namespace"},
		{name: "a watch flag that is none", path: jobsPath + "?watch=perhaps", code: 400, says: "watch"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := f.do("GET", tt.path, "")
			if tt.code != 0 {
				if a.code != tt.code || !strings.Contains(a.status.Message, tt.says) {
					t.Errorf("got %d %s", a.code, a.body)
				}
				return
			}
			list := decode[metav1.PartialObjectMetadataList](t, f.want(200, a))
			var got []string
			for _, m := range list.Items {
				got = append(got, m.Namespace+"/"+m.Name)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if list.ResourceVersion == "" || !strings.Contains(string(a.body), `"items":[`) {
				t.Errorf("not a list: %s", a.body)
			}
		})
	}
}

func TestForms(t *testing.T) {
	f := start(t)
	f.populate()
	get := func(path, accept string) answer { return f.do("GET", path, "", "Accept", accept) }

	var job v1.Job
	if err := yaml.UnmarshalStrict(f.want(200, get(jobsPath+"/a", "application/yaml")).body, &job); err != nil || job.Name != "a" {
		t.Errorf("YAML: %v %+v", err, job)
	}
	var list v1.JobList
	if err := yaml.UnmarshalStrict(f.want(200, get(jobsPath, "application/yaml")).body, &list); err != nil || len(list.Items) != 2 {
		t.Errorf("YAML list: %v", err)
	}
	partial := decode[metav1.PartialObjectMetadataList](t, f.want(200, get(jobsPath, "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io")))
	if partial.Kind != "PartialObjectMetadataList" || len(partial.Items) != 2 || partial.Items[0].Kind != "PartialObjectMetadata" {
		t.Errorf("partial: %+v", partial)
	}
	f.want(406, get(jobsPath, "application/vnd.kubernetes.protobuf"))
	f.want(200, get(jobsPath, "application/vnd.kubernetes.protobuf,application/json"))
	f.want(406, get(jobsPath+"?watch=true", "application/yaml"))
	f.want(400, get(jobsPath+"?includeObject=Some", tableType))
	if a := f.do("GET", jobsPath+"/none", "", "Accept", "application/yaml"); a.code != 404 || !strings.Contains(string(a.body), "reason: NotFound") {
		t.Errorf("an error in YAML: %d %s", a.code, a.body)
	}
	if a := get(jobsPath+"/a?pretty=true", "application/json"); !strings.Contains(string(a.body), "\n  \"metadata\"") {
		t.Errorf("pretty: %s", a.body)
	}
}

func TestTables(t *testing.T) {
	f := start(t)
	f.populate()
	f.setStatus("a-m1", func(s *v1.RunStatus) {
		start, end, code := v1.NewTime(now.Add(-90*1e9)), v1.NewTime(now.Add(-60*1e9)), int32(3)
		*s = v1.RunStatus{
			Phase: v1.RunFailed, Reason: "ExitCode", Message: "exited with status 3", StartTime: &start, FinishTime: &end,
			Attempts: []v1.Attempt{{TaskID: "t", State: v1.RunFailed, Hostname: "node1", ExitCode: &code, LaunchTime: start}},
		}
	})
	table := decode[metav1.Table](t, f.want(200, f.do("GET", runsPath, "", "Accept", tableType)))
	var head []string
	for _, c := range table.ColumnDefinitions {
		head = append(head, fmt.Sprintf("%s/%d", c.Name, c.Priority))
	}
	wantHead := []string{
		"Name/0", "Job/0", "Phase/0", "Reason/0", "Attempts/0", "Agent/0", "Scheduled/0", "Started/0", "Duration/0", "Age/0", "Progress/1", "Trigger/1", "Exit/1", "Message/1",
	}
	if diff := cmp.Diff(wantHead, head); diff != "" {
		t.Errorf("columns (-want +got):\n%s", diff)
	}
	want := []any{"a-m1", "a", "Failed", "ExitCode", "1", "node1", "<none>", "90s", "30s", "0s", "<none>", "Manual", "3", "exited with status 3"}
	if diff := cmp.Diff(want, table.Rows[0].Cells); diff != "" {
		t.Errorf("cells (-want +got):\n%s", diff)
	}
	if !strings.Contains(string(table.Rows[0].Object.Raw), "PartialObjectMetadata") {
		t.Errorf("object: %s", table.Rows[0].Object.Raw)
	}
	full := decode[metav1.Table](t, f.want(200, f.do("GET", jobsPath+"/a?includeObject=Object", "", "Accept", tableType)))
	if len(full.Rows) != 1 || !strings.Contains(string(full.Rows[0].Object.Raw), `"shell"`) {
		t.Errorf("a table of one Job: %+v", full.Rows)
	}
	if diff := cmp.Diff([]any{"a", "0 * * * *", "Etc/UTC", "False", "0", "<none>", "<none>", "New", "0s", "0", "0", "0", "<none>"}, full.Rows[0].Cells); diff != "" {
		t.Errorf("a Job's cells (-want +got):\n%s", diff)
	}
	bare := decode[metav1.Table](t, f.want(200, f.do("GET", jobsPath+"?includeObject=None", "", "Accept", tableType)))
	if len(bare.Rows) != 2 || bare.Rows[0].Object.Raw != nil && string(bare.Rows[0].Object.Raw) != "null" {
		t.Errorf("without objects: %s", bare.Rows[0].Object.Raw)
	}
}

func TestAReadIsNotOlderThanItsResourceVersion(t *testing.T) {
	f := start(t)
	f.createJob("a")
	// A revision that changes nothing of ours: the cache must still come to it.
	resp, err := f.store.Client().Put(f.t.Context(), "/elsewhere", "x")
	if err != nil {
		t.Fatal(err)
	}
	f.want(200, f.do("GET", fmt.Sprintf("%s/a?resourceVersion=%d", jobsPath, resp.Header.Revision), ""))
}

func TestARevisionFromTheFutureIsAnError(t *testing.T) {
	f := start(t)
	c := cacheThatLags{f.cache}
	s, err := New(Config{Cache: c, Store: f.store, Validate: validate, NewRun: f.newRun, Upcoming: hourly, Runs: f.runs()})
	if err != nil {
		t.Fatal(err)
	}
	err = s.waitFor(t.Context(), 1_000_000)
	st := s.statusOf(&http.Request{Method: http.MethodGet}, err)
	if st.Code != 504 || !hasCauseType(st, metav1.CauseTypeResourceVersionTooLarge) {
		t.Errorf("got %+v", st)
	}
}

// cacheThatLags never comes to a later revision, and says so at once.
type cacheThatLags struct{ Cache }

func (c cacheThatLags) WaitFor(context.Context, int64) error { return context.DeadlineExceeded }

func hasCauseType(st *metav1.Status, typ metav1.CauseType) bool {
	return st.Details != nil && len(st.Details.Causes) > 0 && st.Details.Causes[0].Type == typ
}

func TestDiscovery(t *testing.T) {
	f := start(t)
	if v := decode[metav1.APIVersions](t, f.want(200, f.do("GET", "/api", ""))); v.Kind != "APIVersions" || len(v.Versions) != 1 || v.Versions[0] != "v1" {
		t.Errorf("/api: %+v", v)
	}
	groups := decode[metav1.APIGroupList](t, f.want(200, f.do("GET", "/apis", "")))
	if len(groups.Groups) != 4 || groups.Groups[1].Name != "rbac.authorization.k8s.io" || groups.Groups[0].PreferredVersion.GroupVersion != "horae/v1" {
		t.Errorf("/apis: %+v", groups)
	}
	if g := decode[metav1.APIGroup](t, f.want(200, f.do("GET", "/apis/horae", ""))); g.Name != "horae" {
		t.Errorf("/apis/horae: %+v", g)
	}
	var names []string
	for _, r := range decode[metav1.APIResourceList](t, f.want(200, f.do("GET", "/apis/horae/v1", ""))).APIResources {
		names = append(names, r.Name)
	}
	for _, r := range decode[metav1.APIResourceList](t, f.want(200, f.do("GET", "/api/v1", ""))).APIResources {
		names = append(names, fmt.Sprint(r.Name, " ", r.Namespaced, r.Verbs))
	}
	want := []string{"jobs", "jobs/backfill", "jobs/graph", "jobs/schedule", "jobs/stats", "jobs/status", "jobs/succeed", "jobs/trigger", "runs", "runs/callback", "runs/log", "runs/retry", "runs/status", "calendars", "calendars/status", "backfills", "backfills/status", "tokens", "tokens/status",
		"events true [get list watch]", "namespaces false [get list watch]"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("resources (-want +got):\n%s", diff)
	}
	if _, err := f.store.Client().Put(t.Context(), "/horae/spec/jobs/Team_A/x", "{}"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the stray key is listed", func() bool {
		doc := decode[straysDocument](t, f.want(200, f.do("GET", "/strays", "")))
		return len(doc.Strays) == 1 && doc.Strays[0].Key == "/horae/spec/jobs/Team_A/x" && doc.Strays[0].Why != "" && doc.More == 0
	})
	version := decode[map[string]string](t, f.want(200, f.do("GET", "/version", "")))
	if (*version)["gitVersion"] != "v1.2.3" || (*version)["major"] != "1" || (*version)["minor"] != "2" {
		t.Errorf("/version: %v", *version)
	}
	for _, path := range []string{"/openapi/v3/apis/other/v1", "/apis/other", "/apis/horae/v2/jobs", "/api/v1/pods", "/api/v1/namespaces/default/namespaces"} {
		if a := f.do("GET", path, ""); a.code != 404 || a.status.Reason != metav1.StatusReasonNotFound {
			t.Errorf("%s: %d %s", path, a.code, a.body)
		}
	}
}

func TestSchedule(t *testing.T) {
	f := start(t)
	f.createJob("a")
	got := decode[v1.Occurrences](t, f.want(200, f.do("GET", jobsPath+"/a/schedule?count=2&after=2026-01-01T00:30:00Z", "")))
	if len(got.Times) != 2 || got.Times[0].Format("15:04") != "01:00" || got.TimeZone != "Etc/UTC" {
		t.Errorf("got %+v", got)
	}
	if got := decode[v1.Occurrences](t, f.want(200, f.do("GET", jobsPath+"/a/schedule", ""))); len(got.Times) != 10 || !got.Times[0].After(now) {
		t.Errorf("by default: %+v", got)
	}
	f.want(400, f.do("GET", jobsPath+"/a/schedule?after=yesterday", ""))
	f.want(400, f.do("GET", jobsPath+"/a/schedule?count=1000000", ""))
	f.want(404, f.do("GET", jobsPath+"/b/schedule", ""))
}

func TestHealth(t *testing.T) {
	broken := errors.New("mesos: not subscribed")
	reg := prometheus.NewRegistry()
	f := start(t, func(c *Config) {
		c.Ready = []Check{
			{Name: "etcd", Check: func(context.Context) error { return nil }, Note: func(context.Context) string { return "three members" }},
			{Name: "mesos", Check: func(context.Context) error { return broken }},
		}
		c.Gatherer, c.Registerer = reg, reg
	})
	f.want(200, f.do("GET", "/livez", ""))
	f.want(200, f.do("GET", "/healthz", ""))
	if a := f.do("GET", "/readyz", ""); a.code != 503 || !strings.Contains(string(a.body), "[+]etcd ok") || !strings.Contains(string(a.body), "[-]mesos failed: mesos: not subscribed") {
		t.Errorf("not ready: %d %s", a.code, a.body)
	}
	f.want(200, f.do("GET", "/readyz/etcd", ""))
	f.want(404, f.do("GET", "/readyz/none", ""))
	if a := f.do("GET", "/readyz/etcd?verbose", ""); !strings.HasPrefix(string(a.body), "[+]etcd ok: three members\n") {
		t.Errorf("verbose: %s", a.body)
	}
	f.want(200, f.do("GET", jobsPath, ""))
	if a := f.do("GET", "/metrics", ""); !strings.Contains(string(a.body), `horae_http_requests_total{code="200",resource="jobs",verb="list"} 1`) {
		t.Errorf("metrics: %s", a.body)
	}
}

func TestAPanicIsAnsweredAndTheServerLives(t *testing.T) {
	f := start(t, func(c *Config) {
		c.Upcoming = func(*v1.Job, time.Time, int) ([]time.Time, error) { panic("on purpose") }
	})
	f.createJob("a")
	if a := f.do("GET", jobsPath+"/a/schedule", ""); a.code != 500 || strings.Contains(string(a.body), "on purpose") {
		t.Errorf("got %d %s", a.code, a.body)
	}
	f.job("a")
}

func TestAPageOfAnotherSiteCannotWrite(t *testing.T) {
	f := start(t)
	f.createJob("a")
	for _, h := range [][2]string{{"Origin", "http://evil.example.com"}, {"Sec-Fetch-Site", "cross-site"}} {
		if a := f.do("POST", jobsPath+"/a/trigger", "", h[0], h[1]); a.code != 403 || a.status.Reason != metav1.StatusReasonForbidden {
			t.Errorf("%s: %d %s", h[0], a.code, a.body)
		}
	}
	f.want(201, f.do("POST", jobsPath+"/a/trigger", "", "Origin", f.url))
}

func TestWhatTheServerNeeds(t *testing.T) {
	for name, cfg := range map[string]Config{
		"no cache":    {Store: &store.Store{}, Validate: validate},
		"no Validate": {Store: &store.Store{}, Cache: cacheThatLags{}},
	} {
		if _, err := New(cfg); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestStrayKeysAreListedWhereReadinessIs(t *testing.T) {
	f := start(t)
	f.put("/horae/spec/jobs/NAME", "?")
	a := f.want(200, f.do("GET", "/readyz?verbose", ""))
	if !strings.Contains(string(a.body), `[!]ignored the etcd key "/horae/spec/jobs/NAME": the namespace is missing`) {
		t.Errorf("got %s", a.body)
	}
}
