package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	v1 "horae/api/v1"
)

// callbackServer answers callbacks as the test wants; each request is kept.
type callbackServer struct {
	*httptest.Server
	bodies []v1.Callback
	auth   string
}

func TestCallback(t *testing.T) {
	var s callbackServer
	answers := []int{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var c v1.Callback
		if err := json.NewDecoder(r.Body).Decode(&c); err != nil {
			t.Error(err)
		}
		s.bodies, s.auth = append(s.bodies, c), r.Header.Get("Authorization")
		code := http.StatusOK
		if len(answers) > 0 {
			code, answers = answers[0], answers[1:]
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		if code == http.StatusOK {
			_, _ = w.Write([]byte(`{"taskID":"t1"}`))
		} else {
			reason := map[int]string{410: "Gone", 503: "ServiceUnavailable", 504: "Timeout", 500: "InternalError"}[code]
			fmt.Fprintf(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":%q,"message":"as it is","code":%d}`, reason, code)
		}
	}))
	defer s.Close()
	var out, errOut strings.Builder
	env := map[string]string{"HORAE_CALLBACK_URL": s.URL + "/apis/horae/v1/namespaces/default/runs/r/callback", "HORAE_CALLBACK_TOKEN": "hc1.t1.x", "HOME": t.TempDir()}
	run := func(args ...string) int {
		out.Reset()
		errOut.Reset()
		s.bodies = nil
		return Main(t.Context(), append([]string{"callback"}, args...), IO{
			In: strings.NewReader(""), Out: &out, Err: &errOut, Patience: time.Minute,
			Env: func(k string) (string, bool) { v, ok := env[k]; return v, ok },
		})
	}
	if code := run("--failed", "--message", "no rows", "--id", "k"); code != 0 || s.auth != "Bearer hc1.t1.x" {
		t.Errorf("exit %d, %q: %s", code, s.auth, errOut.String())
	}
	if diff := cmp.Diff([]v1.Callback{{Phase: v1.RunFailed, Message: "no rows", ID: "k"}}, s.bodies); diff != "" {
		t.Error(diff)
	}
	if code := run("--succeeded", "--progress", "0"); code != 0 || s.bodies[0].Progress == nil || *s.bodies[0].Progress != 0 || s.bodies[0].ID == "" {
		t.Errorf("exit %d: %+v", code, s.bodies)
	}

	answers = []int{503, 504, 500}
	if code := run("--progress-add", "3"); code != 0 || len(s.bodies) != 4 {
		t.Errorf("exit %d after %d tries: %s", code, len(s.bodies), errOut.String())
	}
	for _, b := range s.bodies {
		if b.ID != s.bodies[0].ID || *b.ProgressAdd != 3 {
			t.Errorf("a try differs from the first: %+v", s.bodies)
		}
	}
	answers = []int{410}
	if code := run("--succeeded"); code != 1 || len(s.bodies) != 1 || !strings.Contains(errOut.String(), "(Gone): as it is") {
		t.Errorf("exit %d after %d tries: %s", code, len(s.bodies), errOut.String())
	}

	for _, args := range [][]string{
		{}, {"--succeeded", "--failed"}, {"--progress", "1", "--progress-add", "1"}, {"--progress", "1", "--message", "x"}, {"--succeeded", "x"}, {"--progress", "much"},
	} {
		if code := run(args...); code != 2 || len(s.bodies) > 0 {
			t.Errorf("%v: exit %d: %s", args, code, errOut.String())
		}
	}
	delete(env, "HORAE_CALLBACK_TOKEN")
	if code := run("--succeeded"); code != 1 || !strings.Contains(errOut.String(), "HORAE_CALLBACK_TOKEN must be set") {
		t.Errorf("exit %d: %s", code, errOut.String())
	}
}

// TestCallbackGivesUp: after its patience the outcome is unknown, which the exit code says.
func TestCallbackGivesUp(t *testing.T) {
	var tries atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		tries.Add(1)
		w.WriteHeader(http.StatusBadGateway)
	}))
	defer s.Close()
	env := map[string]string{"HORAE_CALLBACK_URL": s.URL + "/x", "HORAE_CALLBACK_TOKEN": "secret-token", "HOME": t.TempDir()}
	var errOut strings.Builder
	code := Main(context.Background(), []string{"callback", "--succeeded"}, IO{
		In: strings.NewReader(""), Out: &strings.Builder{}, Err: &errOut, Patience: time.Millisecond,
		Env: func(k string) (string, bool) { v, ok := env[k]; return v, ok },
	})
	if code != ExitUnknown || tries.Load() < 2 || strings.Contains(errOut.String(), "secret-token") {
		t.Errorf("exit %d after %d tries: %s", code, tries.Load(), errOut.String())
	}
}
