package server

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "horae/api/v1"
	"horae/internal/store"
)

const applyPatchType = "application/apply-patch+yaml"

// applyAs applies a configuration of Job a as a manager.
func (f *fixture) applyAs(manager, spec string, query ...string) answer {
	f.t.Helper()
	return f.do("PATCH", jobsPath+"/a?fieldManager="+manager+strings.Join(query, ""), "apiVersion: horae/v1\nkind: Job\nmetadata: {name: a}\nspec: "+spec+"\n",
		"Content-Type", applyPatchType)
}

// owners of fields: manager, operation, and the fields.
func owners(j *v1.Job) map[string]string {
	all := map[string]string{}
	for _, e := range j.ManagedFields {
		all[e.Manager+" "+string(e.Operation)] = string(e.FieldsV1.GetRawBytes())
	}
	return all
}

func TestApply(t *testing.T) {
	f := start(t)
	made := decode[v1.Job](t, f.want(201, f.applyAs("ci", `{schedule: "0 * * * *", owner: ci@example.com, task: {shell: "true", resources: {cpus: 0.1}}}`)))
	want := map[string]string{"ci Apply": `{"f:spec":{"f:owner":{},"f:schedule":{},"f:task":{"f:resources":{"f:cpus":{}},"f:shell":{}}}}`}
	if diff := cmp.Diff(want, owners(made)); diff != "" || made.Generation != 1 || made.Spec.TimeZone != "Etc/UTC" {
		t.Fatalf("made %+v: %s", made, diff)
	}
	if raw := f.stored(store.JobKey("default", "a")); strings.Contains(raw, "timeZone") || !strings.Contains(raw, `"manager":"ci"`) {
		t.Errorf("stored %s", raw)
	}

	t.Run("the same again writes nothing, however a value is spelled", func(t *testing.T) {
		for _, cpus := range []string{"0.1", "100m", `"0.1"`} {
			got := decode[v1.Job](t, f.want(200, f.applyAs("ci", `{schedule: "0 * * * *", owner: ci@example.com, task: {shell: "true", resources: {cpus: `+cpus+`}}}`)))
			if got.ResourceVersion != made.ResourceVersion || got.Generation != 1 {
				t.Errorf("cpus %s: %+v", cpus, got)
			}
		}
	})
	t.Run("two managers of different fields", func(t *testing.T) {
		got := decode[v1.Job](t, f.want(200, f.applyAs("ops", `{priority: 7}`)))
		if got.Spec.Priority != 7 || got.Spec.Owner != "ci@example.com" || owners(got)["ops Apply"] != `{"f:spec":{"f:priority":{}}}` {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("a conflict names the manager and the field", func(t *testing.T) {
		a := f.applyAs("ops", `{owner: ops@example.com}`)
		if a.code != 409 || a.status.Reason != metav1.StatusReasonConflict || !strings.Contains(a.status.Message, `conflict with "ci": .spec.owner`) {
			t.Fatalf("got %d %s", a.code, a.body)
		}
		if c := a.status.Details.Causes; len(c) != 1 || c[0].Type != metav1.CauseTypeFieldManagerConflict || c[0].Field != ".spec.owner" {
			t.Errorf("causes %+v", c)
		}
		got := decode[v1.Job](t, f.want(200, f.applyAs("ops", `{owner: ops@example.com}`, "&force=true")))
		if got.Spec.Owner != "ops@example.com" || strings.Contains(owners(got)["ci Apply"], "owner") || got.Spec.Priority != 0 {
			t.Errorf("by force, and without what ops has left out: %+v", got)
		}
	})
	t.Run("a field that its only owner leaves out goes", func(t *testing.T) {
		got := decode[v1.Job](t, f.want(200, f.applyAs("ops", `{}`)))
		if got.Spec.Owner != "" || strings.Contains(owners(got)["ops Apply"], "owner") {
			t.Errorf("got %+v, owners %v", got, owners(got))
		}
	})
	t.Run("others than apply patches own what they change", func(t *testing.T) {
		f.patchJob("a", `{"spec":{"task":{"shell":"false"}}}`)
		a := f.applyAs("ci", `{schedule: "0 * * * *", task: {shell: "true"}}`)
		if a.code != 409 || !strings.Contains(a.status.Message, `conflict with "Go-http-client" using horae/v1: .spec.task.shell`) &&
			!strings.Contains(a.status.Message, `.spec.task.shell`) {
			t.Errorf("got %d %s", a.code, a.body)
		}
		before := f.job("a")
		f.want(200, f.do("PUT", jobsPath+"/a", jobYAML("a", "    resources: {cpus: 100m}", "  owner: put@example.com"), "Content-Type", yamlType))
		if got := f.job("a"); len(got.ManagedFields) != len(before.ManagedFields) || !strings.Contains(owners(got)["Go-http-client Update"], "f:owner") {
			t.Errorf("owners %v", owners(got))
		}
	})
	t.Run("a client may have the owners forgotten", func(t *testing.T) {
		f.patchJob("a", `{"metadata":{"managedFields":[{}]}}`)
		if got := f.job("a"); len(got.ManagedFields) != 0 {
			t.Errorf("owners %v", owners(got))
		}
		// What there was before the first apply patch has an owner, too.
		if a := f.applyAs("ci", `{owner: ci@example.com}`); a.code != 409 || !strings.Contains(a.status.Message, `"before-first-apply"`) {
			t.Errorf("got %d %s", a.code, a.body)
		}
	})
	t.Run("a status is its controller's", func(t *testing.T) {
		a := f.do("PATCH", jobsPath+"/b?fieldManager=ci", "apiVersion: horae/v1\nkind: Job\nspec: {task: {shell: 'true'}}\nstatus: {succeeded: 9}\n", "Content-Type", applyPatchType)
		if got := decode[v1.Job](t, f.want(201, a)); got.Name != "b" || got.Status.Succeeded != 0 || strings.Contains(owners(got)["ci Apply"], "status") {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("a dry run", func(t *testing.T) {
		got := decode[v1.Job](t, f.want(200, f.applyAs("ci", `{owner: ci@example.com}`, "&force=true&dryRun=All")))
		if got.Spec.Owner != "ci@example.com" || f.job("a").Spec.Owner == "ci@example.com" {
			t.Errorf("got %+v", got)
		}
		f.want(201, f.do("PATCH", jobsPath+"/c?fieldManager=ci&dryRun=All", "apiVersion: horae/v1\nkind: Job\nspec: {task: {shell: 'true'}}\n", "Content-Type", applyPatchType))
		f.want(404, f.do("GET", jobsPath+"/c", ""))
	})
}

func TestApplyRefuses(t *testing.T) {
	f := start(t)
	f.createJob("a")
	for _, tt := range []struct {
		name, path, body, says string
		code                   int
	}{
		{"without a manager", "/a", "apiVersion: horae/v1\nkind: Job\n", "fieldManager: Required value: is required for apply patch", 422},
		{"a name that is too long", "/a?fieldManager=" + strings.Repeat("x", 129), "apiVersion: horae/v1\nkind: Job\n", "fieldManager: Too long", 422},
		{"another kind", "/a?fieldManager=m", "apiVersion: horae/v1\nkind: Calendar\n", "the document is a Calendar", 400},
		{"another name", "/a?fieldManager=m", "apiVersion: horae/v1\nkind: Job\nmetadata: {name: b}\n", "does not match the name of the request", 400},
		{"another namespace", "/a?fieldManager=m", "apiVersion: horae/v1\nkind: Job\nmetadata: {namespace: other}\n", "does not match the namespace of the request", 400},
		{"unknown fields", "/a?fieldManager=m", "apiVersion: horae/v1\nkind: Job\nspec: {odd: 1}\n", "spec.odd: unknown field", 400},
		{"owners", "/a?fieldManager=m", "apiVersion: horae/v1\nkind: Job\nmetadata: {managedFields: [{manager: x}]}\n", "managedFields must be nil", 400},
		{"what is not valid", "/a?fieldManager=m&force=true", "apiVersion: horae/v1\nkind: Job\nspec: {schedule: never}\n", "spec.schedule", 422},
		{"a new object that is not complete", "/new?fieldManager=m", "apiVersion: horae/v1\nkind: Job\nspec: {priority: 1}\n", "spec.task", 422},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := f.do("PATCH", jobsPath+tt.path, tt.body, "Content-Type", applyPatchType)
			if a.code != tt.code || !strings.Contains(a.status.Message, tt.says) {
				t.Errorf("got %d %s, want %d %s", a.code, a.body, tt.code, tt.says)
			}
		})
	}
	if a := f.do("PATCH", jobsPath+"/a?force=true", "{}", "Content-Type", mergePatch); a.code != 400 {
		t.Errorf("force of a merge patch: %d", a.code)
	}
	if got := f.job("a"); got.Generation != 1 || len(got.ManagedFields) != 0 {
		t.Errorf("got %+v", got)
	}
}

// However many managers apply, and update, what is kept of them is bounded.
func TestManagersAreBounded(t *testing.T) {
	f := start(t)
	f.want(201, f.applyAs("first", `{task: {shell: "true"}}`))
	for i := range 15 {
		f.want(200, f.do("PATCH", fmt.Sprintf("%s/a?fieldManager=u%d", jobsPath, i), fmt.Sprintf(`{"metadata":{"labels":{"l%d":"x"}}}`, i), "Content-Type", mergePatch))
	}
	if got := f.job("a"); len(got.ManagedFields) > 11 {
		t.Errorf("%d owners after 15 updates", len(got.ManagedFields))
	}
	refused := 0
	for i := range maxManagers {
		a := f.do("PATCH", fmt.Sprintf("%s/a?fieldManager=a%d", jobsPath, i), fmt.Sprintf("apiVersion: horae/v1\nkind: Job\nmetadata: {annotations: {a%d: x}}\n", i), "Content-Type", applyPatchType)
		if a.code == 422 && strings.Contains(a.status.Message, "metadata.managedFields: Too many") {
			refused++
		} else {
			f.want(200, a)
		}
	}
	if got := f.job("a"); refused == 0 || len(got.ManagedFields) != maxManagers {
		t.Errorf("%d owners, %d refused", len(got.ManagedFields), refused)
	}
}
