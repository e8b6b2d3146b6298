package devcluster

import (
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	mesosallocator "github.com/mesos/mesos-go/api/v1/lib/allocator"
	mesosmaintenance "github.com/mesos/mesos-go/api/v1/lib/maintenance"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
)

// maintenance is the schedule, what frameworks were asked because of it, and what they answered. The zero value is an empty one.
type maintenance struct {
	schedule mesosmaintenance.Schedule
	// windows by hostname.
	windows map[string]*mesos.Unavailability
	// asked are the inverse offers that are out, by id.
	asked map[string]*inverseOffer
	// answers by agent and framework; one is filtered until its time.
	answers map[inverseKey]inverseAnswer
}

type inverseKey struct{ agent, framework string }

// inverseOffer asks a framework for what it uses of an agent.
type inverseOffer struct {
	id  string
	key inverseKey
}

type inverseAnswer struct {
	status mesosallocator.InverseOfferStatus
	until  time.Time // when the framework may be asked again
}

func (s *maintenance) windowOf(hostname string) *mesos.Unavailability {
	return s.windows[strings.ToLower(hostname)]
}

// updateMaintenance replaces the schedule. Offers of a machine whose window is new, another or called off are rescinded and come again
// as it is now; inverse offers ask for what is in use at once: recordings/maintenance. What was asked and answered before is void.
func (m *Master) updateMaintenance(s mesosmaintenance.Schedule) error {
	windows, err := m.readSchedule(&s)
	if err != nil {
		return err
	}
	changed := func(n *node) bool {
		before, now := m.maintenance.windowOf(n.agent.hostname), windows[strings.ToLower(n.agent.hostname)]
		return !before.Equal(now)
	}
	var touched []*node
	for _, n := range m.order {
		if changed(n) {
			touched = append(touched, n)
			m.rescindInverse(n)
		}
	}
	m.maintenance.schedule, m.maintenance.windows = s, windows
	for _, n := range touched {
		if n.state == nodeActive {
			filters := n.filters
			m.rescindAll(n)
			n.filters = filters
		}
	}
	m.invertAll()
	return nil
}

// readSchedule checks what Mesos's documentation says that a master checks.
func (m *Master) readSchedule(s *mesosmaintenance.Schedule) (map[string]*mesos.Unavailability, error) {
	windows := map[string]*mesos.Unavailability{}
	for i := range s.Windows {
		w := &s.Windows[i]
		if len(w.MachineIDs) == 0 {
			return nil, badRequest("Schedule has an empty window")
		}
		for _, machine := range w.MachineIDs {
			name := strings.ToLower(machine.GetHostname())
			switch {
			case name == "" && machine.GetIP() == "":
				return nil, badRequest("Both 'hostname' and 'ip' for a machine are empty")
			case windows[name] != nil:
				return nil, badRequest("Machine '%s' appears more than once in the schedule", machine.GetHostname())
			}
			windows[name] = &w.Unavailability
		}
	}
	for _, n := range m.order {
		if n.down && windows[strings.ToLower(n.agent.hostname)] == nil {
			return nil, badRequest("Machine '%s' is deactivated and cannot be removed from the schedule", n.agent.hostname)
		}
	}
	return windows, nil
}

// invertAll sends an inverse offer to each framework that uses something of an agent with a window, unless one is out or its answer
// still holds. It is part of each round of offers.
func (m *Master) invertAll() {
	if len(m.maintenance.windows) == 0 {
		return
	}
	out := map[*framework][]mesos.InverseOffer{}
	for _, n := range m.order {
		window := m.maintenance.windowOf(n.agent.hostname)
		if window == nil || n.state != nodeActive || n.down {
			continue
		}
		for _, t := range sortedTasks(n.tasks) {
			f, key := m.frameworks[t.key.framework], inverseKey{n.id, t.key.framework}
			if f == nil || f.stream == nil || m.askedAlready(key) {
				continue
			}
			o := &inverseOffer{id: fmt.Sprintf("%s-O%d", m.id, m.nextOffer), key: key}
			m.nextOffer++
			m.maintenance.asked[o.id] = o
			out[f] = append(out[f], mesos.InverseOffer{
				OfferID: mesos.OfferID{Value: o.id}, URL: n.agent.url(), FrameworkID: mesos.FrameworkID{Value: f.id},
				AgentID: &mesos.AgentID{Value: n.id}, Unavailability: *window,
			})
		}
	}
	for f, offers := range out {
		f.send(&scheduler.Event{Type: scheduler.Event_INVERSE_OFFERS, InverseOffers: &scheduler.Event_InverseOffers{InverseOffers: offers}})
	}
}

func (m *Master) askedAlready(key inverseKey) bool {
	for _, o := range m.maintenance.asked {
		if o.key == key {
			return true
		}
	}
	return m.maintenance.answers[key].until.After(time.Now())
}

// answerInverse notes what a framework says to inverse offers. Those that are not out any more are passed over, as by Mesos.
func (m *Master) answerInverse(f *framework, ids []mesos.OfferID, status mesosallocator.InverseOfferStatus_Status, filters *mesos.Filters) {
	for _, id := range ids {
		o := m.maintenance.asked[id.Value]
		if o == nil || o.key.framework != f.id {
			continue
		}
		delete(m.maintenance.asked, o.id)
		now := time.Now()
		m.maintenance.answers[o.key] = inverseAnswer{until: now.Add(refusal(filters)), status: mesosallocator.InverseOfferStatus{
			Status: &status, FrameworkID: mesos.FrameworkID{Value: f.id}, Timestamp: mesos.TimeInfo{Nanoseconds: now.UnixNano()},
		}}
	}
}

// rescindInverse takes back what was asked about an agent, and forgets what was answered.
func (m *Master) rescindInverse(n *node) {
	for id, o := range m.maintenance.asked {
		if o.key.agent != n.id {
			continue
		}
		delete(m.maintenance.asked, id)
		if f := m.frameworks[o.key.framework]; f != nil {
			f.send(&scheduler.Event{Type: scheduler.Event_RESCIND_INVERSE_OFFER, RescindInverseOffer: &scheduler.Event_RescindInverseOffer{
				InverseOfferID: mesos.OfferID{Value: id},
			}})
		}
	}
	for key := range m.maintenance.answers {
		if key.agent == n.id {
			delete(m.maintenance.answers, key)
		}
	}
}

// forgetInverse drops what was asked of a framework that is not there any more, without an event.
func (m *Master) forgetInverse(f *framework) {
	for id, o := range m.maintenance.asked {
		if o.key.framework == f.id {
			delete(m.maintenance.asked, id)
		}
	}
}

// maintenanceStatus is GET_MAINTENANCE_STATUS: machines with a window, and the last answer of each framework that was asked.
func (m *Master) maintenanceStatus() mesosmaintenance.ClusterStatus {
	var out mesosmaintenance.ClusterStatus
	for i := range m.maintenance.schedule.Windows {
		for _, machine := range m.maintenance.schedule.Windows[i].MachineIDs {
			draining := mesosmaintenance.ClusterStatus_DrainingMachine{ID: machine}
			down := false
			for _, n := range m.order {
				if strings.EqualFold(n.agent.hostname, machine.GetHostname()) {
					down = down || n.down
					draining.Statuses = append(draining.Statuses, m.answersOf(n)...)
				}
			}
			if down {
				out.DownMachines = append(out.DownMachines, machine)
			} else {
				out.DrainingMachines = append(out.DrainingMachines, draining)
			}
		}
	}
	return out
}

func (m *Master) answersOf(n *node) (out []mesosallocator.InverseOfferStatus) {
	for key, answer := range m.maintenance.answers {
		if key.agent == n.id {
			out = append(out, answer.status)
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].FrameworkID.Value < out[j].FrameworkID.Value })
	return out
}

// setDown takes machines down, with all that runs on them, or up again; they then leave the schedule, and their agents register as
// before.
func (m *Master) setDown(machines []mesos.MachineID, down bool) error {
	for _, machine := range machines {
		for _, n := range m.order {
			if !strings.EqualFold(n.agent.hostname, machine.GetHostname()) || n.down == down {
				continue
			}
			if down && m.maintenance.windowOf(n.agent.hostname) == nil {
				return badRequest("Machine '%s' is not part of a maintenance schedule", machine.GetHostname())
			}
			n.down = down
			if down {
				m.removeNode(n, "Operator initiated 'Machine DOWN'")
			} else {
				m.unschedule(n.agent.hostname)
				m.c.replace(n.agent)
			}
		}
	}
	return nil
}

// unschedule takes a machine out of the schedule, and windows with none left. What was answered of the schedule does not change.
func (m *Master) unschedule(hostname string) {
	delete(m.maintenance.windows, strings.ToLower(hostname))
	var left []mesosmaintenance.Window
	for _, w := range m.maintenance.schedule.Windows {
		w.MachineIDs = slices.DeleteFunc(slices.Clone(w.MachineIDs),
			func(id mesos.MachineID) bool { return strings.EqualFold(id.GetHostname(), hostname) })
		if len(w.MachineIDs) > 0 {
			left = append(left, w)
		}
	}
	m.maintenance.schedule.Windows = left
}

// removeNode removes an agent for good: its tasks are lost, to partition-aware frameworks too.
func (m *Master) removeNode(n *node, why string) {
	message := fmt.Sprintf("Agent %s removed: %s", n.agent.hostname, why)
	n.state = nodeRemoved
	for _, t := range sortedTasks(n.tasks) {
		m.release(t)
		delete(n.tasks, t.key)
		if f := m.frameworks[t.key.framework]; f != nil {
			delete(f.tasks, t.key.task)
			t.state = mesos.TASK_LOST
			f.remember(t)
			m.sendStatus(f, verdict(t.key.task, n.id, mesos.TASK_LOST, mesos.REASON_AGENT_REMOVED, message))
		}
	}
	m.rescindAll(n)
	m.rescindInverse(n)
	for _, f := range m.frameworks {
		f.failure(n.id, "", 0)
	}
	n.agent.killAll()
}

// replace starts a new agent, with a new id, on the machine of one that was removed: the master never takes that one
// back. Of a real agent its supervisor would do this. Cluster.mu must be held.
func (c *Cluster) replace(old *Agent) {
	a := &Agent{
		c: c, index: old.index, id: fmt.Sprintf("%s-S%d", c.epoch, c.nextAgent), hostname: old.hostname, port: old.port, path: old.path,
		dir: old.dir, started: time.Now(), frameworks: map[string]*client{}, runs: map[taskKey]*run{}, fetched: old.fetched,
	}
	c.nextAgent++
	a.node = c.newNode(a)
	c.agents[a.index] = a
	c.retired = append(c.retired, old)
	delete(c.master.agents, old.id)
	c.master.agents[a.id] = a.node
	c.master.order[a.index] = a.node
	a.node.state = nodeRemoved // not offered until it has registered
	a.comeBack()
}

// killAll ends what runs on an agent that the master has ordered to shut down.
func (a *Agent) killAll() {
	for id := range a.frameworks {
		a.shutdownFramework(id)
	}
}
