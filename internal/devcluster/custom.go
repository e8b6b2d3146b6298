package devcluster

import (
	"fmt"
	"net/http"
	"os/exec"
	"syscall"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/executor"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
)

// registrationTimeout is how long an executor may take to subscribe: executor_registration_timeout.
const registrationTimeout = time.Minute

// awaitExecutor waits for the process of an executor of the framework's own. It hears of its task once it subscribes
// by the executor API; if it ends before its task does, that has failed: recordings/fetch_and_executors, task custom.
func (a *Agent) awaitExecutor(x *run, cmd *exec.Cmd) {
	a.c.mu.Lock()
	x.deadline = a.c.after(registrationTimeout, func() {
		if x.subscribed || terminal(x.state) {
			return
		}
		a.emit(x, x.agentStatus(mesos.TASK_FAILED, mesos.REASON_EXECUTOR_REGISTRATION_TIMEOUT, "Executor did not register within 1mins"))
		a.terminate(x, x.gracePeriod(nil))
	})
	a.c.mu.Unlock()
	_ = cmd.Wait() // what matters of the error is in ProcessState
	a.c.mu.Lock()
	defer a.c.mu.Unlock()
	x.exited = true
	_ = syscall.Kill(-x.pgid, syscall.SIGKILL) // what it left behind; ESRCH if nothing
	a.c.stop(x.grace)
	a.c.stop(x.deadline)
	if x.stream != nil {
		x.stream.close(streamEnded)
	}
	switch {
	case x.orphan, x.settled:
		a.executorGone(x, int32(cmd.ProcessState.ExitCode()))
		a.archive(x)
	case a.crashed:
		x.exitedInCrash = !terminal(x.state)
	default:
		a.executorGone(x, int32(cmd.ProcessState.ExitCode()))
		a.executorEnded(x)
	}
}

// executorEnded ends the task of an executor that is no more.
func (a *Agent) executorEnded(x *run) {
	switch {
	case terminal(x.state): // and not acknowledged yet
	case x.killing && !x.subscribed:
		a.emit(x, x.agentStatus(mesos.TASK_KILLED, mesos.REASON_TASK_KILLED_DURING_LAUNCH, "Killed before delivery to the executor"))
	default:
		a.emit(x, x.executorTerminated())
	}
}

// serveExecutor answers the executor API, /api/v1/executor.
func (a *Agent) serveExecutor(w http.ResponseWriter, r *http.Request) {
	var call executor.Call
	if err := decodeOperatorCall(r, &call, executor.Call_Type_value); err != nil {
		reply(w, err)
		return
	}
	if problem := invalidExecutorCall(&call); problem != "" {
		reply(w, badRequest("Failed to validate Executor::Call: %s", problem))
		return
	}
	if call.Type == executor.Call_SUBSCRIBE {
		a.serveExecutorStream(w, r, &call)
		return
	}
	a.c.mu.Lock()
	err := a.executorCall(&call)
	a.c.mu.Unlock()
	if err != nil {
		reply(w, err)
		return
	}
	w.WriteHeader(http.StatusAccepted)
}

// serveExecutorStream subscribes an executor: it gets its task the first time.
func (a *Agent) serveExecutorStream(w http.ResponseWriter, r *http.Request, call *executor.Call) {
	asJSON, ok := accepts(r)
	if !ok {
		reply(w, &httpError{http.StatusNotAcceptable, "Expecting 'Accept' to allow " + mediaProtobuf + " or " + mediaJSON})
		return
	}
	s := &stream{json: asJSON, notify: make(chan struct{}, 1)}
	a.c.mu.Lock()
	x := a.executorRun(call)
	if x == nil {
		a.c.mu.Unlock()
		reply(w, badRequest("Executor cannot be found"))
		return
	}
	if x.stream != nil {
		x.stream.close(streamEnded)
	}
	x.stream = s
	s.push(&executor.Event{Type: executor.Event_SUBSCRIBED, Subscribed: &executor.Event_Subscribed{
		ExecutorInfo: *x.info.Executor, FrameworkInfo: *x.framework, ContainerID: &mesos.ContainerID{Value: x.container},
		AgentInfo: mesos.AgentInfo{ID: &mesos.AgentID{Value: a.id}, Hostname: a.hostname},
	}})
	if !x.subscribed {
		x.subscribed = true
		s.push(&executor.Event{Type: executor.Event_LAUNCH, Launch: &executor.Event_Launch{Task: *x.info}})
	}
	if call.Subscribe != nil {
		for i := range call.Subscribe.UnacknowledgedUpdates {
			a.executorUpdate(x, &call.Subscribe.UnacknowledgedUpdates[i].Status)
		}
	}
	a.c.mu.Unlock()
	defer func() {
		a.c.mu.Lock()
		if x.stream == s {
			x.stream = nil
		}
		a.c.mu.Unlock()
	}()
	a.c.serveStream(w, r, s)
}

// executorRun finds the task of the executor that makes a call.
func (a *Agent) executorRun(call *executor.Call) *run {
	for _, x := range a.runs {
		if x.custom() && !x.exited && x.key.framework == call.FrameworkID.Value && x.executor == call.ExecutorID.Value {
			return x
		}
	}
	return nil
}

// executorCall takes an UPDATE or a MESSAGE. Cluster.mu must be held.
func (a *Agent) executorCall(call *executor.Call) error {
	x := a.executorRun(call)
	switch {
	case x == nil:
		return badRequest("Executor cannot be found")
	case x.stream == nil:
		return &httpError{http.StatusForbidden, "Executor is not subscribed"}
	case call.Type == executor.Call_UPDATE:
		if call.Update.Status.TaskID.Value != x.key.task {
			return badRequest("Failed to validate Executor::Call: the executor has no task '%s'", call.Update.Status.TaskID.Value)
		}
		a.executorUpdate(x, &call.Update.Status)
	case call.Type == executor.Call_MESSAGE:
		if f := a.c.master.frameworks[x.key.framework]; f != nil && a.reached() {
			f.send(&scheduler.Event{Type: scheduler.Event_MESSAGE, Message: &scheduler.Event_Message{
				AgentID: mesos.AgentID{Value: a.id}, ExecutorID: mesos.ExecutorID{Value: x.executor}, Data: call.Message.Data}})
		}
	}
	return nil
}

// invalidExecutorCall finds what an agent refuses, in its words (executor::call::validate in src/slave/validation.cpp); "" is nothing.
func invalidExecutorCall(call *executor.Call) string {
	absent := func(field string) string { return "Expecting '" + field + "' to be present" }
	switch call.Type {
	case executor.Call_SUBSCRIBE:
		if call.Subscribe == nil {
			return absent("subscribe")
		}
	case executor.Call_UPDATE:
		if call.Update == nil {
			return absent("update")
		}
		return invalidExecutorUpdate(call, &call.Update.Status)
	case executor.Call_MESSAGE:
		if call.Message == nil {
			return absent("message")
		}
	default:
		return absent("type")
	}
	return ""
}

func invalidExecutorUpdate(call *executor.Call, s *mesos.TaskStatus) string {
	from := fmt.Sprintf("executor '%s' of framework %s", call.ExecutorID.Value, call.FrameworkID.Value)
	switch {
	case len(s.UUID) == 0:
		return "Expecting 'uuid' to be present"
	case !validUUID(s.UUID):
		return "Not a valid UUID"
	case s.ExecutorID != nil && s.ExecutorID.Value != call.ExecutorID.Value:
		return fmt.Sprintf("ExecutorID in Call: %s does not match ExecutorID in TaskStatus: %s", call.ExecutorID.Value, s.ExecutorID.Value)
	case s.GetSource() != mesos.SOURCE_EXECUTOR:
		return fmt.Sprintf("Received Call from %s with invalid source, expecting 'SOURCE_EXECUTOR'", from)
	case s.State == nil:
		return "Expecting 'state' to be present"
	case *s.State == mesos.TASK_STAGING:
		return fmt.Sprintf("Received TASK_STAGING from %s which is not allowed", from)
	}
	return ""
}

// executorUpdate queues an update of an executor, unless it is there already.
func (a *Agent) executorUpdate(x *run, s *mesos.TaskStatus) {
	for _, queued := range x.updates {
		if string(queued.UUID) == string(s.UUID) {
			return
		}
	}
	if terminal(x.state) {
		return
	}
	own := x.status(*s.State)
	own.UUID, own.Message, own.Reason, own.Data = s.UUID, s.Message, s.Reason, s.Data
	own.Healthy, own.Labels, own.CheckStatus = s.Healthy, s.Labels, s.CheckStatus
	a.emit(x, own)
}

// toExecutor passes a framework's MESSAGE on.
func (a *Agent) toExecutor(framework string, msg *scheduler.Call_Message) {
	for _, x := range a.runs {
		if x.key.framework == framework && x.executor == msg.ExecutorID.Value && x.stream != nil {
			x.stream.push(&executor.Event{Type: executor.Event_MESSAGE, Message: &executor.Event_Message{Data: msg.Data}})
		}
	}
}
