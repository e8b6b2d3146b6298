package server

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// slots bound how many requests of one sort are worked on at once, and share these among the clients, so that one
// that floods is slowed by itself alone.
//
// A client gets a slot while it holds fewer than are free: alone it gets half of them, beside one other a third, and
// so on. So there is always one for a client more (these are the dynamic thresholds of Choudhury and Hahne, 1998, as
// switches share their buffers by them). Of those that wait, the client that holds fewest is next, then the one whose
// last turn is longest ago.
type slots struct {
	what  string
	total int
	queue int           // how many requests wait at most; a client's are bounded by the same rule as its slots
	wait  time.Duration // how long one waits before it is refused

	mu      sync.Mutex
	taken   int                // guarded by mu
	waiting int                // guarded by mu
	turns   uint64             // guarded by mu
	clients map[string]*holder // guarded by mu: those that hold a slot or wait for one
}

// holder is a client's part of the slots.
type holder struct {
	held  int
	turn  uint64          // of its last slot
	queue []chan struct{} // each is closed when its request has got a slot
}

func newSlots(what string, n, queue int, wait time.Duration) *slots {
	return &slots{what: what, total: n, queue: queue, wait: wait, clients: map[string]*holder{}}
}

// take waits for a slot, for a bounded time, and returns what gives it back; that may be called twice.
func (s *slots) take(ctx context.Context, client string) (release func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	got, err := s.join(client)
	if err != nil {
		return nil, err
	}
	release = sync.OnceFunc(func() { s.release(client) })
	select {
	case <-got: // at once
		return release, nil
	default:
	}
	timer := time.NewTimer(s.wait)
	defer timer.Stop()
	select {
	case <-got:
		return release, nil
	case <-timer.C:
		err = s.refuse(fmt.Sprintf("none has become free for %s", s.wait))
	case <-ctx.Done():
		err = ctx.Err()
	}
	if !s.leave(client, got) {
		release() // it has just come
	}
	return nil, err
}

func (s *slots) refuse(why string) error {
	return apierrors.NewTooManyRequests(fmt.Sprintf("of %d %s at once, your share is taken, and %s", s.total, s.what, why), 1)
}

// join takes a slot, or a place among those that wait for one. The channel is closed when there is a slot.
func (s *slots) join(client string) (<-chan struct{}, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.clients[client]
	if h == nil {
		h = &holder{}
		s.clients[client] = h
	}
	got := make(chan struct{})
	if len(h.queue) == 0 && s.mayTakeLocked(h) {
		s.giveLocked(h)
		close(got)
		return got, nil
	}
	if len(h.queue) >= s.queue-s.waiting {
		s.forgetLocked(client, h)
		return nil, s.refuse("too many wait for one")
	}
	h.queue = append(h.queue, got)
	s.waiting++
	return got, nil
}

func (s *slots) mayTakeLocked(h *holder) bool { return h.held < s.total-s.taken }

func (s *slots) giveLocked(h *holder) {
	h.held++
	s.taken++
	s.turns++
	h.turn = s.turns
}

// forgetLocked keeps nothing of a client that holds nothing and waits for nothing.
func (s *slots) forgetLocked(client string, h *holder) {
	if h.held == 0 && len(h.queue) == 0 {
		delete(s.clients, client)
	}
}

// leave gives up waiting; false: the slot has come.
func (s *slots) leave(client string, got <-chan struct{}) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.clients[client]
	i := slices.IndexFunc(h.queue, func(c chan struct{}) bool { return c == got })
	if i < 0 {
		return false
	}
	h.queue = slices.Delete(h.queue, i, i+1)
	s.waiting--
	s.forgetLocked(client, h)
	return true
}

// release gives a slot back, and those that are free now to whoever is next.
func (s *slots) release(client string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.clients[client]
	h.held--
	s.taken--
	s.forgetLocked(client, h)
	for s.waiting > 0 {
		var next *holder
		for _, h := range s.clients {
			if len(h.queue) > 0 && s.mayTakeLocked(h) && (next == nil || h.held < next.held || h.held == next.held && h.turn < next.turn) {
				next = h
			}
		}
		if next == nil {
			return
		}
		s.giveLocked(next)
		close(next.queue[0])
		next.queue = slices.Delete(next.queue, 0, 1)
		s.waiting--
	}
}

// inUse is how many slots are taken.
func (s *slots) inUse() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.taken
}

// client is who is behind a request, as far as shares are concerned: what Config.Client says, or the remote address.
func (s *Server) client(r *http.Request) string {
	if s.cfg.Client != nil {
		if name := s.cfg.Client(r); name != "" {
			return name
		}
	}
	return sourceOf(r.RemoteAddr)
}

// sourceOf is the part of a remote address that is taken for one client: of IPv6 the network of 64 bits, of whose
// addresses a machine can have as many as it likes.
func sourceOf(address string) string {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return address
	}
	ip := at.Addr().Unmap().WithZone("")
	if ip.Is6() {
		if network, err := ip.Prefix(64); err == nil {
			return network.String()
		}
	}
	return ip.String()
}
