package run

import (
	"sync"
	"time"

	"horae/controllers/run/placement"
	"horae/internal/offer"
	"horae/internal/store"
)

// Facts are what this process remembers about a Run. They save time or add caution; Plan is right without them.
type Facts struct {
	// InFlight: the ACCEPT of the live attempt has not been answered on this subscription. It may yet arrive,
	// so that "unknown" says nothing, and neither a question nor a kill makes sense.
	InFlight bool
	// Progress is how far the live attempt has come, according to updates that are not stored (STAGING, STARTING).
	Progress progress
	// Kills of the live attempt so far, on this subscription, and when the last was sent.
	Kills    int
	LastKill time.Time
	// Asks after the live attempt so far, on this subscription, and when the last was sent.
	Asks    int
	LastAsk time.Time
	// FrameworkID and WorkDir of the live attempt's agent, if known, make the path of its sandbox.
	FrameworkID string
	WorkDir     string
	// Maintenance is the window of the live attempt's agent; nil: none is known. A window with a zero start
	// was called off.
	Maintenance *offer.Window
	// ProgressWritten is when this process last wrote a progress of the live attempt.
	ProgressWritten time.Time
	// Why the Run waits for a place, as its status is to report it; zero: nothing to report.
	Why placement.Why
}

// memory holds the Facts of Runs. All of it may be lost.
type memory struct {
	mu sync.Mutex
	// The fields below are guarded by mu.
	runs map[store.Key]*runMemory
}

type runMemory struct {
	// task is the live attempt that the next fields speak of, epoch the subscription.
	task     string
	epoch    int64
	progress progress
	kills    int
	lastKill time.Time
	asks     int
	lastAsk  time.Time
	// progressWritten is when the status was last written with another progress.
	progressWritten time.Time

	why placement.Why
}

// of returns what is known of the Run with this live attempt on this subscription. It forgets what was known of
// another attempt, and what was sent on an earlier subscription, which may not have arrived.
func (m *memory) of(key store.Key, task string, epoch int64) runMemory {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.runs[key]
	if r == nil {
		return runMemory{task: task, epoch: epoch}
	}
	if r.task != task {
		*r = runMemory{task: task, epoch: epoch, why: r.why}
	}
	if r.epoch != epoch {
		r.epoch, r.kills, r.asks = epoch, 0, 0
	}
	return *r
}

// change changes what is known of the Run.
func (m *memory) change(key store.Key, f func(*runMemory)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.runs == nil {
		m.runs = map[store.Key]*runMemory{}
	}
	r := m.runs[key]
	if r == nil {
		r = &runMemory{}
		m.runs[key] = r
	}
	f(r)
}

// forgetWhy is for a Run that does not wait any more.
func (m *memory) forgetWhy(key store.Key) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r := m.runs[key]; r != nil {
		r.why = placement.Why{}
	}
}

func (m *memory) forget(key store.Key) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.runs, key)
}
