package mesos

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	mesosv1 "github.com/mesos/mesos-go/api/v1/lib"

	"horae/api"
	v1 "horae/api/v1"
	"horae/internal/offer"
)

// somewhere is what every task takes in these tests, besides its ports.
var somewhere = []offer.Resource{
	{Name: "cpus", Scalar: 0.1, AllocatedRole: "horae", Reservations: []offer.Reservation{{Role: "horae"}}},
	{Name: "mem", Scalar: 32, AllocatedRole: "horae"},
}

// TestTaskInfo: each Job of testdata/task gives the whole TaskInfo beside it. The comment that a Job begins with says which part of
// Mesos's documentation, or where that is silent of its source, the TaskInfo follows.
func TestTaskInfo(t *testing.T) {
	files, err := filepath.Glob("testdata/task/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no Jobs: %v", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.HasPrefix(text, []byte("# ")) {
				t.Error("it doesn't say what it follows")
			}
			var info mesosv1.TaskInfo
			if err := toTaskInfo(taskOf(t, name, text), &mesosv1.FrameworkID{Value: "f1"}, &info); err != nil {
				t.Fatal(err)
			}
			if _, err := info.Marshal(); err != nil {
				t.Fatal(err)
			}
			golden(t, "task/"+name, withoutNulls(t, &info))
		})
	}
}

// taskOf makes the task of a Job's attempt that got ports from 31005 on.
func taskOf(t *testing.T, name string, text []byte) *offer.Task {
	t.Helper()
	obj, err := api.DecodeOne(text)
	if err != nil {
		t.Fatal(err)
	}
	job := obj.(*v1.Job)
	if errs := v1.ValidateJob(job); len(errs) > 0 {
		t.Fatal(errs.ToAggregate())
	}
	if job.Name != name {
		t.Errorf("%s holds Job %s", name, job.Name)
	}
	spec := &job.Spec.Task
	task := &offer.Task{
		ID: "default." + name + ".1.1", Name: job.Name, AgentID: "a1", Spec: spec, Env: spec.Env, Labels: maps.Clone(job.Labels), Resources: somewhere,
	}
	if task.Labels == nil {
		task.Labels = map[string]string{}
	}
	maps.Copy(task.Labels, spec.Labels)
	if n := uint64(spec.Resources.Ports); n > 0 {
		const first = 31005
		ports := offer.Resource{Name: "ports", Type: offer.Ranges, Ranges: []offer.Range{{Begin: first, End: first + n - 1}}, AllocatedRole: "horae"}
		task.Resources = append(slices.Clone(somewhere), ports)
		for i := range spec.Resources.Ports {
			task.Ports = append(task.Ports, first+i)
		}
	}
	if job.Spec.Timeout != nil {
		task.Timeout = job.Spec.Timeout.Duration
	}
	return task
}

// withoutNulls is v as JSON without the fields that are not set, which mesos-go writes as null.
func withoutNulls(t *testing.T, v any) any {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var tree any
	if err := json.Unmarshal(text, &tree); err != nil {
		t.Fatal(err)
	}
	var strip func(any)
	strip = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			maps.DeleteFunc(v, func(_ string, below any) bool { return below == nil })
			for _, below := range v {
				strip(below)
			}
		case []any:
			for _, below := range v {
				strip(below)
			}
		}
	}
	strip(tree)
	return tree
}

func TestTaskInfoThatCannotBeSaid(t *testing.T) {
	shell := func(change func(*v1.TaskSpec)) offer.Task {
		s := &v1.TaskSpec{Shell: "true"}
		change(s)
		return offer.Task{ID: "t", AgentID: "a", Spec: s, Resources: somewhere}
	}
	container := func(c v1.Container) offer.Task { return shell(func(s *v1.TaskSpec) { s.Container = &c }) }
	with := func(change func(*offer.Task)) offer.Task {
		task := shell(func(*v1.TaskSpec) {})
		change(&task)
		return task
	}
	tests := []struct {
		name string
		task offer.Task
		want string
	}{
		{name: "no spec", task: offer.Task{ID: "t"}, want: "no spec"},
		{name: "no id", task: with(func(t *offer.Task) { t.ID = "" }), want: "no id"},
		{name: "an id that is too long", task: with(func(t *offer.Task) { t.ID = strings.Repeat("x", 256) }), want: "256 characters"},
		{name: "a slash in the id", task: with(func(t *offer.Task) { t.ID = "a/b" }), want: "refuses"},
		{name: "no agent", task: with(func(t *offer.Task) { t.AgentID = "" }), want: "no agent id"},
		{name: "no resources", task: with(func(t *offer.Task) { t.Resources = nil }), want: "no resources"},
		{name: "negative cpus", task: with(func(t *offer.Task) { t.Resources = []offer.Resource{{Name: "cpus", Scalar: -1}} }), want: "resources[0]: cpus: -1"},
		{name: "a range backwards", task: with(func(t *offer.Task) {
			t.Resources = []offer.Resource{{Name: "ports", Type: offer.Ranges, Ranges: []offer.Range{{Begin: 2, End: 1}}}}
		}), want: "resources[0]: ports: 2-1"},
		{name: "text as a resource", task: with(func(t *offer.Task) { t.Resources = []offer.Resource{{Name: "x", Type: offer.Text}} }), want: "resources[0]: x"},
		{name: "a negative timeout", task: with(func(t *offer.Task) { t.Timeout = -1 }), want: "timeout"},
		{name: "nothing to run", task: shell(func(s *v1.TaskSpec) { s.Shell = "" }), want: "shell: one of"},
		{name: "shell and command", task: shell(func(s *v1.TaskSpec) { s.Command = []string{"x"} }), want: "command: "},
		{name: "shell and args", task: shell(func(s *v1.TaskSpec) { s.Args = []string{"x"} }), want: "args: "},
		{name: "shell and executor", task: shell(func(s *v1.TaskSpec) { s.Executor = &v1.Executor{Command: "x"} }), want: "shell: "},
		{name: "an executor without a command", task: shell(func(s *v1.TaskSpec) { s.Executor = &v1.Executor{} }), want: "executor.command: "},
		{name: "a secret with a value", task: with(func(t *offer.Task) {
			t.Env = []v1.EnvVar{{Name: "A", Value: "b", Secret: &v1.SecretReference{Name: "s"}}}
		}), want: "env[0].value: "},
		{name: "a variable without a name", task: with(func(t *offer.Task) { t.Env = []v1.EnvVar{{Value: "b"}} }), want: "env[0].name: "},
		{name: "a container of another type", task: container(v1.Container{Type: "Podman"}), want: "container.type: "},
		{name: "Docker without an image", task: container(v1.Container{Type: "Docker"}), want: "container.image: "},
		{name: "an unknown network", task: container(v1.Container{Type: "Docker", Image: "x", Network: &v1.Network{Mode: "Moon"}}), want: "container.network.mode: "},
		{name: "a user network without a name", task: container(v1.Container{Type: "Docker", Image: "x", Network: &v1.Network{Mode: "User"}}), want: "container.network.name: "},
		{name: "mappings on the host's network", task: container(v1.Container{Type: "Docker", Image: "x", Network: &v1.Network{PortMappings: []v1.PortMapping{{ContainerPort: 1}}}}), want: "container.network.portMappings: "},
		{name: "more mappings than ports", task: container(v1.Container{Type: "Docker", Image: "x", Network: &v1.Network{Mode: "Bridge", PortMappings: []v1.PortMapping{{ContainerPort: 1}}}}), want: "container.network.portMappings[0].hostPort: "},
		{name: "no port", task: container(v1.Container{Type: "Docker", Image: "x", Network: &v1.Network{Mode: "Bridge", PortMappings: []v1.PortMapping{{HostPort: 1, ContainerPort: 70000}}}}), want: "container.network.portMappings[0]: "},
		{name: "parameters without Docker", task: container(v1.Container{Type: "Mesos", Parameters: []v1.Parameter{{}}}), want: "container.parameters: "},
		{name: "privileged without Docker", task: container(v1.Container{Type: "Mesos", Privileged: true}), want: "container.privileged: "},
		{name: "no network without Docker", task: container(v1.Container{Type: "Mesos", Network: &v1.Network{Mode: "None"}}), want: "container.network.mode: "},
		{name: "a volume of nothing", task: container(v1.Container{Type: "Mesos", Volumes: []v1.Volume{{ContainerPath: "/x"}}}), want: "container.volumes[0]: "},
		{name: "a volume without a path", task: container(v1.Container{Type: "Mesos", Volumes: []v1.Volume{{HostPath: "/x"}}}), want: "container.volumes[0].containerPath: "},
		{name: "a volume of two things", task: container(v1.Container{Type: "Mesos", Volumes: []v1.Volume{{ContainerPath: "/x", HostPath: "/x", External: &v1.ExternalVolume{}}}}), want: "container.volumes[0].hostPath: "},
		{name: "a volume of another mode", task: container(v1.Container{Type: "Mesos", Volumes: []v1.Volume{{ContainerPath: "/x", HostPath: "/x", Mode: "X"}}}), want: "container.volumes[0].mode: "},
		{name: "no way to check", task: shell(func(s *v1.TaskSpec) { s.HealthCheck = &v1.HealthCheck{} }), want: "healthCheck: exactly one"},
		{name: "two ways to check", task: shell(func(s *v1.TaskSpec) {
			s.HealthCheck = &v1.HealthCheck{Command: "x", TCP: &v1.TCPCheck{Port: 1}}
		}), want: "healthCheck: exactly one"},
		{name: "a check on a port that the task has not", task: shell(func(s *v1.TaskSpec) { s.HealthCheck = &v1.HealthCheck{TCP: &v1.TCPCheck{PortIndex: new(int32)}} }), want: "healthCheck.tcp.portIndex: 0"},
		{name: "a bridge without Docker", task: container(v1.Container{Type: "Mesos", Network: &v1.Network{Mode: "Bridge"}}), want: "container.network.mode: "},
		{name: "a check on no port", task: shell(func(s *v1.TaskSpec) { s.HealthCheck = &v1.HealthCheck{HTTP: &v1.HTTPCheck{}} }), want: "healthCheck.http.port: "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var info mesosv1.TaskInfo
			if err := toTaskInfo(&tt.task, nil, &info); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want it to say %q", err, tt.want)
			}
		})
	}
}
