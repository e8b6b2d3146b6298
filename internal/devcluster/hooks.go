package devcluster

import (
	"net/http"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
)

// Hooks let a test force an order of things, or lose them. They may be called from several goroutines at once.
type Hooks struct {
	// BeforeCall is called with the type of each call ("ACCEPT") before the master looks at it, without locks: it
	// may block, to delay the call. If it returns false the call is lost: the connection breaks without an answer.
	// It must return when the request's connection is gone, else Close waits for it: done is closed then.
	BeforeCall func(callType string, done <-chan struct{}) bool
	// BeforeUpdate is called with the task's id and state ("TASK_RUNNING") before the master forwards an update of
	// an agent. If it returns false the update is lost; the agent sends it again after UpdateRetryMin. It is called
	// under the cluster's lock: it must not block, nor call the cluster.
	BeforeUpdate func(taskID, state string) bool
}

// SetHooks replaces the hooks.
func (m *Master) SetHooks(h Hooks) {
	m.c.mu.Lock()
	defer m.c.mu.Unlock()
	m.hooks = h
}

func (m *Master) beforeCall(r *http.Request, call *scheduler.Call) bool {
	m.c.mu.Lock()
	hook := m.hooks.BeforeCall
	m.c.mu.Unlock()
	return hook == nil || hook(call.Type.String(), r.Context().Done())
}

func (m *Master) passUpdate(s *mesos.TaskStatus) bool {
	return m.hooks.BeforeUpdate == nil || m.hooks.BeforeUpdate(s.TaskID.Value, s.State.String())
}

// DropStreams breaks the connections of all subscriptions, as a network does.
func (m *Master) DropStreams() {
	m.c.mu.Lock()
	defer m.c.mu.Unlock()
	for _, f := range m.frameworks {
		if f.stream != nil {
			f.stream.close(streamCut)
		}
	}
}

// Silence makes the master write nothing to subscriptions, not even heartbeats, while their connections stay open
// and calls are still answered; false ends it, and what was held back goes out.
func (m *Master) Silence(silent bool) {
	m.c.mu.Lock()
	defer m.c.mu.Unlock()
	m.silent = silent
	for _, f := range m.frameworks {
		if f.stream != nil {
			f.stream.wake()
		}
	}
}

// RescindOffers takes back every offer that is out, with RESCIND events.
func (m *Master) RescindOffers() {
	m.c.mu.Lock()
	defer m.c.mu.Unlock()
	for _, o := range sortedOffers(m.offers) {
		m.rescind(o)
	}
}

// RemoveFramework removes a framework as an operator does by the TEARDOWN call, and reports whether there was one.
func (m *Master) RemoveFramework(id string) bool {
	m.c.mu.Lock()
	defer m.c.mu.Unlock()
	f := m.frameworks[id]
	if f != nil {
		m.removeFramework(f)
	}
	return f != nil
}
