package mesos

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	mesosv1 "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"

	"horae/internal/backoff"
	"horae/internal/offer"
)

const slowly = time.Hour // a heartbeat that no test waits for

func TestSubscribesAndHandsOnWhatComes(t *testing.T) {
	m := newFakeMaster(t)
	r := start(t, Config{Masters: MasterList{m.URL}, Framework: FrameworkConfig{Roles: []string{"horae"}}})
	s := m.next(t)
	if info := s.call.GetSubscribe().GetFrameworkInfo(); s.call.FrameworkID != nil || info.ID != nil || info.Roles[0] != "horae" {
		t.Errorf("first SUBSCRIBE: %v", s.call)
	}
	if got := s.header.Get("Accept"); got != mediaType {
		t.Errorf("Accept: %q", got)
	}
	s.subscribed("f1", "stream-1", slowly)
	if h := r.want(t, "Subscribed"); h.id != "f1" || r.ids.current() != "f1" {
		t.Errorf("subscribed as %q, stored %q", h.id, r.ids.current())
	}
	s.send(
		heartbeatEvent,
		&scheduler.Event{Type: scheduler.Event_OFFERS, Offers: &scheduler.Event_Offers{Offers: []mesosv1.Offer{testOffer(1), testOffer(2)}}},
		&scheduler.Event{Type: scheduler.Event_RESCIND, Rescind: &scheduler.Event_Rescind{OfferID: mesosv1.OfferID{Value: "o1"}}},
		updateEvent("t1", mesosv1.TASK_RUNNING, "uuid"),
		&scheduler.Event{Type: scheduler.Event_FAILURE, Failure: &scheduler.Event_Failure{AgentID: &mesosv1.AgentID{Value: "a1"}, ExecutorID: &mesosv1.ExecutorID{Value: "t0"}}},
		&scheduler.Event{Type: scheduler.Event_FAILURE, Failure: &scheduler.Event_Failure{AgentID: &mesosv1.AgentID{Value: "a1"}}},
		&scheduler.Event{Type: scheduler.Event_INVERSE_OFFERS, InverseOffers: &scheduler.Event_InverseOffers{InverseOffers: []mesosv1.InverseOffer{
			{
				OfferID: mesosv1.OfferID{Value: "i1"}, AgentID: &mesosv1.AgentID{Value: "a2"},
				Unavailability: mesosv1.Unavailability{Start: mesosv1.TimeInfo{Nanoseconds: 1e18}, Duration: &mesosv1.DurationInfo{Nanoseconds: 3600e9}},
			},
			{OfferID: mesosv1.OfferID{Value: "i2"}, Unavailability: mesosv1.Unavailability{Start: mesosv1.TimeInfo{Nanoseconds: 2e18}}},
		}}},
		&scheduler.Event{Type: scheduler.Event_RESCIND_INVERSE_OFFER, RescindInverseOffer: &scheduler.Event_RescindInverseOffer{InverseOfferID: mesosv1.OfferID{Value: "i1"}}},
		&scheduler.Event{Type: 4711},
		&scheduler.Event{Type: scheduler.Event_RESCIND, Rescind: &scheduler.Event_Rescind{OfferID: mesosv1.OfferID{Value: "o2"}}},
	)
	if h := r.want(t, "Offers"); len(h.offers) != 2 {
		t.Errorf("%d offers", len(h.offers))
	}
	if h := r.want(t, "Rescind"); h.id != "o1" {
		t.Errorf("rescind of %q", h.id)
	}
	if h := r.want(t, "Update"); h.id != "t1" || h.update.State != offer.TaskRunning || string(h.update.UUID) != "uuid" {
		t.Errorf("update %+v", h.update)
	}
	if h := r.want(t, "AgentLost"); h.id != "a1" {
		t.Errorf("lost %q", h.id)
	}
	if h := r.want(t, "InverseOffers"); !slices.Equal(h.inverse, []offer.InverseOffer{
		{ID: "i1", AgentID: "a2", Unavailable: offer.Window{Start: time.Unix(1e9, 0).UTC(), Duration: time.Hour}},
		{ID: "i2", Unavailable: offer.Window{Start: time.Unix(2e9, 0).UTC()}},
	}) {
		t.Errorf("inverse offers %+v", h.inverse)
	}
	if h := r.want(t, "RescindInverse"); h.id != "i1" {
		t.Errorf("rescind of %q", h.id)
	}
	if h := r.want(t, "Rescind"); h.id != "o2" {
		t.Errorf("rescind of %q", h.id)
	}
	if st := r.Status(); !st.Connected || !r.Connected() || st.FrameworkID != "f1" || st.LastHeard.IsZero() || "http://"+st.Master != m.URL {
		t.Errorf("status %+v", st)
	}
	r.cancel()
	wantError(t, r.ended(t), context.Canceled)
	receive(t, s.closed, "the end of the stream")
	if r.Connected() {
		t.Error("connected after the end")
	}
}

func TestComesBackWithItsID(t *testing.T) {
	tests := []struct {
		name string
		cfg  Config
		// brk breaks a stream whose heartbeat was announced as 1 ms where silent is set.
		brk    func(*fakeStream)
		silent bool
		why    error
		text   string
	}{
		{name: "the master falls silent", brk: func(*fakeStream) {}, silent: true, why: errSilent},
		{name: "the master falls silent inside a frame", brk: func(s *fakeStream) { s.raw([]byte("1000\nabc")) }, silent: true, why: errSilent},
		{name: "the master ends the stream", brk: (*fakeStream).end, why: errStreamEnded},
		{name: "the stream ends inside a frame", brk: func(s *fakeStream) { s.raw([]byte("1000\nabc")); s.end() }, why: io.ErrUnexpectedEOF},
		{name: "the stream ends inside a length", brk: func(s *fakeStream) { s.raw([]byte("10")); s.end() }, why: io.ErrUnexpectedEOF},
		{name: "the connection breaks", brk: (*fakeStream).abort, text: "unexpected EOF"},
		{name: "a frame that is no RecordIO", brk: func(s *fakeStream) { s.raw([]byte("<html>")) }, why: ErrMalformedFrame},
		{name: "an absurd length", brk: func(s *fakeStream) { s.raw([]byte("18446744073709551615\n")) }, why: ErrFrameTooLarge},
		{name: "a frame over the limit", cfg: Config{MaxFrame: 1000}, brk: func(s *fakeStream) { s.raw(frame(make([]byte, 1001))) }, why: ErrFrameTooLarge},
		{name: "an event that cannot be decoded", brk: func(s *fakeStream) { s.raw(frame([]byte{0xff, 0xff})) }, text: "decode event"},
		{name: "an event without its message", brk: func(s *fakeStream) { s.raw(encode(&scheduler.Event{Type: scheduler.Event_UPDATE})) }, text: "UPDATE without its message"},
		{name: "an error of another kind", brk: func(s *fakeStream) { s.send(errorEvent("Role 'x' is not allowed")) }, text: "Role 'x' is not allowed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := newFakeMaster(t)
			cfg := tt.cfg
			cfg.Masters = MasterList{m.URL}
			r := start(t, cfg)
			heartbeat := slowly
			if tt.silent {
				heartbeat = time.Millisecond
			}
			s := m.next(t).subscribed("f1", "stream-1", heartbeat)
			r.want(t, "Subscribed")
			tt.brk(s)
			err := r.want(t, "Disconnected").err
			if tt.why != nil {
				wantError(t, err, tt.why)
			}
			if !strings.Contains(err.Error(), tt.text) {
				t.Errorf("error %q, want it to say %q", err, tt.text)
			}
			again := m.next(t)
			if again.call.FrameworkID.GetValue() != "f1" || again.call.Subscribe.FrameworkInfo.ID.GetValue() != "f1" {
				t.Errorf("came back as %v", again.call)
			}
			again.subscribed("f1", "stream-2", slowly)
			r.want(t, "Subscribed")
			if len(r.ids.writes) != 1 {
				t.Errorf("the id was stored %d times", len(r.ids.writes))
			}
		})
	}
}

func TestSubscribeThatIsRefused(t *testing.T) {
	tests := []struct {
		name   string
		answer func(*fakeStream)
		text   string
	}{
		{name: "400", answer: func(s *fakeStream) { s.refuse(400, "Failed to validate scheduler::Call") }, text: "SUBSCRIBE answered 400: Failed to validate scheduler::Call"},
		{name: "401", answer: func(s *fakeStream) { s.refuse(401, "") }, text: "SUBSCRIBE answered 401: Unauthorized"},
		{name: "403", answer: func(s *fakeStream) { s.refuse(403, "Not allowed") }, text: "SUBSCRIBE answered 403: Not allowed"},
		{name: "503 of a master that does not lead yet", answer: func(s *fakeStream) { s.refuse(503, "") }, text: "SUBSCRIBE answered 503: Service Unavailable"},
		{name: "200 of something else", answer: func(s *fakeStream) { s.refuse(200, "hello", "Content-Type", "text/html") }, text: "is this a Mesos master?"},
		{name: "200 without a stream id", answer: func(s *fakeStream) { s.refuse(200, "", "Content-Type", mediaType) }, text: "Mesos-Stream-Id"},
		{name: "an update before SUBSCRIBED", answer: func(s *fakeStream) { s.open("x").send(updateEvent("t", mesosv1.TASK_LOST, "")) }, text: "UPDATE came before SUBSCRIBED"},
		{name: "an error in place of SUBSCRIBED", answer: func(s *fakeStream) { s.open("x").send(errorEvent("'FrameworkInfo.roles' contains invalid role")).end() }, text: "invalid role"},
		{name: "a redirect to nowhere", answer: func(s *fakeStream) { s.refuse(307, "") }, text: "which is no address"},
		{name: "a redirect to itself", answer: func(s *fakeStream) { s.refuse(307, "", "Location", "/api/v1/scheduler") }, text: "not the leader"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := newFakeMaster(t)
			r := start(t, Config{Masters: MasterList{m.URL}})
			tt.answer(m.next(t))
			if err := r.want(t, "Disconnected").err; !strings.Contains(err.Error(), tt.text) {
				t.Errorf("error %q, want it to say %q", err, tt.text)
			}
			if r.Connected() || r.Status().Err == nil {
				t.Errorf("status %+v", r.Status())
			}
			wantError(t, r.Revive(context.Background()), ErrDisconnected)
			m.next(t).subscribed("f1", "stream-1", slowly)
			r.want(t, "Subscribed")
		})
	}
}

func TestNoAnswerToSubscribe(t *testing.T) {
	for name, answer := range map[string]func(*fakeStream){
		"no headers":          func(*fakeStream) {},
		"headers, no event":   func(s *fakeStream) { s.open("x") },
		"heartbeats for ever": func(s *fakeStream) { s.open("x").send(heartbeatEvent, heartbeatEvent) },
	} {
		t.Run(name, func(t *testing.T) {
			m := newFakeMaster(t)
			r := start(t, Config{Masters: MasterList{m.URL}, SubscribeTimeout: 50 * time.Millisecond})
			s := m.next(t)
			answer(s)
			wantError(t, r.want(t, "Disconnected").err, errSlow)
			receive(t, s.closed, "the end of the old attempt")
			m.next(t)
		})
	}
}

func TestFollowsTheLeader(t *testing.T) {
	for name, location := range map[string]func(*fakeMaster) string{
		"an address without a scheme":         func(m *fakeMaster) string { return "//" + m.Listener.Addr().String() },
		"with the path of the request":        func(m *fakeMaster) string { return "//" + m.Listener.Addr().String() + apiPath },
		"a whole URL with a path of its own":  func(m *fakeMaster) string { return m.URL + "/" },
		"by the name that resolves to IPv4/6": func(m *fakeMaster) string { return "//localhost:" + port(m) },
	} {
		t.Run(name, func(t *testing.T) {
			follower, leader := newFakeMaster(t), newFakeMaster(t)
			r := start(t, Config{Masters: MasterList{follower.URL}})
			follower.next(t).refuse(http.StatusTemporaryRedirect, "", "Location", location(leader))
			s := leader.next(t).subscribed("f1", "stream-1", slowly)
			r.want(t, "Subscribed")
			if err := r.Suppress(context.Background()); err != nil {
				t.Fatal(err)
			}
			receive(t, leader.calls, "the call, at the leader")

			// After a break the last leader is asked first.
			s.end()
			r.want(t, "Disconnected")
			leader.next(t).subscribed("f1", "stream-2", slowly)
			r.want(t, "Subscribed")
		})
	}
}

func TestTriesTheMastersInTurn(t *testing.T) {
	down, first, second := newFakeMaster(t), newFakeMaster(t), newFakeMaster(t)
	down.Close()
	r := start(t, Config{Masters: MasterList{down.URL, first.URL, second.URL}})
	first.next(t).refuse(503, "")
	second.next(t).subscribed("f1", "s", slowly)
	r.want(t, "Subscribed") // and no Disconnected before: the round went on
}

func TestMastersThatNameEachOtherAreNoLoop(t *testing.T) {
	a, b := newFakeMaster(t), newFakeMaster(t)
	r := start(t, Config{Masters: MasterList{a.URL, b.URL}, BackoffMin: time.Hour, BackoffMax: time.Hour})
	a.next(t).refuse(307, "", "Location", b.URL)
	b.next(t).refuse(307, "", "Location", a.URL)
	err := r.want(t, "Disconnected").err
	if strings.Count(err.Error(), "not the leader") != 2 {
		t.Errorf("error %q", err)
	}
	if len(a.streams)+len(b.streams) != 0 {
		t.Error("asked again within the round")
	}
}

func TestCallThatFailsLeavesTheStreamAlone(t *testing.T) {
	m := newFakeMaster(t)
	r := start(t, Config{Masters: MasterList{m.URL}, CallTimeout: 50 * time.Millisecond})
	s := m.next(t).subscribed("f1", "stream-1", slowly)
	r.want(t, "Subscribed")
	hang := make(chan struct{})
	defer close(hang)
	for _, status := range []int{400, 403, 500, 503, 0} {
		m.setAnswer(func(*scheduler.Call) (int, string) {
			if status == 0 {
				<-hang
				return 202, ""
			}
			return status, "no"
		})
		err := r.Revive(context.Background())
		if err == nil {
			t.Errorf("status %d: no error", status)
		}
		if status == 0 {
			wantError(t, err, ErrUnanswered)
		}
		s.send(updateEvent("t", mesosv1.TASK_RUNNING, "u"))
		r.want(t, "Update")
	}
	if !r.Connected() || len(m.streams) != 0 {
		t.Error("subscribed anew")
	}
}

func TestHugeFrame(t *testing.T) {
	const n = 20_000
	offers := make([]mesosv1.Offer, n)
	for i := range offers {
		offers[i] = testOffer(i)
	}
	b := encode(&scheduler.Event{Type: scheduler.Event_OFFERS, Offers: &scheduler.Event_Offers{Offers: offers}})
	if len(b) < 5<<20 {
		t.Fatalf("%d bytes are not huge", len(b))
	}
	m := newFakeMaster(t)
	r := start(t, Config{Masters: MasterList{m.URL}})
	s := m.next(t).subscribed("f1", "stream-1", slowly)
	r.want(t, "Subscribed")
	s.raw(b)
	h := r.want(t, "Offers")
	if len(h.offers) != n || h.offers[n-1].ID != offers[n-1].ID.Value {
		t.Errorf("%d offers, the last %q", len(h.offers), h.offers[len(h.offers)-1].ID)
	}
}

// A handler that takes an hour is not a master that is silent; a master that is silent is found out after just the deadline, also
// when it stops inside a frame. In the bubble time passes only when all wait.
func TestSilenceIsTheMastersAlone(t *testing.T) {
	const deadline = 75 * time.Second
	for name, last := range map[string][]byte{"between frames": nil, "inside a frame": []byte("1000\nabc")} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var heard atomic.Int64
				master, stream := net.Pipe()
				rec := newRecorder()
				rec.onUpdate = func(u offer.Update) {
					if u.TaskID == "slow" {
						time.Sleep(time.Hour)
					}
				}
				sub := &subscription{d: &Driver{}, h: rec}
				sub.silence = newWatchdog(stream, &heard, func() { _ = stream.Close() })
				sub.silence.set(deadline)
				fellSilent := make(chan time.Time, 1)
				go func() {
					for _, task := range []string{"fast", "slow", "next"} {
						_, _ = master.Write(encode(updateEvent(task, mesosv1.TASK_RUNNING, "u")))
					}
					for range 10 {
						time.Sleep(deadline - 1)
						_, _ = master.Write(encode(heartbeatEvent))
					}
					_, _ = master.Write(last)
					fellSilent <- time.Now()
				}()
				err := sub.follow(newFrameReader(sub.silence, 0))
				wantError(t, err, io.ErrClosedPipe)
				silent := <-fellSilent
				if waited := time.Since(silent); waited != deadline {
					t.Errorf("silent for %v", waited)
				}
				if heard.Load() != silent.UnixNano() && last != nil {
					t.Errorf("last heard at %d, not %d", heard.Load(), silent.UnixNano())
				}
				for _, task := range []string{"fast", "slow", "next"} {
					if h := rec.want(t, "Update"); h.id != task {
						t.Errorf("came %s, not %s", h.id, task)
					}
				}
				_ = master.Close()
			})
		})
	}
}

func TestFrameworkRemoved(t *testing.T) {
	for _, message := range removedMessages {
		t.Run(message, func(t *testing.T) {
			m := newFakeMaster(t)
			r := start(t, Config{Masters: MasterList{m.URL}, IDs: &memoryIDs{id: "old"}})
			s := m.next(t)
			if s.call.FrameworkID.GetValue() != "old" {
				t.Errorf("subscribed as %v", s.call.FrameworkID)
			}
			s.open("x").send(errorEvent(message)).end()
			if h := r.want(t, "FrameworkRemoved"); h.id != "old" || r.ids.current() != "" {
				t.Errorf("removed %q, stored %q", h.id, r.ids.current())
			}
			again := m.next(t)
			if again.call.FrameworkID != nil || again.call.Subscribe.FrameworkInfo.ID != nil {
				t.Errorf("came back as %v", again.call)
			}
			again.subscribed("new", "y", slowly)
			if h := r.want(t, "Subscribed"); h.id != "new" || r.ids.current() != "new" {
				t.Errorf("subscribed as %q, stored %q", h.id, r.ids.current())
			}
		})
	}
}

func TestFrameworkRemovedWhileSubscribed(t *testing.T) {
	m := newFakeMaster(t)
	r := start(t, Config{Masters: MasterList{m.URL}})
	s := m.next(t).subscribed("f1", "x", slowly)
	r.want(t, "Subscribed")
	s.send(errorEvent("Framework has been removed"))
	r.want(t, "Disconnected")
	if h := r.want(t, "FrameworkRemoved"); h.id != "f1" {
		t.Errorf("removed %q", h.id)
	}
	if s := m.next(t); s.call.FrameworkID != nil {
		t.Errorf("came back as %v", s.call.FrameworkID)
	}
}

// While the store cannot delete the id, the handler hears nothing of it, and the old id is kept. Status says why.
func TestFrameworkRemovedAndStoreDown(t *testing.T) {
	m := newFakeMaster(t)
	ids := &memoryIDs{id: "old", writeErr: errors.New("no quorum")}
	r := start(t, Config{Masters: MasterList{m.URL}, IDs: ids})
	m.next(t).open("x").send(errorEvent("Framework has been removed")).end()
	s := m.next(t)
	if s.call.FrameworkID.GetValue() != "old" {
		t.Errorf("came back as %v", s.call.FrameworkID)
	}
	if err := r.Status().Err; !errors.Is(err, errRemoved) || !strings.Contains(err.Error(), "forget its id old: no quorum") {
		t.Errorf("not subscribed because of: %v", err)
	}
	ids.fail(nil, nil)
	s.open("x").send(errorEvent("Framework has been removed")).end()
	r.want(t, "FrameworkRemoved")
}

// The write that forgets the id fails, but the id is not stored all the same.
func TestFrameworkRemovedAndForgottenUnheard(t *testing.T) {
	for name, c := range map[string]struct {
		ids    *memoryIDs
		before func(*fakeMaster, *running)
	}{
		"the answer is lost": {ids: &memoryIDs{id: "old", unheard: errors.New("no answer")}},
		"it was never stored": {
			ids: &memoryIDs{writeErr: errors.New("no quorum")},
			before: func(m *fakeMaster, r *running) {
				m.next(t).subscribed("old", "x", slowly)
				r.want(t, "Disconnected")
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := newFakeMaster(t)
			r := start(t, Config{Masters: MasterList{m.URL}, IDs: c.ids})
			if c.before != nil {
				c.before(m, r)
			}
			m.next(t).open("y").send(errorEvent("Framework has been removed")).end()
			if h := r.want(t, "FrameworkRemoved"); h.id != "old" {
				t.Errorf("removed %q", h.id)
			}
			s := m.next(t)
			if s.call.FrameworkID != nil {
				t.Errorf("came back as %v", s.call.FrameworkID)
			}
			c.ids.fail(nil, nil)
			s.subscribed("new", "z", slowly)
			r.want(t, "Subscribed")
			s.end()
			r.want(t, "Disconnected")
			if again := m.next(t); again.call.FrameworkID.GetValue() != "new" {
				t.Errorf("came back as %v", again.call.FrameworkID)
			}
			if len(r.got) != 0 {
				t.Errorf("reported more: %v", <-r.got)
			}
		})
	}
}

// The next master takes an id that the one before had removed. The write that was to forget it may yet be made: another must follow.
func TestFrameworkRemovedAndTakenAfterAll(t *testing.T) {
	m := newFakeMaster(t)
	ids := &memoryIDs{id: "old", writeErr: errors.New("no answer")}
	r := start(t, Config{Masters: MasterList{m.URL}, IDs: ids})
	m.next(t).open("x").send(errorEvent("Framework has been removed")).end()
	s := m.next(t)
	ids.fail(nil, nil)
	s.subscribed("old", "y", slowly)
	if h := r.want(t, "Subscribed"); h.id != "old" || !slices.Equal(ids.writes, []string{"old"}) {
		t.Errorf("subscribed as %q, written %q", h.id, ids.writes)
	}
	s.end()
	r.want(t, "Disconnected")
	m.next(t).subscribed("old", "z", slowly)
	if r.want(t, "Subscribed"); len(ids.writes) != 1 {
		t.Errorf("written again and again: %q", ids.writes)
	}
}

func TestFailedOverEndsTheDriver(t *testing.T) {
	m := newFakeMaster(t)
	r := start(t, Config{Masters: MasterList{m.URL}})
	s := m.next(t).subscribed("f1", "x", slowly)
	r.want(t, "Subscribed")
	s.send(errorEvent("Framework failed over")).end()
	wantError(t, r.want(t, "Disconnected").err, ErrFailedOver)
	wantError(t, r.ended(t), ErrFailedOver)
	if len(m.streams) != 0 {
		t.Error("subscribed anew: that would throw the other one out")
	}
}

// Who does not lead must not subscribe: it would void the leader's stream.
func TestIDsThatSayWeDoNotLeadEndTheDriver(t *testing.T) {
	m := newFakeMaster(t)
	ids := &memoryIDs{id: "f1", readErr: errors.Join(ErrFailedOver, errors.New("fenced"))}
	r := start(t, Config{Masters: MasterList{m.URL}, IDs: ids})
	wantError(t, r.ended(t), ErrFailedOver)
	if len(m.streams) != 0 {
		t.Error("subscribed")
	}
}

func TestIDThatCannotBeStored(t *testing.T) {
	m := newFakeMaster(t)
	ids := &memoryIDs{writeErr: errors.New("no quorum")}
	r := start(t, Config{Masters: MasterList{m.URL}, IDs: ids})
	m.next(t).subscribed("f1", "x", slowly)
	if err := r.want(t, "Disconnected").err; !strings.Contains(err.Error(), "store the framework id f1: no quorum") {
		t.Errorf("error %q", err)
	}
	wantError(t, r.Revive(context.Background()), ErrDisconnected)
	s := m.next(t)
	if s.call.FrameworkID.GetValue() != "f1" {
		t.Errorf("came back as %v: one framework after the other would be left behind", s.call.FrameworkID)
	}
	ids.fail(nil, nil)
	s.subscribed("f1", "y", slowly)
	if h := r.want(t, "Subscribed"); h.id != "f1" || ids.current() != "f1" {
		t.Errorf("subscribed as %q, stored %q", h.id, ids.current())
	}
}

// An id that is gone stays gone, though this process has used it.
func TestIDThatIsGone(t *testing.T) {
	for name, lose := range map[string]func(*fakeMaster, *running){
		"removed by Mesos before it was stored": func(m *fakeMaster, r *running) {
			r.ids.fail(nil, errors.New("no quorum"))
			m.next(t).subscribed("f1", "x", slowly)
			r.want(t, "Disconnected")
			r.ids.fail(nil, nil)
			m.next(t).open("y").send(errorEvent("Framework has been removed")).end()
			r.want(t, "FrameworkRemoved")
		},
		"taken out of the store by somebody": func(m *fakeMaster, r *running) {
			s := m.next(t).subscribed("f1", "x", slowly)
			r.want(t, "Subscribed")
			if err := r.ids.SetFrameworkID(context.Background(), ""); err != nil {
				t.Fatal(err)
			}
			s.end()
			r.want(t, "Disconnected")
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := newFakeMaster(t)
			r := start(t, Config{Masters: MasterList{m.URL}})
			lose(m, r)
			if s := m.next(t); s.call.FrameworkID != nil {
				t.Errorf("came back as %v", s.call.FrameworkID)
			}
		})
	}
}

func TestIDsThatCannotBeRead(t *testing.T) {
	m := newFakeMaster(t)
	ids := &memoryIDs{id: "f1", readErr: errors.New("no quorum")}
	r := start(t, Config{Masters: MasterList{m.URL}, IDs: ids})
	r.want(t, "Disconnected")
	if len(m.streams) != 0 {
		t.Error("subscribed without knowing the id")
	}
	ids.fail(nil, nil)
	m.next(t).subscribed("f1", "x", slowly)
	for h := r.want2(t); h.what != "Subscribed"; h = r.want2(t) {
		if h.what != "Disconnected" {
			t.Fatalf("got %s", h.what)
		}
	}
}

// want2 returns the next call of whatever name.
func (r *recorder) want2(t testing.TB) happening {
	t.Helper()
	return receive(t, r.got, "a call")
}

func TestMasterRestart(t *testing.T) {
	m := newFakeMaster(t)
	addr := m.Listener.Addr().String()
	r := start(t, Config{Masters: MasterList{addr}})
	m.next(t).subscribed("f1", "x", slowly)
	r.want(t, "Subscribed")
	m.CloseClientConnections()
	m.Close()
	r.want(t, "Disconnected")
	wantError(t, r.Revive(context.Background()), ErrDisconnected)
	for range 3 { // refused, round after round
		if err := r.want(t, "Disconnected").err; !strings.Contains(err.Error(), addr) {
			t.Errorf("error %q does not say who", err)
		}
	}
	again := restart(t, m, addr)
	s := again.next(t)
	if s.call.FrameworkID.GetValue() != "f1" {
		t.Errorf("came back as %v", s.call.FrameworkID)
	}
	s.subscribed("f1", "y", slowly)
	for h := r.want2(t); h.what != "Subscribed"; h = r.want2(t) {
		if h.what != "Disconnected" {
			t.Fatalf("got %s", h.what)
		}
	}
}

func TestResubscribe(t *testing.T) {
	m := newFakeMaster(t)
	(&Driver{}).Resubscribe("nothing to end: nothing happens")
	r := start(t, Config{Masters: MasterList{m.URL}})
	m.next(t).subscribed("f1", "x", slowly)
	r.want(t, "Subscribed")
	r.Resubscribe("an ACCEPT got no answer")
	wantError(t, r.want(t, "Disconnected").err, errResubscribe)
	m.next(t).subscribed("f1", "y", slowly)
	r.want(t, "Subscribed")
	if err := r.Revive(context.Background()); err != nil {
		t.Fatal(err)
	}
	if c := receive(t, m.calls, "REVIVE"); c.header.Get(streamIDHeader) != "y" {
		t.Errorf("called with stream id %q", c.header.Get(streamIDHeader))
	}
}

func TestTeardown(t *testing.T) {
	m := newFakeMaster(t)
	r := start(t, Config{Masters: MasterList{m.URL}})
	s := m.next(t).subscribed("f1", "x", slowly)
	r.want(t, "Subscribed")
	// The master ends the stream before it answers, as in mesos/recordings/scheduler_failover.
	m.setAnswer(func(*scheduler.Call) (int, string) {
		s.end()
		r.want(t, "Disconnected")
		select { // what must not come is given a chance to
		case <-m.streams:
			t.Error("subscribed anew before the answer: that makes a new framework")
		case <-time.After(20 * time.Millisecond):
		}
		return 202, ""
	})
	if err := r.Teardown(context.Background()); err != nil {
		t.Fatal(err)
	}
	if c := receive(t, m.calls, "TEARDOWN"); c.Type != scheduler.Call_TEARDOWN || c.FrameworkID.Value != "f1" {
		t.Errorf("call %v", c)
	}
	wantError(t, r.ended(t), ErrTornDown)
	if r.ids.current() != "" {
		t.Errorf("the id %q is still stored", r.ids.current())
	}
	if len(m.streams) != 0 {
		t.Error("subscribed anew: that makes a new framework")
	}
	wantError(t, r.Run(context.Background(), newRecorder()), ErrTornDown)
}

func TestContextEnds(t *testing.T) {
	for name, until := range map[string]func(*testing.T, *fakeMaster, *running){
		"while it connects": func(t *testing.T, m *fakeMaster, _ *running) { m.next(t) },
		"while it waits for events": func(t *testing.T, m *fakeMaster, r *running) {
			m.next(t).subscribed("f", "s", slowly)
			r.want(t, "Subscribed")
		},
		"while it waits to try again": func(t *testing.T, m *fakeMaster, r *running) {
			m.next(t).refuse(503, "")
			r.want(t, "Disconnected")
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := newFakeMaster(t)
			r := start(t, Config{Masters: MasterList{m.URL}, BackoffMin: time.Hour, BackoffMax: time.Hour})
			until(t, m, r)
			r.cancel()
			wantError(t, r.ended(t), context.Canceled)
		})
	}
}

// TestBackoff: full jitter, over the whole range, half of it on average, so that no storm can come of it.
func TestBackoff(t *testing.T) {
	b := backoff.Counter{Policy: (&Config{BackoffMin: time.Second, BackoffMax: time.Second}).backoff()}
	var sum, low, high time.Duration = 0, time.Hour, 0
	const n = 10_000
	for range n {
		w := b.Next()
		sum, low, high = sum+w, min(low, w), max(high, w)
	}
	if mean := sum / n; mean < 450*time.Millisecond || mean > 550*time.Millisecond || low > 50*time.Millisecond || high < 950*time.Millisecond || high > time.Second {
		t.Errorf("mean %v, from %v to %v", mean, low, high)
	}
}

// A subscription that lasted starts the back-off anew; one that broke at once does not.
func TestStableSubscriptionResetsTheBackoff(t *testing.T) {
	for name, tt := range map[string]struct {
		stableAfter time.Duration
		grows       bool
	}{
		"lasted long enough": {stableAfter: 1},
		"broke at once":      {stableAfter: time.Hour, grows: true},
	} {
		t.Run(name, func(t *testing.T) {
			m := newFakeMaster(t)
			sink := &waits{got: make(chan time.Duration, 100)}
			r := startWith(t, Config{
				Masters: MasterList{m.URL}, BackoffMin: time.Microsecond, BackoffMax: 10 * time.Millisecond,
				StableAfter: tt.stableAfter, Log: sink.logger(),
			}, newRecorder())
			var longest time.Duration
			for range 30 {
				m.next(t).subscribed("f1", "x", slowly).end()
				r.want(t, "Subscribed")
				r.want(t, "Disconnected")
				longest = max(longest, receive(t, sink.got, "a wait"))
			}
			if grown := longest > time.Microsecond; grown != tt.grows {
				t.Errorf("the longest wait was %v", longest)
			}
		})
	}
}
