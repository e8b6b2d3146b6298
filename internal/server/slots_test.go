package server

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// take takes a slot, or fails the test.
func (s *slots) must(t *testing.T, client string) func() {
	t.Helper()
	release, err := s.take(t.Context(), client)
	if err != nil {
		t.Fatalf("%s: %v", client, err)
	}
	return release
}

func TestSharesOfSlots(t *testing.T) {
	s := newSlots("slots", 12, 0, 0)
	for _, step := range []struct {
		client string
		gets   int
	}{{"a", 6}, {"b", 3}, {"c", 2}, {"d", 1}, {"a", 0}, {"e", 0}} {
		got := 0
		for range 20 {
			if _, err := s.take(t.Context(), step.client); err == nil {
				got++
			} else if !apierrors.IsTooManyRequests(err) {
				t.Fatal(err)
			}
		}
		if got != step.gets {
			t.Errorf("%s got %d slots, want %d", step.client, got, step.gets)
		}
	}
}

// TestOneSlotGoesRound: of clients that wait for the one slot, each gets it in turn, however many requests one has.
func TestOneSlotGoesRound(t *testing.T) {
	s := newSlots("slots", 1, 100, patience)
	release := s.must(t, "flood")
	got := make(chan string)
	next := make(chan struct{})
	var all sync.WaitGroup
	waits := func(client string) {
		before := s.inQueue()
		all.Go(func() {
			release, err := s.take(t.Context(), client)
			if err != nil {
				t.Error(err)
				return
			}
			got <- client
			<-next
			release()
		})
		eventually(t, "it waits", func() bool { return s.inQueue() == before+1 })
	}
	for range 4 {
		waits("flood")
	}
	waits("b")
	waits("c")
	release()
	order := ""
	for range 6 {
		order += <-got + " "
		next <- struct{}{}
	}
	all.Wait()
	if order != "b c flood flood flood flood " && order != "c b flood flood flood flood " {
		t.Errorf("the order was %s", order)
	}
}

func (s *slots) inQueue() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.waiting
}

func TestAQueueIsBounded(t *testing.T) {
	s := newSlots("slots", 2, 16, patience)
	defer s.must(t, "a")()
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if _, err := s.take(ctx, "a"); !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		})
	}
	eventually(t, "they wait", func() bool { return s.inQueue() == 8 })
	if _, err := s.take(t.Context(), "a"); !apierrors.IsTooManyRequests(err) {
		t.Errorf("one more: %v", err)
	}
	cancel()
	all.Wait()
	if s.inQueue() != 0 {
		t.Errorf("%d wait", s.inQueue())
	}
}

// TestSlotsAreNeverLost: whatever clients do, no more are taken than there are, and in the end all are free and no client is remembered.
func TestSlotsAreNeverLost(t *testing.T) {
	s := newSlots("slots", 5, 50, time.Millisecond)
	var all sync.WaitGroup
	for i := range 40 {
		all.Go(func() {
			for range 50 {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rand.IntN(2000))*time.Microsecond)
				if release, err := s.take(ctx, fmt.Sprint(i%7)); err == nil {
					if n := s.inUse(); n < 1 || n > 5 {
						t.Errorf("%d are taken", n)
					}
					release()
				}
				cancel()
			}
		})
	}
	all.Wait()
	if len(s.clients) != 0 || s.taken != 0 || s.waiting != 0 {
		t.Errorf("left: %d clients, %d taken, %d waiting", len(s.clients), s.taken, s.waiting)
	}
}

func TestWhoAClientIs(t *testing.T) {
	for address, want := range map[string]string{
		"192.0.2.7:1234": "192.0.2.7", "[::ffff:192.0.2.7]:80": "192.0.2.7", "[2001:db8:1:2:3:4:5:6]:80": "2001:db8:1:2::/64",
		"[fe80::1%eth0]:80": "fe80::/64", "@": "@",
	} {
		if got := sourceOf(address); got != want {
			t.Errorf("%s: %s, want %s", address, got, want)
		}
	}
	s := &Server{cfg: Config{Client: func(r *http.Request) string { return r.Header.Get("User") }}}
	r := &http.Request{RemoteAddr: "192.0.2.7:1", Header: http.Header{"User": {"ann"}}}
	if got := s.client(r); got != "ann" {
		t.Errorf("a user is %s", got)
	}
	r.Header.Del("User")
	if got := s.client(r); got != "192.0.2.7" {
		t.Errorf("nobody in particular is %s", got)
	}
}

func TestRatesAreForgotten(t *testing.T) {
	r, now := newRates(10), time.Now()
	for i := range 3 * maxRated {
		r.take(fmt.Sprint(i), 1, now.Add(time.Duration(i)*time.Microsecond))
	}
	if len(r.clients) > maxRated {
		t.Errorf("remembers %d clients", len(r.clients))
	}
}

// TestConnectionsAreShared: one address takes no more than its share, and one more finds room, even if none of these is unused.
func TestConnectionsAreShared(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{}
	l := LimitConnections(srv, inner, 8)
	accepted := make(chan net.Conn, 100)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			srv.ConnState(conn, http.StateActive)
			accepted <- conn
		}
	}()
	defer func() { l.Close(); <-done }()
	dial := func(from string) net.Conn {
		conn, err := (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}).DialContext(t.Context(), "tcp", inner.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return conn
	}
	for range 4 {
		dial("127.0.0.2")
		defer (<-accepted).Close()
	}
	refused := dial("127.0.0.2")
	_ = refused.SetReadDeadline(time.Now().Add(patience))
	if _, err := refused.Read(make([]byte, 1)); err == nil || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a fifth connection: %v", err)
	}
	for range 2 {
		dial("127.0.0.1")
		defer (<-accepted).Close()
	}
	// One that is closed leaves its room to another.
	dial("127.0.0.3")
	(<-accepted).Close()
	dial("127.0.0.3")
	(<-accepted).Close()
}
