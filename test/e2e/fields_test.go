package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	v1 "horae/api/v1"
)

// TestTaskFields: each field of a task means what docs/tasks.md says, on a dev cluster, by apply and trigger. Fetching, Docker, custom
// executors, users and ends have tests of their own.
func TestTaskFields(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	secrets := filepath.Join(dir, "secrets")
	if err := os.MkdirAll(filepath.Join(secrets, "vault", "path"), 0o755); err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(dir, "manager.yaml")
	for file, content := range map[string]string{
		filepath.Join(secrets, "vault", "path", "token"): "t0ken\n",
		config: fmt.Sprintf("devCluster: {secretsDir: %q, dockerHost: none}\n", secrets),
	} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	m := dev(t, "--config", config)
	api := m.ready["api"][strings.LastIndex(m.ready["api"], ":")+1:] // a port on which something answers
	healthCheck := func(shell, check string) string {
		return "  task:\n    shell: " + shell + "\n    killGracePeriod: 0s\n    healthCheck: {" + check + ", interval: 100ms, gracePeriod: 0s, maxFailures: 2}\n"
	}
	never := func(task string) string { return "  task: {shell: echo never, " + task + "}\n" }

	m.runTasks(t, []taskCase{
		{name: "shell", args: []string{"--args", "it's", "--args", "$HOME"}, stdout: "/bin/sh it's $HOME\n",
			spec: "  task:\n    shell: |\n      test \"$0\" = sh && echo /bin/sh\n"},
		{name: "command", stdout: "a b $HOME\n", spec: "  task: {command: [/bin/echo, a b], args: [$HOME]}\n"},
		{name: "command-args", args: []string{"--args", "c d"}, stdout: "a b c d\n", spec: "  task: {command: [/bin/echo, a b], args: [$HOME]}\n"},
		{name: "env", args: []string{"--env", "B=of the trigger", "--env", "D="}, stdout: "2|of the trigger|c||\n",
			spec: "  task:\n    shell: echo \"$A|$B|$C|$D|$E\"\n    env: [{name: A, value: '1'}, {name: A, value: '2'}, {name: B, value: b}, {name: C, value: c}, {name: D, value: d}, {name: E}]\n"},
		{name: "horae", stdout: "horae default 1 Manual\n",
			spec: "  task:\n    shell: test \"${HORAE_TASK_ID#default.$HORAE_RUN.}\" != \"$HORAE_TASK_ID\" && test -z \"$HORAE_SCHEDULED_TIME$HORAE_PARENTS\" && echo $HORAE_JOB $HORAE_NAMESPACE $HORAE_ATTEMPT $HORAE_REASON\n"},
		{name: "chronos", stdout: "chronos a@example.com,b@example.com 0 0.5 64.0 32.0 agent 13\n",
			spec: "  owner: a@example.com,b@example.com\n  task:\n    resources: {cpus: 0.5, memory: 64Mi, disk: 32Mi}\n" +
				"    shell: test \"$mesos_task_id\" = \"$HORAE_TASK_ID\" && test \"$MESOS_TASK_ID\" = \"$HORAE_TASK_ID\" && echo $CHRONOS_JOB_NAME $CHRONOS_JOB_OWNER $CHRONOS_JOB_RUN_ATTEMPT $CHRONOS_RESOURCE_CPU $CHRONOS_RESOURCE_MEM $CHRONOS_RESOURCE_DISK ${HOST%-*} ${#CHRONOS_JOB_RUN_TIME}\n"},
		{name: "ports", stdout: "two of them\n",
			spec: "  task: {shell: 'test $PORTS = $PORT0,$PORT1 && test $PORT0 -ge 31000 && test $PORT1 -le 32000 && echo two of them', resources: {ports: 2}}\n"},
		{name: "secret", stdout: "t0ken\n", spec: "  task: {shell: echo $S, env: [{name: S, secret: {name: vault/path, key: token}}]}\n"},
		{name: "no-secret", phase: v1.RunFailed, reason: "LaunchFailed", message: "Failed to launch container: Collect failed: ",
			spec: "  task: {shell: echo $S, env: [{name: S, secret: {name: vault/path, key: other}}]}\n"},

		{name: "constraints", stdout: "placed\n",
			spec: "  task:\n    shell: echo placed\n    constraints: [{attribute: rack, operator: Equals, value: r1}, {attribute: rack, operator: Like, value: 'r[0-9]'}, {attribute: zone, operator: In, value: 'z1,z2'}, " +
				"{attribute: hostname, operator: Unlike, value: 'agent-[3-9]'}, {attribute: gpu, operator: NotExists}]\n"},
		{name: "no-rack", phase: v1.RunPending, reason: "ConstraintsNotMet", message: "meets rack Equals r9", spec: never("constraints: [{attribute: rack, operator: Equals, value: r9}]")},
		{name: "too-large", phase: v1.RunPending, reason: "InsufficientCPUs", message: "with 5 cpus", spec: never("resources: {cpus: 5}")},
		{name: "gpus", phase: v1.RunPending, reason: "InsufficientGPUs", message: "gpus", spec: never("resources: {gpus: 1}")},
		{name: "role", phase: v1.RunPending, reason: "UnknownRole", message: "other is none of the framework's roles", spec: never("role: other")},

		{name: "mesos", stdout: "contained\n", spec: "  task: {shell: echo contained, container: {type: Mesos}}\n"},
		{name: "mesos-image", phase: v1.RunFailed, reason: "LaunchFailed", message: "Unsupported container image type: DOCKER",
			spec: "  task: {container: {type: Mesos, image: busybox, forcePull: true}}\n"},
		{name: "mesos-volume", phase: v1.RunFailed, reason: "LaunchFailed", message: "Volumes in ContainerInfo is not supported",
			spec: "  task: {shell: ls, container: {type: Mesos, volumes: [{containerPath: /data, hostPath: /tmp, mode: RO}]}}\n"},
		{name: "mesos-network", phase: v1.RunFailed, reason: "LaunchFailed", message: "Unknown CNI network 'overlay'",
			spec: "  task: {shell: ls, resources: {ports: 1}, container: {type: Mesos, network: {mode: User, name: overlay, labels: {a: b}, portMappings: [{containerPort: 80}]}}}\n"},
		{name: "docker", phase: v1.RunFailed, reason: "ExecutorFailed", message: "Abnormal executor termination: unknown container",
			spec: "  task: {shell: ls, container: {type: Docker, image: busybox}}\n"},
		{name: "no-user", phase: v1.RunFailed, reason: "LaunchFailed", message: "No such user 'no-such-user'", spec: "  task: {shell: ls, user: no-such-user}\n"},

		{name: "http-healthy", stdout: "is well\n", spec: healthCheck("sleep 1; echo is well", "http: {port: "+api+", path: /livez}")},
		{name: "http-sick", phase: v1.RunFailed, reason: "Unhealthy", spec: healthCheck("sleep 1000", "http: {port: "+api+", path: /nothing}")},
		{name: "tcp-healthy", stdout: "is well\n", spec: healthCheck("sleep 1; echo is well", "tcp: {port: "+api+"}")},
		{name: "tcp-sick", phase: v1.RunFailed, reason: "Unhealthy", spec: strings.Replace(healthCheck("sleep 1000", "tcp: {portIndex: 0}"), "  task:\n", "  task:\n    resources: {ports: 1}\n", 1)},
	})
	t.Run("the error names the path of the field", func(t *testing.T) {
		for task, says := range map[string]string{
			"{command: echo hi}":                                    "spec.task.command: must be a list; a shell command line goes into spec.task.shell",
			"{shell: a, env: [{name: PORTS, value: x}]}":            "spec.task.env[0].name: Forbidden: PORTS is set by Horae to ports of the task",
			"{shell: a, fetch: [{uri: 'https://a/b/'}]}":            `spec.task.fetch[0].uri: Invalid value: "https://a/b/": must end in the name of a file; or give outputFile`,
			"{shell: a, resources: {memory: 128}}":                  "spec.task.resources.memory: Invalid value: \"128\": must be at least 1Mi; a plain number means bytes: write 128Mi, not 128",
			"{shell: a, container: {type: Docker, image: BusyBox}}": `spec.task.container.image: Invalid value: "BusyBox": must be the name of an image`,
			"{shell: a, container: {type: Docker, image: b, network: {mode: Bridge, portMappings: [{containerPort: 80}]}}}": "spec.task.container.network.portMappings: Invalid value: take 1 of the task's ports (hostPort 0); ask for as many in resources.ports",
		} {
			r := m.horaeStdin("apiVersion: horae/v1\nkind: Job\nmetadata: {name: wrong}\nspec:\n  task: "+task+"\n", "apply", "-f", "-")
			if r.code != 1 || !strings.Contains(r.err, says) {
				t.Errorf("%s: exit code %d, %s%s", task, r.code, r.out, r.err)
			}
		}
	})
}
