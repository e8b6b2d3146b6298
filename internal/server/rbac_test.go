package server

import (
	"encoding/json"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const rbacPath = "/apis/rbac.authorization.k8s.io/v1"

// TestKindsOfAnotherGroup: Roles are in a group that is not ours, ClusterRoles in no namespace.
func TestKindsOfAnotherGroup(t *testing.T) {
	f := start(t)
	const role = `{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"Role","metadata":{"name":"trigger:it"},` +
		`"rules":[{"apiGroups":["horae"],"resources":["jobs/trigger"],"verbs":["create"]}]}`
	roles := rbacPath + "/namespaces/team/roles"
	made := decode[rbacv1.Role](t, f.want(201, f.do("POST", roles, role)))
	if made.Namespace != "team" || made.Kind != "Role" || made.APIVersion != "rbac.authorization.k8s.io/v1" || made.ResourceVersion == "" {
		t.Errorf("made %+v", made)
	}
	clusterRole := strings.ReplaceAll(role, `"Role"`, `"ClusterRole"`)
	f.want(201, f.do("POST", rbacPath+"/clusterroles", clusterRole))
	got := decode[rbacv1.ClusterRole](t, f.want(200, f.do("GET", rbacPath+"/clusterroles/trigger:it", "")))
	if got.Namespace != "" || got.Rules[0].Resources[0] != "jobs/trigger" || got.UID == "" {
		t.Errorf("read %+v", got)
	}
	if doc, err := f.store.Client().Get(t.Context(), "/horae/spec/clusterroles/trigger:it"); err != nil || doc.Count != 1 ||
		strings.Contains(string(doc.Kvs[0].Value), "status") {
		t.Errorf("stored %v, %v", doc, err)
	}
	list := decode[rbacv1.ClusterRoleList](t, f.want(200, f.do("GET", rbacPath+"/clusterroles", "")))
	if list.Kind != "ClusterRoleList" || list.APIVersion != "rbac.authorization.k8s.io/v1" || len(list.Items) != 1 {
		t.Errorf("listed %+v", list)
	}
	if a := f.do("GET", rbacPath+"/clusterroles", "", "Accept", yamlType); !strings.HasPrefix(string(a.body), "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleList\n") {
		t.Errorf("as YAML: %s", a.body)
	}

	binding := `{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"RoleBinding","metadata":{"name":"b"},` +
		`"roleRef":{"kind":"Role","name":"trigger:it"},"subjects":[{"kind":"User","name":"ada"}]}`
	b := decode[rbacv1.RoleBinding](t, f.want(201, f.do("POST", rbacPath+"/namespaces/team/rolebindings", binding)))
	if b.RoleRef.APIGroup != rbacv1.GroupName || b.Subjects[0].APIGroup != rbacv1.GroupName {
		t.Errorf("without defaults: %+v", b)
	}
	const strategic = "application/strategic-merge-patch+json"
	b = decode[rbacv1.RoleBinding](t, f.want(200, f.do("PATCH", rbacPath+"/namespaces/team/rolebindings/b",
		`{"subjects":[{"kind":"Group","name":"data"}]}`, "Content-Type", strategic)))
	if len(b.Subjects) != 1 || b.Subjects[0].Name != "data" || b.Generation != 2 {
		t.Errorf("patched %+v", b)
	}
	table := decode[metav1.Table](t, f.want(200, f.do("GET", rbacPath+"/namespaces/team/rolebindings", "", "Accept", "application/json;as=Table;v=v1;g=meta.k8s.io")))
	if cells := table.Rows[0].Cells; cells[1] != "Role/trigger:it" || cells[4] != "data" {
		t.Errorf("cells %v", cells)
	}

	for name, tt := range map[string]struct {
		code               int
		method, path, body string
		want               string
	}{
		"in no namespace":       {404, "GET", rbacPath + "/roles/trigger:it", "", "roles are in a namespace"},
		"in a namespace":        {404, "GET", rbacPath + "/namespaces/team/clusterroles", "", "clusterroles are in no namespace"},
		"of the wrong group":    {404, "GET", "/apis/horae/v1/clusterroles", "", `no \"clusterroles\" in horae/v1`},
		"no status":             {404, "GET", rbacPath + "/clusterroles/trigger:it/status", "", "no"},
		"without verbs":         {422, "POST", roles, strings.Replace(role, `"create"`, "", 1), "rules[0].verbs"},
		"URLs in a namespace":   {422, "POST", roles, `{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"Role","metadata":{"name":"a"},"rules":[{"nonResourceURLs":["/metrics"],"verbs":["get"]}]}`, "rules[0].nonResourceURLs"},
		"an unknown field":      {400, "POST", roles, strings.Replace(role, `"verbs"`, `"verb"`, 1), "rules[0].verb"},
		"a service account":     {422, "POST", rbacPath + "/namespaces/team/rolebindings", strings.Replace(binding, `"User"`, `"ServiceAccount"`, 1), "subjects[0].kind"},
		"another role":          {422, "PATCH", rbacPath + "/namespaces/team/rolebindings/b", `{"roleRef":{"name":"other"}}`, "roleRef"},
		"a directive":           {422, "PATCH", rbacPath + "/namespaces/team/rolebindings/b", `{"subjects":[{"$patch":"delete","name":"data"}]}`, "$patch"},
		"too many combinations": {422, "POST", roles, `{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"Role","metadata":{"name":"a"},"rules":[{"apiGroups":[` + many(100) + `],"resources":[` + many(100) + `],"verbs":["get"]}]}`, "combinations"},
		"a list too long":       {422, "POST", roles, `{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"Role","metadata":{"name":"a"},"rules":[{"apiGroups":[` + many(2000) + `],"resources":["jobs"],"verbs":["get"]}]}`, "rules[0]"},
	} {
		t.Run(name, func(t *testing.T) {
			header := "application/json"
			if tt.method == "PATCH" {
				header = strategic
			}
			if a := f.do(tt.method, tt.path, tt.body, "Content-Type", header); a.code != tt.code || !strings.Contains(string(a.body), tt.want) {
				t.Errorf("got %d %s, want %d and %q", a.code, a.body, tt.code, tt.want)
			}
		})
	}
	t.Run("broken in etcd", func(t *testing.T) {
		if _, err := f.store.Client().Put(t.Context(), "/horae/spec/clusterroles/trigger:it", `{"kind":"ClusterRole","apiVersion":"rbac.authorization.k8s.io/v1","rule":[]}`); err != nil {
			t.Fatal(err)
		}
		if err := f.cache.CatchUp(t.Context()); err != nil {
			t.Fatal(err)
		}
		got := decode[rbacv1.ClusterRole](t, f.want(200, f.do("GET", rbacPath+"/clusterroles/trigger:it", "")))
		if !strings.Contains(got.Annotations["horae/invalid"], "rule") || len(got.Rules) != 0 {
			t.Errorf("read %+v", got)
		}
		got.Rules = []rbacv1.PolicyRule{{APIGroups: []string{"horae"}, Resources: []string{"jobs"}, Verbs: []string{"get"}}}
		got = decode[rbacv1.ClusterRole](t, f.want(200, f.do("PUT", rbacPath+"/clusterroles/trigger:it", string(mustJSON(t, got)))))
		if len(got.Annotations) != 0 || len(got.Rules) != 1 {
			t.Errorf("repaired: %+v", got)
		}
	})
	f.want(200, f.do("DELETE", rbacPath+"/clusterroles/trigger:it", ""))
	f.want(404, f.do("GET", rbacPath+"/clusterroles/trigger:it", ""))
	f.want(200, f.do("DELETE", rbacPath+"/clusterroles", ""))
}

// many are n different strings.
func many(n int) string {
	list := make([]string, n)
	for i := range list {
		list[i] = `"` + strings.Repeat("a", i%50+1) + string(rune('a'+i/50)) + `"`
	}
	return strings.Join(list, ",")
}

func mustJSON(t testing.TB, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
