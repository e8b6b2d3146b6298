package devcluster

import (
	"strings"
	"testing"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	mesosallocator "github.com/mesos/mesos-go/api/v1/lib/allocator"
	mesosmaintenance "github.com/mesos/mesos-go/api/v1/lib/maintenance"
	"github.com/mesos/mesos-go/api/v1/lib/master"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
)

// windowFor is a schedule with one window for each host, or an empty one.
func windowFor(start time.Time, hosts ...string) *master.Call {
	u := &master.Call_UpdateMaintenanceSchedule{}
	for _, host := range hosts {
		u.Schedule.Windows = append(u.Schedule.Windows, mesosmaintenance.Window{
			MachineIDs:     []mesos.MachineID{{Hostname: ptr(host)}},
			Unavailability: mesos.Unavailability{Start: mesos.TimeInfo{Nanoseconds: start.UnixNano()}},
		})
	}
	return &master.Call{Type: master.Call_UPDATE_MAINTENANCE_SCHEDULE, UpdateMaintenanceSchedule: u}
}

func (c *Cluster) mustOperate(t *testing.T, call *master.Call) *master.Response {
	t.Helper()
	r, err := c.Master().operate(call)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (c *Cluster) answers(t *testing.T) []mesosallocator.InverseOfferStatus {
	t.Helper()
	r := c.mustOperate(t, &master.Call{Type: master.Call_GET_MAINTENANCE_STATUS})
	if n := len(r.GetMaintenanceStatus.Status.DrainingMachines); n != 1 {
		t.Fatalf("%d machines are draining", n)
	}
	return r.GetMaintenanceStatus.Status.DrainingMachines[0].Statuses
}

func (c *testClient) inverse() mesos.InverseOffer {
	c.t.Helper()
	return c.next(scheduler.Event_INVERSE_OFFERS).InverseOffers.InverseOffers[0]
}

func TestInverseOffersAreAskedAnsweredAndTakenBack(t *testing.T) {
	c := start(t, Config{Simulate: true, AllocationInterval: 5 * time.Millisecond})
	s := subscribe(t, c.URL(), mediaProtobuf, frameworkInfo())
	o := s.offer()
	s.launch(o, simulated(o, "t", "never"))
	s.running()

	// 1. A window is planned: the framework that uses the agent is asked, and asked again once the filter of its answer is over.
	start := time.Now().Add(time.Hour)
	c.mustOperate(t, windowFor(start, o.Hostname))
	asked := s.inverse()
	if asked.AgentID.GetValue() != o.AgentID.Value || asked.Unavailability.Start.Nanoseconds != start.UnixNano() {
		t.Errorf("asked %v", asked)
	}
	if got := c.answers(t); len(got) != 0 {
		t.Errorf("answers before there was one: %v", got)
	}
	s.must(&scheduler.Call{Type: scheduler.Call_DECLINE_INVERSE_OFFERS, DeclineInverseOffers: &scheduler.Call_DeclineInverseOffers{
		InverseOfferIDs: []mesos.OfferID{asked.OfferID}, Filters: &mesos.Filters{RefuseSeconds: ptr(0.001)},
	}})
	again := s.inverse()
	if again.OfferID == asked.OfferID {
		t.Error("the same inverse offer came twice")
	}
	if got := c.answers(t); len(got) != 1 || got[0].GetStatus() != mesosallocator.InverseOfferStatus_DECLINE || got[0].FrameworkID != *s.framework {
		t.Errorf("answers: %v", got)
	}
	s.must(&scheduler.Call{Type: scheduler.Call_ACCEPT_INVERSE_OFFERS, AcceptInverseOffers: &scheduler.Call_AcceptInverseOffers{
		InverseOfferIDs: []mesos.OfferID{again.OfferID}, Filters: &mesos.Filters{RefuseSeconds: ptr(3600.0)},
	}})
	if got := c.answers(t); len(got) != 1 || got[0].GetStatus() != mesosallocator.InverseOfferStatus_ACCEPT {
		t.Errorf("answers: %v", got)
	}

	// 2. Another window voids the answer; no window takes back what is out.
	c.mustOperate(t, windowFor(start.Add(time.Hour), o.Hostname))
	other := s.inverse()
	if got := c.answers(t); len(got) != 0 {
		t.Errorf("an answer to another window stands: %v", got)
	}
	c.mustOperate(t, windowFor(start))
	if e := s.next(scheduler.Event_RESCIND_INVERSE_OFFER); e.RescindInverseOffer.InverseOfferID != other.OfferID {
		t.Errorf("took back %v", e.RescindInverseOffer)
	}
	s.must(&scheduler.Call{Type: scheduler.Call_ACCEPT_INVERSE_OFFERS, AcceptInverseOffers: &scheduler.Call_AcceptInverseOffers{
		InverseOfferIDs: []mesos.OfferID{other.OfferID}, // too late: passed over
	}})
	r := c.mustOperate(t, &master.Call{Type: master.Call_GET_MAINTENANCE_STATUS})
	if n := len(r.GetMaintenanceStatus.Status.DrainingMachines); n != 0 {
		t.Errorf("%d machines are draining", n)
	}
}

func TestFrameworksThatUseNothingAreNotAsked(t *testing.T) {
	c := start(t, Config{Simulate: true, AllocationInterval: time.Millisecond})
	s := subscribe(t, c.URL(), mediaProtobuf, frameworkInfo())
	o := s.offer()
	c.mustOperate(t, windowFor(time.Now().Add(time.Hour), o.Hostname))
	if again := s.offer(); again.Unavailability == nil { // many rounds of offers would have asked
		t.Errorf("offered without its window: %v", again)
	}
	select {
	case e := <-s.events:
		if e.Type == scheduler.Event_INVERSE_OFFERS {
			t.Errorf("asked: %v", e)
		}
	case <-time.After(20 * time.Millisecond):
	}
}

func TestOffersComeAgainWhenAWindowIsCalledOff(t *testing.T) {
	c := start(t, Config{Simulate: true, AllocationInterval: 5 * time.Millisecond})
	s := subscribe(t, c.URL(), mediaProtobuf, frameworkInfo())
	o := s.offer()
	c.mustOperate(t, windowFor(time.Now().Add(time.Hour), o.Hostname))
	planned := s.offer()
	if planned.Unavailability == nil {
		t.Errorf("offered without its window: %v", planned)
	}
	c.mustOperate(t, windowFor(time.Now()))
	if e := s.next(scheduler.Event_RESCIND); e.Rescind.OfferID != planned.ID {
		t.Errorf("took back %v, not %v", e.Rescind.OfferID, planned.ID)
	}
	if again := s.offer(); again.Unavailability != nil {
		t.Errorf("offered with a window that was called off: %v", again)
	}
}

func TestScheduleThatIsWrong(t *testing.T) {
	c := start(t, Config{Simulate: true, Agents: 2})
	now := time.Now()
	c.mustOperate(t, windowFor(now, "agent-1", "agent-2"))
	c.mustOperate(t, &master.Call{Type: master.Call_START_MAINTENANCE, StartMaintenance: &master.Call_StartMaintenance{
		Machines: []mesos.MachineID{{Hostname: ptr("AGENT-1")}}, // host names have no case
	}})
	r := c.mustOperate(t, &master.Call{Type: master.Call_GET_MAINTENANCE_STATUS}).GetMaintenanceStatus.Status
	if len(r.DownMachines) != 1 || r.DownMachines[0].GetHostname() != "agent-1" || len(r.DrainingMachines) != 1 {
		t.Errorf("status: %v", r)
	}
	empty := windowFor(now, "agent-1")
	empty.UpdateMaintenanceSchedule.Schedule.Windows[0].MachineIDs = nil
	for name, tc := range map[string]struct {
		call *master.Call
		says string
	}{
		"without a machine that is down": {windowFor(now, "agent-2"), "cannot be removed"},
		"a machine twice":                {windowFor(now, "agent-1", "Agent-1"), "more than once"},
		"a machine without a name":       {windowFor(now, ""), "empty"},
		"a window without machines":      {empty, "empty window"},
	} {
		if _, err := c.Master().operate(tc.call); err == nil || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	got := c.mustOperate(t, &master.Call{Type: master.Call_GET_MAINTENANCE_SCHEDULE})
	if n := len(got.GetMaintenanceSchedule.Schedule.Windows); n != 2 {
		t.Errorf("a schedule that was refused has changed something: %d windows", n)
	}
	// It survives a restart of the master.
	if err := c.RestartMaster(t.Context()); err != nil {
		t.Fatal(err)
	}
	got = c.mustOperate(t, &master.Call{Type: master.Call_GET_MAINTENANCE_SCHEDULE})
	if n := len(got.GetMaintenanceSchedule.Schedule.Windows); n != 2 {
		t.Errorf("a restart has changed something: %d windows", n)
	}
	// A machine that comes up again leaves it.
	c.mustOperate(t, &master.Call{Type: master.Call_STOP_MAINTENANCE, StopMaintenance: &master.Call_StopMaintenance{
		Machines: []mesos.MachineID{{Hostname: ptr("agent-1")}},
	}})
	got = c.mustOperate(t, &master.Call{Type: master.Call_GET_MAINTENANCE_SCHEDULE})
	if left := got.GetMaintenanceSchedule.Schedule.Windows; len(left) != 1 || left[0].MachineIDs[0].GetHostname() != "agent-2" {
		t.Errorf("after the maintenance: %v", left)
	}
}
