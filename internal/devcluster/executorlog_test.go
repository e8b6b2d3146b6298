package devcluster

import (
	"context"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	mesos "github.com/mesos/mesos-go/api/v1/lib"
)

// glogLine is a line of Mesos's, as in recordings/lifecycle: severity, time, thread, place and text.
var glogLine = regexp.MustCompile(`(?m)^([IWE])\d{8} \d\d:\d\d:\d\d\.\d{6} [ \d]{4,}\d ([a-z]+\.cpp:\d+\] .*)\n`)

// executorLog separates what Mesos logs in a sandbox's stderr, without times and threads, from what the task wrote.
func executorLog(stderr string) (log []string, rest string) {
	for _, m := range glogLine.FindAllStringSubmatch(stderr, -1) {
		log = append(log, m[1]+" "+m[2])
	}
	return log, glogLine.ReplaceAllString(stderr, "")
}

func TestExecutorsLogToTheSandbox(t *testing.T) {
	c := start(t, Config{})
	client := subscribe(t, c.URL(), mediaProtobuf, frameworkInfo())
	o := client.offer()
	client.launch(o, shell(o, "ok", "echo out; echo err >&2; exit 3"))
	_, last := client.follow()
	id := last.ContainerStatus.ContainerID.Value
	got := tree(t, filepath.Join(c.WorkDir(), "slaves", o.AgentID.Value, "frameworks", client.framework.Value, "executors", "ok", "runs", id))
	log, rest := executorLog(got["stderr"])
	if rest != "err\n" || got["stdout"] != "out\n" {
		t.Errorf("the task's own output: %q, %q", got["stdout"], rest)
	}
	pid := regexp.MustCompile(`Forked command at (\d+)`).FindStringSubmatch(got["stderr"])
	if pid == nil {
		t.Fatalf("no process is named: %q", got["stderr"])
	}
	if diff := cmp.Diff([]string{
		"I exec.cpp:164] Version: 1.11.0",
		"I exec.cpp:237] Executor registered on agent " + o.AgentID.Value,
		"I executor.cpp:190] Received SUBSCRIBED event",
		"I executor.cpp:194] Subscribed executor on " + o.Hostname,
		"I executor.cpp:190] Received LAUNCH event",
		"I executor.cpp:722] Starting task ok",
		"I executor.cpp:740] Forked command at " + pid[1],
		"I executor.cpp:1041] Command exited with status 3 (pid: " + pid[1] + ")",
		"I process.cpp:935] Stopped the socket accept loop",
	}, log); diff != "" {
		t.Error(diff)
	}
}

func TestTheFetcherLogsToTheSandbox(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/none" {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(gzipped(t, []byte("one")))
	}))
	defer server.Close()
	yes, no := true, false
	a, x := fetching(t)
	x.info.Command.URIs = []mesos.CommandInfo_URI{
		{Value: server.URL + "/one.gz"},
		{Value: server.URL + "/plain", OutputFile: ptr("bin/plain")},
		{Value: server.URL + "/as-it-is", Extract: &no},
		{Value: server.URL + "/cached", Cache: &yes, Executable: &yes},
		{Value: server.URL + "/cached", Cache: &yes, Executable: &yes},
	}
	if err := a.fetchAll(context.Background(), x, nil); err != nil {
		t.Fatal(err)
	}
	x.info.Command.URIs = []mesos.CommandInfo_URI{{Value: server.URL + "/none"}}
	if err := a.fetchAll(context.Background(), x, nil); err == nil {
		t.Error("what is not there was fetched")
	}
	log, rest := executorLog(tree(t, x.dir)["stderr"])
	if rest != "" {
		t.Errorf("there is something else: %q", rest)
	}
	plain := strings.NewReplacer(server.URL, "http://server", x.dir, "SANDBOX", a.fetched.dir, "CACHE")
	for i := range log {
		log[i] = plain.Replace(log[i])
	}
	if diff := cmp.Diff([]string{
		"I fetcher.cpp:459] Fetching URI 'http://server/one.gz'",
		"I fetcher.cpp:290] Fetching 'http://server/one.gz' directly into the sandbox directory",
		"I fetcher.cpp:175] Downloading resource from 'http://server/one.gz' to 'SANDBOX/one.gz'",
		"I fetcher.cpp:132] Extracted 'SANDBOX/one.gz' into 'SANDBOX'",
		"I fetcher.cpp:618] Fetched 'http://server/one.gz' to 'SANDBOX/one.gz'",
		"I fetcher.cpp:459] Fetching URI 'http://server/plain'",
		"I fetcher.cpp:290] Fetching 'http://server/plain' directly into the sandbox directory",
		"I fetcher.cpp:175] Downloading resource from 'http://server/plain' to 'SANDBOX/bin/plain'",
		"W fetcher.cpp:332] Copying instead of extracting resource from URI with 'extract' flag, because it does not seem to be an " +
			"archive: http://server/plain",
		"I fetcher.cpp:618] Fetched 'http://server/plain' to 'SANDBOX/bin/plain'",
		"I fetcher.cpp:459] Fetching URI 'http://server/as-it-is'",
		"I fetcher.cpp:290] Fetching 'http://server/as-it-is' directly into the sandbox directory",
		"I fetcher.cpp:175] Downloading resource from 'http://server/as-it-is' to 'SANDBOX/as-it-is'",
		"I fetcher.cpp:618] Fetched 'http://server/as-it-is' to 'SANDBOX/as-it-is'",
		"I fetcher.cpp:459] Fetching URI 'http://server/cached'",
		"I fetcher.cpp:175] Downloading resource from 'http://server/cached' to 'CACHE/c1-cached'",
		"I fetcher.cpp:349] Fetching URI 'http://server/cached' from cache",
		"I fetcher.cpp:618] Fetched 'http://server/cached' to 'SANDBOX/cached'",
		"I fetcher.cpp:459] Fetching URI 'http://server/cached'",
		"I fetcher.cpp:349] Fetching URI 'http://server/cached' from cache",
		"I fetcher.cpp:618] Fetched 'http://server/cached' to 'SANDBOX/cached'",
		"I fetcher.cpp:623] Successfully fetched all URIs into 'SANDBOX'",
		"I fetcher.cpp:459] Fetching URI 'http://server/none'",
		"I fetcher.cpp:290] Fetching 'http://server/none' directly into the sandbox directory",
		"I fetcher.cpp:175] Downloading resource from 'http://server/none' to 'SANDBOX/none'",
		"E fetcher.cpp:615] EXIT with status 1: Failed to fetch 'http://server/none': Error downloading resource, received HTTP return code 404",
	}, log); diff != "" {
		t.Error(diff)
	}
}
