package devcluster

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/executor"
)

// Agent is one in-process agent: it runs tasks and sends their updates until they are acknowledged. What it knows
// survives a crash of the agent, as what a real one checkpoints does. Its state is guarded by Cluster.mu.
type Agent struct {
	c        *Cluster
	index    int
	id       string
	hostname string
	port     int
	path     string // the agent's libprocess name: "slave(1)"
	dir      string // work dir
	fetched  *fetchCache
	started  time.Time

	partitioned, crashed bool
	holdExecutors        bool
	node                 *node // the current master's record
	silentTimer          *timer
	returnTimer          *timer
	delayed              []func() // messages of the master that a partition holds up

	frameworks map[string]*client
	runs       map[taskKey]*run
	ended      []*run // oldest first, at most Config.Sandboxes
}

// client is what an agent knows of a framework.
type client struct {
	id                           string
	info                         *mesos.FrameworkInfo
	killingState, partitionAware bool
}

// ID is the agent's id in Mesos.
func (a *Agent) ID() string { return a.id }

// reached reports whether a message between master and agent arrives now. Cluster.mu must be held.
func (a *Agent) reached() bool {
	return a.c.master.up && !a.partitioned && !a.crashed && a.node.state == nodeActive
}

func (a *Agent) address() string { return net.JoinHostPort(a.c.host, fmt.Sprint(a.port)) }

func (a *Agent) pid() string { return a.path + "@" + a.address() }

// url is where the agent's endpoints are, as it stands in offers.
func (a *Agent) url() *mesos.URL {
	host, path := a.c.host, "/"+a.path
	return &mesos.URL{
		Scheme:  "http",
		Address: mesos.Address{Hostname: &host, IP: &host, Port: int32(a.port)},
		Path:    &path,
	}
}

// deliver does what a message of the master asks for, when it arrives: at once, or when a partition ends in time, as
// TCP has it. To a crashed agent nothing arrives. Cluster.mu must be held.
func (a *Agent) deliver(f func()) {
	switch {
	case a.reached():
		f()
	case a.partitioned && a.c.master.up:
		a.delayed = append(a.delayed, f)
	}
}

// launch starts a task. Cluster.mu must be held.
func (a *Agent) launch(f *framework, info *mesos.TaskInfo) {
	if f.tasks[info.TaskID.Value] == nil {
		return // the framework was removed while the message was on its way
	}
	id := info.TaskID.Value
	if info.Executor != nil {
		id = info.Executor.ExecutorID.Value
	}
	x := a.newRun(f, info, id)
	if !a.c.cfg.Simulate {
		x.container = newUUID()
		x.dir = filepath.Join(a.executorsDir(f.id), id, "runs", x.container)
	}
	a.begin(x)
}

// launchGroup starts the tasks of a group, each in a container nested in the executor's.
func (a *Agent) launchGroup(f *framework, g *mesos.Offer_Operation_LaunchGroup) {
	if len(f.tasks) == 0 {
		return // the framework was removed while the message was on its way
	}
	group := &group{executor: g.Executor.ExecutorID.Value, container: newUUID()}
	for i := range g.TaskGroup.Tasks {
		x := a.newRun(f, &g.TaskGroup.Tasks[i], group.executor)
		x.container, x.parent, x.group = newUUID(), group.container, group
		x.dir = filepath.Join(a.executorsDir(f.id), group.executor, "runs", group.container, "containers", x.container)
		group.runs = append(group.runs, x)
	}
	for _, x := range group.runs {
		a.begin(x)
	}
}

func (a *Agent) executorsDir(framework string) string {
	return filepath.Join(a.dir, "slaves", a.id, "frameworks", framework, "executors")
}

func (a *Agent) newRun(f *framework, info *mesos.TaskInfo, executorID string) *run {
	a.frameworkUpdated(f)
	booked := f.tasks[info.TaskID.Value]
	x := &run{
		agent: a, client: a.frameworks[f.id], key: booked.key,
		info: info, executor: executorID, role: booked.role, uses: booked.uses, state: mesos.TASK_STAGING,
		framework: f.info, partitionAware: f.partitionAware,
	}
	a.runs[x.key] = x
	return x
}

func (a *Agent) begin(x *run) {
	if a.c.cfg.Simulate {
		a.startExecutor(x)
		return
	}
	ctx, cancel := context.WithCancel(context.Background()) // ended by a kill, by the process's end or by Close
	x.cancel = cancel
	a.c.wg.Add(1)
	go func() {
		defer a.c.wg.Done()
		defer cancel()
		a.execute(ctx, x)
	}()
}

// frameworkUpdated takes over what the master knows of a framework that subscribed again, and sends at once what it
// has not acknowledged.
func (a *Agent) frameworkUpdated(f *framework) {
	cl := a.frameworks[f.id]
	if cl != nil && cl.info == f.info {
		return
	}
	if cl == nil {
		cl = &client{id: f.id}
		a.frameworks[f.id] = cl
	}
	cl.info, cl.killingState, cl.partitionAware = f.info, f.killingState, f.partitionAware
	a.resume(f.id)
}

// resume sends the first unacknowledged update of each task of a framework now.
func (a *Agent) resume(framework string) {
	for _, x := range a.sortedRuns() {
		if x.key.framework == framework && len(x.updates) > 0 {
			a.forward(x)
		}
	}
}

// emit queues an update and sends it, unless one before it has not been acknowledged. Cluster.mu must be held.
func (a *Agent) emit(x *run, s *mesos.TaskStatus) {
	x.state = *s.State
	x.updates = append(x.updates, s)
	if terminal(x.state) {
		a.c.stop(x.startup)
		a.c.stop(x.ending)
		a.c.stop(x.deadline)
	}
	if len(x.updates) == 1 {
		x.backoff = a.c.cfg.UpdateRetryMin
		a.forward(x)
	}
}

// finish emits a terminal state of the executor's.
func (a *Agent) finish(x *run, state mesos.TaskState, message string) {
	s := x.status(state)
	s.Message = &message
	a.emit(x, s)
}

// forward sends the first update of x, and again after 10 s, 20 s and so on until it is acknowledged:
// recordings/unacknowledged.
func (a *Agent) forward(x *run) {
	a.c.stop(x.retry)
	x.retry = a.c.after(x.backoff, func() {
		x.backoff = min(2*x.backoff, a.c.cfg.UpdateRetryMax)
		a.forward(x)
	})
	if a.reached() {
		a.c.master.update(a.node, x.key, x.updates[0], x.state)
	}
}

// acknowledge drops the update with this uuid if it is the one that was sent, and sends the next.
func (a *Agent) acknowledge(key taskKey, uuid []byte) {
	x := a.runs[key]
	if x == nil || !a.reached() || len(x.updates) == 0 || string(x.updates[0].UUID) != string(uuid) {
		return
	}
	a.c.stop(x.retry)
	last := terminal(*x.updates[0].State)
	x.updates = x.updates[1:]
	if x.stream != nil {
		x.stream.push(&executor.Event{Type: executor.Event_ACKNOWLEDGED,
			Acknowledged: &executor.Event_Acknowledged{TaskID: x.info.TaskID, UUID: uuid}})
	}
	if last {
		x.settled = true
		if !x.custom() || x.exited || x.pgid == 0 {
			a.archive(x)
		}
		return
	}
	if len(x.updates) > 0 {
		x.backoff = a.c.cfg.UpdateRetryMin
		a.forward(x)
	}
}

// archive keeps an ended task's sandbox for a while.
func (a *Agent) archive(x *run) {
	delete(a.runs, x.key)
	if a.c.cfg.Simulate {
		return // no sandbox, nothing to keep
	}
	a.ended = append(a.ended, x)
	if len(a.ended) <= a.c.cfg.Sandboxes {
		return
	}
	oldest := a.ended[0]
	a.ended = a.ended[1:]
	if oldest.group == nil {
		a.c.collect(oldest.dir)
	}
}

// shutdownFramework kills the tasks of a removed framework; nobody hears of it any more.
func (a *Agent) shutdownFramework(id string) {
	if a.partitioned || a.crashed {
		return // again when the agent is back
	}
	for _, x := range a.sortedRuns() {
		if x.key.framework != id {
			continue
		}
		a.c.stop(x.retry)
		x.orphan = true
		if a.c.cfg.Simulate || terminal(x.state) && (x.pgid == 0 || x.exited) {
			a.c.stop(x.startup)
			a.c.stop(x.ending)
			a.archive(x)
			continue
		}
		if x.state == mesos.TASK_STAGING && !x.killing {
			x.cancel()
		}
		if x.stream != nil {
			x.stream.push(&executor.Event{Type: executor.Event_SHUTDOWN})
		}
		x.killing = true
		a.terminate(x, x.gracePeriod(nil))
	}
	delete(a.frameworks, id)
}

// shutdownExecutor kills the tasks of one executor: the call SHUTDOWN.
func (a *Agent) shutdownExecutor(framework, id string) {
	for _, x := range a.sortedRuns() {
		if x.key.framework == framework && x.executor == id {
			if x.stream != nil {
				x.stream.push(&executor.Event{Type: executor.Event_SHUTDOWN})
				a.terminate(x, x.gracePeriod(nil))
			} else {
				a.kill(x.key, nil, nil)
			}
		}
	}
}

// executorGone reports to the framework that an executor other than a command executor has ended.
func (a *Agent) executorGone(x *run, status int32) {
	if f := a.c.master.frameworks[x.key.framework]; f != nil && a.reached() {
		f.failure(a.id, x.executor, status)
	}
}
