package devcluster

import (
	"fmt"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	mesosmaintenance "github.com/mesos/mesos-go/api/v1/lib/maintenance"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
)

// maintenance is the schedule: windows by hostname.
type maintenance map[string]*mesos.Unavailability

func (s maintenance) windowOf(hostname string) *mesos.Unavailability { return s[hostname] }

// updateMaintenance replaces the schedule. Offers of a machine in it come again with the window; inverse offers ask
// for what is in use at once: recordings/maintenance.
func (m *Master) updateMaintenance(s mesosmaintenance.Schedule) error {
	m.maintenance = maintenance{}
	for _, w := range s.Windows {
		for _, machine := range w.MachineIDs {
			window := w.Unavailability
			m.maintenance[machine.GetHostname()] = &window
		}
	}
	for _, n := range m.order {
		window := m.maintenance[n.agent.hostname]
		if window == nil || n.state != nodeActive {
			continue
		}
		filters := n.filters
		m.rescindAll(n)
		n.filters = filters
		m.invert(n, window)
	}
	return nil
}

// invert sends an inverse offer to each framework that uses something of the agent.
func (m *Master) invert(n *node, window *mesos.Unavailability) {
	asked := map[string]bool{}
	for _, t := range sortedTasks(n.tasks) {
		f := m.frameworks[t.key.framework]
		if f == nil || asked[f.id] {
			continue
		}
		asked[f.id] = true
		id := fmt.Sprintf("%s-O%d", m.id, m.nextOffer)
		m.nextOffer++
		f.send(&scheduler.Event{Type: scheduler.Event_INVERSE_OFFERS, InverseOffers: &scheduler.Event_InverseOffers{
			InverseOffers: []mesos.InverseOffer{{
				OfferID: mesos.OfferID{Value: id}, URL: n.agent.url(), FrameworkID: mesos.FrameworkID{Value: f.id},
				AgentID: &mesos.AgentID{Value: n.id}, Unavailability: *window,
			}},
		}})
	}
}

// setDown takes machines down, with all that runs on them, or up again; their agents then register as before.
func (m *Master) setDown(machines []mesos.MachineID, down bool) error {
	for _, machine := range machines {
		for _, n := range m.order {
			if n.agent.hostname != machine.GetHostname() || n.down == down {
				continue
			}
			if down && m.maintenance[n.agent.hostname] == nil {
				return badRequest("Machine '%s' is not part of a maintenance schedule", machine.GetHostname())
			}
			n.down = down
			if down {
				m.removeNode(n, "Operator initiated 'Machine DOWN'")
			} else {
				m.c.replace(n.agent)
			}
		}
	}
	return nil
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
			m.tell(f, verdict(t.key.task, n.id, mesos.TASK_LOST, mesos.REASON_AGENT_REMOVED, message))
		}
	}
	m.rescindAll(n)
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

// killAll ends what runs on an agent that the master has told to go.
func (a *Agent) killAll() {
	for id := range a.frameworks {
		a.shutdownFramework(id)
	}
}
