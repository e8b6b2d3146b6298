package manager

import "sync"

// hold has the controllers of the present term do nothing for a while, without ending it: nothing new could be stored, so nothing
// may be launched (I1). The subscription to Mesos stays, and what it brings waits. A manager that does not lead only remembers.
type hold struct {
	mu sync.Mutex
	// The fields below are guarded by mu.
	doubt bool // etcd does not say whether the lead is still ours
	full  bool // etcd is out of space
	term  *term
}

// set changes the reasons and carries out what follows.
func (h *hold) set(change func(*hold)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	was := h.doubt || h.full
	change(h)
	if now := h.doubt || h.full; h.term != nil && now != was {
		h.term.pause(now)
	}
}

// begin is called with a new term.
func (h *hold) begin(t *term) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.term = t
	if h.doubt || h.full {
		t.pause(true)
	}
}

// end is called when a term ends.
func (h *hold) end() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.term = nil
}

// outOfSpace reports whether etcd is.
func (h *hold) outOfSpace() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.full
}

// inDoubt reports whether this manager leads and etcd does not say whether it still does.
func (h *hold) inDoubt() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.doubt
}

// doubted is told by the election.
func (m *Manager) doubted(doubt bool) { m.hold.set(func(h *hold) { h.doubt = doubt }) }

// spaceChanged is told by the store.
func (m *Manager) spaceChanged(full bool) {
	if full {
		m.log.Info("etcd is out of space and takes no writes: nothing is launched until it does")
	} else {
		m.log.Info("etcd has space again")
	}
	m.hold.set(func(h *hold) { h.full = full })
}

// pause has the loops begin nothing, and refuses what the placer would still store; or ends that. What has come meanwhile is looked
// at then.
func (t *term) pause(pause bool) {
	t.writer.Pause(pause)
	for _, c := range t.controllers {
		if pause {
			c.loop.Pause()
		} else {
			c.loop.Resume()
		}
	}
}
