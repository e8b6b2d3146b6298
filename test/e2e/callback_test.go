package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"

	v1 "horae/api/v1"
	"horae/internal/etcdtest"
)

// warehouse is what the tasks of asynchronous Jobs start something in: it keeps the addresses and tokens for callbacks.
type warehouse struct {
	url string

	mu    sync.Mutex
	calls map[string][2]string // by Run: address and token; guarded by mu
}

func newWarehouse(t *testing.T) *warehouse {
	w := &warehouse{calls: map[string][2]string{}}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.calls[r.FormValue("job")] = [2]string{r.FormValue("url"), r.FormValue("token")}
	}))
	t.Cleanup(server.Close)
	w.url = server.URL
	return w
}

// started waits for the task of a Job, and returns the address and the token of its callbacks.
func (w *warehouse) started(t *testing.T, job string) (address, token string) {
	t.Helper()
	eventually(t, job+" has started its work", func() string {
		w.mu.Lock()
		defer w.mu.Unlock()
		call, ok := w.calls[job]
		if !ok {
			return "it has not"
		}
		address, token = call[0], call[1]
		return ""
	})
	return address, token
}

// through is the address at another manager.
func through(t *testing.T, address string, m *process) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	u.Host = strings.TrimPrefix(m.ready["api"], "http://")
	return u.String()
}

const asyncJob = `
---
apiVersion: horae/v1
kind: Job
metadata: {name: %s}
spec:
  async: {timeout: 1h}
  retries: {limit: 0}
  task:
    resources: {cpus: 0.01, memory: 8Mi, disk: 1Mi}
    shell: |
      curl --fail --silent --show-error --max-time 60 -d job=$HORAE_JOB --data-urlencode "url=$HORAE_CALLBACK_URL" \
        --data-urlencode "token=$HORAE_CALLBACK_TOKEN" %s || exit 9
      %s
`

// TestCallbacksWhileNobodyLeads: the leader is killed while asynchronous Runs are on their way. Their callbacks come to the
// standby, or to the address of the dead leader when another manager has it; what people ask for meanwhile is done as well.
func TestCallbacksWhileNobodyLeads(t *testing.T) {
	t.Parallel()
	etcd := etcdtest.New(t)
	cluster := start(t, "devcluster", clusterArgs("127.0.0.1:0", t.TempDir())...)
	s := openSite(t, cluster.ready["master"], etcd.Endpoint)
	s.config = filepath.Join(t.TempDir(), "manager.yaml")
	if err := os.WriteFile(s.config, fmt.Appendf(nil, "leader: {leaseTTL: %s}\n", s.lease), 0o600); err != nil {
		t.Fatal(err)
	}
	a := s.start("a")
	s.waitLeader("a")
	b := s.start("b")
	s.waitCandidates(2)
	w, gate := newWarehouse(t), filepath.Join(t.TempDir(), "gate")
	wait := "while [ ! -e " + gate + " ]; do sleep 0.1; done; exit 3"
	over, fails, called, dead, cancelled := "over", "fails", "called", "dead", "cancelled"
	jobs := "apiVersion: horae/v1\nkind: Job\nmetadata: {name: plain}\nspec: {retries: {limit: 0}, task: {shell: exit 3}}\n"
	for job, then := range map[string]string{over: "true", fails: wait, called: wait, dead: "true", cancelled: "true"} {
		jobs += fmt.Sprintf(asyncJob, job, w.url, then)
	}
	if r := b.horaeStdin(jobs, "apply", "-f", "-"); r.code != 0 {
		t.Fatalf("apply: %s%s", r.out, r.err)
	}
	if r := b.horae("trigger", "plain", "--wait"); r.code != 1 {
		t.Fatalf("trigger plain: exit %d: %s%s", r.code, r.out, r.err)
	}
	failed := lastManualRun(t, b, "plain").Name
	for _, job := range []string{over, fails, called, dead, cancelled} {
		b.must("trigger", job)
		w.started(t, job)
	}
	for _, job := range []string{over, dead, cancelled} {
		eventually(t, job+" awaits its callback", func() string {
			if s := lastManualRun(t, b, job).Status; s.Reason != "AwaitingCallback" {
				return fmt.Sprintf("it is %s %s", s.Phase, s.Reason)
			}
			return ""
		})
	}

	// Nobody leads from here on, until the lease has run out.
	a.kill()
	delete(s.managers, "a")
	call := func(job, tokenOf, body string, want int) {
		t.Helper()
		address, _ := w.started(t, job)
		_, token := w.started(t, tokenOf)
		if code, text := callBack(t, through(t, address, b), token, body); code != want {
			t.Errorf("%s of %s: %d %s, want %d", body, job, code, text, want)
		}
	}
	call(over, over, `{"progressAdd": 3, "id": "x"}`, http.StatusOK)
	call(over, over, `{"progressAdd": 3, "id": "x"}`, http.StatusOK)
	call(over, over, `{"phase": "Succeeded", "id": "end"}`, http.StatusOK)
	call(called, called, `{"phase": "Succeeded", "id": "end"}`, http.StatusOK)
	call(over, called, `{"phase": "Failed"}`, http.StatusForbidden)
	b.must("cancel", "--job", cancelled)
	b.must("retry", failed)
	b.must("succeed", "plain", "--note", "by hand")

	// The callback of this one goes to the address of the dead leader, and is sent again until another has it.
	address, token := w.started(t, dead)
	caller := launchWith(t, []string{"HORAE_CALLBACK_URL=" + address, "HORAE_CALLBACK_TOKEN=" + token}, "horae", "callback", "--succeeded")
	eventually(t, "the command has lost the leader", func() string {
		if out := caller.log.String(); !strings.Contains(out, "trying again") {
			return "it says " + out
		}
		return ""
	})
	s.managers["c"] = start(t, "manager", "--name", "c", "--config", s.config, "--etcd-endpoints", s.endpoints,
		"--mesos-masters", s.master, "--listen", strings.TrimPrefix(a.ready["api"], "http://"))
	if code := caller.exit(); code != 0 {
		t.Errorf("horae callback: exit %d: %s", code, caller.log)
	}

	if err := os.WriteFile(gate, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for job, want := range map[string]v1.RunPhase{over: v1.RunSucceeded, called: v1.RunSucceeded, dead: v1.RunSucceeded,
		fails: v1.RunFailed, cancelled: v1.RunKilled} {
		r := endOf(t, b, job)
		if r.Status.Phase != want || len(r.Status.Attempts) != 1 {
			t.Errorf("%s ended %s (%s), want %s: %+v", job, r.Status.Phase, r.Status.Reason, want, r.Status.Attempts)
		}
		if p := r.Status.Progress; job == over && (p == nil || *p != 3) {
			t.Errorf("progress %v, want 3", p)
		}
	}
	call(fails, fails, `{"phase": "Succeeded"}`, http.StatusGone)
	call(over, over, `{"phase": "Succeeded", "id": "end"}`, http.StatusOK) // It was stored once, and is not counted again.
	if got, err := s.client.Get(t.Context(), "/horae/system/callbacks/", clientv3.WithPrefix()); err != nil || got.Count > 0 {
		t.Errorf("callbacks are left in etcd: %v, %v", got, err)
	}
	checkPeople(t, b, failed)
}

// endOf waits for the end of a Job's last manual Run.
func endOf(t *testing.T, m *process, job string) (r v1.Run) {
	t.Helper()
	eventually(t, job+" ends", func() string {
		if r = lastManualRun(t, m, job); !r.Status.Phase.Terminal() {
			return fmt.Sprintf("it is %s %s", r.Status.Phase, r.Status.Reason)
		}
		return ""
	})
	return r
}

// checkPeople compares what was asked for while nobody led with what has come of it: of a Run that failed there is another
// one, and the Job has a success without a task.
func checkPeople(t *testing.T, m *process, failed string) {
	t.Helper()
	var repeated, marked *v1.Run
	eventually(t, "all Runs of plain have ended", func() string {
		list := runs(t, m, "plain")
		for i := range list {
			r := &list[i]
			if !r.Status.Phase.Terminal() {
				return r.Name + " is " + string(r.Status.Phase)
			}
			if r.Spec.RetryOf == failed {
				repeated = r
			}
			if r.Spec.MarkSucceeded {
				marked = r
			}
		}
		return ""
	})
	if repeated == nil || repeated.Status.Phase != v1.RunFailed || len(repeated.Status.Attempts) != 1 {
		t.Errorf("the repeated Run: %+v", repeated)
	}
	if marked == nil || marked.Status.Phase != v1.RunSucceeded || len(marked.Status.Attempts) != 0 || marked.Spec.Note != "by hand" {
		t.Errorf("the marked Run: %+v", marked)
	}
	eventually(t, "the Job counts them", func() string {
		var job v1.Job
		decode(t, m.must("get", "job", "plain", "-o", "json"), &job)
		if s := job.Status; s.Succeeded != 1 || s.Failed != 2 {
			return fmt.Sprintf("%d succeeded, %d failed", s.Succeeded, s.Failed)
		}
		return ""
	})
}
