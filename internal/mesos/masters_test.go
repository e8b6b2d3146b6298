package mesos

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"
)

// election is a Masters whose answer a test changes, as ZooKeeper's does.
type election struct {
	mu      sync.Mutex
	names   []string
	err     error
	changed chan struct{}
}

func newElection(names ...string) *election {
	return &election{names: names, changed: make(chan struct{})}
}

func (e *election) Candidates() ([]string, <-chan struct{}, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.names, e.changed, e.err
}

func (e *election) set(err error, names ...string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.names, e.err = names, err
	close(e.changed)
	e.changed = make(chan struct{})
}

// at is a master's address as ZooKeeper has it.
func (m *fakeMaster) at() string { return m.Listener.Addr().String() }

var errAway = errors.New("ZooKeeper is away")

func TestWaitsForALeader(t *testing.T) {
	m, e := newFakeMaster(t), newElection()
	e.err = errAway
	r := start(t, Config{Masters: e, BackoffMin: time.Millisecond, BackoffMax: time.Hour})
	wantError(t, r.want(t, "Disconnected").err, errAway)
	if st := r.Status(); !errors.Is(st.Err, errAway) {
		t.Errorf("status says %v", st.Err)
	}
	for range 12 { // until the back-off alone would take minutes
		e.set(errors.New("another reason, and still nobody"))
	}
	e.set(nil, m.at())
	m.next(t).subscribed("f1", "s", slowly)
	for h := receive(t, r.got, "Subscribed"); h.what != "Subscribed"; h = receive(t, r.got, "Subscribed") {
		if h.what != "Disconnected" {
			t.Fatalf("the handler got %s", h.what)
		}
	}
}

func TestLeavesADeposedMaster(t *testing.T) {
	deposed, leader, e := newFakeMaster(t), newFakeMaster(t), newElection()
	e.set(nil, deposed.at())
	r := start(t, Config{Masters: e})
	s := deposed.next(t).subscribed("f1", "s1", slowly)
	r.want(t, "Subscribed")
	e.set(nil, leader.at())
	wantError(t, r.want(t, "Disconnected").err, errOthers)
	receive(t, s.closed, "the end of the old stream")
	again := leader.next(t)
	if again.call.FrameworkID.GetValue() != "f1" {
		t.Errorf("came as %v", again.call)
	}
	again.subscribed("f1", "s2", slowly)
	r.want(t, "Subscribed")
}

func TestKeepsTheSubscriptionWhenNobodyElseLeads(t *testing.T) {
	m, e := newFakeMaster(t), newElection()
	e.set(nil, m.at())
	r := start(t, Config{Masters: e})
	s := m.next(t).subscribed("f1", "s1", slowly)
	r.want(t, "Subscribed")
	e.set(errAway, m.at())            // ZooKeeper is away
	e.set(errors.New("nobody leads")) // the election goes on
	e.set(nil, m.at())                // the same master again
	e.set(nil, "elsewhere:1", m.at()) // under another name, too
	s.send(heartbeatEvent, updateEvent("t1", 1, "u"))
	r.want(t, "Update")
	if !r.Connected() || len(m.streams) != 0 {
		t.Error("the subscription did not last")
	}
}

// A master that was redirected to need not have the name that ZooKeeper knows it by.
func TestStaysWithTheMasterThatZooKeeperNamesLate(t *testing.T) {
	before, leader, e := newFakeMaster(t), newFakeMaster(t), newElection()
	e.set(nil, before.at())
	r := start(t, Config{Masters: e})
	before.next(t).refuse(307, "", "Location", "//"+leader.at())
	s := leader.next(t).subscribed("f1", "s1", slowly)
	r.want(t, "Subscribed")
	e.set(nil, leader.at())
	s.send(updateEvent("t1", 1, "u"))
	r.want(t, "Update")
	if !r.Connected() {
		t.Error("the subscription did not last")
	}
}

func TestGivesUpAMasterThatDoesNotAnswerWhenAnotherLeads(t *testing.T) {
	mute, leader, e := newFakeMaster(t), newFakeMaster(t), newElection()
	e.set(nil, mute.at())
	r := start(t, Config{Masters: e, SubscribeTimeout: time.Hour})
	mute.next(t) // and no answer
	e.set(nil, leader.at())
	wantError(t, r.want(t, "Disconnected").err, errOthers)
	leader.next(t).subscribed("f1", "s1", slowly)
	r.want(t, "Subscribed")
}

func TestTriesTheLastKnownLeaderAndSaysSo(t *testing.T) {
	m, e := newFakeMaster(t), newElection()
	e.set(errAway, m.at())
	r := start(t, Config{Masters: e})
	m.next(t).refuse(503, "")
	err := r.want(t, "Disconnected").err
	if wantError(t, err, errAway); !strings.Contains(err.Error(), "503") {
		t.Errorf("error %v", err)
	}
	m.next(t).subscribed("f1", "s1", slowly)
	r.want(t, "Subscribed")
}
