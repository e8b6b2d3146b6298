package manager

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

func TestConfigFileHoldsEveryOptionWithItsDefault(t *testing.T) {
	const path = "../../config/manager.yaml"
	var got Config
	if err := Load(path, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Default(), got); diff != "" {
		t.Errorf("config/manager.yaml differs from Default (-code +file):\n%s", diff)
	}

	// A missing key would pass above when its default is the zero value: compare the keys as well.
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var inFile map[string]any
	if err := yaml.Unmarshal(data, &inFile); err != nil {
		t.Fatal(err)
	}
	code, err := json.Marshal(Default())
	if err != nil {
		t.Fatal(err)
	}
	var inCode map[string]any
	if err := json.Unmarshal(code, &inCode); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(keys("", inCode), keys("", inFile)); diff != "" {
		t.Errorf("keys differ (-code +file):\n%s", diff)
	}
}

func keys(prefix string, m map[string]any) map[string]bool {
	all := map[string]bool{}
	for k, v := range m {
		all[prefix+k] = true
		if sub, ok := v.(map[string]any); ok {
			for k := range keys(prefix+k+".", sub) {
				all[k] = true
			}
		}
	}
	return all
}

func TestFlagsEnvironmentAndFileRank(t *testing.T) {
	file := filepath.Join(t.TempDir(), "manager.yaml")
	if err := os.WriteFile(file, []byte("dev: true\nlisten: 127.0.0.1:1\nname: from-file\nlog: {format: json}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"HORAE_LISTEN": "127.0.0.1:2", "HORAE_NAME": "from-env", "HORAE_ETCD_ENDPOINTS": "http://a:1, http://b:2"}
	c, err := Parse([]string{"--config", file, "--listen", "127.0.0.1:3", "-v", "2", "--data-dir", "/tmp/x"}, func(k string) string { return env[k] })
	if err != nil {
		t.Fatal(err)
	}
	got := []any{c.Dev, c.Listen, c.Name, c.Log.Format, c.Log.Verbosity, c.Etcd.Endpoints}
	want := []any{true, "127.0.0.1:3", "from-env", "json", 2, []string{"http://a:1", "http://b:2"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("flag over environment over file over default (-want +got):\n%s", diff)
	}
}

func TestWrongConfigurationNamesTheFieldAndWhatWouldBeRight(t *testing.T) {
	for name, tc := range map[string]struct {
		args  []string
		file  string
		want  []string
		never string // must not be said
	}{
		"no masters and no --dev":            {args: nil, want: []string{"mesos.masters", "--dev"}},
		"a master with another scheme":       {args: []string{"--mesos-masters", "a:5050,ftp://host:5050"}, want: []string{"mesos.masters[1]", "host:port, http://host:port, https://host:port, or a zk:// URL"}},
		"a zk URL without a path":            {args: []string{"--mesos-masters", "zk://a:2181,b:2181"}, want: []string{"mesos.masters[0]", "names no path", "zk://host:port,host:port/path"}},
		"a zk URL without a port":            {args: []string{"--mesos-masters", "zk://a,b:2181/mesos"}, want: []string{"mesos.masters[0]", `server "a": must be host:port`}},
		"a zk URL beside a master":           {file: "mesos: {masters: ['http://a:5050', 'zk://a:2181/mesos']}\n", want: []string{"mesos.masters[1]", "stands alone"}},
		"two zk URLs":                        {file: "mesos: {masters: ['zk://b:2181/mesos', 'zk://a:2181/mesos']}\n", want: []string{"mesos.masters[0]", "stands alone"}},
		"a scheme that is none":              {file: "dev: true\nmesos: {scheme: ftp}\n", want: []string{"mesos.scheme", "http or https"}},
		"a secret and a token":               {file: "dev: true\nmesos: {secretFile: a, tokenFile: b, framework: {principal: p}}\n", want: []string{"mesos.tokenFile", "excludes mesos.secretFile"}},
		"a secret of nobody":                 {file: "dev: true\nmesos: {secretFile: a}\n", want: []string{"mesos.framework.principal", "must be given"}},
		"no failover timeout":                {file: "dev: true\nmesos: {framework: {failoverTimeout: 0s}}\n", want: []string{"mesos.framework.failoverTimeout", "at least 1s"}},
		"no user":                            {file: "dev: true\nmesos: {framework: {user: ''}}\n", want: []string{"mesos.framework.user"}},
		"a role that Mesos refuses":          {file: "dev: true\nmesos: {framework: {roles: [a, 'b c', a/../b, -x, a//b, a]}}\n", want: []string{"roles[1]", "white space", "roles[2]", `".."`, "roles[3]", "begin with -", "roles[4]", "must not be empty", "roles[5]", "named twice"}},
		"never asking Mesos":                 {file: "dev: true\nruns: {reconcileInterval: 1ms}\n", want: []string{"runs.reconcileInterval", "1s"}},
		"an endpoint that is none":           {args: []string{"--dev", "--etcd-endpoints", "http://a:2379,etcd"}, want: []string{"etcd.endpoints[1]", "host:port"}},
		"etcd with half a scheme":            {args: []string{"--dev", "--etcd-endpoints", "http:/x"}, want: []string{"etcd.endpoints[0]", "http:/x", "http://host:port"}},
		"etcd by another scheme":             {args: []string{"--dev", "--etcd-endpoints", "banana://x"}, want: []string{"etcd.endpoints[0]", "banana", "http://host:port"}},
		"a password in an endpoint":          {args: []string{"--dev", "--etcd-endpoints", "http://root:s3cret@etcd:2379"}, want: []string{"etcd.endpoints[0]", "etcd.passwordFile"}, never: "s3cret"},
		"an address without a port":          {args: []string{"--dev", "--listen", "localhost"}, want: []string{"listen", "host:port"}},
		"a network without a word on access": {args: []string{"--dev", "--listen", "0.0.0.0:8080"}, want: []string{"access.mode", "--access rbac", "--access open", "insecureHTTP", "--insecure-http", "--tls-self-signed"}},
		"a network in the clear":             {args: []string{"--dev", "--listen", ":8080", "--access", "rbac"}, want: []string{"insecureHTTP", "tls.certFile"}},
		"a network with TLS, and no access":  {args: []string{"--dev", "--listen", "10.0.0.1:8080", "--tls-self-signed"}, want: []string{"access.mode"}, never: "insecureHTTP"},
		"access of an unknown sort":          {args: []string{"--dev", "--access", "closed"}, want: []string{"access.mode", "open or rbac"}},
		"a certificate without its key":      {args: []string{"--dev", "--tls-cert-file", "a"}, want: []string{"tls:", "belong together"}},
		"two certificates":                   {args: []string{"--dev", "--tls-cert-file", "a", "--tls-key-file", "b", "--tls-self-signed"}, want: []string{"tls.selfSigned"}},
		"a client CA without TLS":            {args: []string{"--dev", "--client-ca-file", "a"}, want: []string{"tls.clientCAFile", "tls.certFile"}},
		"an old version of TLS":              {file: "dev: true\ntls: {minVersion: '1.1'}\n", want: []string{"tls.minVersion", "1.3 or 1.2"}},
		"a log format that is none":          {args: []string{"--dev", "--log-format", "xml"}, want: []string{"log.format", "text or json"}},
		"a verbosity that is no number":      {args: []string{"--dev", "-v", "loud"}, want: []string{"--v", "loud"}},
		"an argument that is no flag":        {args: []string{"--dev", "start"}, want: []string{"start", "--help"}},
		"an unknown key in the file":         {file: "dev: true\nlistn: a:1\n", want: []string{"listn"}},
		"a doubled key in the file":          {file: "dev: true\ndev: false\n", want: []string{"dev"}},
		"a lease under a second":             {file: "dev: true\nleader: {leaseTTL: 10ms}\n", want: []string{"leader.leaseTTL", "1s"}},
		"several mistakes at once":           {file: "dev: true\nlisten: x\njobs: {maxCatchUp: 0}\n", want: []string{"listen", "jobs.maxCatchUp"}},
	} {
		t.Run(name, func(t *testing.T) {
			args := append([]string{"--data-dir", t.TempDir()}, tc.args...)
			if tc.file != "" {
				path := filepath.Join(t.TempDir(), "c.yaml")
				if err := os.WriteFile(path, []byte(tc.file), 0o600); err != nil {
					t.Fatal(err)
				}
				args = append(args, "--config", path)
			}
			_, err := Parse(args, func(string) string { return "" })
			if err == nil {
				t.Fatal("was accepted")
			}
			for _, w := range tc.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("error %q does not say %q", err, w)
				}
			}
			if tc.never != "" && strings.Contains(err.Error(), tc.never) {
				t.Errorf("error %q says %q", err, tc.never)
			}
		})
	}
}

func TestAddressesThatNeedNoExplanation(t *testing.T) {
	for _, args := range [][]string{
		{"--listen", "localhost:1"}, {"--listen", "[::1]:1"}, {"--listen", "127.8.8.8:1"},
		{"--listen", "0.0.0.0:1", "--access", "open", "--insecure-http"},
		{"--listen", "0.0.0.0:1", "--access", "rbac", "--tls-self-signed"},
	} {
		if _, err := Parse(append(args, "--dev", "--data-dir", t.TempDir()), func(string) string { return "" }); err != nil {
			t.Errorf("%v: %v", args, err)
		}
	}
}

func TestMastersInZooKeeper(t *testing.T) {
	const url = "zk://horae:s3,cret@a:2181,b:2181/mesos"
	for name, masters := range map[string]string{
		"a list of one":                  "['" + url + "']",
		"a list that its commas divided": "[" + url + "]",
	} {
		path := filepath.Join(t.TempDir(), "c.yaml")
		if err := os.WriteFile(path, []byte("mesos: {masters: "+masters+"}\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := Parse([]string{"--config", path}, func(string) string { return "" })
		if err != nil || len(c.Mesos.Masters) != 1 || c.Mesos.Masters[0] != url {
			t.Errorf("%s: %v, %v", name, c.Mesos.Masters, err)
		}
	}
	c, err := Parse([]string{"--mesos-masters", url}, func(string) string { return "" })
	if err != nil || len(c.Mesos.Masters) != 1 || c.Mesos.Masters[0] != url || c.Mesos.Scheme != "http" {
		t.Errorf("as a flag: %v, %v", c.Mesos.Masters, err)
	}
	_, err = Parse([]string{"--mesos-masters", "zk://horae:s3,cret@a,b:2181/mesos"}, func(string) string { return "" })
	if err == nil || strings.Contains(err.Error(), "cret") {
		t.Errorf("an error shows the password: %v", err)
	}
}

func TestSchemeOfMastersFollowsTLS(t *testing.T) {
	c := Default()
	c.Mesos.Masters, c.Mesos.TLS.CAFile = []string{"m:5050"}, "ca.pem"
	if err := c.Complete(); err != nil || c.Mesos.Scheme != "https" {
		t.Errorf("%q, %v", c.Mesos.Scheme, err)
	}
}

// TestTheConfigFileOfTheDocumentationLoads: docs/operating.md shows one that people copy.
func TestTheConfigFileOfTheDocumentationLoads(t *testing.T) {
	page, err := os.ReadFile("../../docs/operating.md")
	if err != nil {
		t.Fatal(err)
	}
	_, example, found := strings.Cut(string(page), "```yaml\n# manager.yaml")
	example, _, closed := strings.Cut(example, "```")
	if !found || !closed {
		t.Fatal("docs/operating.md has no block that begins with # manager.yaml")
	}
	file := filepath.Join(t.TempDir(), "manager.yaml")
	if err := os.WriteFile(file, []byte("#"+example), 0o600); err != nil {
		t.Fatal(err)
	}
	c := Default()
	if err := Load(file, &c); err != nil {
		t.Fatal(err)
	}
	if len(c.Etcd.Endpoints) == 0 || len(c.Mesos.Masters) == 0 {
		t.Errorf("the example names no etcd or no master: %+v", c)
	}
}
