package mesos

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/mesos/mesos-go/api/v1/lib/scheduler"

	v1 "horae/api/v1"
	"horae/internal/offer"
)

func TestCallsSayWhatTheyMean(t *testing.T) {
	grace := 1500 * time.Millisecond
	ctx := context.Background()
	tests := []struct {
		name string
		call func(*Driver) error
		want string // as mesos/recordings show calls; null is how mesos-go spells an empty list
	}{
		{name: "decline", call: func(d *Driver) error { return d.Decline(ctx, []string{"o1", "o2"}, time.Hour) },
			want: `{"type":"DECLINE","decline":{"offer_ids":[{"value":"o1"},{"value":"o2"}],"filters":{"refuse_seconds":3600}}}`},
		{name: "accept without tasks", call: func(d *Driver) error { return d.Accept(ctx, offer.Launch{OfferIDs: []string{"o1"}}) },
			want: `{"type":"ACCEPT","accept":{"offer_ids":[{"value":"o1"}],"operations":null,"filters":{"refuse_seconds":0}}}`},
		{name: "kill", call: func(d *Driver) error { return d.Kill(ctx, offer.TaskRef{TaskID: "t", AgentID: "a"}, nil) },
			want: `{"type":"KILL","kill":{"task_id":{"value":"t"},"agent_id":{"value":"a"}}}`},
		{name: "kill with grace, agent unknown", call: func(d *Driver) error { return d.Kill(ctx, offer.TaskRef{TaskID: "t"}, &grace) },
			want: `{"type":"KILL","kill":{"task_id":{"value":"t"},"kill_policy":{"grace_period":{"nanoseconds":1500000000}}}}`},
		{name: "acknowledge", call: func(d *Driver) error {
			return d.Acknowledge(ctx, offer.Update{TaskID: "t", AgentID: "a", UUID: []byte("u")})
		},
			want: `{"type":"ACKNOWLEDGE","acknowledge":{"agent_id":{"value":"a"},"task_id":{"value":"t"},"uuid":"dQ=="}}`},
		{name: "reconcile all", call: func(d *Driver) error { return d.Reconcile(ctx, nil) },
			want: `{"type":"RECONCILE","reconcile":{"tasks":null}}`},
		{name: "reconcile some", call: func(d *Driver) error {
			return d.Reconcile(ctx, []offer.TaskRef{{TaskID: "t", AgentID: "a"}, {TaskID: "u"}})
		},
			want: `{"type":"RECONCILE","reconcile":{"tasks":[{"task_id":{"value":"t"},"agent_id":{"value":"a"}},{"task_id":{"value":"u"}}]}}`},
		{name: "accept inverse offers", call: func(d *Driver) error { return d.AcceptInverse(ctx, []string{"i1", "i2"}, time.Minute) },
			want: `{"type":"ACCEPT_INVERSE_OFFERS","accept_inverse_offers":{"inverse_offer_ids":[{"value":"i1"},{"value":"i2"}],"filters":{"refuse_seconds":60}}}`},
		{name: "decline inverse offers", call: func(d *Driver) error { return d.DeclineInverse(ctx, []string{"i1"}, time.Second) },
			want: `{"type":"DECLINE_INVERSE_OFFERS","decline_inverse_offers":{"inverse_offer_ids":[{"value":"i1"}],"filters":{"refuse_seconds":1}}}`},
		{name: "revive", call: func(d *Driver) error { return d.Revive(ctx) }, want: `{"type":"REVIVE","revive":{}}`},
		{name: "revive roles", call: func(d *Driver) error { return d.Revive(ctx, "a", "b") }, want: `{"type":"REVIVE","revive":{"roles":["a","b"]}}`},
		{name: "suppress roles", call: func(d *Driver) error { return d.Suppress(ctx, "a") }, want: `{"type":"SUPPRESS","suppress":{"roles":["a"]}}`},
	}
	m := newFakeMaster(t)
	r := start(t, Config{Masters: MasterList{m.URL}, Authorization: BasicAuth("horae", func(context.Context) (string, error) { return "s3cret", nil })})
	m.next(t).subscribed("f1", "stream-1", slowly)
	r.want(t, "Subscribed")
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := tt.call(r.Driver); err != nil {
				t.Fatal(err)
			}
			got := receive(t, m.calls, "the call")
			if got.FrameworkID.GetValue() != "f1" || got.header.Get(streamIDHeader) != "stream-1" {
				t.Errorf("from %v on stream %q", got.FrameworkID, got.header.Get(streamIDHeader))
			}
			if user, secret, ok := (&http.Request{Header: got.header}).BasicAuth(); !ok || user != "horae" || secret != "s3cret" {
				t.Errorf("authorized as %q %q", user, secret)
			}
			got.FrameworkID = nil
			if s := asJSON(t, got.Call); s != tt.want {
				t.Errorf("sent %s\nwant %s", s, tt.want)
			}
		})
	}
}

// asJSON is the call as the JSON API would say it.
func asJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestCallsThatAreRefused(t *testing.T) {
	tests := []struct {
		name   string
		status int
		body   string
		is     error
		text   string
	}{
		{name: "400 with the master's words", status: 400, body: "Failed to validate scheduler::Call: Expecting 'accept' to be present",
			text: "REVIVE answered 400: Failed to validate scheduler::Call: Expecting 'accept' to be present"},
		{name: "400 because another stream has our id", status: 400, is: ErrDisconnected,
			body: "The stream ID '0' included in this request didn't match the stream ID currently associated with framework ID f1"},
		{name: "400 because a new master does not know us yet", status: 400, body: "Framework cannot be found", is: ErrDisconnected},
		{name: "401", status: 401, text: "REVIVE answered 401: Unauthorized"},
		{name: "403 because of what we may do", status: 403, body: "Not allowed", text: "Not allowed"},
		{name: "403 because we are not subscribed", status: 403, body: "Framework is not subscribed", is: ErrDisconnected},
		{name: "307 of a master that does not lead any more", status: 307, is: ErrDisconnected},
		{name: "503", status: 503, is: ErrDisconnected},
		{name: "504 of a proxy", status: 504, is: ErrUnanswered},
		{name: "500", status: 500, is: ErrUnanswered},
		{name: "200 is no answer to a call", status: 200, body: "hello", text: "REVIVE answered 200: hello"},
		{name: "a message without end is cut", status: 400, body: strings.Repeat("x", 100_000), text: "xxx"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := newFakeMaster(t)
			r := start(t, Config{Masters: MasterList{m.URL}})
			m.next(t).subscribed("f1", "stream-1", slowly)
			r.want(t, "Subscribed")
			m.setAnswer(func(*scheduler.Call) (int, string) { return tt.status, tt.body })
			err := r.Revive(context.Background())
			var refused *CallError
			if !errors.As(err, &refused) || refused.Status != tt.status || !strings.Contains(err.Error(), tt.text) || len(err.Error()) > 5000 {
				t.Fatalf("error %v", err)
			}
			for _, sentinel := range []error{ErrDisconnected, ErrUnanswered} {
				if got := errors.Is(err, sentinel); got != errors.Is(tt.is, sentinel) {
					t.Errorf("is %v: %v", sentinel, got)
				}
			}
			m.setAnswer(nil)
			if err := r.Revive(context.Background()); err != nil {
				t.Errorf("the next call: %v", err)
			}
		})
	}
}

func TestCallsThatAreNotSent(t *testing.T) {
	m := newFakeMaster(t)
	secretErr := errors.New("no such file")
	auth := func(context.Context) (string, error) { return "", nil }
	r := start(t, Config{Masters: MasterList{m.URL}, Authorization: func(ctx context.Context) (string, error) { return auth(ctx) }})
	s := m.next(t)
	wantError(t, r.Revive(context.Background()), ErrDisconnected)
	wantError(t, r.Teardown(context.Background()), ErrDisconnected)
	s.subscribed("f1", "stream-1", slowly)
	r.want(t, "Subscribed")

	if err := r.Acknowledge(context.Background(), offer.Update{TaskID: "t", State: offer.TaskRunning}); err == nil {
		t.Error("an update without a UUID was acknowledged")
	}
	empty := offer.Task{ID: "t", AgentID: "a", Spec: &v1.TaskSpec{}, Resources: somewhere}
	if err := r.Check(&empty); err == nil || !strings.HasPrefix(err.Error(), "shell: ") {
		t.Errorf("error %v", err)
	}
	if err := r.Check(&offer.Task{ID: "t", AgentID: "a", Spec: &v1.TaskSpec{Shell: "true"}, Resources: somewhere}); err != nil {
		t.Error(err)
	}
	err := r.Accept(context.Background(), offer.Launch{Tasks: []offer.Task{empty}})
	if err == nil || !strings.HasPrefix(err.Error(), "launch task t: shell: ") {
		t.Errorf("error %v", err)
	}
	auth = func(context.Context) (string, error) { return "", secretErr }
	wantError(t, r.Revive(context.Background()), secretErr)
	auth = func(context.Context) (string, error) { return "Bearer secret\r\nX: y", nil }
	if err := r.Revive(context.Background()); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("error %v", err)
	}
	if len(m.calls) != 0 {
		t.Errorf("%d calls were sent", len(m.calls))
	}
}

// A subscription that ends ends its calls: nobody waits for a master that is gone.
func TestCallsEndWithTheirSubscription(t *testing.T) {
	m := newFakeMaster(t)
	r := start(t, Config{Masters: MasterList{m.URL}, CallTimeout: time.Hour})
	s := m.next(t).subscribed("f1", "stream-1", slowly)
	r.want(t, "Subscribed")
	arrived, hang := make(chan struct{}), make(chan struct{})
	defer close(hang)
	m.setAnswer(func(*scheduler.Call) (int, string) {
		close(arrived)
		<-hang
		return 202, ""
	})
	done := make(chan error, 1)
	go func() { done <- r.Revive(context.Background()) }()
	receive(t, arrived, "the call")
	s.end()
	r.want(t, "Disconnected")
	wantError(t, receive(t, done, "the end of the call"), ErrUnanswered)
}

func TestCallerGivesUp(t *testing.T) {
	m := newFakeMaster(t)
	r := start(t, Config{Masters: MasterList{m.URL}, CallTimeout: time.Hour})
	m.next(t).subscribed("f1", "stream-1", slowly)
	r.want(t, "Subscribed")
	hang := make(chan struct{})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	m.setAnswer(func(*scheduler.Call) (int, string) {
		cancel() // no sooner: a call that was not sent is another case
		<-hang
		return 202, ""
	})
	err := r.Revive(ctx)
	wantError(t, err, ErrUnanswered)
	wantError(t, err, context.Canceled)
	close(hang)
	if err := r.Suppress(context.Background()); err != nil {
		t.Errorf("the next call: %v", err)
	}
}
