package contract

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// conn is one scheduler's subscription. What arrives is sorted into queues; the replay takes it out of them.
type conn struct {
	name     string
	streamID string
	status   int
	header   http.Header
	body     string // of an answer that is no stream
	cancel   context.CancelFunc

	mu      sync.Mutex
	changed chan struct{} // closed and replaced whenever something below changes
	queues  map[string][]any
	offers  map[string]any // live ones that are out
	ended   error          // io.EOF is a proper end

	recorded map[string]any // recorded ones that are out; the replay's own
	answers  map[string][]answer
}

// answer is what a call got.
type answer struct {
	status int
	body   string
	err    error
}

// errAborted is the end of a stream that this side closed.
var errAborted = errors.New("closed by the scheduler")

// open subscribes.
func open(name, url string, body []byte) (*conn, error) {
	ctx, cancel := context.WithCancel(context.Background())
	c := &conn{
		name: name, cancel: cancel, changed: make(chan struct{}),
		queues: map[string][]any{}, offers: map[string]any{}, recorded: map[string]any{}, answers: map[string][]answer{},
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/api/v1/scheduler", bytes.NewReader(body))
	if err != nil {
		cancel()
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		cancel()
		return nil, err
	}
	c.status, c.header, c.streamID = resp.StatusCode, resp.Header, resp.Header.Get("Mesos-Stream-Id")
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		c.body, c.ended = string(text), io.EOF
		return c, nil
	}
	go c.read(ctx, resp.Body)
	return c, nil
}

// read sorts events into the queues until the stream ends.
func (c *conn) read(ctx context.Context, body io.ReadCloser) {
	defer body.Close()
	in := bufio.NewReader(body)
	for {
		event, err := readEvent(in)
		c.mu.Lock()
		switch {
		case err != nil && ctx.Err() != nil:
			c.ended = errAborted
		case err != nil:
			c.ended = err
		default:
			c.sort(event)
		}
		close(c.changed)
		c.changed = make(chan struct{})
		c.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (c *conn) sort(event any) {
	for _, o := range offersOf(event) {
		c.offers[str(at(o, "id", "value"))] = o
	}
	if id := str(at(event, "rescind", "offer_id", "value")); id != "" {
		delete(c.offers, id)
	}
	if len(offersOf(event)) == 0 {
		c.queues[key(event)] = append(c.queues[key(event)], event)
	}
}

// readEvent reads one RecordIO frame.
func readEvent(in *bufio.Reader) (any, error) {
	head, err := in.ReadString('\n')
	if err != nil {
		return nil, err
	}
	size, err := strconv.Atoi(strings.TrimSuffix(head, "\n"))
	if err != nil {
		return nil, fmt.Errorf("frame size: %w", err)
	}
	frame := make([]byte, size)
	if _, err := io.ReadFull(in, frame); err != nil {
		return nil, err
	}
	var event any
	return event, json.Unmarshal(frame, &event)
}

// wait returns once f, called with the lock held, is true; false after the timeout.
func (c *conn) wait(timeout time.Duration, f func() bool) bool {
	deadline := time.NewTimer(timeout)
	defer deadline.Stop()
	for {
		c.mu.Lock()
		ok, changed := f(), c.changed
		c.mu.Unlock()
		if ok {
			return true
		}
		select {
		case <-changed:
		case <-deadline.C:
			return false
		}
	}
}

// next takes the next event of a queue.
func (c *conn) next(key string, timeout time.Duration) (event any, ok bool) {
	ok = c.wait(timeout, func() bool {
		if len(c.queues[key]) == 0 {
			return false
		}
		event, c.queues[key] = c.queues[key][0], c.queues[key][1:]
		return true
	})
	return event, ok
}

// waiting says what came that nobody has asked for yet, and whether the stream has ended.
func (c *conn) waiting() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	text, _ := json.Marshal(c.queues)
	return fmt.Sprintf("not asked for so far: %s; end of the stream: %v", text, c.ended)
}

// end waits for the end of the stream and returns how it ended.
func (c *conn) end(timeout time.Duration) (err error, ok bool) {
	ok = c.wait(timeout, func() bool { err = c.ended; return err != nil })
	return err, ok
}

// used takes offers off the books that a call uses.
func (c *conn) used(live []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, id := range live {
		delete(c.offers, id)
	}
}

// leftovers lists events that nobody has asked for. That an offer is rescinded which stands for no recorded one is none: which offers
// are made when depends on milliseconds.
func (c *conn) leftovers(recorded func(id string) bool) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []string
	for k, q := range c.queues {
		if k == "HEARTBEAT" {
			continue
		}
		for _, e := range q {
			if id := str(at(e, "rescind", "offer_id", "value")); id != "" && !recorded(id) {
				continue
			}
			text, _ := json.Marshal(e)
			out = append(out, fmt.Sprintf("unexpected event on %s: %s", c.name, text))
		}
	}
	return out
}

// post makes a request that is answered at once.
func post(method, url, contentType, streamID string, body []byte) answer {
	req, err := http.NewRequest(method, url, bytes.NewReader(body))
	if err != nil {
		return answer{err: err}
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
		req.Header.Set("Accept", "application/json")
	}
	if streamID != "" {
		req.Header.Set("Mesos-Stream-Id", streamID)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return answer{err: err}
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return answer{status: resp.StatusCode, body: string(text), err: err}
}
