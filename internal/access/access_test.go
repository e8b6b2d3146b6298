package access

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/testr"
	"go.uber.org/goleak"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"

	"horae/api"
	v1 "horae/api/v1"
	"horae/internal/cache"
	"horae/internal/certificate"
	"horae/internal/filewatch"
	"horae/internal/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var now = time.Date(2026, 11, 22, 14, 30, 0, 0, time.UTC)

// discovered is what a server could offer.
var discovered = []metav1.APIResource{
	{Name: "jobs", Namespaced: true}, {Name: "jobs/schedule", Namespaced: true, Verbs: []string{"get"}},
	{Name: "jobs/trigger", Namespaced: true, Verbs: []string{"create"}},
	{Name: "runs", Namespaced: true}, {Name: "runs/log", Namespaced: true, Verbs: []string{"get"}},
	{Name: "runs/callback", Namespaced: true, Verbs: []string{"create"}},
	{Name: "tokens"}, {Name: "tokens/status", Verbs: []string{"get"}},
}

func newAccess(t *testing.T, change func(*Config, *Needs)) *Access {
	t.Helper()
	cfg, needs := Default(), Needs{Discovered: discovered, Now: func() time.Time { return now }, Log: logr.Discard()}
	cfg.Mode = RBAC
	var err error
	if needs.Files, err = filewatch.New(testr.New(t)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = needs.Files.Close() })
	if change != nil {
		change(&cfg, &needs)
	}
	a, err := New(cfg, needs)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// put has an Access see an object; nil: its deletion.
func put(t *testing.T, a *Access, key store.Key, o api.Object) {
	t.Helper()
	var kv *store.KeyValue
	if o != nil {
		doc, err := api.EncodeSpec(o)
		if err != nil {
			t.Fatal(err)
		}
		kv = &store.KeyValue{Value: doc, CreateRevision: 1, ModRevision: 1, Version: 1}
	}
	a.See(cache.Event{Key: key, New: store.After(nil, key, store.SpecSide, kv)})
}

func role(namespace, name string, rules ...rbacv1.PolicyRule) (store.Key, api.Object) {
	if namespace == "" {
		r := &rbacv1.ClusterRole{Rules: rules}
		r.Name = name
		return store.Key{Kind: store.ClusterRoles, Name: name}, r
	}
	r := &rbacv1.Role{Rules: rules}
	r.Name, r.Namespace = name, namespace
	return store.Key{Kind: store.Roles, Namespace: namespace, Name: name}, r
}

func bind(namespace, name, kind, role string, subjects ...rbacv1.Subject) (store.Key, api.Object) {
	ref := rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: kind, Name: role}
	if namespace == "" {
		b := &rbacv1.ClusterRoleBinding{RoleRef: ref, Subjects: subjects}
		b.Name = name
		return store.Key{Kind: store.ClusterRoleBindings, Name: name}, b
	}
	b := &rbacv1.RoleBinding{RoleRef: ref, Subjects: subjects}
	b.Name, b.Namespace = name, namespace
	return store.Key{Kind: store.RoleBindings, Namespace: namespace, Name: name}, b
}

func isUser(name string) rbacv1.Subject {
	return rbacv1.Subject{Kind: "User", APIGroup: rbacv1.GroupName, Name: name}
}
func isGroup(name string) rbacv1.Subject {
	return rbacv1.Subject{Kind: "Group", APIGroup: rbacv1.GroupName, Name: name}
}

func person(name string, groups ...string) user.Info { return as(name, groups) }

// ask is a request in one line: verb group/resource[/subresource] [namespace [name]], or verb and a path.
func ask(u user.Info, line string) *authorizer.AttributesRecord {
	words := strings.Fields(line)
	a := &authorizer.AttributesRecord{User: u, Verb: words[0]}
	if strings.HasPrefix(words[1], "/") {
		a.Path = words[1]
		return a
	}
	parts := strings.Split(words[1], "/")
	a.ResourceRequest, a.APIGroup, a.Resource = true, parts[0], parts[1]
	if len(parts) > 2 {
		a.Subresource = parts[2]
	}
	if len(words) > 2 {
		a.Namespace = words[2]
	}
	if len(words) > 3 {
		a.Name = words[3]
	}
	return a
}

func TestRulesAllow(t *testing.T) {
	rule := func(verbs, groups, resources string, names ...string) rbacv1.PolicyRule {
		return rbacv1.PolicyRule{Verbs: strings.Split(verbs, ","), APIGroups: strings.Split(groups, ","),
			Resources: strings.Split(resources, ","), ResourceNames: names}
	}
	paths := rbacv1.PolicyRule{Verbs: []string{"get"}, NonResourceURLs: []string{"/metrics", "/readyz/*"}}
	for _, tt := range []struct {
		rule rbacv1.PolicyRule
		ask  string
		want bool
	}{
		{rule("get", "horae", "jobs"), "get horae/jobs team a", true},
		{rule("get", "horae", "jobs"), "list horae/jobs team", false},
		{rule("get", "horae", "jobs"), "get other/jobs team a", false},
		{rule("get", "horae", "jobs"), "get horae/runs team a", false},
		{rule("get", "horae", "jobs"), "get horae/jobs/schedule team a", false},
		{rule("get", "horae", "jobs/schedule"), "get horae/jobs team a", false},
		{rule("get", "horae", "jobs/schedule"), "get horae/jobs/schedule team a", true},
		{rule("get", "horae", "*/schedule"), "get horae/jobs/schedule team a", true},
		{rule("get", "horae", "*/schedule"), "get horae/jobs team a", false},
		{rule("*", "*", "*"), "patch horae/jobs/schedule team a", true},
		{rule("*", "*", "*"), "get /metrics", false},
		{rule("get", "horae", "jobs", "a"), "get horae/jobs team a", true},
		{rule("get", "horae", "jobs", "a"), "get horae/jobs team b", false},
		{rule("list", "horae", "jobs", "a"), "list horae/jobs team", false},
		{rule("create", "horae", "jobs", "a"), "create horae/jobs team", false},
		{rule("get", "", "events"), "get /events team a", false}, // a path
		{paths, "get /metrics", true},
		{paths, "get /metrics/x", false},
		{paths, "get /readyz/etcd", true},
		{paths, "get /readyz", false},
		{paths, "post /metrics", false},
		{paths, "get horae/jobs team", false},
	} {
		if got := allows(&tt.rule, ask(nil, tt.ask)); got != tt.want {
			t.Errorf("%+v, %s: %v", tt.rule, tt.ask, got)
		}
	}
}

func TestBindings(t *testing.T) {
	a := newAccess(t, func(c *Config, _ *Needs) {
		c.Bindings = []Binding{{Role: RoleView, Groups: []string{"auditors"}}, {Role: RoleEdit, Users: []string{"eve"}, Namespace: "lab"}}
	})
	check := func(want bool, u user.Info, line string) {
		t.Helper()
		if got, reason := a.Authorize(ask(u, line)); got != want {
			t.Errorf("%s %v: %s: %v (%s)", u.GetName(), u.GetGroups(), line, got, reason)
		}
	}
	ada := person("ada", "data")
	check(false, ada, "get horae/jobs team a")
	check(true, ada, "get /apis/horae/v1")
	check(true, ada, "create authorization.k8s.io/selfsubjectaccessreviews")
	check(false, person(user.Anonymous), "get /apis/horae/v1")
	check(true, person("root", user.SystemPrivilegedGroup), "delete horae/jobs team a")
	check(true, person("al", "auditors"), "get horae/jobs team a")
	check(true, person("eve"), "create horae/jobs lab")
	check(false, person("eve"), "create horae/jobs team")

	bkey, b := bind("team", "b", "Role", "trigger", isGroup("data"))
	put(t, a, bkey, b) // before the role that it names
	check(false, ada, "create horae/jobs/trigger team a")
	rkey, r := role("team", "trigger",
		rbacv1.PolicyRule{Verbs: []string{"create"}, APIGroups: []string{"horae"}, Resources: []string{"jobs/trigger"}})
	put(t, a, rkey, r)
	check(true, ada, "create horae/jobs/trigger team a")
	check(false, ada, "create horae/jobs/trigger other a")
	check(false, person("bob"), "create horae/jobs/trigger team a")
	check(false, person("data"), "create horae/jobs/trigger team a") // a user of the group's name
	put(t, a, rkey, nil)
	check(false, ada, "create horae/jobs/trigger team a")

	// A ClusterRole in one namespace, then in all.
	bkey, b = bind("team", "b", "ClusterRole", RoleView, isUser("ada"))
	put(t, a, bkey, b)
	check(true, ada, "get horae/runs/log team r")
	check(false, ada, "get horae/runs/log other r")
	check(false, ada, "list horae/runs")
	ckey, c := bind("", "c", "ClusterRole", RoleView, isUser("ada"))
	put(t, a, ckey, c)
	check(true, ada, "list horae/runs")
	put(t, a, ckey, nil)
	check(false, ada, "list horae/runs")
	put(t, a, bkey, nil)
	check(false, ada, "get horae/runs/log team r")

	// A role that is built in can be replaced; one whose document is broken gives nothing.
	ckey, c = bind("", "c", "ClusterRole", RoleView, isUser("ada"))
	put(t, a, ckey, c)
	vkey, _ := role("", RoleView)
	a.See(cache.Event{Key: vkey, New: store.After(nil, vkey, store.SpecSide,
		&store.KeyValue{Value: []byte("kind: ClusterRole\nrule: []"), CreateRevision: 1, ModRevision: 1})})
	check(true, ada, "list horae/runs") // as it is built in
	put(t, a, vkey, func() api.Object { _, o := role("", RoleView); return o }())
	check(false, ada, "list horae/runs")
}

func TestBuiltInRoles(t *testing.T) {
	a := newAccess(t, nil)
	all := []string{
		"get horae/jobs n a", "list horae/runs n", "watch horae/jobs n", "get horae/jobs/schedule n a", "get horae/runs/log n a", "list /x", "get /metrics",
		"create horae/jobs/trigger n a", "patch horae/jobs/suspend n a", "update horae/runs/cancel n a", "create horae/jobs n", "patch horae/jobs n a", "delete horae/runs n a",
		"deletecollection horae/jobs n", "create rbac.authorization.k8s.io/rolebindings n", "create horae/runs/callback n a", "list horae/tokens", "create horae/tokens",
		"create rbac.authorization.k8s.io/clusterroles",
	}
	for name, want := range map[string]int{RoleView: 5, RoleOperate: 8, RoleEdit: 12, RoleAdmin: 13} {
		key, b := bind("n", name, "ClusterRole", name, isUser(name))
		put(t, a, key, b)
		var got []string
		for _, line := range all {
			if ok, _ := a.Authorize(ask(person(name), line)); ok {
				got = append(got, line)
			}
		}
		// Each role allows what stands in the list up to its end, but for paths.
		expect := slices.DeleteFunc(slices.Clone(all[:want+2]), func(l string) bool { return strings.Contains(l, " /") })
		if !slices.Equal(got, expect) {
			t.Errorf("%s may\n%s\nwant\n%s", name, strings.Join(got, "\n"), strings.Join(expect, "\n"))
		}
	}
}

func TestNobodyGivesMoreThanHeHas(t *testing.T) {
	a := newAccess(t, nil)
	for _, name := range []string{RoleAdmin, RoleView} {
		key, b := bind("team", name, "ClusterRole", name, isUser(name))
		put(t, a, key, b)
	}
	key, b := bind("", "root", "ClusterRole", RoleClusterAdmin, isUser("root"))
	put(t, a, key, b)
	key, escalate := role("team", "escalate", rbacv1.PolicyRule{Verbs: []string{"escalate", "bind"},
		APIGroups: []string{rbacv1.GroupName}, Resources: []string{"roles", "clusterroles"}})
	put(t, a, key, escalate)
	key, b = bind("team", "escalate", "Role", "escalate", isUser("trusted"))
	put(t, a, key, b)

	object := func(_ store.Key, o api.Object) api.Object { return o }
	rule := func(verb, resource string) rbacv1.PolicyRule {
		return rbacv1.PolicyRule{Verbs: []string{verb}, APIGroups: []string{"horae"}, Resources: []string{resource}}
	}
	token := &v1.Token{Spec: v1.TokenSpec{User: "root", Groups: []string{"data"}}}
	for name, tt := range map[string]struct {
		who  string
		o    api.Object
		want string
	}{
		"what he has":            {RoleAdmin, object(role("team", "r", rule("get", "jobs"))), ""},
		"in another namespace":   {RoleAdmin, object(role("other", "r", rule("get", "jobs"))), "not currently held"},
		"a verb that he has not": {RoleAdmin, object(role("team", "r", rule("impersonate", "jobs"))), `Verbs:["impersonate"]`},
		"everything":             {RoleAdmin, object(role("team", "r", rule("*", "*"))), "not currently held"},
		"everywhere":             {RoleAdmin, object(role("", "r", rule("get", "jobs"))), "not currently held"},
		"with the verb escalate": {"trusted", object(role("team", "r", rule("*", "*"))), ""},
		"binds what he has":      {RoleAdmin, object(bind("team", "b", "ClusterRole", RoleEdit, isUser("bob"))), ""},
		"binds himself more": {RoleAdmin,
			object(bind("team", "b", "ClusterRole", RoleClusterAdmin, isUser(RoleAdmin))), "not currently held"},
		"binds what is not there":         {RoleAdmin, object(bind("team", "b", "Role", "none", isUser("bob"))), "not found"},
		"binds everywhere":                {RoleAdmin, object(bind("", "b", "ClusterRole", RoleView, isUser("bob"))), "not currently held"},
		"with the verb bind":              {"trusted", object(bind("team", "b", "ClusterRole", RoleClusterAdmin, isUser("bob"))), ""},
		"the administrator":               {"root", object(bind("", "b", "ClusterRole", RoleClusterAdmin, isUser("bob"))), ""},
		"a token of somebody else":        {RoleAdmin, token, "cannot impersonate"},
		"a token, by the administrator":   {"root", token, ""},
		"a Job is not what this is about": {RoleView, &v1.Job{}, ""},
	} {
		err := a.MayWrite(person(tt.who), tt.o)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
}

func request(t *testing.T, headers ...string) *http.Request {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "/apis", nil)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return r
}

// who is the name of who is authenticated, or the error.
func who(a *Access, r *http.Request) string {
	u, err := a.Authenticate(r)
	if err != nil {
		return "error: " + err.Error()
	}
	return strings.Join(append([]string{u.GetName()}, u.GetGroups()...), " ")
}

func TestTokens(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "tokens")
	inFile, inFileHash, err := newSecret()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("- {hash: "+inFileHash+", user: ci, groups: [bots]}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	a := newAccess(t, func(c *Config, _ *Needs) { c.TokenFile = file })
	secret, hash, err := newSecret()
	if err != nil || !strings.HasPrefix(secret, "horae_") || strings.Contains(secret, hash) {
		t.Fatalf("%s %s %v", secret, hash, err)
	}
	bearer := func(secret string) *http.Request { return request(t, "Authorization", "Bearer "+secret) }
	expect := func(secret, want string) {
		t.Helper()
		if got := who(a, bearer(secret)); !strings.HasPrefix(got, want) {
			t.Errorf("it is %q, want %q", got, want)
		}
	}
	key := store.Key{Kind: store.Tokens, Name: "t"}
	token := &v1.Token{Spec: v1.TokenSpec{User: "ada", Groups: []string{"data"}, Hash: hash, Expires: v1.NewTimePtr(now.Add(time.Second))}}
	token.Name = "t"
	expect(secret, "error")
	put(t, a, key, token)
	expect(secret, "ada data system:authenticated")
	expect(inFile, "ci bots system:authenticated")
	expect(secret+"x", "error")
	expect("", "error")
	expect(hash, "error")

	token.Spec.Expires = v1.NewTimePtr(now)
	put(t, a, key, token)
	expect(secret, "error: the token has expired")
	token.Spec.Expires = nil
	put(t, a, key, token)
	expect(secret, "ada")
	token.Spec.Groups = []string{""} // as no API would store it
	put(t, a, key, token)
	expect(secret, "error")
	token.Spec.Groups = nil
	put(t, a, key, token)
	expect(secret, "ada")
	put(t, a, key, nil)
	expect(secret, "error")

	if err := os.WriteFile(file, []byte("[]"), 0o600); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(30 * time.Second); !strings.HasPrefix(who(a, bearer(inFile)), "error"); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("a token that was taken out of the file is still taken")
		}
	}
	if _, err := readTokens("access.tokenFile", dir); err == nil {
		t.Error("a directory is a file of tokens")
	}
	for _, content := range []string{"- {hash: abc, user: ci}", "- {hash: " + hash + "}",
		"- {hash: " + hash + ", user: ci, token: x}", "{"} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := readTokens("access.tokenFile", file); err == nil || !strings.Contains(err.Error(), "access.tokenFile") {
			t.Errorf("%s: %v", content, err)
		}
	}
}

// shown is a request over TLS from a client with a certificate.
func shown(t *testing.T, cert string, headers ...string) *http.Request {
	t.Helper()
	r := request(t, headers...)
	r.TLS = &tls.ConnectionState{}
	if cert != "" {
		pair, err := tls.LoadX509KeyPair(cert, strings.TrimSuffix(cert, ".crt")+".key")
		if err != nil {
			t.Fatal(err)
		}
		r.TLS.PeerCertificates = []*x509.Certificate{pair.Leaf}
	}
	return r
}

func TestCertificatesAndProxies(t *testing.T) {
	now = time.Now()
	ours, err := certificate.EnsureSelfSigned(t.TempDir(), []string{"localhost"}, "ada", []string{"data", "admins"}, now)
	if err != nil {
		t.Fatal(err)
	}
	front, err := certificate.EnsureSelfSigned(t.TempDir(), []string{"localhost"}, "front", nil, now)
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := certificate.EnsureSelfSigned(t.TempDir(), []string{"localhost"}, "ada", []string{user.SystemPrivilegedGroup}, now)
	if err != nil {
		t.Fatal(err)
	}
	a := newAccess(t, func(c *Config, n *Needs) {
		n.ClientCAFile, c.Proxy.CAFile, c.Proxy.AllowedNames = ours.CAFile, front.CAFile, []string{"front"}
	})
	as := []string{"X-Remote-User", "eve", "X-Remote-Group", "a", "X-Remote-Group", "b", "X-Remote-Extra-Scopes", "x"}
	for name, tt := range map[string]struct {
		r    *http.Request
		want string
	}{
		"a certificate":                  {shown(t, ours.AdminCertFile), "ada data admins system:authenticated"},
		"of another CA":                  {shown(t, foreign.AdminCertFile), "error: the client's certificate"},
		"a server's certificate":         {shown(t, ours.CertFile), "error: the client's certificate"},
		"none":                           {shown(t, ""), "error"},
		"the proxy":                      {shown(t, front.AdminCertFile, as...), "eve a b system:authenticated"},
		"the proxy, without a user":      {shown(t, front.AdminCertFile), "error"},
		"headers of a user":              {shown(t, ours.AdminCertFile, as...), "ada data admins system:authenticated"},
		"headers of nobody":              {shown(t, "", as...), "error"},
		"headers without TLS":            {request(t, as...), "error"},
		"the proxy's CA, another server": {shown(t, front.CertFile, as...), "error"},
	} {
		if got := who(a, tt.r); !strings.HasPrefix(got, tt.want) {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
	now = now.Add(366 * 24 * time.Hour)
	if got := who(a, shown(t, ours.AdminCertFile)); !strings.HasPrefix(got, "error") {
		t.Errorf("an expired certificate: %q", got)
	}
	if got := who(newAccess(t, func(c *Config, _ *Needs) { c.Anonymous = true }),
		request(t)); got != "system:anonymous system:unauthenticated" {
		t.Errorf("anonymous: %q", got)
	}
	if got := who(newAccess(t, func(c *Config, _ *Needs) { c.Anonymous = true }),
		request(t, "Authorization", "Bearer wrong")); !strings.HasPrefix(got, "error") {
		t.Errorf("anonymous with a wrong token: %q", got)
	}
	open := newAccess(t, func(c *Config, _ *Needs) { c.Mode = Open })
	if u, err := open.Authenticate(request(t, "Authorization", "Bearer wrong")); u != nil || err != nil {
		t.Errorf("open: %v, %v", u, err)
	}
}

func TestConfigNamesWhatIsWrong(t *testing.T) {
	var c Config
	if err := json.Unmarshal([]byte(`{"mode":"x","proxy":{"caFile":"a","userHeaders":[]},"bindings":[{}],
		"oidc":[{"url":"http://x","username":{"claim":"","prefix":"system:"}}]}`), &c); err != nil {
		t.Fatal(err)
	}
	var said []string
	c.Validate(false, func(field, _ string, _ ...any) { said = append(said, field) })
	for _, want := range []string{
		"access.mode", "access.proxy.caFile", "access.proxy.userHeaders", "access.bindings[0]", "access.bindings[0].role",
		"access.oidc[0].url", "access.oidc[0].audiences", "access.oidc[0].username.claim", "access.oidc[0].username.prefix, groups.prefix",
	} {
		if !slices.Contains(said, want) {
			t.Errorf("nothing is said of %s: %v", want, said)
		}
	}
}
