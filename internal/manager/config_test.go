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
	if err := os.WriteFile(file, []byte("dev: true\nlisten: file:1\nname: from-file\nlog: {format: json}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"HORAE_LISTEN": "env:2", "HORAE_NAME": "from-env", "HORAE_ETCD_ENDPOINTS": "http://a:1, http://b:2"}
	c, err := Parse([]string{"--config", file, "--listen", "flag:3", "-v", "2", "--data-dir", "/tmp/x"}, func(k string) string { return env[k] })
	if err != nil {
		t.Fatal(err)
	}
	got := []any{c.Dev, c.Listen, c.Name, c.Log.Format, c.Log.Verbosity, c.Etcd.Endpoints}
	want := []any{true, "flag:3", "from-env", "json", 2, []string{"http://a:1", "http://b:2"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("flag over environment over file over default (-want +got):\n%s", diff)
	}
}

func TestWrongConfigurationNamesTheFieldAndWhatWouldBeRight(t *testing.T) {
	for name, tc := range map[string]struct {
		args []string
		file string
		want []string
	}{
		"no masters and no --dev":       {args: nil, want: []string{"mesos.masters", "--dev"}},
		"a master without a scheme":     {args: []string{"--mesos-masters", "host:5050"}, want: []string{"mesos.masters[0]", "http://host:port"}},
		"an address without a port":     {args: []string{"--dev", "--listen", "localhost"}, want: []string{"listen", "host:port"}},
		"a log format that is none":     {args: []string{"--dev", "--log-format", "xml"}, want: []string{"log.format", "text or json"}},
		"a verbosity that is no number": {args: []string{"--dev", "-v", "loud"}, want: []string{"--v", "loud"}},
		"an argument that is no flag":   {args: []string{"--dev", "start"}, want: []string{"start", "--help"}},
		"an unknown key in the file":    {file: "dev: true\nlistn: a:1\n", want: []string{"listn"}},
		"a doubled key in the file":     {file: "dev: true\ndev: false\n", want: []string{"dev"}},
		"a lease under a second":        {file: "dev: true\nleader: {leaseTTL: 10ms}\n", want: []string{"leader.leaseTTL", "1s"}},
		"several mistakes at once":      {file: "dev: true\nlisten: x\njobs: {maxCatchUp: 0}\n", want: []string{"listen", "jobs.maxCatchUp"}},
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
		})
	}
}
