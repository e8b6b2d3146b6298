package run

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "horae/api/v1"
	"horae/controllers/run/placement"
	"horae/internal/offer"
	"horae/internal/store"
)

var updateGolden = flag.Bool("update", false, "rewrite the golden files")

// placedOn gives the Run a place on an agent with plain resources.
func placedOn(t *testing.T, r *store.Run, agentOffer offer.Offer) (*placement.Placed, *placement.Agent) {
	t.Helper()
	req, err := placement.NewRequest(r, t0, "horae")
	if err != nil {
		t.Fatal(err)
	}
	q := placement.NewQueue(placement.Config{Roles: []string{"horae"}})
	q.Put(req)
	var offers placement.Offers
	offers.Add([]offer.Offer{agentOffer})
	p := q.Place(&offers, &liveAttempts{}, t0)
	if len(p.Agents) != 1 {
		t.Fatal("no place")
	}
	return &p.Agents[0].Tasks[0], &p.Agents[0]
}

func TestTaskGolden(t *testing.T) {
	for name, change := range map[string]func(*v1.Run){
		"scheduled": func(r *v1.Run) {
			r.Labels["team"] = "data-infra"
			r.Spec.Owner = "bofh@example.com"
			r.Spec.Timeout = seconds(7200)
			r.Spec.Task = v1.TaskSpec{
				Shell: "./run.sh", Env: []v1.EnvVar{{Name: "JVMOPTS", Value: "-Xmx1000m"}}, Labels: map[string]string{"sim": "ok,1s"},
				Resources: v1.Resources{CPUs: quantity("500m"), Memory: quantity("1Gi"), Disk: quantity("100M"), Ports: 2},
			}
		},
		"manual": func(r *v1.Run) {
			r.Spec.Reason, r.Spec.ScheduledTime = v1.ReasonManual, nil
			r.Spec.Args = []string{"--day", "2026-11-22", "it's a; `trap`"}
			r.Spec.Env = []v1.EnvVar{{Name: "A", Value: "from the trigger"}, {Name: "HORAE_JOB", Value: "forged"}}
			r.Spec.Task = v1.TaskSpec{
				Command: []string{"java", "-jar"}, Args: []string{"x.jar"},
				Env: []v1.EnvVar{{Name: "A", Value: "from the job"}, {Name: "B", Value: "1"}, {Name: "B", Value: "2"}, {Name: "CHRONOS_RESOURCE_MEM", Value: "1"}},
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			placed, on := placedOn(t, testRun(change), agent(1, 4, 4096))
			task := NewTask(placed, NextTask(placed.Run), on.AgentID, on.Hostname)
			got := describe(&task)
			path := filepath.Join("testdata", "task-"+name+".golden")
			if *updateGolden {
				if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("task (-want +got):\n%s", diff)
			}
		})
	}
}

// describe writes a task as text, in which differences are easy to read.
func describe(task *offer.Task) string {
	var b strings.Builder
	fmt.Fprintf(&b, "id: %s\nname: %s\nagent: %s\ntimeout: %s\nshell: %q\ncommand: %q\nargs: %q\n", task.ID, task.Name, task.AgentID, task.Timeout,
		task.Spec.Shell, task.Spec.Command, task.Spec.Args)
	for _, r := range task.Resources {
		fmt.Fprintf(&b, "resource: %s %g %v\n", r.Name, r.Scalar, r.Ranges)
	}
	fmt.Fprintf(&b, "ports: %v\nlabels: %v\n", task.Ports, task.Labels)
	for _, e := range task.Env {
		fmt.Fprintf(&b, "env: %s=%s\n", e.Name, e.Value)
	}
	return b.String()
}

// TestChronosEnvironment: the ten variables of Chronos, with the values that its own test expects.
func TestChronosEnvironment(t *testing.T) {
	due := time.UnixMilli(1454467003926)
	job := func(env ...v1.EnvVar) func(*v1.Run) {
		return func(r *v1.Run) {
			r.Spec.Job, r.Spec.Owner, r.Spec.ScheduledTime = "AJob", "foo@bar.com", v1.NewTimePtr(due)
			r.Labels = map[string]string{v1.LabelJob: "AJob"}
			r.Spec.Task = v1.TaskSpec{Shell: "run", Env: env, Resources: v1.Resources{CPUs: quantity("2"), Memory: quantity("5Mi"), Disk: quantity("3Mi")}}
		}
	}
	id := taskID(1)
	ten := map[string]string{
		"mesos_task_id": id, "MESOS_TASK_ID": id, "CHRONOS_JOB_OWNER": "foo@bar.com", "CHRONOS_JOB_NAME": "AJob", "HOST": "localport",
		"CHRONOS_RESOURCE_MEM": "5.0", "CHRONOS_RESOURCE_CPU": "2.0", "CHRONOS_RESOURCE_DISK": "3.0",
		"CHRONOS_JOB_RUN_TIME": "1454467003926", "CHRONOS_JOB_RUN_ATTEMPT": "0",
	}
	with := func(more map[string]string) map[string]string {
		m := map[string]string{}
		for k, v := range ten {
			m[k] = v
		}
		for k, v := range more {
			m[k] = v
		}
		return m
	}
	for name, tc := range map[string]struct {
		env  []v1.EnvVar
		want map[string]string
	}{
		"a job without variables": {nil, with(nil)},
		"a job's variables are added": {
			[]v1.EnvVar{{Name: "FOO", Value: "BAR"}, {Name: "TOM", Value: "JERRY"}}, with(map[string]string{"FOO": "BAR", "TOM": "JERRY"}),
		},
		"a job's values for Chronos's own variables are ignored": {
			[]v1.EnvVar{{Name: "CHRONOS_RESOURCE_MEM", Value: "10"}, {Name: "CHRONOS_RESOURCE_DISK", Value: "10"}}, with(nil),
		},
	} {
		t.Run(name, func(t *testing.T) {
			placed, on := placedOn(t, testRun(job(tc.env...)), agent(1, 4, 4096))
			got := map[string]string{}
			for _, e := range NewTask(placed, NextTask(placed.Run), on.AgentID, "localport").Env {
				if _, twice := got[e.Name]; twice {
					t.Errorf("%s is given twice", e.Name)
				}
				if !strings.HasPrefix(e.Name, "HORAE_") {
					got[e.Name] = e.Value
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("environment (-want +got):\n%s", diff)
			}
		})
	}
}

func TestArgumentsOfATrigger(t *testing.T) {
	for name, tc := range map[string]struct {
		task      v1.TaskSpec
		args      []string
		wantShell string
		wantArgs  []string
	}{
		"none: the task's own stay":               {v1.TaskSpec{Command: []string{"c"}, Args: []string{"a"}}, nil, "", []string{"a"}},
		"in place of the task's":                  {v1.TaskSpec{Command: []string{"c"}, Args: []string{"a"}}, []string{"b", "c d"}, "", []string{"b", "c d"}},
		"behind a shell line, as Chronos did":     {v1.TaskSpec{Shell: "sample-command"}, []string{"--help"}, "sample-command --help", nil},
		"quoted where the shell would split":      {v1.TaskSpec{Shell: "c\n"}, []string{"a b", "; ./evil.sh", "it's", ""}, `c 'a b' '; ./evil.sh' 'it'\''s' ''`, nil},
		"a shell line without arguments is as is": {v1.TaskSpec{Shell: "a\nb\n"}, nil, "a\nb\n", nil},
	} {
		t.Run(name, func(t *testing.T) {
			spec := &v1.RunSpec{Task: tc.task, Args: tc.args}
			before := spec.DeepCopy()
			got := withOverrides(spec)
			if got.Shell != tc.wantShell || cmp.Diff(tc.wantArgs, got.Args) != "" {
				t.Errorf("shell = %q, args = %q", got.Shell, got.Args)
			}
			if diff := cmp.Diff(before, spec); diff != "" {
				t.Errorf("I8: the Run was modified:\n%s", diff)
			}
		})
	}
}

func TestManualRunHasTheTimeItWasCreated(t *testing.T) {
	r := testRun(func(r *v1.Run) { r.Spec.ScheduledTime, r.CreationTimestamp = nil, metav1.NewTime(t0) })
	placed, on := placedOn(t, r, agent(1, 4, 4096))
	got := map[string]string{}
	for _, e := range NewTask(placed, NextTask(r), on.AgentID, on.Hostname).Env {
		got[e.Name] = e.Value
	}
	if got["CHRONOS_JOB_RUN_TIME"] != fmt.Sprint(t0.UnixMilli()) || got["HORAE_SCHEDULED_TIME"] != "" {
		t.Errorf("run time = %q, scheduled time = %q", got["CHRONOS_JOB_RUN_TIME"], got["HORAE_SCHEDULED_TIME"])
	}
}
