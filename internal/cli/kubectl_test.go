package cli

import (
	"bufio"
	"context"
	"os/exec"
	"strings"
	"testing"

	v1 "horae/api/v1"
)

// kubectl runs the real one against the server; the test is skipped where there is none.
type kubectl struct {
	*house
	path   string
	editor string
}

func findKubectl(t *testing.T) *kubectl {
	t.Helper()
	path, err := exec.LookPath("kubectl")
	if err != nil {
		t.Skip("there is no kubectl on this machine: install one to prove that it works with Horae")
	}
	return &kubectl{house: build(t), path: path}
}

func (k *kubectl) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, k.path, append([]string{"--server", k.url, "--cache-dir", k.env["HOME"] + "/cache"}, args...)...)
	cmd.Env = []string{"HOME=" + k.env["HOME"], "KUBECONFIG=" + k.env["HOME"] + "/none", "PATH=/usr/bin:/bin", "KUBE_EDITOR=" + k.editor}
	return cmd
}

func (k *kubectl) do(in string, args ...string) (string, error) {
	k.t.Helper()
	cmd := k.command(k.t.Context(), args...)
	cmd.Stdin = strings.NewReader(in)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (k *kubectl) must(want, in string, args ...string) string {
	k.t.Helper()
	out, err := k.do(in, args...)
	if err != nil || !strings.Contains(out, want) {
		k.t.Fatalf("kubectl %s: %v, want %q in:\n%s", strings.Join(args, " "), err, want, out)
	}
	return out
}

func TestKubectl(t *testing.T) {
	k := findKubectl(t)
	k.must("job.horae/hello created", hello, "create", "-f", "-")
	k.must("hello", "", "get", "jobs")
	k.must("0 2 * * *", "", "get", "jobs")
	k.must("SUCCEEDED", "", "get", "job", "hello", "-o", "wide")
	k.must("timeZone: Europe/Berlin", "", "get", "jobs.horae/hello", "-o", "yaml")
	k.must("team=data", "", "get", "jobs", "--show-labels")
	k.must("NAMESPACE", "", "get", "jobs", "-A")
	k.must("job.horae/hello", "", "get", "jobs,runs", "-o", "name")
	k.must("job.horae/other created", strings.Replace(hello, "name: hello", "name: other", 1), "create", "-f", "-")
	if out := k.must("job.horae/hello", "", "get", "jobs", "-o", "name", "--chunk-size=1"); !strings.Contains(out, "job.horae/other") {
		t.Errorf("in chunks: %s", out)
	}
	k.must("Europe/Berlin", "", "get", "job", "hello", "-o", "jsonpath={.spec.timeZone}")
	k.must("job.horae/hello patched", "", "patch", "job", "hello", "--type=merge", "-p", `{"spec":{"suspend":true}}`)
	k.must("job.horae/hello labeled", "", "label", "job", "hello", "a=b")
	k.must("job.horae/hello annotated", "", "annotate", "job", "hello", "a=b")
	k.must("condition met", "", "wait", "--for=jsonpath={.spec.suspend}=true", "job/hello", "--timeout=20s")
	k.must("jobs", "", "api-resources", "--api-group=horae")
	k.must("horae/v1", "", "api-versions")
	k.must("v1.2.3", "", "version")
	k.must("limit", "", "explain", "job.spec.retries", "--recursive")
	k.must("CPUs, with at most three decimals", "", "explain", "job.spec.task.resources.cpus")
	k.must("involvedObject", "", "explain", "events")
	k.must("Retries of a failed attempt", "", "explain", "job.spec.retries", "--output", "plaintext-openapiv2")
	out, err := k.do("", "patch", "job", "hello", "-p", `{"spec":{"suspend":true}}`)
	if err == nil || !strings.Contains(out, "application/strategic-merge-patch+json is not supported by horae/v1, Kind=Job: the body of the "+
		"request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json") {
		t.Errorf("a strategic merge patch: %v %s", err, out)
	}
}

// kubectl reads the OpenAPI documents before it writes: they say what a patch may be, and that the server validates.
func TestKubectlValidates(t *testing.T) {
	k := findKubectl(t)
	wrong := strings.Replace(hello, "shell:", "shall:", 1)
	for _, verb := range []string{"create", "apply"} {
		out, err := k.do(wrong, verb, "-f", "-")
		if err == nil || !strings.Contains(out, "spec.task.shall: unknown field; did you mean shell?") {
			t.Errorf("%s: %v %s", verb, err, out)
		}
	}
	k.must("job.horae/hello created", hello, "create", "-f", "-", "--save-config")
	k.setJob("hello", func(s *v1.JobStatus) { s.Succeeded = 7 })
	changed := strings.Replace(hello, "echo hello", "echo again", 1)
	out, err := k.do(changed, "diff", "-f", "-")
	if err == nil || !strings.Contains(out, "+    shell: echo again") || strings.Contains(out, "succeeded: 7\n-") || strings.Contains(out, "-  succeeded: 7") {
		t.Errorf("diff: %v %s", err, out)
	}
	k.must("job.horae/hello replaced", changed, "replace", "-f", "-")
	k.must("configured (server dry run)", hello, "apply", "--dry-run=server", "-f", "-")
	k.editor = "sed -i s/echo.again/echo_edited/"
	k.must("job.horae/hello edited", "", "edit", "job", "hello")
	if got := k.cache.Job("default", "hello").Object; got.Spec.Task.Shell != "echo_edited" || got.Status.Succeeded != 7 {
		t.Errorf("got %+v", got)
	}
	more := strings.Replace(hello, "spec:", "spec:\n  odd: 1", 1)
	if out := k.must("job.horae/hello configured", more, "apply", "--validate=warn", "-f", "-"); !strings.Contains(out, "Warning: spec.odd: unknown field") {
		t.Error(out)
	}
	if out := k.must("job.horae/hello", more, "apply", "--validate=ignore", "-f", "-"); strings.Contains(out, "Warning") {
		t.Error(out)
	}
}

func TestKubectlApply(t *testing.T) {
	k := findKubectl(t)
	k.must("job.horae/hello created", hello, "apply", "-f", "-")
	k.must("job.horae/hello unchanged", hello, "apply", "-f", "-")
	k.must("job.horae/hello configured", strings.Replace(hello, "echo hello", "echo again", 1), "apply", "-f", "-")
	if got := k.cache.Job("default", "hello").Object; got.Spec.Task.Shell != "echo again" || got.Generation != 2 {
		t.Errorf("got %+v", got)
	}
	// Either tool goes on from where the other was.
	if r := k.apply(strings.Replace(hello, "  labels: {team: data}\n", "", 1)); r.code != 0 || r.out != "job.horae/hello configured\n" {
		t.Errorf("horae after kubectl: %+v", r)
	}
	if got := k.cache.Job("default", "hello").Object; len(got.Labels) != 0 || got.Spec.Task.Shell != "echo hello" {
		t.Errorf("got %+v", got)
	}
	out, err := k.do(strings.Replace(hello, "0 2", "0 25", 1), "apply", "-f", "-")
	if err == nil || !strings.Contains(out, `The Job "hello" is invalid: spec.schedule`) {
		t.Errorf("an invalid Job: %v %s", err, out)
	}
	k.must(`job.horae "hello" deleted`, hello, "delete", "-f", "-")
	if _, err := k.do("", "get", "job", "hello"); err == nil {
		t.Error("it is there after its deletion")
	}
}

// kubectl describe asks for the events of what it describes.
func TestKubectlEvents(t *testing.T) {
	k := findKubectl(t)
	k.ok("apply -f", k.file("hello.yaml", hello))
	name := strings.TrimPrefix(strings.Fields(k.ok("trigger hello"))[0], "run.horae/")
	k.setRun(name, func(s *v1.RunStatus) { s.Reason, s.Message = "NoOffers", "Mesos has offered nothing yet" })
	const waiting = "NoOffers: Mesos has offered nothing yet"
	if out := k.must(waiting, "", "get", "events"); !strings.HasPrefix(out, "LAST SEEN   TYPE      REASON    OBJECT ") {
		t.Error(out)
	}
	k.must(waiting, "", "get", "ev", "-A", "--field-selector", "type=Warning,involvedObject.name="+name)
	k.must(waiting, "", "events", "--for", "run.horae/"+name, "--types", "Warning")
	k.must(waiting, "", "describe", "run", name)
	if out := k.must("the Job was created", "", "describe", "job", "hello"); strings.Contains(out, waiting) {
		t.Errorf("an event of a Run at its Job: %s", out)
	}
	k.must("default   Active", "", "get", "namespaces")
	k.must("events", "", "api-resources", "--api-group=")
}

// Two managers apply to one Job.
func TestKubectlServerSideApply(t *testing.T) {
	k := findKubectl(t)
	k.must("job.horae/hello serverside-applied", hello, "apply", "--server-side", "--field-manager=one", "-f", "-")
	revision := k.cache.Job("default", "hello").Object.ResourceVersion
	k.must("job.horae/hello serverside-applied", hello, "apply", "--server-side", "--field-manager=one", "-f", "-")
	if got := k.cache.Job("default", "hello").Object; got.ResourceVersion != revision {
		t.Error("the same applied again was written")
	}
	other := strings.Replace(hello, "echo hello", "echo other", 1)
	out, err := k.do(other, "apply", "--server-side", "--field-manager=two", "-f", "-")
	if err == nil || !strings.Contains(out, `Apply failed with 1 conflict: conflict with "one": .spec.task.shell`) {
		t.Fatalf("a conflict: %v %s", err, out)
	}
	k.must("serverside-applied", other, "apply", "--server-side", "--field-manager=two", "--force-conflicts", "-f", "-")
	out, err = k.do(hello, "diff", "--server-side", "--field-manager=two", "-f", "-")
	if err == nil || !strings.Contains(out, "+    shell: echo hello") {
		t.Errorf("diff: %v %s", err, out)
	}
	if out := k.must("manager: two", "", "get", "job", "hello", "-o", "yaml", "--show-managed-fields"); !strings.Contains(out, "manager: one") {
		t.Error(out)
	}
	if out := k.ok("get job hello -o yaml"); strings.Contains(out, "managedFields") {
		t.Errorf("horae shows owners: %s", out)
	}
	// From one way of applying to the other, and back.
	k.must("job.horae/hello configured", hello, "apply", "-f", "-")
	k.must("serverside-applied", other, "apply", "--server-side", "--field-manager=two", "--force-conflicts", "-f", "-")
	if r := k.apply(hello); r.code != 0 || k.cache.Job("default", "hello").Object.Spec.Task.Shell != "echo hello" {
		t.Errorf("horae apply: %+v", r)
	}
}

func TestKubectlWatch(t *testing.T) {
	k := findKubectl(t)
	k.ok("apply -f", k.file("hello.yaml", hello))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	cmd := k.command(ctx, "get", "runs", "-w", "--no-headers")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	name := strings.TrimPrefix(strings.Fields(k.ok("trigger hello"))[0], "run.horae/")
	for _, want := range []string{"Pending", "Running", "Succeeded"} {
		if want != "Pending" {
			k.setRun(name, func(s *v1.RunStatus) { s.Phase = v1.RunPhase(want) })
		}
		if !lines.Scan() || !strings.Contains(lines.Text(), want) || !strings.Contains(lines.Text(), name) {
			t.Fatalf("got %q, want %s %s", lines.Text(), name, want)
		}
	}
	cancel()
	_ = cmd.Wait()
}
