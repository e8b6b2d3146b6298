package devcluster

import (
	"fmt"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
)

// version is the Mesos release whose behaviour the recordings show.
const version = "1.11.0"

// Limits of what the master remembers, as Mesos's flags max_completed_frameworks and
// max_completed_tasks_per_framework have them.
const (
	maxCompletedTasks      = 1000
	maxCompletedFrameworks = 50
)

// Master is the in-process master. Its state is guarded by Cluster.mu and forgotten by a restart, but for the ids of
// the agents, which a real master keeps in its registry.
type Master struct {
	c      *Cluster
	hooks  Hooks
	silent bool

	id            string
	up            bool
	started       time.Time
	frameworks    map[string]*framework
	removed       map[string]bool // ids of frameworks that are never accepted again
	completed     []*framework    // the last removed ones, oldest first
	agents        map[string]*node
	order         []*node // agents in the order of their index
	offers        map[string]*offer
	nextFramework int
	nextOffer     int
	maintenance   maintenance
}

// framework is what the master knows of one.
type framework struct {
	id         string
	info       *mesos.FrameworkInfo
	roles      []string
	stream     *stream // nil while disconnected
	suppressed map[string]bool
	tasks      map[string]*task
	ended      []*task          // acknowledged terminal ones, oldest first, at most maxCompletedTasks
	lost       map[string]*task // on unreachable agents
	failover   *timer
	allocated  resources // what it uses and has been offered

	partitionAware, killingState, refined bool
}

// node is the master's side of an agent.
type node struct {
	agent   *Agent
	id      string
	state   nodeState
	total   resources
	used    resources // by tasks and executors
	offered resources
	offers  map[string]*offer
	filters []filter
	tasks   map[taskKey]*task
	since   time.Time // registered at
	gone    time.Time // unreachable since
	kills   map[taskKey]bool
	drain   *drain
	down    bool // machine down for maintenance
}

type nodeState int

const (
	nodeActive       nodeState = iota
	nodeDisconnected           // its connection broke; it has until the pings time out to come back
	nodeUnreachable
	nodeRecovered // in the registry of a restarted master, not seen yet
	nodeRemoved
)

// taskKey names a task across frameworks.
type taskKey struct{ framework, task string }

// task is the master's record of one.
type task struct {
	key      taskKey
	node     *node
	info     *mesos.TaskInfo
	role     string
	executor string    // the executor's id, where it is not the command executor
	uses     resources // of this task and, for the first of an executor, of the executor
	counted  bool      // uses is part of node.used

	state    mesos.TaskState   // the latest that the agent reported
	status   *mesos.TaskStatus // the latest that was forwarded
	history  []*mesos.TaskStatus
	lostTime *mesos.TimeInfo
}

// boot makes the state of a fresh master. Cluster.mu must be held.
func (m *Master) boot(registry []*node) {
	m.id = newUUID()
	m.up, m.silent = true, false
	m.started = time.Now()
	m.frameworks = map[string]*framework{}
	m.removed = map[string]bool{}
	m.completed = nil
	m.agents = map[string]*node{}
	m.order = registry
	m.offers = map[string]*offer{}
	m.nextFramework, m.nextOffer = 0, 0
	m.maintenance.asked, m.maintenance.answers = map[string]*inverseOffer{}, map[inverseKey]inverseAnswer{}
	for _, n := range registry {
		m.agents[n.id] = n
	}
}

// subscribe attaches s to the framework that info names, or to a new one. What it refuses becomes an ERROR event.
// Cluster.mu must be held.
func (m *Master) subscribe(info *mesos.FrameworkInfo, suppressed []string, s *stream) {
	if text := invalidFramework(info, suppressed); text != "" {
		m.refuse(s, text)
		return
	}
	id := info.GetID().GetValue()
	if m.removed[id] {
		m.refuse(s, "Framework has been removed")
		return
	}
	if id == "" {
		id = fmt.Sprintf("%s-%04d", m.id, m.nextFramework)
		m.nextFramework++
		info.ID = &mesos.FrameworkID{Value: id}
	}
	f := m.frameworks[id]
	if f == nil {
		f = m.addFramework(id)
	}
	wasConnected := f.stream != nil
	if wasConnected {
		f.stream.push(&scheduler.Event{Type: scheduler.Event_ERROR, Error: &scheduler.Event_Error{Message: "Framework failed over"}})
		f.stream.close(streamEnded)
		m.deactivate(f)
	}
	m.c.stop(f.failover)
	f.configure(info, suppressed)
	f.stream = s
	m.c.log.Info("Framework subscribed", "framework", id, "name", info.Name, "json", s.json)
	interval := m.c.cfg.HeartbeatInterval.Seconds()
	s.push(&scheduler.Event{Type: scheduler.Event_SUBSCRIBED, Subscribed: &scheduler.Event_Subscribed{
		FrameworkID:              &mesos.FrameworkID{Value: id},
		HeartbeatIntervalSeconds: &interval,
		MasterInfo:               m.info(),
	}})
	s.push(&scheduler.Event{Type: scheduler.Event_HEARTBEAT})
	for _, n := range m.order {
		if n.state == nodeActive && n.agent.frameworks[id] != nil {
			n.agent.frameworkUpdated(f)
		}
	}
	// A framework that was active all the time waits for the next round of offers: recordings/scheduler_failover.
	if !wasConnected {
		m.allocate(m.order)
	}
}

func (m *Master) refuse(s *stream, text string) {
	s.push(&scheduler.Event{Type: scheduler.Event_ERROR, Error: &scheduler.Event_Error{Message: text}})
	s.close(streamEnded)
}

func (m *Master) addFramework(id string) *framework {
	f := &framework{id: id, tasks: map[string]*task{}, lost: map[string]*task{}}
	m.frameworks[id] = f
	return f
}

// configure takes over a FrameworkInfo.
func (f *framework) configure(info *mesos.FrameworkInfo, suppressed []string) {
	f.info = info
	f.partitionAware, f.killingState, f.refined = false, false, false
	multiRole := false
	for _, c := range info.Capabilities {
		switch c.Type {
		case mesos.FrameworkInfo_Capability_PARTITION_AWARE:
			f.partitionAware = true
		case mesos.FrameworkInfo_Capability_TASK_KILLING_STATE:
			f.killingState = true
		case mesos.FrameworkInfo_Capability_RESERVATION_REFINEMENT:
			f.refined = true
		case mesos.FrameworkInfo_Capability_MULTI_ROLE:
			multiRole = true
		}
	}
	f.roles = info.Roles
	if !multiRole {
		f.roles = []string{unreserved}
		if info.Role != nil && *info.Role != "" {
			f.roles = []string{*info.Role}
		}
	}
	f.suppressed = map[string]bool{}
	for _, role := range suppressed {
		f.suppressed[role] = true
	}
}

// disconnected is called when the connection of s is gone. Cluster.mu must be held.
func (m *Master) disconnected(s *stream) {
	for _, f := range m.frameworks {
		if f.stream == s {
			m.detach(f)
			return
		}
	}
}

// detach starts the failover timeout of a framework whose stream has ended. Cluster.mu must be held.
func (m *Master) detach(f *framework) {
	f.stream = nil
	m.deactivate(f)
	timeout := time.Duration(f.info.GetFailoverTimeout() * float64(time.Second))
	m.c.log.Info("Framework disconnected", "framework", f.id, "failoverTimeout", timeout)
	f.failover = m.c.after(timeout, func() {
		if m.frameworks[f.id] == f && f.stream == nil {
			m.removeFramework(f)
		}
	})
}

// deactivate takes back the offers of f, without events, and its filters.
func (m *Master) deactivate(f *framework) {
	for _, o := range m.offers {
		if o.framework == f {
			m.removeOffer(o, 0)
		}
	}
	m.dropFilters(f, nil)
	m.forgetInverse(f)
}

// removeFramework ends f for good: its tasks are killed, its id is never accepted again. Cluster.mu must be held.
func (m *Master) removeFramework(f *framework) {
	m.c.log.Info("Framework removed", "framework", f.id)
	m.deactivate(f)
	m.c.stop(f.failover)
	if f.stream != nil {
		f.stream.close(streamEnded)
		f.stream = nil
	}
	for _, t := range f.tasks {
		m.release(t)
		delete(t.node.tasks, t.key)
		if !terminal(t.state) {
			t.state = mesos.TASK_KILLED
		}
		f.remember(t)
	}
	f.tasks = map[string]*task{}
	delete(m.frameworks, f.id)
	m.removed[f.id] = true
	if m.completed = append(m.completed, f); len(m.completed) > maxCompletedFrameworks {
		m.completed = m.completed[1:]
	}
	for _, n := range m.order {
		n.agent.shutdownFramework(f.id)
	}
}

func (f *framework) remember(t *task) {
	f.ended = append(f.ended, t)
	if len(f.ended) > maxCompletedTasks {
		f.ended = append(f.ended[:0:0], f.ended[len(f.ended)-maxCompletedTasks/2:]...)
	}
}

// release gives back what t uses. Cluster.mu must be held.
func (m *Master) release(t *task) {
	if !t.counted {
		return
	}
	t.counted = false
	t.node.used = t.node.used.minus(t.uses)
	if f := m.frameworks[t.key.framework]; f != nil {
		f.allocated = f.allocated.minus(t.uses)
	}
}

// send queues an event for f, if it is connected. Cluster.mu must be held.
func (f *framework) send(e *scheduler.Event) {
	if f.stream != nil {
		f.stream.push(e)
	}
}

func (m *Master) info() *mesos.MasterInfo {
	host, port := m.c.host, m.c.port
	pid, v := fmt.Sprintf("master@%s:%d", host, port), version
	port32 := uint32(port)
	return &mesos.MasterInfo{
		ID: m.id, IP: ipNumber(host), Port: &port32, PID: &pid, Hostname: &host, Version: &v,
		Address: &mesos.Address{Hostname: &host, IP: &host, Port: int32(port)},
		Capabilities: []mesos.MasterInfo_Capability{
			{Type: mesos.MasterInfo_Capability_AGENT_UPDATE},
			{Type: mesos.MasterInfo_Capability_AGENT_DRAINING},
		},
	}
}

// terminal reports whether a task in this state has ended for the agent.
func terminal(s mesos.TaskState) bool {
	switch s {
	case mesos.TASK_STAGING, mesos.TASK_STARTING, mesos.TASK_RUNNING, mesos.TASK_KILLING, mesos.TASK_UNREACHABLE, mesos.TASK_UNKNOWN:
		return false
	}
	return true
}
