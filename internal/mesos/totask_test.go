package mesos

import (
	"strings"
	"testing"
	"time"

	mesosv1 "github.com/mesos/mesos-go/api/v1/lib"

	v1 "horae/api/v1"
	"horae/internal/offer"
)

// somewhere is what every task takes in these tests.
var somewhere = []offer.Resource{
	{Name: "cpus", Scalar: 0.1, AllocatedRole: "horae", Reservations: []offer.Reservation{{Role: "horae"}}},
	{Name: "mem", Scalar: 32, AllocatedRole: "horae"},
}

func duration(d time.Duration) *v1.Duration { return &v1.Duration{Duration: d} }

func ptr[T any](v T) *T { return &v }

func TestTaskInfo(t *testing.T) {
	tests := []struct {
		name string // of the golden file, too
		task offer.Task
	}{
		{name: "task-shell", task: offer.Task{
			Name: "hello", Labels: map[string]string{"team": "data", "horae/job": "hello"},
			Spec:    &v1.TaskSpec{Shell: "echo $HELLO; exit 3", User: "hdfs", KillGracePeriod: duration(1500 * time.Millisecond)},
			Env:     []v1.EnvVar{{Name: "HELLO", Value: "a b"}, {Name: "EMPTY"}, {Name: "TOKEN", Secret: &v1.SecretReference{Name: "vault/path", Key: "token"}}},
			Timeout: 2 * time.Hour,
		}},
		{name: "task-argv", task: offer.Task{Spec: &v1.TaskSpec{Command: []string{"/usr/bin/java", "-jar"}, Args: []string{"x.jar", ""}}}},
		{name: "task-fetch", task: offer.Task{Spec: &v1.TaskSpec{Shell: "./run.sh", Fetch: []v1.FetchURI{
			{URI: "https://repo.example.com/kafka.tgz"},
			{URI: "file:///opt/run.sh", Extract: ptr(false), Executable: true, Cache: true, OutputFile: "bin/run.sh"},
		}}}},
		{name: "task-executor", task: offer.Task{
			Spec: &v1.TaskSpec{
				Executor: &v1.Executor{Command: "./my-executor --x", Data: "hello", Fetch: []v1.FetchURI{{URI: "http://e/x"}}},
				Fetch:    []v1.FetchURI{{URI: "http://e/data"}}, User: "nobody",
			},
			Env: []v1.EnvVar{{Name: "A", Value: "1"}},
		}},
		{name: "task-docker-bridge", task: offer.Task{
			Ports: []int32{31005, 31006},
			Spec: &v1.TaskSpec{Args: []string{"--serve"}, Container: &v1.Container{
				Type: "Docker", Image: "busybox:1.36", ForcePull: true, Privileged: true,
				Parameters: []v1.Parameter{{Key: "hostname", Value: "a.example.com"}},
				Network: &v1.Network{Mode: "Bridge", PortMappings: []v1.PortMapping{
					{ContainerPort: 80}, {HostPort: 31007, ContainerPort: 53, Protocol: "udp"}, {ContainerPort: 443},
				}},
				Volumes: []v1.Volume{
					{ContainerPath: "/logs", HostPath: "/var/log", Mode: "RO"},
					{ContainerPath: "/data", External: &v1.ExternalVolume{Provider: "rexray", Name: "v1", Options: map[string]string{"size": "5", "iops": "100"}}},
				},
			}},
		}},
		{name: "task-docker-user-network", task: offer.Task{Spec: &v1.TaskSpec{Shell: "true", Container: &v1.Container{
			Type: "Docker", Image: "busybox", Network: &v1.Network{Mode: "User", Name: "calico", Labels: map[string]string{"a": "b"}},
		}}}},
		{name: "task-mesos-image", task: offer.Task{
			Ports: []int32{31005},
			Spec: &v1.TaskSpec{Command: []string{"/bin/sleep", "1"}, Container: &v1.Container{
				Type: "Mesos", Image: "alpine:3", Network: &v1.Network{Mode: "Bridge", PortMappings: []v1.PortMapping{{ContainerPort: 8080}}},
			}},
		}},
		{name: "task-mesos-without-image", task: offer.Task{Spec: &v1.TaskSpec{Shell: "true", Container: &v1.Container{
			Type: "Mesos", Volumes: []v1.Volume{{ContainerPath: "data", HostPath: "/data"}},
		}}}},
		{name: "task-executor-in-docker", task: offer.Task{Spec: &v1.TaskSpec{
			Executor: &v1.Executor{Command: "./e"}, Container: &v1.Container{Type: "Docker", Image: "e:1", Network: &v1.Network{Mode: "None"}},
		}}},
		{name: "task-health-command", task: offer.Task{Spec: &v1.TaskSpec{Shell: "sleep 100", HealthCheck: &v1.HealthCheck{
			Command: "test -f ok", Interval: duration(500 * time.Millisecond), Timeout: duration(2 * time.Second), GracePeriod: duration(0), MaxFailures: ptr(int32(2)),
		}}}},
		{name: "task-health-http", task: offer.Task{Spec: &v1.TaskSpec{Shell: "serve", HealthCheck: &v1.HealthCheck{
			HTTP: &v1.HTTPCheck{Port: 8080, Path: "/healthz", Scheme: "https"},
		}}}},
		{name: "task-health-tcp", task: offer.Task{Spec: &v1.TaskSpec{Shell: "serve", HealthCheck: &v1.HealthCheck{TCP: &v1.TCPCheck{Port: 22}}}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			task := tt.task
			task.ID, task.AgentID, task.Resources = "default.hello.1.1", "a1", somewhere
			var info mesosv1.TaskInfo
			if err := toTaskInfo(&task, &mesosv1.FrameworkID{Value: "f1"}, &info); err != nil {
				t.Fatal(err)
			}
			if _, err := info.Marshal(); err != nil {
				t.Fatal(err)
			}
			golden(t, tt.name, &info)
		})
	}
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
