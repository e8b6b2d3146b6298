package cli

import (
	"bytes"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "horae/api/v1"
)

// waits starts a command line and returns what waits for its result.
func (h *house) waits(line string) func() result {
	h.t.Helper()
	done := make(chan result, 1)
	var out, errOut bytes.Buffer
	go func() {
		code := Main(h.t.Context(), strings.Fields(line), h.io(strings.NewReader(""), &out, &errOut))
		done <- result{code, out.String(), errOut.String()}
	}()
	return func() result {
		h.t.Helper()
		select {
		case r := <-done:
			return r
		case <-time.After(time.Minute):
			h.t.Fatalf("horae %s does not end", line)
			return result{}
		}
	}
}

func TestWaitForWhatComes(t *testing.T) {
	h := build(t)
	h.apply(hello)
	run := h.created("hello", now)
	for _, tc := range []struct {
		line, out string
		then      func()
	}{
		{"wait job/hello --for=condition=accepted --timeout=1m", "job.horae/hello condition met\n", func() {
			h.setJob("hello", func(s *v1.JobStatus) {
				s.Conditions = []metav1.Condition{{Type: v1.JobAccepted, Status: metav1.ConditionTrue, Reason: "Valid", LastTransitionTime: metav1.NewTime(now)}}
			})
		}},
		{"wait job/hello --for=condition=Accepted=False --timeout=1m", "job.horae/hello condition met\n", func() {
			h.setJob("hello", func(s *v1.JobStatus) { s.Conditions[0].Status = metav1.ConditionFalse })
		}},
		{"wait runs --all --for=jsonpath={.status.phase}=Succeeded --timeout=1m", "run.horae/" + run + " condition met\n", func() {
			h.setRun(run, func(s *v1.RunStatus) { s.Phase = v1.RunSucceeded })
		}},
		{"wait job/late --for=create --timeout=1m", "job.horae/late condition met\n", func() {
			h.apply(strings.ReplaceAll(hello, "name: hello", "name: late"))
		}},
		{"wait job/late --for=delete --timeout=1m", "job.horae/late condition met\n", func() { h.ok("delete job late") }},
	} {
		wait := h.waits(tc.line)
		tc.then()
		if r := wait(); r.code != ExitDone || r.out != tc.out || r.err != "" {
			t.Errorf("%s: exit %d %q %q", tc.line, r.code, r.out, r.err)
		}
	}
}

func TestWaitThatDoesNotEndWell(t *testing.T) {
	h := build(t)
	h.apply(hello)
	for _, tc := range []struct {
		line, err string
		code      int
	}{
		{"wait job/hello --for=condition=Accepted --timeout=0", "timed out after 0s: job.horae/hello is not as wanted (condition=Accepted)", ExitFailed},
		{"wait job/hello --for=condition=Accepted --timeout=10ms", "timed out after 10ms", ExitFailed},
		{"wait job/none --for=condition=Accepted", "NotFound", ExitFailed},
		{"wait runs --all --for=condition=Accepted", "no matching resources found", ExitFailed},
		{"wait job/hello", "what to wait for must be given", ExitUsage},
		{"wait job/hello --for=what", "there are condition=NAME", ExitUsage},
		{"wait job/hello --for=jsonpath=.status", "must be jsonpath={.PATH}=VALUE", ExitUsage},
		{"wait job/hello --for=jsonpath={.status", "must be jsonpath={.PATH}=VALUE", ExitUsage},
		{"wait job/hello --for=jsonpath={.metadata['name','namespace']}=x", "more than one value", ExitUsage},
		{"wait jobs --for=delete", "either names, or -l", ExitUsage},
	} {
		if r := h.run(tc.line); r.code != tc.code || !strings.Contains(r.err, tc.err) || r.out != "" {
			t.Errorf("%s: exit %d %q %q", tc.line, r.code, r.out, r.err)
		}
	}
	if got := h.ok("wait runs --all --for=delete"); got != "" {
		t.Errorf("none is gone already: %q", got)
	}
	wait := h.waits("wait job/hello --for=condition=Accepted --timeout=1m")
	h.ok("delete job hello")
	if r := wait(); r.code != ExitFailed {
		t.Errorf("deleted meanwhile: exit %d %s", r.code, r.err)
	}
}
