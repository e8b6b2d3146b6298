package devcluster

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
)

// client is a small scheduler that talks to the master over its socket, as any framework does.
type testClient struct {
	t         testing.TB
	url       string
	media     string
	streamID  string
	framework *mesos.FrameworkID
	events    chan *scheduler.Event // closed when the stream ends
	offers    []mesos.Offer         // that came before they were asked for
	streamErr error                 // why it ended; read after events is closed
	cancel    context.CancelFunc
}

func ptr[T any](v T) *T { return &v }

// patience ends a test that would hang.
const patience = time.Minute

// frameworkInfo is the one of the recordings.
func frameworkInfo() *mesos.FrameworkInfo {
	return &mesos.FrameworkInfo{
		User: "root", Name: "horae", Roles: []string{"horae"}, FailoverTimeout: ptr(3600.0), Checkpoint: ptr(true),
		Capabilities: []mesos.FrameworkInfo_Capability{
			{Type: mesos.FrameworkInfo_Capability_MULTI_ROLE},
			{Type: mesos.FrameworkInfo_Capability_PARTITION_AWARE},
			{Type: mesos.FrameworkInfo_Capability_TASK_KILLING_STATE},
		},
	}
}

// subscribe subscribes in JSON or protobuf and waits for SUBSCRIBED.
func subscribe(t testing.TB, url, media string, info *mesos.FrameworkInfo) *testClient {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	c := &testClient{t: t, url: url, media: media, events: make(chan *scheduler.Event, 100000), cancel: cancel}
	call := &scheduler.Call{Type: scheduler.Call_SUBSCRIBE, FrameworkID: info.ID, Subscribe: &scheduler.Call_Subscribe{FrameworkInfo: info}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/api/v1/scheduler", bytes.NewReader(c.encode(call)))
	if err != nil {
		t.Fatal(err)
	}
	req.Close = true // a kept connection may be one to a master that is being restarted
	req.Header.Set("Content-Type", media)
	req.Header.Set("Accept", media)
	resp, err := http.DefaultClient.Do(req) //nolint:bodyclose // read closes it at the end of the stream
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(resp.Body)
		t.Fatalf("SUBSCRIBE: %s: %s", resp.Status, body)
	}
	c.streamID = resp.Header.Get("Mesos-Stream-Id")
	go c.read(resp.Body)
	t.Cleanup(c.close)
	for e := range c.events {
		if e.Type == scheduler.Event_SUBSCRIBED {
			c.framework = e.Subscribed.FrameworkID
			return c
		}
		t.Fatalf("the first event is %s: %v", e.Type, e)
	}
	t.Fatalf("the stream ended before SUBSCRIBED: %v", c.streamErr)
	return nil
}

func (c *testClient) read(body io.ReadCloser) {
	defer close(c.events)
	defer body.Close()
	in := bufio.NewReaderSize(body, 1<<20)
	for {
		head, err := in.ReadString('\n')
		if err != nil {
			c.streamErr = err
			return
		}
		n, err := strconv.Atoi(strings.TrimSuffix(head, "\n"))
		if err != nil {
			c.streamErr = err
			return
		}
		frame := make([]byte, n)
		if _, err := io.ReadFull(in, frame); err != nil {
			c.streamErr = err
			return
		}
		e := &scheduler.Event{}
		if c.media == mediaJSON {
			err = json.Unmarshal(frame, e)
		} else {
			err = e.Unmarshal(frame)
		}
		if err != nil {
			c.streamErr = err
			return
		}
		c.events <- e
	}
}

func (c *testClient) close() {
	c.cancel()
	for range c.events {
	}
}

func (c *testClient) encode(call *scheduler.Call) []byte {
	body, err := call.Marshal()
	if c.media == mediaJSON {
		body, err = json.Marshal(call)
		body = dropNulls(body)
	}
	if err != nil {
		c.t.Error(err)
	}
	return body
}

// send makes a call and returns the status code and the body.
func (c *testClient) send(call *scheduler.Call) (int, string) {
	call.FrameworkID = c.framework
	req, err := http.NewRequest(http.MethodPost, c.url+"/api/v1/scheduler", bytes.NewReader(c.encode(call)))
	if err != nil {
		c.t.Fatal(err)
	}
	req.Close = true
	req.Header.Set("Content-Type", c.media)
	req.Header.Set("Mesos-Stream-Id", c.streamID)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body)
}

// must makes a call that has to be accepted.
func (c *testClient) must(call *scheduler.Call) {
	c.t.Helper()
	if code, body := c.send(call); code != http.StatusAccepted {
		c.t.Fatalf("%s: %d %s", call.Type, code, body)
	}
}

// next returns the next event of a type, dropping others but failing at the end of the stream and after patience.
func (c *testClient) next(kind scheduler.Event_Type) *scheduler.Event {
	c.t.Helper()
	return c.await(kind, func(*scheduler.Event) {})
}

// await is next, and logs what it drops.
func (c *testClient) await(kind scheduler.Event_Type, dropped func(*scheduler.Event)) *scheduler.Event {
	c.t.Helper()
	timeout := time.After(patience)
	for {
		select {
		case e, ok := <-c.events:
			if !ok {
				c.t.Fatalf("the stream ended before %s: %v", kind, c.streamErr)
			}
			if e.Type == kind {
				return e
			}
			dropped(e)
		case <-timeout:
			c.t.Fatalf("no %s within %s", kind, patience)
		}
	}
}

// update returns the next update. What is offered before it, as may be as soon as a task has ended, is kept for offer: nobody would
// offer it again.
func (c *testClient) update() mesos.TaskStatus {
	c.t.Helper()
	return c.await(scheduler.Event_UPDATE, func(e *scheduler.Event) {
		switch e.Type {
		case scheduler.Event_OFFERS:
			c.offers = append(c.offers, e.Offers.Offers...)
		case scheduler.Event_RESCIND:
			c.offers = slices.DeleteFunc(c.offers, func(o mesos.Offer) bool { return o.ID == e.Rescind.OfferID })
		}
	}).Update.Status
}

func (c *testClient) offer() mesos.Offer {
	c.t.Helper()
	if len(c.offers) > 0 {
		o := c.offers[0]
		c.offers = c.offers[1:]
		return o
	}
	return c.next(scheduler.Event_OFFERS).Offers.Offers[0]
}

// acknowledge acknowledges an update if it wants that.
func (c *testClient) acknowledge(s mesos.TaskStatus) {
	if len(s.UUID) > 0 {
		c.must(&scheduler.Call{Type: scheduler.Call_ACKNOWLEDGE, Acknowledge: &scheduler.Call_Acknowledge{
			AgentID: *s.AgentID, TaskID: s.TaskID, UUID: s.UUID}})
	}
}

// follow acknowledges updates until one is terminal, and returns the states and the last status.
func (c *testClient) follow() (states []string, last mesos.TaskStatus) {
	c.t.Helper()
	for {
		s := c.update()
		c.acknowledge(s)
		states = append(states, s.State.String())
		if terminal(*s.State) {
			return states, s
		}
	}
}

// running acknowledges updates until a task runs.
func (c *testClient) running() {
	c.t.Helper()
	for {
		s := c.update()
		c.acknowledge(s)
		if *s.State == mesos.TASK_RUNNING {
			return
		}
	}
}

// shell makes a task that runs a shell command.
func shell(o mesos.Offer, id, command string) mesos.TaskInfo {
	uses, _ := parseResources("cpus:0.1;mem:32;disk:16")
	return mesos.TaskInfo{
		Name: id, TaskID: mesos.TaskID{Value: id}, AgentID: o.AgentID, Resources: uses.toMesos("horae", false),
		Command: &mesos.CommandInfo{Shell: ptr(true), Value: &command},
	}
}

func (c *testClient) launch(o mesos.Offer, tasks ...mesos.TaskInfo) {
	c.t.Helper()
	c.must(&scheduler.Call{Type: scheduler.Call_ACCEPT, Accept: &scheduler.Call_Accept{
		OfferIDs: []mesos.OfferID{o.ID},
		Operations: []mesos.Offer_Operation{{
			Type: mesos.Offer_Operation_LAUNCH, Launch: &mesos.Offer_Operation_Launch{TaskInfos: tasks},
		}},
		Filters: &mesos.Filters{RefuseSeconds: ptr(0.0)},
	}})
}

func start(t testing.TB, cfg Config) *Cluster {
	t.Helper()
	cfg.Listen = "127.0.0.1:0"
	if cfg.AllocationInterval == 0 {
		cfg.AllocationInterval = 50 * time.Millisecond
	}
	c, err := Start(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		http.DefaultClient.CloseIdleConnections()
	})
	return c
}

// get reads an endpoint of the agent that made an offer.
func get(t testing.TB, o mesos.Offer, path string) string {
	t.Helper()
	url := fmt.Sprintf("http://%s:%d%s", o.URL.Address.GetIP(), o.URL.Address.Port, path)
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %s %s %v", url, resp.Status, body, err)
	}
	return string(body)
}
