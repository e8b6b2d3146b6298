package mesos

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr/testr"
	mesosv1 "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
	"go.uber.org/goleak"

	"horae/internal/offer"
)

func TestMain(m *testing.M) {
	if os.Getenv(trivialMasterEnv) != "" {
		serveTrivialMaster()
	}
	goleak.VerifyTestMain(m)
}

// patience is how long a test waits for what must come; it is only ever reached by a test that fails.
const patience = 2 * time.Minute

// fakeMaster speaks real HTTP and RecordIO. A test takes each SUBSCRIBE as a fakeStream and says what comes over it.
type fakeMaster struct {
	*httptest.Server
	streams chan *fakeStream
	calls   chan receivedCall

	mu     sync.Mutex
	answer func(*scheduler.Call) (int, string) // of calls other than SUBSCRIBE; guarded by mu
}

// receivedCall is what arrived, with its headers.
type receivedCall struct {
	*scheduler.Call
	header http.Header
}

// fakeStream is one SUBSCRIBE that waits for its answer.
type fakeStream struct {
	call   *scheduler.Call
	header http.Header
	steps  chan func(http.ResponseWriter, *http.Request) bool
	closed chan struct{} // the client is gone, or the stream has ended
}

func newFakeMaster(t testing.TB) *fakeMaster {
	return startFakeMaster(t, func(m *fakeMaster) { m.Start() })
}

func startFakeMaster(t testing.TB, start func(*fakeMaster)) *fakeMaster {
	m := &fakeMaster{streams: make(chan *fakeStream, 64), calls: make(chan receivedCall, 4096)}
	m.Server = httptest.NewUnstartedServer(m)
	m.Config.ErrorLog = log.New(io.Discard, "", 0) // of handshakes that are meant to fail
	start(m)
	t.Cleanup(func() {
		m.CloseClientConnections()
		m.Close()
	})
	return m
}

func (m *fakeMaster) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	call := new(scheduler.Call)
	if err == nil {
		err = call.Unmarshal(body)
	}
	if err != nil || r.URL.Path != apiPath || r.Header.Get("Content-Type") != mediaType {
		http.Error(w, fmt.Sprintf("bad request to %s: %v", r.URL.Path, err), http.StatusBadRequest)
		return
	}
	if call.Type == scheduler.Call_SUBSCRIBE {
		s := &fakeStream{call: call, header: r.Header, steps: make(chan func(http.ResponseWriter, *http.Request) bool), closed: make(chan struct{})}
		m.streams <- s
		s.serve(w, r)
		return
	}
	m.mu.Lock()
	answer := m.answer
	m.mu.Unlock()
	status, text := http.StatusAccepted, ""
	if answer != nil {
		status, text = answer(call)
	}
	select {
	case m.calls <- receivedCall{call, r.Header}:
	default: // nobody looks
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text)
}

func (m *fakeMaster) setAnswer(f func(*scheduler.Call) (int, string)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.answer = f
}

// next returns the next SUBSCRIBE.
func (m *fakeMaster) next(t testing.TB) *fakeStream {
	t.Helper()
	return receive(t, m.streams, "a SUBSCRIBE")
}

func (s *fakeStream) serve(w http.ResponseWriter, r *http.Request) {
	defer close(s.closed)
	for {
		select {
		case step := <-s.steps:
			if !step(w, r) {
				return
			}
		case <-r.Context().Done():
			return
		}
	}
}

func (s *fakeStream) do(step func(http.ResponseWriter, *http.Request) bool) {
	select {
	case s.steps <- step:
	case <-s.closed:
	}
}

// refuse answers with a status and a text and ends.
func (s *fakeStream) refuse(status int, text string, header ...string) {
	s.do(func(w http.ResponseWriter, _ *http.Request) bool {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text)
		return false
	})
}

// open answers 200 with a stream id.
func (s *fakeStream) open(streamID string) *fakeStream {
	s.do(func(w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set(streamIDHeader, streamID)
		w.Header().Set("Content-Type", mediaType)
		w.WriteHeader(http.StatusOK)
		w.(http.Flusher).Flush()
		return true
	})
	return s
}

// raw writes bytes as they are.
func (s *fakeStream) raw(b []byte) *fakeStream {
	s.do(func(w http.ResponseWriter, _ *http.Request) bool {
		_, err := w.Write(b)
		w.(http.Flusher).Flush()
		return err == nil
	})
	return s
}

// send writes events.
func (s *fakeStream) send(events ...*scheduler.Event) *fakeStream {
	for _, e := range events {
		s.raw(encode(e))
	}
	return s
}

// subscribed opens and sends SUBSCRIBED.
func (s *fakeStream) subscribed(frameworkID, streamID string, heartbeat time.Duration) *fakeStream {
	return s.open(streamID).send(subscribedEvent(frameworkID, heartbeat))
}

// end ends the stream as a master that closes it.
func (s *fakeStream) end() {
	s.do(func(http.ResponseWriter, *http.Request) bool { return false })
}

// abort breaks the connection.
func (s *fakeStream) abort() {
	s.do(func(http.ResponseWriter, *http.Request) bool { panic(http.ErrAbortHandler) })
}

func encode(e *scheduler.Event) []byte {
	b, err := e.Marshal()
	if err != nil {
		panic(err)
	}
	return frame(b)
}

func subscribedEvent(frameworkID string, heartbeat time.Duration) *scheduler.Event {
	s := heartbeat.Seconds()
	return &scheduler.Event{Type: scheduler.Event_SUBSCRIBED, Subscribed: &scheduler.Event_Subscribed{
		FrameworkID: &mesosv1.FrameworkID{Value: frameworkID}, HeartbeatIntervalSeconds: &s,
	}}
}

func errorEvent(message string) *scheduler.Event {
	return &scheduler.Event{Type: scheduler.Event_ERROR, Error: &scheduler.Event_Error{Message: message}}
}

func updateEvent(task string, state mesosv1.TaskState, uuid string) *scheduler.Event {
	now := 1795341439.6398315
	return &scheduler.Event{Type: scheduler.Event_UPDATE, Update: &scheduler.Event_Update{Status: mesosv1.TaskStatus{
		TaskID: mesosv1.TaskID{Value: task}, State: state.Enum(), Source: mesosv1.SOURCE_EXECUTOR.Enum(),
		AgentID: &mesosv1.AgentID{Value: "a4383e17-2218-4578-bbb1-35c5ff6831b3-S0"}, ExecutorID: &mesosv1.ExecutorID{Value: task},
		Timestamp: &now, UUID: []byte(uuid),
		ContainerStatus: &mesosv1.ContainerStatus{
			ContainerID: &mesosv1.ContainerID{Value: "00418401-8058-4410-b00a-01f1811032a3"},
			NetworkInfos: []mesosv1.NetworkInfo{{IPAddresses: []mesosv1.NetworkInfo_IPAddress{{
				Protocol: mesosv1.IPv4.Enum(), IPAddress: new(string),
			}}}},
		},
	}}}
}

var heartbeatEvent = &scheduler.Event{Type: scheduler.Event_HEARTBEAT}

// happening is one call of the Handler.
type happening struct {
	what    string // the method
	id      string // framework, offer or agent
	offers  []offer.Offer
	inverse []offer.InverseOffer
	update  offer.Update
	err     error
}

// recorder is a Handler whose calls can be waited for.
type recorder struct {
	got chan happening
	// onUpdate, if set, is called from the driver's goroutine.
	onUpdate func(offer.Update)
}

func newRecorder() *recorder { return &recorder{got: make(chan happening, 4096)} }

func (r *recorder) Subscribed(id string)     { r.got <- happening{what: "Subscribed", id: id} }
func (r *recorder) Offers(o []offer.Offer)   { r.got <- happening{what: "Offers", offers: o} }
func (r *recorder) Rescind(id string)        { r.got <- happening{what: "Rescind", id: id} }
func (r *recorder) RescindInverse(id string) { r.got <- happening{what: "RescindInverse", id: id} }
func (r *recorder) InverseOffers(o []offer.InverseOffer) {
	r.got <- happening{what: "InverseOffers", inverse: o}
}
func (r *recorder) AgentLost(id string)        { r.got <- happening{what: "AgentLost", id: id} }
func (r *recorder) FrameworkRemoved(id string) { r.got <- happening{what: "FrameworkRemoved", id: id} }
func (r *recorder) Disconnected(err error)     { r.got <- happening{what: "Disconnected", err: err} }
func (r *recorder) Update(u offer.Update) {
	if r.onUpdate != nil {
		r.onUpdate(u)
	}
	r.got <- happening{what: "Update", id: u.TaskID, update: u}
}

// want returns the next call, which must be of that name.
func (r *recorder) want(t testing.TB, what string) happening {
	t.Helper()
	h := receive(t, r.got, what)
	if h.what != what {
		t.Fatalf("the handler got %s (id %q, error %v), want %s", h.what, h.id, h.err, what)
	}
	return h
}

// memoryIDs is a FrameworkIDs.
type memoryIDs struct {
	mu       sync.Mutex
	id       string
	writes   []string
	readErr  error
	writeErr error
	unheard  error // of one write, which is made all the same
}

func (m *memoryIDs) FrameworkID(context.Context) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.id, m.readErr
}

func (m *memoryIDs) SetFrameworkID(_ context.Context, id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.writeErr != nil {
		return m.writeErr
	}
	m.id, m.writes = id, append(m.writes, id)
	err := m.unheard
	m.unheard = nil
	return err
}

func (m *memoryIDs) fail(read, write error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.readErr, m.writeErr = read, write
}

func (m *memoryIDs) current() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.id
}

// running is a Driver under test.
type running struct {
	*Driver
	*recorder
	ids    *memoryIDs
	cancel context.CancelFunc
	done   chan error
}

// start runs a driver with short times until the test ends. It must not leave a goroutine behind.
func start(t testing.TB, cfg Config) *running {
	t.Helper()
	return startWith(t, cfg, newRecorder())
}

func startWith(t testing.TB, cfg Config, rec *recorder) *running {
	t.Helper()
	r := &running{recorder: rec, done: make(chan error, 1)}
	if cfg.IDs == nil {
		cfg.IDs = &memoryIDs{}
	}
	r.ids, _ = cfg.IDs.(*memoryIDs)
	setDefault(&cfg.BackoffMin, time.Millisecond)
	setDefault(&cfg.BackoffMax, 5*time.Millisecond)
	if _, bench := t.(*testing.B); !bench && cfg.Log.GetSink() == nil {
		cfg.Log = testr.NewWithInterface(t, testr.Options{Verbosity: 1})
	}
	d, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	r.Driver = d
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel = cancel
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		r.done <- d.Run(ctx, r.recorder)
	}()
	t.Cleanup(func() {
		cancel()
		<-finished
	})
	return r
}

// ended waits for Run to return.
func (r *running) ended(t testing.TB) error {
	t.Helper()
	return receive(t, r.done, "the end of Run")
}

func receive[T any](t testing.TB, c <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatalf("%s did not come", what)
		panic("unreachable")
	}
}

func wantError(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("error %v, want one that is %v", err, want)
	}
}
