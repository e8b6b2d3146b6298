package manager

import "sync"

// pauses has the controllers of the present term do nothing for a while, without ending it: nothing new could be stored, so nothing
// may be launched (I1). The subscription to Mesos stays, and what it brings waits. A manager that does not lead only remembers why.
type pauses struct {
	mu sync.Mutex
	// The fields below are guarded by mu.
	doubt bool // etcd does not say whether the lead is still ours
	full  bool // etcd is out of space
	term  *term
}

// set changes the reasons and carries out what follows.
func (p *pauses) set(change func(*pauses)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	was := p.doubt || p.full
	change(p)
	if now := p.doubt || p.full; p.term != nil && now != was {
		p.term.pause(now)
	}
}

// begin is called with a new term.
func (p *pauses) begin(t *term) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.term = t
	if p.doubt || p.full {
		t.pause(true)
	}
}

// end is called when a term ends.
func (p *pauses) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.term = nil
}

// outOfSpace reports whether etcd is.
func (p *pauses) outOfSpace() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.full
}

// inDoubt reports whether this manager leads and etcd does not say whether it still does.
func (p *pauses) inDoubt() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.doubt
}

// doubted is called by the election.
func (m *Manager) doubted(doubt bool) { m.pauses.set(func(p *pauses) { p.doubt = doubt }) }

// spaceChanged is called by the store.
func (m *Manager) spaceChanged(full bool) {
	if full {
		m.log.Info("etcd is out of space and takes no writes: nothing is launched until it does")
	} else {
		m.log.Info("etcd has space again")
	}
	m.pauses.set(func(p *pauses) { p.full = full })
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
