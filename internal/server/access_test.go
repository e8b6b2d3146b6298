package server

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	clientv3 "go.etcd.io/etcd/client/v3"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"horae/api"
	v1 "horae/api/v1"
	"horae/internal/access"
	"horae/internal/cache"
	"horae/internal/filewatch"
	"horae/internal/store"
)

// guarded is a server with access control, over a real etcd, and the secrets of its users.
type guarded struct {
	*fixture
	access  *access.Access
	secrets map[string]string
}

// guard starts a server with access control.
func guard(t testing.TB) *guarded {
	t.Helper()
	g := &guarded{secrets: map[string]string{"root": "", "nobody": ""}}
	g.fixture = startGuarded(t, g.newAccess(t))
	g.token("root", v1.TokenSpec{User: "root", Groups: []string{"system:masters"}})
	return g
}

func (g *guarded) newAccess(t testing.TB) *access.Access {
	t.Helper()
	w, err := filewatch.New(logr.Discard())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	cfg := access.Default()
	cfg.Mode = access.RBAC
	g.access, err = access.New(cfg, access.Needs{Files: w, Discovered: Resources(), Now: func() time.Time { return now }, Log: logr.Discard()})
	if err != nil {
		t.Fatal(err)
	}
	return g.access
}

// startGuarded is start with an Access that sees the cache from the beginning.
func startGuarded(t testing.TB, a *access.Access) *fixture {
	t.Helper()
	f := prepare(t)
	f.log, f.option = logr.Discard(), func(c *cache.Cache) { c.Listen(a.See) }
	f.serve(func(c *Config) { c.Access, c.Client, c.RequestsPerSecond = a, UserOf, 1e6 })
	return f
}

// put stores an object as somebody with etcdctl does.
func (g *guarded) put(key store.Key, o api.Object) {
	g.t.Helper()
	o.SetName(key.Name)
	o.SetNamespace(key.Namespace)
	w, err := store.PutSpec(key, o)
	if err != nil {
		g.t.Fatal(err)
	}
	if _, err := g.store.Apply(g.t.Context(), store.Change{Writes: []store.Write{w}}); err != nil {
		g.t.Fatal(err)
	}
	if err := g.cache.CatchUp(g.t.Context()); err != nil {
		g.t.Fatal(err)
	}
}

// token makes a Token for somebody.
func (g *guarded) token(name string, spec v1.TokenSpec) {
	g.t.Helper()
	secret, hash, err := g.access.NewSecret()
	if err != nil {
		g.t.Fatal(err)
	}
	spec.Hash, g.secrets[name] = hash, secret
	g.put(store.Key{Kind: store.Tokens, Name: name}, &v1.Token{Spec: spec})
}

// user makes a user with a ClusterRole in a namespace; "" is everywhere.
func (g *guarded) user(name, role, namespace string) {
	g.t.Helper()
	g.token(name, v1.TokenSpec{User: name})
	ref := rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role}
	who := []rbacv1.Subject{{Kind: "User", APIGroup: rbacv1.GroupName, Name: name}}
	if namespace == "" {
		g.put(store.Key{Kind: store.ClusterRoleBindings, Name: name}, &rbacv1.ClusterRoleBinding{RoleRef: ref, Subjects: who})
		return
	}
	g.put(store.Key{Kind: store.RoleBindings, Namespace: namespace, Name: name}, &rbacv1.RoleBinding{RoleRef: ref, Subjects: who})
}

// as sends a request of a user, and reads no more of the answer than it needs: a watch would not end.
func (g *guarded) as(name, method, path, body string, headers ...string) answer {
	g.t.Helper()
	ctx, cancel := context.WithCancel(g.t.Context())
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, g.url+path, strings.NewReader(body))
	if err != nil {
		g.t.Fatal(err)
	}
	if secret := g.secrets[name]; secret != "" {
		req.Header.Set("Authorization", "Bearer "+secret)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := g.client.Do(req)
	if err != nil {
		g.t.Fatal(err)
	}
	defer resp.Body.Close()
	a := answer{code: resp.StatusCode, header: resp.Header}
	if resp.StatusCode >= 400 || !strings.Contains(path, "watch=true") {
		if a.body, err = io.ReadAll(resp.Body); err != nil {
			g.t.Fatal(err)
		}
	}
	return a
}

// call is one verb on one resource.
type call struct {
	group, resource, verb, namespace string
	method, path, body               string
	headers                          []string
}

// calls are all verbs on all resources that discovery lists, in a namespace and in none.
func (g *guarded) calls(namespace string) []call {
	g.t.Helper()
	var all []call
	paths := []string{"/api/v1"}
	for _, group := range decode[metav1.APIGroupList](g.t, g.want(200, g.as("root", "GET", "/apis", ""))).Groups {
		paths = append(paths, "/apis/"+group.PreferredVersion.GroupVersion)
	}
	for _, base := range paths {
		list := decode[metav1.APIResourceList](g.t, g.want(200, g.as("root", "GET", base, "")))
		for _, r := range list.APIResources {
			name, sub, _ := strings.Cut(r.Name, "/")
			collection := base + "/" + name
			if r.Namespaced {
				collection = base + "/namespaces/" + namespace + "/" + name
			}
			group, _, ok := strings.Cut(list.GroupVersion, "/")
			if !ok {
				group = ""
			}
			for _, verb := range r.Verbs {
				c := call{group: group, resource: r.Name, verb: verb}
				if r.Namespaced {
					c.namespace = namespace
				}
				c.method = map[string]string{"create": "POST", "update": "PUT", "patch": "PATCH", "delete": "DELETE", "deletecollection": "DELETE"}[verb]
				c.path = collection + "/absent"
				switch {
				case sub != "":
					c.path += "/" + sub
				case verb == "watch":
					c.path = collection + "?watch=true"
				case verb == "deletecollection":
					c.path = collection + "?labelSelector=none" // of nothing: the bindings have to stay
				case verb == "create", verb == "list":
					c.path = collection
				}
				if c.method == "" {
					c.method = "GET"
				}
				if verb == "patch" {
					c.body, c.headers = `{"metadata":{"labels":{"a":"b"}}}`, []string{"Content-Type", "application/merge-patch+json"}
				}
				all = append(all, c)
				if r.Namespaced && (verb == "list" || verb == "watch") {
					c.namespace, c.path = "", base+"/"+name+map[string]string{"list": "", "watch": "?watch=true"}[verb]
					all = append(all, c)
				}
			}
		}
	}
	return all
}

// may is what the matrix expects: whether somebody with a role in a namespace may make a call. It is written beside the
// roles, not derived from them. A resource that it does not know fails the test.
func may(t *testing.T, role, namespace string, c call) bool {
	t.Helper()
	rank := map[string]int{"none": 0, access.RoleView: 1, access.RoleOperate: 2, access.RoleEdit: 3, access.RoleAdmin: 4, access.RoleClusterAdmin: 5}[role]
	if rank == 5 {
		return true
	}
	name, sub, _ := strings.Cut(c.resource, "/")
	reads := c.verb == "get" || c.verb == "list" || c.verb == "watch"
	within := c.namespace == namespace
	switch c.group {
	case "authorization.k8s.io", "authentication.k8s.io":
		return true
	case "":
		if name == "namespaces" && c.verb == "get" {
			return false // the namespace of the path is "absent"
		}
		return within && reads && rank >= 1
	case rbacv1.GroupName:
		return within && rank >= 4 && (name == "roles" || name == "rolebindings")
	case "horae":
		switch {
		case name == "tokens":
			return false
		case sub == "callback":
			return true // it is for tasks, who show that they may in another way
		case !within:
			return false
		case reads:
			return rank >= 1
		case sub != "":
			return rank >= 2
		case c.verb == "update" || c.verb == "patch":
			return rank >= 3 || rank == 2 && name != "calendars" // suspend and cancel: the object decides
		}
		return rank >= 3
	}
	t.Errorf("the matrix knows nothing of %s of %q: say who may do what with it", c.resource, c.group)
	return false
}

// TestTheMatrix: every verb on every resource, by everybody.
func TestTheMatrix(t *testing.T) {
	g := guard(t)
	roles := []string{access.RoleView, access.RoleOperate, access.RoleEdit, access.RoleAdmin}
	for _, role := range roles {
		g.user(role, role, "team")
	}
	g.user(access.RoleClusterAdmin, access.RoleClusterAdmin, "")
	g.token("none", v1.TokenSpec{User: "none"})
	g.token("expired", v1.TokenSpec{User: access.RoleClusterAdmin, Expires: v1.NewTimePtr(now.Add(-time.Second))})
	g.token("revoked", v1.TokenSpec{User: access.RoleClusterAdmin})
	g.want(200, g.as("root", "DELETE", "/apis/horae/v1/tokens/revoked", ""))
	g.secrets["wrong"] = "horae_wrong"

	calls := slices.Concat(g.calls("team"), g.calls("other"))
	if len(calls) < 100 {
		t.Fatalf("%d calls prove nothing", len(calls))
	}
	for _, c := range calls {
		for _, name := range []string{"nobody", "wrong", "expired", "revoked"} {
			if a := g.as(name, c.method, c.path, c.body, c.headers...); a.code != 401 && !strings.HasSuffix(c.resource, "/callback") {
				t.Errorf("%s, %s %s: %d %s", name, c.method, c.path, a.code, a.body)
			}
		}
		for _, role := range append(roles, "none", access.RoleClusterAdmin) {
			a := g.as(role, c.method, c.path, c.body, c.headers...)
			denied := a.code == 403 && strings.Contains(string(a.body), "cannot "+c.verb+" resource")
			if want := may(t, role, "team", c); denied == want || a.code == 401 && want {
				t.Errorf("%s, %s %s: %d %s: want it to be allowed: %v", role, c.method, c.path, a.code, a.body, want)
			}
		}
	}
	for path, want := range map[string][2]int{ // by nobody, and by somebody without a role
		"/livez": {200, 200}, "/healthz": {200, 200}, "/readyz": {200, 200}, "/readyz/ping": {401, 403}, "/": {401, 200}, "/api": {401, 200},
		"/version": {401, 200}, "/apis/horae/v1": {401, 200}, "/nothing": {401, 403}, "/apis/horae/v1/namespaces/a/../b/jobs": {401, 403},
		"/apis/horae/v1/namespaces/team/jobs/a%2Fschedule": {400, 400}, "/apis/other/v1/things": {401, 403},
	} {
		if got := [2]int{g.as("nobody", "GET", path, "").code, g.as("none", "GET", path, "").code}; got != want {
			t.Errorf("GET %s: %v, want %v", path, got, want)
		}
	}
}

func TestAnswersOfAccessControl(t *testing.T) {
	g := guard(t)
	g.user("olga", access.RoleOperate, "team")
	g.user("eddy", access.RoleEdit, "team")
	g.user("adam", access.RoleAdmin, "team")
	const jobs = "/apis/horae/v1/namespaces/team/jobs"

	a := g.as("nobody", "GET", jobs, "")
	if a.code != 401 || a.header.Get("WWW-Authenticate") == "" || !strings.Contains(string(a.body), `"reason":"Unauthorized"`) {
		t.Errorf("nobody: %d %v %s", a.code, a.header, a.body)
	}
	a = g.as("olga", "DELETE", jobs+"/x", "")
	if want := `jobs.horae \"x\" is forbidden: User \"olga\" cannot delete resource \"jobs\" in API group \"horae\" in the namespace \"team\"`; a.code != 403 || !strings.Contains(string(a.body), want) {
		t.Errorf("forbidden: %d %s", a.code, a.body)
	}

	// Who makes an object is written into it, whatever he says.
	j := decode[v1.Job](t, g.want(201, g.as("eddy", "POST", jobs, strings.Replace(jobJSON("a"), `"metadata":{`, `"metadata":{"annotations":{"horae/created-by":"root"},`, 1))))
	if j.Annotations[v1.AnnotationCreatedBy] != "eddy" {
		t.Errorf("made by %v", j.Annotations)
	}
	const merge = "application/merge-patch+json"
	j = decode[v1.Job](t, g.want(200, g.as("adam", "PATCH", jobs+"/a", `{"metadata":{"annotations":{"horae/created-by":"adam"}},"spec":{"priority":3}}`, "Content-Type", merge)))
	if j.Annotations[v1.AnnotationCreatedBy] != "eddy" || j.Spec.Priority != 3 {
		t.Errorf("changed: %v %v", j.Annotations, j.Spec.Priority)
	}

	// An operator stops and goes on, and changes nothing else.
	j = decode[v1.Job](t, g.want(200, g.as("olga", "PATCH", jobs+"/a", `{"spec":{"suspend":true}}`, "Content-Type", merge)))
	if !j.Spec.Suspend {
		t.Error("it is not suspended")
	}
	g.want(200, g.as("olga", "PATCH", jobs+"/a", `{"metadata":{"annotations":{"horae/resumed-at":"2026-11-22T14:00:00Z"}},"spec":{"suspend":false}}`, "Content-Type", merge))
	for _, patch := range []string{
		`{"spec":{"suspend":true,"task":{"shell":"rm -rf /"}}}`, `{"metadata":{"labels":{"a":"b"}}}`, `{"metadata":{"annotations":{"a":"b"}}}`, `{"spec":{"priority":4}}`,
	} {
		if a := g.as("olga", "PATCH", jobs+"/a", patch, "Content-Type", merge); a.code != 403 || !strings.Contains(string(a.body), "may suspend it, and change nothing else") {
			t.Errorf("an operator's %s: %d %s", patch, a.code, a.body)
		}
	}

	// Server-side apply makes an object that is not there: that takes the verb create, and is signed and checked as well.
	const applyIt = "?fieldManager=test"
	applied := func(name, doc, path string) answer {
		return g.as(name, "PATCH", path+applyIt, doc, "Content-Type", "application/apply-patch+yaml")
	}
	if a := applied("olga", jobJSON("c"), jobs+"/c"); a.code != 403 || !strings.Contains(string(a.body), "cannot create resource") {
		t.Errorf("an operator makes a Job: %d %s", a.code, a.body)
	}
	j = decode[v1.Job](t, g.want(201, applied("eddy", jobJSON("c"), jobs+"/c")))
	if j.Annotations[v1.AnnotationCreatedBy] != "eddy" {
		t.Errorf("applied by %v", j.Annotations)
	}
	g.want(200, g.as("olga", "PATCH", jobs+"/c", `{"spec":{"suspend":true}}`, "Content-Type", merge))
	if a := applied("adam", `{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"Role","metadata":{"name":"r"},"rules":[{"apiGroups":["*"],`+
		`"resources":["*"],"verbs":["*"]}]}`, rbacPath+"/namespaces/team/roles/r"); a.code != 403 || !strings.Contains(string(a.body), "not currently held") {
		t.Errorf("escalation by apply: %d %s", a.code, a.body)
	}

	// Escalation.
	bindings := rbacPath + "/namespaces/team/rolebindings"
	binding := func(role string) string {
		return `{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"RoleBinding","metadata":{"name":"` + role + `"},` +
			`"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole","name":"` + role + `"},"subjects":[{"kind":"User","name":"olga","apiGroup":"rbac.authorization.k8s.io"}]}`
	}
	if a := g.as("adam", "POST", bindings, binding("cluster-admin")); a.code != 403 || !strings.Contains(string(a.body), "not currently held") {
		t.Errorf("escalation: %d %s", a.code, a.body)
	}
	g.want(201, g.as("adam", "POST", bindings, binding("edit")))
	g.want(200, g.as("olga", "PATCH", jobs+"/a", `{"spec":{"priority":4}}`, "Content-Type", merge))

	// Acting as another one.
	if got := g.as("root", "POST", jobs, jobJSON("b"), "Impersonate-User", "view"); got.code != 403 || !strings.Contains(string(got.body), `User \"view\" cannot create`) {
		t.Errorf("root as another one: %d %s", got.code, got.body)
	}
	if got := g.as("adam", "GET", jobs, "", "Impersonate-User", "root"); got.code != 403 || !strings.Contains(string(got.body), "cannot impersonate") {
		t.Errorf("adam as root: %d %s", got.code, got.body)
	}
	g.want(400, g.as("root", "GET", jobs, "", "Impersonate-Extra-Scopes", "x"))
}

func TestTokensAreShownOnceAndRevokedEverywhere(t *testing.T) {
	g := guard(t)
	const tokens = "/apis/horae/v1/tokens"
	made := decode[v1.Token](t, g.want(201, g.as("root", "POST", tokens, `{"apiVersion":"horae/v1","kind":"Token","metadata":{"name":"ci"},"spec":{"user":"ci","groups":["system:masters"]}}`)))
	if made.Status.Secret == "" || made.Spec.Hash == "" {
		t.Fatalf("made %+v", made)
	}
	g.secrets["ci"] = made.Status.Secret
	if got := string(g.want(200, g.as("ci", "GET", tokens+"/ci", "")).body); strings.Contains(got, made.Status.Secret) {
		t.Errorf("the secret is shown again: %s", got)
	}
	all, err := g.store.Client().Get(t.Context(), "/horae/", clientv3.WithPrefix())
	if err != nil {
		t.Fatal(err)
	}
	for _, kv := range all.Kvs {
		if strings.Contains(string(kv.Value), made.Status.Secret) {
			t.Errorf("the secret is stored in %s", kv.Key)
		}
	}
	if a := g.as("ci", "PATCH", tokens+"/ci", `{"spec":{"user":"root"}}`, "Content-Type", "application/merge-patch+json"); a.code != 422 {
		t.Errorf("a Token changes: %d %s", a.code, a.body)
	}

	// Another manager, with a cache of its own: a watch brings it the deletion.
	other := &guarded{fixture: &fixture{t: t, client: g.client, store: g.store}, secrets: g.secrets}
	a := other.newAccess(t)
	other.log, other.option = logr.Discard(), func(c *cache.Cache) { c.Listen(a.See) }
	other.serve(func(c *Config) { c.Access, c.RequestsPerSecond = a, 1e6 })
	other.want(200, other.as("ci", "GET", tokens, ""))
	g.want(200, g.as("root", "DELETE", tokens+"/ci", ""))
	began := time.Now()
	for other.as("ci", "GET", tokens, "").code != 401 {
		if time.Since(began) > patience {
			t.Fatal("another manager still takes a token that was revoked")
		}
	}
	t.Logf("refused by another manager after %s", time.Since(began))
	g.want(401, g.as("ci", "GET", tokens, ""))
}

func TestReviews(t *testing.T) {
	g := guard(t)
	g.user("vera", access.RoleView, "team")
	ask := func(name, kind, group, spec string) string {
		t.Helper()
		return string(g.want(201, g.as(name, "POST", "/apis/"+group+"/v1/"+strings.ToLower(kind)+"s",
			fmt.Sprintf(`{"apiVersion":"%s/v1","kind":"%s","spec":%s}`, group, kind, spec))).body)
	}
	for spec, want := range map[string]bool{
		`{"resourceAttributes":{"group":"horae","resource":"jobs","verb":"list","namespace":"team"}}`:   true,
		`{"resourceAttributes":{"group":"horae","resource":"jobs","verb":"create","namespace":"team"}}`: false,
		`{"nonResourceAttributes":{"path":"/apis","verb":"get"}}`:                                       true,
		`{"nonResourceAttributes":{"path":"/metrics","verb":"get"}}`:                                    false,
	} {
		if got := ask("vera", "SelfSubjectAccessReview", "authorization.k8s.io", spec); strings.Contains(got, `"allowed":true`) != want {
			t.Errorf("%s: %s", spec, got)
		}
	}
	if got := ask("vera", "SelfSubjectRulesReview", "authorization.k8s.io", `{"namespace":"team"}`); !strings.Contains(got, `"runs/log"`) {
		t.Errorf("rules: %s", got)
	}
	if got := ask("vera", "SelfSubjectReview", "authentication.k8s.io", `{}`); !strings.Contains(got, `"username":"vera","groups":["system:authenticated"]`) {
		t.Errorf("who: %s", got)
	}
	g.want(400, g.as("vera", "POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", `{"apiVersion":"authorization.k8s.io/v1","kind":"SelfSubjectAccessReview","spec":{}}`))
	g.want(400, g.as("vera", "POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", "nonsense"))
}
