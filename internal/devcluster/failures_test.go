package devcluster

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/master"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
)

// drainEvents reads to the end of the stream.
func (c *testClient) drainEvents() {
	for range c.events {
	}
}

func TestDroppedStreamBreaksAndTheFrameworkMayComeBack(t *testing.T) {
	c := start(t, Config{})
	info := frameworkInfo()
	s := subscribe(t, c.URL(), mediaProtobuf, info)
	c.Master().DropStreams()
	s.drainEvents()
	if s.streamErr == nil || errors.Is(s.streamErr, io.EOF) && !errors.Is(s.streamErr, io.ErrUnexpectedEOF) {
		t.Errorf("the stream ended properly: %v", s.streamErr)
	}
	info.ID = s.framework
	again := subscribe(t, c.URL(), mediaProtobuf, info)
	if again.framework.Value != s.framework.Value {
		t.Errorf("the framework became another: %s", again.framework.Value)
	}
	again.offer()
}

func TestSilentMasterAnswersCallsButSendsNothing(t *testing.T) {
	c := start(t, Config{HeartbeatInterval: time.Millisecond})
	s := subscribe(t, c.URL(), mediaProtobuf, frameworkInfo())
	o := s.offer()
	s.next(scheduler.Event_HEARTBEAT)
	c.Master().Silence(true)
	s.must(&scheduler.Call{Type: scheduler.Call_SUPPRESS, Suppress: &scheduler.Call_Suppress{}})
	s.launch(o, shell(o, "unheard", "true"))
	// What was on its way before may still come; then nothing does, for 20 heartbeats.
	for quiet := false; !quiet; {
		select {
		case e := <-s.events:
			if e.Type == scheduler.Event_UPDATE {
				t.Fatalf("an update came through: %v", e)
			}
		case <-time.After(20 * time.Millisecond):
			quiet = true
		}
	}
	c.Master().Silence(false)
	if states, _ := s.follow(); len(states) != 3 {
		t.Errorf("states: %v", states)
	}
}

func TestLostUpdateIsSentAgain(t *testing.T) {
	c := start(t, Config{UpdateRetryMin: 20 * time.Millisecond, Simulate: true})
	var lost atomic.Int32
	c.Master().SetHooks(Hooks{BeforeUpdate: func(task, state string) bool {
		return state != "TASK_RUNNING" || lost.Add(1) > 2
	}})
	s := subscribe(t, c.URL(), mediaProtobuf, frameworkInfo())
	o := s.offer()
	s.launch(o, simulated(o, "t", ""))
	states, _ := s.follow()
	// One whose acknowledgement takes long is sent again, too.
	if diff := cmp.Diff([]string{"TASK_STARTING", "TASK_RUNNING", "TASK_FINISHED"}, slices.Compact(states)); diff != "" {
		t.Error(diff)
	}
	if lost.Load() < 3 {
		t.Errorf("TASK_RUNNING was sent %d times", lost.Load())
	}
}

func TestCallCanBeDelayedAndLost(t *testing.T) {
	c := start(t, Config{Simulate: true})
	s := subscribe(t, c.URL(), mediaProtobuf, frameworkInfo())
	o := s.offer()
	arrived, release := make(chan struct{}), make(chan struct{})
	c.Master().SetHooks(Hooks{BeforeCall: func(call string, done <-chan struct{}) bool {
		switch call {
		case "ACCEPT":
			close(arrived)
			<-release
		case "REVIVE":
			return false
		}
		return true
	}})
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		s.launch(o, simulated(o, "late", ""))
	}()
	<-arrived
	if code, text := s.send(&scheduler.Call{Type: scheduler.Call_REVIVE}); code != 0 {
		t.Errorf("a lost call was answered: %d %s", code, text)
	}
	select {
	case <-answered:
		t.Error("a delayed call was answered")
	default:
	}
	close(release)
	<-answered
	s.follow()
}

func TestPartitionThatEndsInTimeOnlyDelays(t *testing.T) {
	c := start(t, Config{AgentPingTimeout: time.Hour, UpdateRetryMin: time.Hour, Simulate: true})
	s := subscribe(t, c.URL(), mediaProtobuf, frameworkInfo())
	o := s.offer()
	c.Agent(0).Partition()
	s.launch(o, simulated(o, "t", "never"))
	s.must(&scheduler.Call{Type: scheduler.Call_KILL, Kill: &scheduler.Call_Kill{TaskID: mesos.TaskID{Value: "t"}}})
	c.Agent(0).Heal()
	states, _ := s.follow()
	if diff := cmp.Diff([]string{"TASK_STARTING", "TASK_RUNNING", "TASK_KILLING", "TASK_KILLED"}, states); diff != "" {
		t.Error(diff)
	}
}

func TestTaskThatNeverReachedALostAgentIsGoneWhenItIsBack(t *testing.T) {
	c := start(t, Config{AgentPingTimeout: time.Millisecond, MaxAgentPingTimeouts: 1, ReregisterDelay: time.Millisecond, Simulate: true})
	s := subscribe(t, c.URL(), mediaProtobuf, frameworkInfo())
	o := s.offer()
	c.Master().SetHooks(Hooks{BeforeCall: func(call string, _ <-chan struct{}) bool {
		if call == "ACCEPT" {
			c.Agent(0).Partition()
		}
		return true
	}})
	s.launch(o, simulated(o, "t", "never"))
	if got := *s.next(scheduler.Event_UPDATE).Update.Status.State; got != mesos.TASK_UNREACHABLE && got != mesos.TASK_DROPPED {
		t.Fatalf("the agent was lost: %s", got)
	}
	c.Agent(0).Heal()
	s.offer()
	s.must(&scheduler.Call{Type: scheduler.Call_RECONCILE, Reconcile: &scheduler.Call_Reconcile{
		Tasks: []scheduler.Call_Reconcile_Task{{TaskID: mesos.TaskID{Value: "t"}, AgentID: &o.AgentID}}}})
	if got := *s.next(scheduler.Event_UPDATE).Update.Status.State; got != mesos.TASK_GONE {
		t.Errorf("reconciled: %s", got)
	}
}

func TestCrashedAgentsOffersAreRescinded(t *testing.T) {
	c := start(t, Config{AgentPingTimeout: time.Hour, ReregisterDelay: time.Millisecond, Simulate: true})
	s := subscribe(t, c.URL(), mediaProtobuf, frameworkInfo())
	o := s.offer()
	c.Agent(0).Crash()
	if got := s.next(scheduler.Event_RESCIND).Rescind.OfferID.Value; got != o.ID.Value {
		t.Errorf("rescinded %s, want %s", got, o.ID.Value)
	}
	c.Agent(0).Restart()
	s.offer()
}

// TestKillWhileTheAgentIsAwayIsDoneWhenItIsBack is for agents whose connection broke; to an agent that only does not
// answer a KILL is sent and lost.
func TestKillWhileTheAgentIsAwayIsDoneWhenItIsBack(t *testing.T) {
	c := start(t, Config{AgentPingTimeout: time.Hour, ReregisterDelay: time.Millisecond})
	s := subscribe(t, c.URL(), mediaProtobuf, frameworkInfo())
	o := s.offer()
	s.launch(o, shell(o, "t", "sleep 1000"))
	for range 2 {
		s.acknowledge(s.next(scheduler.Event_UPDATE).Update.Status)
	}
	c.Agent(0).Crash()
	s.must(&scheduler.Call{Type: scheduler.Call_KILL, Kill: &scheduler.Call_Kill{TaskID: mesos.TaskID{Value: "t"}}})
	c.Agent(0).Restart()
	states, _ := s.follow()
	if diff := cmp.Diff([]string{"TASK_KILLING", "TASK_KILLED"}, states); diff != "" {
		t.Error(diff)
	}
}

func TestTheMasterWaitsForItsPort(t *testing.T) {
	c := start(t, Config{Simulate: true})
	c.StopMaster()
	other, err := net.Listen("tcp", strings.TrimPrefix(c.URL(), "http://"))
	if err != nil {
		t.Skipf("somebody else has the port: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	started := make(chan error, 1)
	go func() { started <- c.StartMaster(ctx) }()
	cancel()
	if err := <-started; err == nil {
		t.Error("it has started on a port that is another's")
	}
	go func() { started <- c.StartMaster(t.Context()) }()
	if err := other.Close(); err != nil {
		t.Error(err)
	}
	if err := <-started; err != nil {
		t.Error(err)
	}
	subscribe(t, c.URL(), mediaProtobuf, frameworkInfo()).offer()
}

func TestRestartedMasterKnowsAgentsButNoFrameworks(t *testing.T) {
	c := start(t, Config{ReregisterDelay: 20 * time.Millisecond, UpdateRetryMin: 50 * time.Millisecond, Simulate: true})
	info := frameworkInfo()
	s := subscribe(t, c.URL(), mediaProtobuf, info)
	before := s.offer()
	s.launch(before, simulated(before, "t", "never"))
	if err := c.RestartMaster(context.Background()); err != nil {
		t.Fatal(err)
	}
	s.drainEvents()
	info.ID = s.framework
	s = subscribe(t, c.URL(), mediaProtobuf, info)
	after := s.offer()
	if after.AgentID.Value != before.AgentID.Value {
		t.Error("the agent became another")
	}
	uses, err := fromMesos(after.Resources)
	if err != nil {
		t.Fatal(err)
	}
	if uses.amount("cpus") != 3900 {
		t.Errorf("the task's resources are offered: %s", uses.text(""))
	}
	s.must(&scheduler.Call{Type: scheduler.Call_KILL, Kill: &scheduler.Call_Kill{TaskID: mesos.TaskID{Value: "t"}}})
	s.follow()
}

func TestTaskOfARemovedFrameworkEndsWhenItsAgentIsBack(t *testing.T) {
	c := start(t, Config{AgentPingTimeout: time.Millisecond, MaxAgentPingTimeouts: 1, ReregisterDelay: time.Millisecond})
	s := subscribe(t, c.URL(), mediaProtobuf, frameworkInfo())
	o := s.offer()
	s.launch(o, shell(o, "t", background))
	pid := pidOf(t, c, s, o, "t")
	c.Agent(0).Partition()
	s.next(scheduler.Event_FAILURE)
	s.must(&scheduler.Call{Type: scheduler.Call_TEARDOWN})
	if !alive(pid) {
		t.Error("the task ended while its agent was away")
	}
	c.Agent(0).Heal()
	eventually(t, "the end of the task", func() bool { return !alive(pid) })
}

func TestDrainedAgentIsNotOffered(t *testing.T) {
	c := start(t, Config{Simulate: true})
	s := subscribe(t, c.URL(), mediaProtobuf, frameworkInfo())
	o := s.offer()
	drain := &master.Call{Type: master.Call_DRAIN_AGENT, DrainAgent: &master.Call_DrainAgent{AgentID: o.AgentID}}
	if _, err := c.Master().operate(drain); err != nil {
		t.Fatal(err)
	}
	s.next(scheduler.Event_RESCIND)
	s.must(&scheduler.Call{Type: scheduler.Call_REVIVE}) // would be answered by an offer before the call returns
	select {
	case e := <-s.events:
		if e.Type == scheduler.Event_OFFERS {
			t.Error("a drained agent is offered")
		}
	case <-time.After(10 * time.Millisecond):
	}
	back := &master.Call{Type: master.Call_REACTIVATE_AGENT, ReactivateAgent: &master.Call_ReactivateAgent{AgentID: o.AgentID}}
	if _, err := c.Master().operate(back); err != nil {
		t.Fatal(err)
	}
	s.offer()
}

func TestTwoFrameworksShareByDominantShare(t *testing.T) {
	c := start(t, Config{Agents: 2, Simulate: true})
	first := subscribe(t, c.URL(), mediaProtobuf, frameworkInfo())
	for _, o := range first.next(scheduler.Event_OFFERS).Offers.Offers {
		first.launch(o, simulated(o, "t-"+o.Hostname, "never"))
	}
	other := frameworkInfo()
	other.Roles = []string{"other"}
	second := subscribe(t, c.URL(), mediaProtobuf, other)
	// What is left may have come to the first again before there was a second. It gives back all that it is offered, and has a larger
	// share: the next to be offered it is the second.
	timeout := time.After(patience)
	for {
		select {
		case e := <-first.events:
			if e.Type != scheduler.Event_OFFERS {
				continue
			}
			decline := &scheduler.Call_Decline{Filters: &mesos.Filters{RefuseSeconds: ptr(0.0)}}
			for _, o := range e.Offers.Offers {
				decline.OfferIDs = append(decline.OfferIDs, o.ID)
			}
			first.must(&scheduler.Call{Type: scheduler.Call_DECLINE, Decline: decline})
		case e := <-second.events:
			if e.Type == scheduler.Event_OFFERS {
				return
			}
		case <-timeout:
			t.Fatal("the framework that has nothing was offered nothing")
		}
	}
}
