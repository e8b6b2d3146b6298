package mesos

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	v1 "horae/api/v1"
	"horae/internal/devcluster"
	"horae/internal/offer"
)

// These tests run against the dev cluster, which answers as a real master was recorded to answer.

func startCluster(t *testing.T, cfg devcluster.Config) *devcluster.Cluster {
	t.Helper()
	cfg.Listen, cfg.WorkDir = "127.0.0.1:0", t.TempDir()
	c, err := devcluster.Start(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// launch starts a task with 0.1 cpus on an offer.
func launch(t *testing.T, r *running, o offer.Offer, id string, spec *v1.TaskSpec) {
	t.Helper()
	err := r.Accept(context.Background(), offer.Launch{OfferIDs: []string{o.ID}, Refuse: time.Hour, Tasks: []offer.Task{{
		ID: id, Name: id, AgentID: o.AgentID, Spec: spec, Resources: part(o, 0.1, 32),
	}}})
	if err != nil {
		t.Fatal(err)
	}
}

// part takes some cpus and memory of an offer, named as they were offered.
func part(o offer.Offer, cpus, mem float64) []offer.Resource {
	want := map[string]float64{"cpus": cpus, "mem": mem}
	var out []offer.Resource
	for _, res := range o.Resources {
		if n := want[res.Name]; n > 0 {
			res.Scalar = n
			out = append(out, res)
			delete(want, res.Name)
		}
	}
	return out
}

// until acknowledges updates until one is in that state, and returns it.
func (r *running) until(t *testing.T, state offer.State) offer.Update {
	t.Helper()
	for {
		h := r.want2(t)
		if h.what == "Offers" {
			continue
		}
		if h.what != "Update" {
			t.Fatalf("got %s %v while waiting for %s", h.what, h.err, state)
		}
		if h.update.WantsAck() {
			if err := r.Acknowledge(context.Background(), h.update); err != nil {
				t.Fatal(err)
			}
		}
		if h.update.State == state {
			return h.update
		}
	}
}

func TestRunsTasksOnTheDevCluster(t *testing.T) {
	c := startCluster(t, devcluster.Config{Attributes: "rack:r1;cores:16;vlans:[10-20]", Resources: "cpus:4;mem:4096;disk:10000;ports:[31000-32000];cpus(horae):2"})
	r := start(t, Config{Masters: MasterList{c.URL()}, Framework: FrameworkConfig{Roles: []string{"horae"}}})
	r.want(t, "Subscribed")
	o := r.want(t, "Offers").offers[0]
	if o.Role != "horae" || len(o.Attributes) != 3 || o.AgentURL == "" {
		t.Errorf("offer %+v", o)
	}
	// The reserved cpus come first: the task takes them, and the master accepts their name.
	if res := part(o, 1, 32); len(res[0].Reservations) != 1 || res[0].Reservations[0].Role != "horae" || res[0].Reservations[0].Dynamic {
		t.Errorf("resources %+v", res)
	}
	launch(t, r, o, "fails", &v1.TaskSpec{Shell: "exit 3"})
	if u := r.until(t, offer.TaskFailed); u.ExitCode == nil || *u.ExitCode != 3 || u.AgentID != o.AgentID || u.ContainerID == "" || u.Source != "EXECUTOR" {
		t.Errorf("failed as %+v", u)
	}
	if err := r.Revive(context.Background()); err != nil {
		t.Fatal(err)
	}
	o = r.want(t, "Offers").offers[0]
	launch(t, r, o, "argv", &v1.TaskSpec{Command: []string{"/bin/sh", "-c"}, Args: []string{`test "$0" = "a b"`, "a b"}})
	if u := r.until(t, offer.TaskFinished); u.TaskID != "argv" || u.ExitCode == nil || *u.ExitCode != 0 {
		t.Errorf("finished as %+v", u)
	}
}

func TestKillsAndReconcilesOnTheDevCluster(t *testing.T) {
	c := startCluster(t, devcluster.Config{UpdateRetryMin: 20 * time.Millisecond})
	r := start(t, Config{Masters: MasterList{c.URL()}, Framework: FrameworkConfig{Roles: []string{"horae"}}})
	r.want(t, "Subscribed")
	o := r.want(t, "Offers").offers[0]
	launch(t, r, o, "sleeps", &v1.TaskSpec{Shell: "sleep 100"})
	r.until(t, offer.TaskRunning)

	ref := offer.TaskRef{TaskID: "sleeps", AgentID: o.AgentID}
	if err := r.Reconcile(context.Background(), []offer.TaskRef{ref, {TaskID: "never"}}); err != nil {
		t.Fatal(err)
	}
	states := map[string]offer.State{}
	for len(states) < 2 {
		if h := r.want2(t); h.what == "Update" {
			if h.update.WantsAck() || h.update.Reason != "RECONCILIATION" {
				t.Errorf("reconciled by %+v", h.update)
			}
			states[h.update.TaskID] = h.update.State
		}
	}
	if states["sleeps"] != offer.TaskRunning || states["never"] != offer.TaskUnknown {
		t.Errorf("reconciled: %v", states)
	}

	// The first update is left unacknowledged: it comes again, and what follows it only then.
	grace := 10 * time.Second
	if err := r.Kill(context.Background(), ref, &grace); err != nil {
		t.Fatal(err)
	}
	killing := r.want(t, "Update")
	if killing.update.State != offer.TaskKilling {
		t.Errorf("first %s", killing.update.State)
	}
	if u := r.until(t, offer.TaskKilled); u.ExitCode != nil {
		t.Errorf("killed as %+v", u)
	}
}

func TestSurvivesARestartOfTheMaster(t *testing.T) {
	c := startCluster(t, devcluster.Config{ReregisterDelay: 10 * time.Millisecond})
	r := start(t, Config{Masters: MasterList{c.URL()}, Framework: FrameworkConfig{Roles: []string{"horae"}}})
	id := r.want(t, "Subscribed").id
	launch(t, r, r.want(t, "Offers").offers[0], "sleeps", &v1.TaskSpec{Shell: "sleep 100"})
	r.until(t, offer.TaskRunning)
	if err := c.RestartMaster(context.Background()); err != nil {
		t.Fatal(err)
	}
	r.want(t, "Disconnected")
	for {
		h := r.want2(t)
		if h.what == "Subscribed" {
			if h.id != id {
				t.Errorf("came back as %q, was %q", h.id, id)
			}
			break
		}
	}
	// Silence until the agent is back is no answer (I9): ask until there is one.
	for answered := false; !answered; {
		if err := r.Reconcile(context.Background(), []offer.TaskRef{{TaskID: "sleeps"}}); err != nil {
			t.Fatal(err)
		}
		select {
		case h := <-r.got:
			answered = h.what == "Update" && h.update.State == offer.TaskRunning
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func TestSecondSchedulerTakesOver(t *testing.T) {
	c := startCluster(t, devcluster.Config{})
	ids := &memoryIDs{}
	old := start(t, Config{Masters: MasterList{c.URL()}, IDs: ids})
	id := old.want(t, "Subscribed").id
	successor := start(t, Config{Masters: MasterList{c.URL()}, IDs: ids})
	if got := successor.want(t, "Subscribed").id; got != id {
		t.Errorf("took over as %q, was %q", got, id)
	}
	wantError(t, old.ended(t), ErrFailedOver)
	wantError(t, old.Revive(context.Background()), ErrDisconnected)
	if err := successor.Revive(context.Background()); err != nil {
		t.Errorf("the successor's call: %v", err)
	}
}

// A deposed leader that has not noticed: its stream id is void, and its calls say so.
func TestCallsOnAVoidStream(t *testing.T) {
	c := startCluster(t, devcluster.Config{})
	r := start(t, Config{Masters: MasterList{c.URL()}})
	id := r.want(t, "Subscribed").id
	u, err := ParseMaster(c.URL(), "http")
	if err != nil {
		t.Fatal(err)
	}
	void := r.newSession(id, "00000000-0000-0000-0000-000000000000", u)
	defer void.close()
	r.session.Swap(void).close()
	err = r.Revive(context.Background())
	wantError(t, err, ErrDisconnected)
	var refused *CallError
	if !errors.As(err, &refused) || refused.Status != 400 {
		t.Errorf("error %v", err)
	}
}

func TestTornDownAndRemovedOnTheDevCluster(t *testing.T) {
	c := startCluster(t, devcluster.Config{})
	r := start(t, Config{Masters: MasterList{c.URL()}})
	id := r.want(t, "Subscribed").id
	if err := r.Teardown(context.Background()); err != nil {
		t.Fatal(err)
	}
	wantError(t, r.ended(t), ErrTornDown)

	again := start(t, Config{Masters: MasterList{c.URL()}, IDs: &memoryIDs{id: id}})
	if h := again.want(t, "FrameworkRemoved"); h.id != id {
		t.Errorf("removed %q", h.id)
	}
	if h := again.want(t, "Subscribed"); h.id == id || again.ids.current() != h.id {
		t.Errorf("subscribed as %q, stored %q", h.id, again.ids.current())
	}
}

func TestSilentMasterOfTheDevCluster(t *testing.T) {
	c := startCluster(t, devcluster.Config{HeartbeatInterval: 20 * time.Millisecond})
	r := start(t, Config{Masters: MasterList{c.URL()}})
	r.want(t, "Subscribed")
	c.Master().Silence(true)
	for h := r.want2(t); h.what != "Disconnected"; h = r.want2(t) {
	}
	c.Master().Silence(false)
	for h := r.want2(t); h.what != "Subscribed"; h = r.want2(t) {
	}
}

// Thousands of updates, acknowledged by many at once, over two connections.
func TestManySimulatedTasks(t *testing.T) {
	const tasks = 500
	c := startCluster(t, devcluster.Config{Simulate: true, Resources: "cpus:1000;mem:1000000"})
	r := start(t, Config{Masters: MasterList{c.URL()}})
	r.want(t, "Subscribed")
	o := r.want(t, "Offers").offers[0]
	l := offer.Launch{OfferIDs: []string{o.ID}}
	for i := range tasks {
		id := fmt.Sprintf("t%d", i)
		l.Tasks = append(l.Tasks, offer.Task{ID: id, AgentID: o.AgentID, Spec: &v1.TaskSpec{Shell: "true"}, Resources: part(o, 0.1, 32)})
	}
	if err := r.Accept(context.Background(), l); err != nil {
		t.Fatal(err)
	}
	acks := make(chan error, 10*tasks)
	sent, finished := 0, map[string]bool{}
	for len(finished) < tasks {
		h := r.want2(t)
		if h.what != "Update" {
			continue
		}
		sent++
		go func() { acks <- r.Acknowledge(context.Background(), h.update) }()
		if h.update.State == offer.TaskFinished {
			finished[h.id] = true
		}
	}
	for range sent {
		if err := receive(t, acks, "an acknowledgement"); err != nil {
			t.Fatal(err)
		}
	}
}
