package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestAccessControl: an administrator with a certificate gives roles to the users of tokens, with horae and with kubectl.
func TestAccessControl(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	m := start(t, "manager", "--dev", "--listen", "127.0.0.1:0", "--etcd-listen", "127.0.0.1:0", "--devcluster-listen", "127.0.0.1:0",
		"--data-dir", dir, "--tls-self-signed", "--access", "rbac")
	tls := func(name string) string { return filepath.Join(dir, "tls", name) }
	admin := []string{"--client-certificate", tls("admin.crt"), "--client-key", tls("admin.key")}
	run := func(program string, who []string, in string, args ...string) (string, error) {
		t.Helper()
		cmd := exec.Command(program, append(append([]string{"--server", m.ready["api"], "--certificate-authority", tls("ca.crt")}, who...), args...)...)
		cmd.Env = append(os.Environ(), "HOME="+dir, "KUBECONFIG=/dev/null", "XDG_CONFIG_HOME=")
		cmd.Stdin = strings.NewReader(in)
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		err := cmd.Run()
		return out.String(), err
	}
	horae := filepath.Join(bin, "horae")
	must := func(want, program string, who []string, in string, args ...string) string {
		t.Helper()
		out, err := run(program, who, in, args...)
		if err != nil || !strings.Contains(out, want) {
			t.Fatalf("%s %v: %v, want %q in: %s", filepath.Base(program), args, err, want, out)
		}
		return out
	}
	refuse := func(want, program string, who []string, in string, args ...string) {
		t.Helper()
		if out, err := run(program, who, in, args...); err == nil || !strings.Contains(out, want) {
			t.Fatalf("%s %v: %v, want an error with %q: %s", filepath.Base(program), args, err, want, out)
		}
	}

	must("system:masters", horae, admin, "", "whoami")
	refuse("Unauthorized", horae, nil, "", "get", "jobs")
	secret, _, _ := strings.Cut(must("horae_", horae, admin, "", "token", "create", "ada", "--user", "ada", "--groups", "data", "--expires", "24h"), "\n")
	ada := []string{"--token", secret}
	must("ada", horae, admin, "", "token", "list")
	must("User:    ada\nGroups:  data, system:authenticated", horae, ada, "", "whoami")
	refuse(`User "ada" cannot list resource "jobs"`, horae, ada, "", "get", "jobs", "-n", "team")

	const binding = "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: data, namespace: team}\n" +
		"roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: edit}\n" +
		"subjects: [{kind: Group, name: data, apiGroup: rbac.authorization.k8s.io}]\n"
	const job = "apiVersion: horae/v1\nkind: Job\nmetadata: {name: hello, namespace: team}\nspec: {task: {shell: echo hello}}\n"
	must("created", horae, admin, binding, "apply", "-f", "-")
	must("yes", horae, ada, "", "auth", "can-i", "create", "jobs", "-n", "team")
	refuse("no", horae, ada, "", "auth", "can-i", "create", "jobs")
	must("created", horae, ada, job, "apply", "-f", "-")
	must("Succeeded", horae, ada, "", "trigger", "hello", "-n", "team", "--wait")
	must("requestedBy: ada", horae, ada, "", "get", "runs", "-n", "team", "-o", "yaml")
	must("horae/created-by: ada", horae, ada, "", "get", "job", "hello", "-n", "team", "-o", "yaml")

	if kubectl, err := exec.LookPath("kubectl"); err == nil {
		must("hello", kubectl, ada, "", "get", "jobs.horae", "-n", "team")
		must("ada", kubectl, ada, "", "auth", "whoami")
		must("yes", kubectl, ada, "", "auth", "can-i", "create", "jobs.horae/trigger", "-n", "team")
		if out, _ := run(kubectl, ada, "", "auth", "can-i", "delete", "jobs.horae"); !strings.Contains(out, "no") {
			t.Errorf("kubectl auth can-i: %s", out)
		}
		must("jobs", kubectl, ada, "", "auth", "can-i", "--list", "-n", "team")
		refuse("cannot get resource", kubectl, ada, "", "get", "clusterroles", "view")
		must("view", kubectl, admin, "", "get", "clusterroles")
		must("created", kubectl, admin, "", "create", "role", "reader", "--verb=get", "--resource=jobs.horae", "-n", "team")
		must("created", kubectl, admin, "", "create", "rolebinding", "reader", "--role=reader", "--user=bob", "-n", "team")
		must("bob", kubectl, admin, "", "get", "rolebindings", "-n", "team", "-o", "wide")
		must("configured", kubectl, admin, strings.ReplaceAll(binding, "name: data, api", "name: other, api"), "apply", "-f", "-")
		must("deleted", kubectl, admin, "", "delete", "rolebinding", "reader", "-n", "team")
		must("hello", kubectl, admin, "", "get", "jobs.horae", "-n", "team", "--as", "eve", "--as-group", "other")
		refuse("forbidden", kubectl, admin, "", "get", "jobs.horae", "-n", "team", "--as", "eve")
	}
	must("deleted", horae, admin, "", "token", "delete", "ada")
	refuse("Unauthorized", horae, ada, "", "get", "jobs", "-n", "team")
	if strings.Contains(m.log.String(), secret) {
		t.Error("the log has the secret of a token")
	}
}
