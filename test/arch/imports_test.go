package arch

import (
	"encoding/json"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// pkg is what `go list -json` says of a package.
type pkg struct {
	ImportPath, Doc, Dir string
	GoFiles, TestGoFiles []string
	Imports              []string
	Standard             bool
}

// packages lists the packages of this module.
func packages(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Doc,Dir,GoFiles,TestGoFiles,Imports", "horae/...")
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []pkg
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := dec.Decode(&p); err == io.EOF {
			break
		} else if err != nil {
			t.Fatalf("read go list's answer: %v", err)
		}
		all = append(all, p)
	}
	if len(all) < 10 {
		t.Fatalf("go list found %d packages: the rules below would prove nothing", len(all))
	}
	return all
}

// within reports whether path is the package prefix or lies below it.
func within(path string, prefixes ...string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return path == p || strings.HasPrefix(path, p+"/") })
}

// A rule limits what some packages import.
type rule struct {
	name string
	// of selects the importers that the rule binds.
	of func(importer string) bool
	// bad selects the imports that it forbids.
	bad func(importer, imported string) bool
	// why is what the test says.
	why string
}

// mechanisms are the packages with one mechanism each; sharedValues are those whose values (keys, revisions, results) others
// may name, because their behaviour is still reached through an interface (docs/adr/0008-shared-values.md).
var (
	mechanisms = []string{"horae/internal/store", "horae/internal/cache", "horae/internal/feed", "horae/internal/leader", "horae/internal/mesos", "horae/internal/manifest", "horae/internal/server", "horae/internal/sandbox", "horae/internal/reconcile"}
	leaves     = []string{
		"horae/internal/backoff",
		"horae/internal/calendar",
		"horae/internal/callback",
		"horae/internal/condition",
		"horae/internal/convert",
		"horae/internal/messages",
		"horae/internal/metric",
		"horae/internal/offer",
		"horae/internal/schedule",
		"horae/internal/statistics",
		"horae/internal/story", "horae/internal/openapi",
		"horae/internal/transition",
		"horae/internal/version",
	}
	sharedValues = []string{"horae/internal/store", "horae/internal/cache", "horae/internal/reconcile"}
)

func ours(path string) bool { return within(path, "horae") }

var rules = []rule{
	{
		name: "api is the ground floor",
		of:   func(p string) bool { return within(p, "horae/api") },
		bad:  func(_, i string) bool { return ours(i) && !within(i, "horae/api") },
		why:  "what users write must not depend on how it is carried out",
	},
	{
		name: "leaves import only api",
		of:   func(p string) bool { return within(p, leaves...) },
		bad: func(_, i string) bool {
			return ours(i) && !within(i, "horae/api", "horae/internal/messages", "horae/config")
		},
		why: "leaves are values and pure functions that everybody shares",
	},
	{
		name: "mechanisms do not import each other",
		of:   func(p string) bool { return within(p, mechanisms...) },
		bad: func(p, i string) bool {
			if !ours(i) || within(i, "horae/api") || within(i, leaves...) || within(i, p) {
				return false
			}
			return !within(i, sharedValues...)
		},
		why: "one mechanism each: internal/manager puts them together; only values of store, cache and reconcile are shared",
	},
	{
		name: "store and cache know nothing above them",
		of:   func(p string) bool { return within(p, "horae/internal/store") },
		bad:  func(p, i string) bool { return ours(i) && !within(i, "horae/api", "horae/internal/metric", p) },
		why:  "the store is the lowest mechanism",
	},
	{
		name: "controllers reach mechanisms through their own interfaces",
		of:   func(p string) bool { return within(p, "horae/controllers") },
		bad: func(p, i string) bool {
			return ours(i) && !within(i, "horae/api", p) && !within(i, leaves...) && !within(i, sharedValues...) &&
				!(within(p, "horae/controllers/backfill") && i == "horae/controllers/job")
		},
		why: "the brain is tested without a network or a store; one controller does not import another, but for what " +
			"backfill needs of job: what a Run is made of, and which occurrences a Job has",
	},
	{
		name: "placement is pure",
		of:   func(p string) bool { return within(p, "horae/controllers/run/placement") },
		bad: func(_, i string) bool {
			forbidden := []string{"context", "sync", "os", "log", "net", "github.com/go-logr/logr", "github.com/prometheus"}
			return within(i, forbidden...) || ours(i) && !within(i, "horae/api", "horae/internal/messages", "horae/internal/offer", "horae/internal/store")
		},
		why: "it takes values and the time and returns who goes where: of the rest it knows offers, and keys and documents of Runs",
	},
	{
		name: "mesos-go stays behind internal/mesos",
		of: func(p string) bool {
			return !within(p, "horae/internal/mesos", "horae/internal/devcluster", "horae/test")
		},
		bad: func(_, i string) bool { return within(i, "github.com/mesos/mesos-go") },
		why: "its types, its age and its defects stay in one room",
	},
	{
		name: "ZooKeeper is known in one place",
		of: func(p string) bool {
			return !within(p, "horae/internal/mesos/discovery", "horae/internal/zookeepertest", "horae/test")
		},
		bad: func(_, i string) bool { return within(i, "github.com/go-zookeeper/zk") },
		why: "it finds where the leading Mesos master is, and nothing else is kept there",
	},
	{
		name: "what finds masters knows nothing of talking to them",
		of:   func(p string) bool { return within(p, "horae/internal/mesos/discovery") },
		bad: func(_, i string) bool {
			return ours(i) && i != "horae/internal/backoff" || within(i, "github.com/mesos/mesos-go")
		},
		why: "the driver asks it through an interface of its own",
	},
	{
		name: "the dev cluster is for development",
		of: func(p string) bool {
			return !within(p, "horae/internal/devcluster", "horae/internal/manager", "horae/cmd/devcluster", "horae/test", "horae/hack")
		},
		bad: func(_, i string) bool { return within(i, "horae/internal/devcluster") },
		why: "production talks to Mesos over the network and to nothing else",
	},
	{
		name: "etcd's server is embedded in one place",
		of: func(p string) bool {
			return !within(p, "horae/internal/manager", "horae/internal/etcdtest", "horae/test", "horae/hack")
		},
		bad: func(_, i string) bool { return within(i, "go.etcd.io/etcd/server/v3") },
		why: "only manager --dev, and tests, run an etcd of their own",
	},
	{
		name: "etcd's client stays behind the store",
		of: func(p string) bool {
			return !within(p, "horae/internal/store", "horae/internal/cache", "horae/internal/leader", "horae/internal/etcdtest", "horae/internal/manager", "horae/docs", "horae/test", "horae/hack")
		},
		bad: func(_, i string) bool { return within(i, "go.etcd.io/etcd/client/v3") },
		why: "one place knows how Horae talks to etcd; the rest speaks of objects",
	},
	{
		name: "commands only wire",
		of:   func(p string) bool { return within(p, "horae/cmd") },
		bad: func(_, i string) bool {
			return ours(i) && !within(i, "horae/internal/manager", "horae/internal/cli", "horae/internal/devcluster", "horae/internal/version")
		},
		why: "main is flags, config, run",
	},
	{
		name: "nobody imports a command, a test or hack",
		of:   func(p string) bool { return !within(p, "horae/test", "horae/hack") },
		bad:  func(_, i string) bool { return within(i, "horae/cmd", "horae/test", "horae/hack") },
		why:  "they are the top of the house",
	},
}

func TestImports(t *testing.T) {
	all := packages(t)
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			bound := 0
			for _, p := range all {
				if !r.of(p.ImportPath) {
					continue
				}
				bound++
				for _, i := range p.Imports {
					if r.bad(p.ImportPath, i) {
						t.Errorf("%s imports %s: %s", p.ImportPath, i, r.why)
					}
				}
			}
			if bound == 0 {
				t.Errorf("the rule binds no package: it has lost its subject")
			}
		})
	}
}

// dependencies lists what ./cmd/manager is made of.
func dependencies(t *testing.T, flags ...string) []string {
	t.Helper()
	cmd := exec.Command("go", slices.Concat([]string{"list", "-deps"}, flags, []string{"horae/cmd/manager"})...)
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	return strings.Fields(string(out))
}

// TestTheProductionBinaryHasNoDevClusterInIt: nor what only the dev cluster needs.
func TestTheProductionBinaryHasNoDevClusterInIt(t *testing.T) {
	bench := []string{"horae/internal/devcluster", "github.com/jlaffaye/ftp", "archive/tar", "archive/zip"}
	dev, production := dependencies(t), dependencies(t, "-tags", "production")
	for _, p := range bench {
		if slices.Contains(production, p) {
			t.Errorf("the production binary (make release) has %s in it: only internal/manager/dev.go may import the dev cluster", p)
		}
	}
	if !slices.Contains(dev, bench[0]) {
		t.Errorf("the manager of make build has no dev cluster in it: bin/manager --dev cannot work, and this test proves nothing")
	}
}

func TestEveryPackageHasADoc(t *testing.T) {
	for _, p := range packages(t) {
		if len(p.GoFiles) > 0 && p.Doc == "" {
			t.Errorf("%s has no package comment: say what it does, what it never does, and who calls it", p.ImportPath)
		}
	}
}
