package mesos

import (
	"context"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
)

// pipeNet connects a driver with masters inside the test's own time. A host without a handler refuses.
type pipeNet struct {
	mu    sync.Mutex
	hosts map[string]http.HandlerFunc
	all   sync.WaitGroup
	// subscribes are the times of all SUBSCRIBEs that were attempted, the refused ones included.
	subscribes []time.Time
}

func (n *pipeNet) dial(_ context.Context, _, address string) (net.Conn, error) {
	n.mu.Lock()
	n.subscribes = append(n.subscribes, time.Now())
	handler := n.hosts[address]
	n.mu.Unlock()
	if handler == nil {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: io.ErrClosedPipe}
	}
	client, server := net.Pipe()
	n.all.Go(func() { _ = (&http.Server{Handler: handler}).Serve(&oneConn{conn: server}) })
	return client, nil
}

// oneConn is a listener of one connection.
type oneConn struct {
	conn net.Conn
	once sync.Once
}

func (l *oneConn) Accept() (net.Conn, error) {
	err := io.EOF
	l.once.Do(func() { err = nil })
	return l.conn, err
}
func (l *oneConn) Close() error   { return nil }
func (l *oneConn) Addr() net.Addr { return l.conn.LocalAddr() }

func redirectTo(host string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "//"+host)
		w.WriteHeader(http.StatusTemporaryRedirect)
	}
}

// answerWith subscribes a framework and then sends events and closes.
func answerWith(events ...*scheduler.Event) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", mediaType)
		w.Header().Set(streamIDHeader, "s")
		for _, e := range events {
			_, _ = w.Write(encode(e))
		}
	}
}

// TestNeverAStorm: whatever the masters do, SUBSCRIBEs come at a bounded rate that does not depend on how fast they are turned
// away, and two drivers do not come in step.
func TestNeverAStorm(t *testing.T) {
	subscribedAs := subscribedEvent("f1", slowly)
	flapping := newElection("a:1")
	tests := []struct {
		name    string
		masters Masters
		hosts   map[string]http.HandlerFunc
		// perRound is how many SUBSCRIBEs one round may make.
		perRound int
		// meanwhile goes on while the driver runs.
		meanwhile func()
		lasts     time.Duration // default 20 minutes
		most      int           // rounds in that time; 0: what the back-off allows
	}{
		{name: "all masters refuse connections", masters: MasterList{"a:1", "b:1", "c:1"}, perRound: 3},
		{name: "accepts and closes at once", masters: MasterList{"a:1"}, hosts: map[string]http.HandlerFunc{"a:1": answerWith()}, perRound: 1},
		{name: "SUBSCRIBED, then the end", masters: MasterList{"a:1"}, hosts: map[string]http.HandlerFunc{"a:1": answerWith(subscribedAs)}, perRound: 1},
		{name: "SUBSCRIBED, then ERROR", masters: MasterList{"a:1"}, hosts: map[string]http.HandlerFunc{"a:1": answerWith(subscribedAs, errorEvent("Not today"))}, perRound: 1},
		{name: "the framework is removed each time", masters: MasterList{"a:1"}, hosts: map[string]http.HandlerFunc{"a:1": answerWith(subscribedAs, errorEvent("Framework has been removed"))}, perRound: 1},
		{name: "ERROR at once", masters: MasterList{"a:1"}, hosts: map[string]http.HandlerFunc{"a:1": answerWith(errorEvent("Not today"))}, perRound: 1},
		{name: "503", masters: MasterList{"a:1", "b:1"}, hosts: map[string]http.HandlerFunc{"a:1": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }}, perRound: 2},
		{name: "redirects to itself", masters: MasterList{"a:1"}, hosts: map[string]http.HandlerFunc{"a:1": redirectTo("a:1")}, perRound: 1},
		{name: "two masters name each other", masters: MasterList{"a:1", "b:1"}, hosts: map[string]http.HandlerFunc{"a:1": redirectTo("b:1"), "b:1": redirectTo("a:1")}, perRound: 2},
		{name: "each names another, without end", masters: MasterList{"a:0"}, hosts: chainOfRedirects(100), perRound: 1 + maxRedirects},
		{
			name: "ZooKeeper names another leader every 10 ms", masters: flapping, perRound: 1, lasts: 3 * time.Minute, most: 180 * 10,
			hosts: map[string]http.HandlerFunc{"a:1": answerWith(subscribedAs), "b:1": answerWith(subscribedAs)},
			meanwhile: func() {
				for i := range 18_000 {
					time.Sleep(10 * time.Millisecond)
					flapping.set(nil, []string{"a:1", "b:1"}[i%2])
				}
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if tt.masters == Masters(flapping) {
					flapping.changed = make(chan struct{}) // of this bubble
				}
				setDefault(&tt.lasts, 20*time.Minute)
				one, other := subscribesWithin(t, tt.lasts, tt.masters, tt.hosts, tt.meanwhile), []time.Time(nil)
				if tt.most == 0 {
					tt.most = int(tt.lasts/(defaultBackoffMax/2))*3/2 + 20
					other = subscribesWithin(t, tt.lasts, tt.masters, tt.hosts, nil)
				}
				if n, most := len(one), tt.most*tt.perRound; n > most || n < 100 {
					t.Errorf("%d SUBSCRIBEs in %s, at most %d are expected and at least 100", n, tt.lasts, most)
				}
				for i := range one { // the worst minute after the first
					j := i
					for j < len(one) && one[j].Sub(one[i]) < time.Minute {
						j++
					}
					if most := max(40, tt.most*int(time.Minute)/int(tt.lasts)*3/2) * tt.perRound; one[i].Sub(one[0]) > time.Minute && j-i > most {
						t.Fatalf("%d SUBSCRIBEs in one minute, more than %d", j-i, most)
					}
				}
				if other != nil && slices.Equal(gaps(one), gaps(other)) {
					t.Error("two drivers come in step")
				}
			})
		})
	}
}

func chainOfRedirects(n int) map[string]http.HandlerFunc {
	hosts := map[string]http.HandlerFunc{}
	for i := range n {
		hosts["a:"+strconv.Itoa(i)] = redirectTo("a:" + strconv.Itoa(i+1))
	}
	return hosts
}

func gaps(times []time.Time) []time.Duration {
	var out []time.Duration
	for i := 1; i < len(times); i++ {
		out = append(out, times[i].Sub(times[i-1]))
	}
	return out
}

func subscribesWithin(t *testing.T, lasts time.Duration, masters Masters, hosts map[string]http.HandlerFunc, meanwhile func()) []time.Time {
	n := &pipeNet{hosts: hosts}
	d, err := New(Config{Masters: masters, IDs: &memoryIDs{}})
	if err != nil {
		t.Fatal(err)
	}
	d.stream.Transport.(*http.Transport).DialContext = n.dial
	ctx, cancel := context.WithTimeout(t.Context(), lasts)
	defer cancel()
	var beside sync.WaitGroup
	if meanwhile != nil {
		beside.Go(meanwhile)
	}
	if err := d.Run(ctx, deaf{}); err == nil || ctx.Err() == nil {
		t.Errorf("Run ended: %v", err)
	}
	beside.Wait()
	n.all.Wait()
	return n.subscribes
}

// deaf is a Handler that hears nothing.
type deaf struct{ Handler }

func (deaf) Subscribed(string)       {}
func (deaf) Disconnected(error)      {}
func (deaf) FrameworkRemoved(string) {}
