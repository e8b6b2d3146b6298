package devcluster

import (
	"os"
	"path/filepath"
	"testing"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
)

// secret makes a variable S of a task's refer to a secret.
func secret(task mesos.TaskInfo, name, key string) mesos.TaskInfo {
	ref := &mesos.Secret_Reference{Name: name}
	if key != "" {
		ref.Key = &key
	}
	task.Command.Environment = &mesos.Environment{Variables: []mesos.Environment_Variable{{
		Name: "S", Type: mesos.Environment_Variable_SECRET.Enum(), Secret: &mesos.Secret{Type: mesos.Secret_REFERENCE, Reference: ref},
	}}}
	return task
}

func TestSecretsByReference(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, "secrets")
	if err := os.MkdirAll(filepath.Join(dir, "vault", "path"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{filepath.Join(dir, "vault/path/token"): "t0ken\n", filepath.Join(dir, "plain"): "p", filepath.Join(root, "outside"): "o"} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := subscribe(t, start(t, Config{SecretsDir: dir}).URL(), mediaJSON, frameworkInfo())
	for _, tc := range []struct{ name, key, want, fails string }{
		{name: "vault/path", key: "token", want: "t0ken"},
		{name: "plain", want: "p"},
		{name: "vault/path", key: "none", fails: "Failed to launch container: Collect failed: openat vault/path/none: no such file or directory"},
		{name: "../outside", fails: "Failed to launch container: Collect failed: openat ../outside: path escapes from parent"},
	} {
		o := s.offer()
		s.launch(o, secret(shell(o, "t", `test "$S" = "`+tc.want+`"`), tc.name, tc.key))
		_, last := s.follow()
		if tc.fails == "" && *last.State != mesos.TASK_FINISHED ||
			tc.fails != "" && (*last.State != mesos.TASK_FAILED || last.GetReason() != mesos.REASON_CONTAINER_LAUNCH_FAILED || last.GetMessage() != tc.fails) {
			t.Errorf("%s %s: %s %s %q", tc.name, tc.key, last.State, last.GetReason(), last.GetMessage())
		}
	}
}

// TestWhatAnAgentKnowsNothingOf: networks and secrets are refused as by an agent for which none are configured.
func TestWhatAnAgentKnowsNothingOf(t *testing.T) {
	s := subscribe(t, start(t, Config{}).URL(), mediaJSON, frameworkInfo())
	o := s.offer()
	cni := shell(o, "t", "true")
	cni.Container = &mesos.ContainerInfo{Type: mesos.ContainerInfo_MESOS.Enum(), NetworkInfos: []mesos.NetworkInfo{{Name: ptr("overlay")}}}
	for _, tc := range []struct {
		task mesos.TaskInfo
		want string
	}{
		{cni, "Failed to launch container: Unknown CNI network 'overlay'"},
		{secret(shell(o, "t", "true"), "vault/path", "token"), "Failed to launch container: Collect failed: Default secret resolver cannot resolve references"},
	} {
		s.launch(o, tc.task)
		if _, last := s.follow(); *last.State != mesos.TASK_FAILED || last.GetReason() != mesos.REASON_CONTAINER_LAUNCH_FAILED || last.GetMessage() != tc.want {
			t.Errorf("%s %s %q, want %q", last.State, last.GetReason(), last.GetMessage(), tc.want)
		}
		o = s.offer()
	}
}
