package arch

import (
	"os/exec"
	"strings"
	"testing"
)

// notIn are packages that a binary must not contain, however they would get there, with the reason.
var notIn = []struct {
	command  string
	packages []string
	why      string
}{
	{
		command: "horae/cmd/horae",
		packages: []string{
			"horae/controllers", "horae/internal/manager", "horae/internal/server", "horae/internal/store", "horae/internal/cache",
			"horae/internal/leader", "horae/internal/mesos", "horae/internal/devcluster", "horae/internal/sandbox",
		},
		why: "the command line asks a manager and decides nothing by itself",
	},
	{
		command:  "horae/cmd/horae",
		packages: []string{"go.etcd.io", "google.golang.org", "github.com/mesos", "github.com/go-zookeeper", "github.com/prometheus"},
		why:      "the command line speaks HTTP to a manager, and to nothing else",
	},
	{
		command: "horae/cmd/horae",
		packages: []string{
			"k8s.io/client-go/rest", "k8s.io/client-go/tools", "k8s.io/api/core", "k8s.io/api/batch", "k8s.io/cli-runtime/pkg/resource", "golang.org/x/oauth2",
		},
		why: "internal/cli/request.go makes the few requests that there are; these are megabytes of what a cluster's client needs",
	},
}

func TestBinariesHaveOnlyWhatTheyNeed(t *testing.T) {
	contents := map[string][]string{}
	for _, rule := range notIn {
		if contents[rule.command] == nil {
			cmd := exec.Command("go", "list", "-deps", rule.command)
			cmd.Dir = "../.."
			out, err := cmd.Output()
			if err != nil {
				t.Fatalf("go list -deps %s: %v", rule.command, err)
			}
			contents[rule.command] = strings.Fields(string(out))
		}
		for _, p := range contents[rule.command] {
			if within(p, rule.packages...) {
				t.Errorf("%s contains %s: %s", rule.command, p, rule.why)
			}
		}
	}
}
