package cli

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	v1 "horae/api/v1"
	"horae/internal/server"
)

func TestStatus(t *testing.T) {
	h := build(t)
	h.stop()
	var mesos error
	h.newServer = func() (*server.Server, error) {
		cfg := h.config()
		cfg.Ready = []server.Check{
			{Name: "leader", Check: func(context.Context) error { return nil }, Note: func(context.Context) string { return "a leads" }},
			{Name: "mesos", Check: func(context.Context) error { return mesos }},
		}
		return server.New(cfg)
	}
	h.restart()
	h.apply(hello)
	for i, s := range []v1.RunStatus{
		{}, {Phase: v1.RunPending, Reason: "InsufficientCPUs"}, {Phase: v1.RunPending, Reason: "InsufficientCPUs"}, {Phase: v1.RunRunning}, {Phase: v1.RunSucceeded},
	} {
		name := h.created("hello", now.AddDate(0, 0, i))
		h.setRun(name, func(was *v1.RunStatus) { *was = s })
	}
	if _, err := h.store.Client().Put(t.Context(), "/horae/spec/job/default/typo", "x"); err != nil {
		t.Fatal(err)
	}
	h.ok("label job hello seen=true") // by then the cache has seen the key
	golden(t, "status", strings.ReplaceAll(h.ok("status"), h.url, "URL"))
	mesos = errors.New("no master answers")
	r := h.run("status -o json")
	var got systemStatus
	if err := json.Unmarshal([]byte(r.out), &got); err != nil {
		t.Fatalf("%v: %s", err, r.out)
	}
	if r.code != ExitFailed || got.Ready || got.Checks[1].Message != "no master answers" || got.Waiting["InsufficientCPUs"] != 2 || got.Active != 1 {
		t.Errorf("exit %d: %s", r.code, r.out)
	}
}
