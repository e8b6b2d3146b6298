package devcluster

import (
	"net/http"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	mesosallocator "github.com/mesos/mesos-go/api/v1/lib/allocator"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
)

// call does what a subscribed framework asks for, and returns the status code of success.
func (m *Master) call(call *scheduler.Call, streamID string) (int, error) {
	m.c.mu.Lock()
	defer m.c.mu.Unlock()
	if !m.up {
		panic(http.ErrAbortHandler)
	}
	f, err := m.caller(call.FrameworkID.Value, streamID)
	if err != nil {
		return 0, err
	}
	switch call.Type {
	case scheduler.Call_ACCEPT:
		return http.StatusAccepted, m.accept(f, call.Accept)
	case scheduler.Call_DECLINE:
		m.decline(f, call.Decline.OfferIDs, refusal(call.Decline.Filters))
	case scheduler.Call_REVIVE:
		var roles []string
		if call.Revive != nil {
			roles = call.Revive.Roles
		}
		m.revive(f, roles)
	case scheduler.Call_SUPPRESS:
		var roles []string
		if call.Suppress != nil {
			roles = call.Suppress.Roles
		}
		for _, role := range orAll(roles, f) {
			f.suppressed[role] = true
		}
	case scheduler.Call_KILL:
		m.kill(f, call.Kill)
	case scheduler.Call_ACKNOWLEDGE:
		m.acknowledge(f, call.Acknowledge)
	case scheduler.Call_RECONCILE:
		m.reconcile(f, call.Reconcile.Tasks)
	case scheduler.Call_TEARDOWN:
		m.removeFramework(f)
	case scheduler.Call_UPDATE_FRAMEWORK:
		return http.StatusOK, m.updateFramework(f, call.UpdateFramework)
	case scheduler.Call_SHUTDOWN:
		if n := m.agents[call.Shutdown.AgentID.Value]; n != nil && n.state == nodeActive {
			n.agent.shutdownExecutor(f.id, call.Shutdown.ExecutorID.Value)
		}
	case scheduler.Call_MESSAGE:
		if n := m.agents[call.Message.AgentID.Value]; n != nil && n.state == nodeActive {
			n.agent.deliver(func() { n.agent.toExecutor(f.id, call.Message) })
		}
	case scheduler.Call_ACCEPT_INVERSE_OFFERS:
		a := call.AcceptInverseOffers
		m.answerInverse(f, a.InverseOfferIDs, mesosallocator.InverseOfferStatus_ACCEPT, a.Filters)
	case scheduler.Call_DECLINE_INVERSE_OFFERS:
		d := call.DeclineInverseOffers
		m.answerInverse(f, d.InverseOfferIDs, mesosallocator.InverseOfferStatus_DECLINE, d.Filters)
	case scheduler.Call_REQUEST:
		// Accepted, as by Mesos; nothing here depends on them.
	default:
		return 0, badRequest("%s calls are not supported by the dev cluster", call.Type)
	}
	return http.StatusAccepted, nil
}

// caller finds the framework of a call and checks that the call belongs to its current subscription.
func (m *Master) caller(id, streamID string) (*framework, error) {
	f := m.frameworks[id]
	switch {
	case f == nil:
		return nil, badRequest("Framework cannot be found")
	case f.stream == nil:
		return nil, &httpError{http.StatusForbidden, "Framework is not subscribed"}
	case streamID == "":
		return nil, badRequest("All non-subscribe calls should include the 'Mesos-Stream-Id' header")
	case streamID != f.stream.id:
		return nil, badRequest("The stream ID '%s' included in this request didn't match the stream ID currently "+
			"associated with framework ID %s", streamID, id)
	}
	return f, nil
}

func orAll(roles []string, f *framework) []string {
	if len(roles) == 0 {
		return f.roles
	}
	return roles
}

func (m *Master) decline(f *framework, ids []mesos.OfferID, refuse time.Duration) {
	for _, id := range ids {
		if o := m.offers[id.Value]; o != nil && o.framework == f {
			m.removeOffer(o, refuse)
		}
	}
}

// revive clears the filters of these roles, or of all, and offers at once: recordings/suppress_revive.
func (m *Master) revive(f *framework, roles []string) {
	roles = orAll(roles, f)
	for _, role := range roles {
		delete(f.suppressed, role)
	}
	m.dropFilters(f, roles)
	m.allocate(m.order)
}

func (m *Master) updateFramework(f *framework, u *scheduler.Call_UpdateFramework) error {
	if text := invalidFramework(&u.FrameworkInfo, u.SuppressedRoles); text != "" {
		return badRequest("'UpdateFramework.framework_info' is not valid: %s", text)
	}
	before := f.roles
	f.configure(&u.FrameworkInfo, u.SuppressedRoles)
	for _, o := range sortedOffers(m.offers) {
		if o.framework == f && !contains(f.roles, o.role) {
			m.rescind(o)
		}
	}
	for _, role := range f.roles {
		if !contains(before, role) {
			m.allocate(m.order)
			break
		}
	}
	return nil
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// kill passes a KILL on to the agent, or answers it as a reconciliation if there is no such task.
func (m *Master) kill(f *framework, k *scheduler.Call_Kill) {
	t := f.tasks[k.TaskID.Value]
	if t == nil {
		m.reconcile(f, []scheduler.Call_Reconcile_Task{{TaskID: k.TaskID, AgentID: k.AgentID}})
		return
	}
	if k.AgentID != nil && k.AgentID.Value != t.node.id {
		return // Mesos logs it and does nothing
	}
	if t.node.state != nodeActive {
		t.node.kills[t.key] = true // again when the agent is back
		return
	}
	t.node.agent.deliver(func() { t.node.agent.kill(t.key, k.KillPolicy, nil) })
}

// acknowledge takes a task that has ended off the books, and lets the agent send the next update.
func (m *Master) acknowledge(f *framework, a *scheduler.Call_Acknowledge) {
	n := m.agents[a.AgentID.Value]
	if n == nil || n.state != nodeActive {
		return // the agent sends the update again, and so will the framework this
	}
	if t := f.tasks[a.TaskID.Value]; t != nil && t.node == n && t.status != nil &&
		terminal(*t.status.State) && string(t.status.UUID) == string(a.UUID) {
		m.forget(f, t)
	}
	n.agent.deliver(func() { n.agent.acknowledge(taskKey{f.id, a.TaskID.Value}, a.UUID) })
}

// forget moves an ended task to the history.
func (m *Master) forget(f *framework, t *task) {
	m.release(t)
	delete(f.tasks, t.key.task)
	delete(t.node.tasks, t.key)
	f.remember(t)
}
