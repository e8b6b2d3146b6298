package devcluster

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
)

// stream is one subscription: what is queued for it, and how it is to end. The handler of the SUBSCRIBE request
// writes it out; everybody else appends under Cluster.mu. Events are not changed once they are queued: they are
// encoded without the lock, and only once.
type stream struct {
	id        string   // the Mesos-Stream-Id; an executor's has none
	json      bool     // JSON rather than protobuf
	heartbeat outgoing // nil for executors

	// guarded by Cluster.mu
	queue  []outgoing
	end    streamEnd
	notify chan struct{} // holds one
}

// outgoing is an event of mesos-go, to a scheduler or an executor.
type outgoing interface {
	Marshal() ([]byte, error)
}

// streamEnd says how a stream ends.
type streamEnd int

const (
	streamOpen  streamEnd = iota
	streamEnded           // the rest of the queue is written, then the body ends properly
	streamCut             // the connection breaks in the middle of the body
)

func newStream(asJSON bool) *stream {
	return &stream{
		id: newUUID(), json: asJSON, heartbeat: &scheduler.Event{Type: scheduler.Event_HEARTBEAT}, notify: make(chan struct{}, 1),
	}
}

// push queues an event. Cluster.mu must be held.
func (s *stream) push(e outgoing) {
	if s.end == streamOpen {
		s.queue = append(s.queue, e)
		s.wake()
	}
}

// close ends the stream. Cluster.mu must be held.
func (s *stream) close(how streamEnd) {
	if s.end == streamOpen {
		s.end = how
		s.wake()
	}
}

func (s *stream) wake() {
	select {
	case s.notify <- struct{}{}:
	default:
	}
}

// take returns what is to be written now. A silent master writes nothing to schedulers, and ends nothing.
func (c *Cluster) take(s *stream) (events []outgoing, end streamEnd, silent bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.heartbeat != nil && c.master.silent && s.end != streamCut {
		return nil, streamOpen, true
	}
	events, s.queue = s.queue, nil
	return events, s.end, false
}

// serveStream writes s to w until it ends or the client goes away.
func (c *Cluster) serveStream(w http.ResponseWriter, r *http.Request, s *stream) {
	w.Header().Set("Content-Type", s.contentType())
	if s.id != "" {
		w.Header().Set("Mesos-Stream-Id", s.id)
	}
	w.WriteHeader(http.StatusOK)
	heartbeat := time.NewTicker(c.cfg.HeartbeatInterval)
	defer heartbeat.Stop()
	out := bufio.NewWriterSize(w, 64<<10)
	flush := func() bool {
		return out.Flush() == nil && http.NewResponseController(w).Flush() == nil
	}
	for {
		events, end, silent := c.take(s)
		if end == streamCut {
			panic(http.ErrAbortHandler) // the documented way to break a connection in the middle of a body
		}
		for _, e := range events {
			if err := s.write(out, e); err != nil {
				return
			}
		}
		if !flush() || end == streamEnded {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-c.done:
			return
		case <-s.notify:
		case <-heartbeat.C:
			if silent || s.heartbeat == nil {
				continue
			}
			if err := s.write(out, s.heartbeat); err != nil || !flush() {
				return
			}
		}
	}
}

func (s *stream) contentType() string {
	if s.json {
		return mediaJSON
	}
	return mediaProtobuf
}

// write appends one RecordIO frame: the length in decimal, a newline, the event.
func (s *stream) write(out *bufio.Writer, e outgoing) error {
	body, err := encodeEvent(e, s.json)
	if err != nil {
		return err
	}
	if _, err := out.WriteString(strconv.Itoa(len(body)) + "\n"); err != nil {
		return err
	}
	_, err = out.Write(body)
	return err
}

func encodeEvent(e outgoing, asJSON bool) ([]byte, error) {
	if !asJSON {
		body, err := e.Marshal()
		if err != nil {
			return nil, fmt.Errorf("encode an event: %w", err)
		}
		return body, nil
	}
	body, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("encode an event: %w", err)
	}
	return dropNulls(body), nil
}

// dropNulls removes members whose value is null: mesos-go writes an absent list so, Mesos does not write it at all.
func dropNulls(in []byte) []byte {
	out := make([]byte, 0, len(in))
	key := 0 // where the member that is being read begins in out
	for i := 0; i < len(in); i++ {
		switch in[i] {
		case '"':
			end := i + 1
			for in[end] != '"' {
				if in[end] == '\\' {
					end++
				}
				end++
			}
			if end+1 < len(in) && in[end+1] == ':' {
				key = len(out)
			}
			out = append(out, in[i:end+1]...)
			i = end
		case 'n':
			i += len("null") - 1
			if out[len(out)-1] != ':' {
				out = append(out, "null"...)
				continue
			}
			out = out[:key]
			if out[len(out)-1] == ',' {
				out = out[:len(out)-1]
			} else if i+1 < len(in) && in[i+1] == ',' {
				i++
			}
		default:
			out = append(out, in[i])
		}
	}
	return out
}
