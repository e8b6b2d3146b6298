package contract

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// target is what a recording is replayed against.
type target interface {
	URL() string
	// act does to the processes what the recorder's note says; false if the note is only a comment.
	act(note string, r *replay) (bool, error)
}

// replay is one walk through a recording.
type replay struct {
	target   target
	lines    []line
	scale    float64       // recorded time is divided by this
	patience time.Duration // for one event
	real     bool          // the master is a real one, with agents of its own
	names    *names
	started  time.Time
	conns    map[string]*conn
	diffs    []string
	lengths  map[string]int      // of files read, by path
	pieces   map[string][]string // ids of the offers that stand for one recorded offer, where they are several
	agent    string              // host:port of the agent, once an offer has it

	hurry   bool
	prepare func(*replay) // called once names is there
	ready   []string      // files to be there before the first KILL
	at      int           // the recorded time of the line that it is at

	later []deed // in the order of their times
}

// deed is something done before the first line at or after its recorded time.
type deed struct {
	ms int
	do func() error
}

// errStuck ends a replay that cannot go on; what was missing is among the diffs.
var errStuck = errors.New("stuck")

// run walks through the recording and returns what differed.
func (r *replay) run() []string {
	r.names, r.conns, r.lengths, r.pieces = newNames(), map[string]*conn{}, map[string]int{}, map[string][]string{}
	defer func() {
		for _, c := range r.conns {
			c.cancel()
			_, _ = c.end(r.patience) // so that nothing is left running
		}
	}()
	if r.prepare != nil {
		r.prepare(r)
	}
	r.started = time.Now()
	for i := range r.lines {
		l := &r.lines[i]
		r.at = l.Ms
		for len(r.later) > 0 && l.Ms >= r.later[0].ms {
			r.pace(r.later[0].ms)
			if err := r.later[0].do(); err != nil {
				r.fail(l, "%v", err)
				return r.diffs
			}
			r.later = r.later[1:]
		}
		if err := r.step(i, l); err != nil {
			if !errors.Is(err, errStuck) {
				r.fail(l, "%v", err)
			}
			return r.diffs
		}
	}
	for _, c := range r.conns {
		r.diffs = append(r.diffs, c.leftovers(r.names.stands)...)
	}
	return r.diffs
}

func (r *replay) fail(l *line, format string, args ...any) {
	r.diffs = append(r.diffs, fmt.Sprintf("line %d (%d ms, %s): ", l.number, l.Ms, l.What)+fmt.Sprintf(format, args...))
}

// pace waits until the scaled time of a line. If that has passed, since the machine is slow, everything after it comes
// later too, so that the time between lines stays.
func (r *replay) pace(ms int) {
	wait := time.Until(r.started.Add(time.Duration(float64(ms) / r.scale * float64(time.Millisecond))))
	if wait < 0 {
		r.started = r.started.Add(-wait)
	}
	time.Sleep(wait)
}

func (r *replay) step(i int, l *line) error {
	switch l.What {
	case "call":
		if kind := str(at(tree(l.Body), "type")); kind != "ACKNOWLEDGE" && (kind != "TEARDOWN" || !r.hurry) {
			r.pace(l.Ms)
		}
		return r.call(i, l)
	case "response":
		return r.response(l)
	case "event":
		return r.event(i, l)
	case "http":
		r.pace(l.Ms)
		return r.http(l)
	case "note":
		return r.note(l)
	}
	return fmt.Errorf("a line of unknown kind %q", l.What)
}

// call makes a recorded call with today's ids and scaled times.
func (r *replay) call(i int, l *line) error {
	recorded := tree(l.Body)
	kind := str(at(recorded, "type"))
	c := r.conns[l.On]
	used := offerIDs(recorded)
	if c != nil && len(used) > 0 || kind == "TEARDOWN" {
		if err := r.offersOut(l, c); err != nil && !r.gone(c) {
			return err
		}
		for _, id := range used {
			delete(c.recorded, id)
			defer c.used(r.liveOffers(id))
		}
	}
	if kind == "REVIVE" && len(c.recorded) == 0 && !r.gone(c) {
		// Nothing was offered before it.
		c.mu.Lock()
		if len(c.offers) > 0 {
			r.fail(l, "there are offers on %s that were not recorded: %v", c.name, sum(c.offers))
		}
		c.mu.Unlock()
	}
	var body []byte
	if raw, ok := recorded.(string); ok {
		body, kind = []byte(raw), "JUNK"
	} else {
		translated := r.scaled(r.names.translate(recorded), "")
		r.useLiveOffers(translated, used)
		body, _ = json.Marshal(translated)
	}
	if kind == "KILL" {
		if err := r.awaitReady(); err != nil {
			return err
		}
	}
	if kind == "SUBSCRIBE" {
		return r.subscribe(i, l, body)
	}
	media, stream := "application/json", c.streamID
	if m := str(l.Headers["Content-Type"]); m != "" {
		media = m
	}
	if i > 0 && r.lines[i-1].isNote("no stream id") {
		stream = ""
	}
	if i > 0 && r.lines[i-1].isNote("wrong stream id") {
		stream = "00000000-0000-0000-0000-000000000000"
	}
	c.answers[kind] = append(c.answers[kind], post(http.MethodPost, r.target.URL()+"/api/v1/scheduler", media, stream, body))
	return nil
}

// awaitReady waits for the files of tasks that are about to be killed.
func (r *replay) awaitReady() error {
	for deadline := time.Now().Add(r.patience); len(r.ready) > 0; {
		if _, err := os.Stat(r.ready[0]); err == nil {
			r.ready = r.ready[1:]
		} else if time.Now().After(deadline) {
			return fmt.Errorf("a task did not get ready: %w", err)
		} else {
			time.Sleep(5 * time.Millisecond)
		}
	}
	return nil
}

// gone reports whether the stream of c has ended: nothing can be said about its offers then.
func (r *replay) gone(c *conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ended != nil
}

// subscribe opens a stream, or makes a plain call where the recorder did.
func (r *replay) subscribe(i int, l *line, body []byte) error {
	for _, next := range r.lines[i+1:] {
		if next.What != "response" || next.On != l.On {
			continue
		}
		if tree(next.Body) == nil {
			break
		}
		c := r.conns[l.On]
		if c == nil {
			c = &conn{name: l.On, cancel: func() {}, ended: io.EOF, changed: make(chan struct{}), answers: map[string][]answer{}}
			r.conns[l.On] = c
		}
		c.answers[""] = append(c.answers[""], post(http.MethodPost, r.target.URL()+"/api/v1/scheduler", "application/json", "", body))
		return nil
	}
	c, err := open(l.On, r.target.URL(), body)
	if err != nil {
		return err
	}
	r.conns[l.On] = c
	return nil
}

// response compares an answer.
func (r *replay) response(l *line) error {
	c := r.conns[l.On]
	if tree(l.Body) == nil { // of a SUBSCRIBE
		if c.status != l.Status {
			r.fail(l, "SUBSCRIBE: want status %d, got %d %s", l.Status, c.status, c.body)
			return errStuck
		}
		if got := c.header.Get("Content-Type"); got != str(l.Headers["Content-Type"]) {
			r.fail(l, "want content type %s, got %s", l.Headers["Content-Type"], got)
		}
		if !r.names.learn(str(l.Headers["Mesos-Stream-Id"]), c.streamID) || c.streamID == "" {
			r.fail(l, "stream id %q is not a new one", c.streamID)
		}
		return nil
	}
	queue := c.answers[l.To]
	if len(queue) == 0 {
		return fmt.Errorf("no answer to %s left", l.To)
	}
	got := queue[0]
	c.answers[l.To] = queue[1:]
	if got.err != nil {
		return got.err
	}
	want := r.names.text(str(tree(l.Body)))
	if got.status != l.Status || got.body != want {
		r.fail(l, "%s: want %d %q, got %d %q", l.To, l.Status, want, got.status, got.body)
	}
	return nil
}

// event waits for a recorded event and compares it.
func (r *replay) event(i int, l *line) error {
	recorded, c := tree(l.Body), r.conns[l.On]
	if list := offersOf(recorded); len(list) > 0 {
		for _, o := range list {
			c.recorded[str(at(o, "id", "value"))] = o
		}
		if r.usedLater(i, list) || len(r.names.ids) < 8 {
			return r.offersOut(l, c)
		}
		return nil
	}
	k := key(recorded)
	live, ok := c.next(k, r.patience)
	for ok && r.unrecorded(recorded, live) {
		live, ok = c.next(k, r.patience)
	}
	if !ok {
		r.fail(l, "no event %s on %s came within %s; want %s; %s", k, l.On, r.patience, l.Body, c.waiting())
		return errStuck
	}
	if id := str(at(recorded, "rescind", "offer_id", "value")); id != "" {
		delete(c.recorded, id)
	}
	r.adapt(recorded, live)
	r.compare(l, k, recorded, live)
	return nil
}

func (r *replay) compare(l *line, what string, recorded, live any) {
	for _, d := range r.names.diff(what, recorded, live) {
		r.fail(l, "%s", d)
	}
}

// adapt undoes, in a SUBSCRIBED event, what a replay changes on purpose.
func (r *replay) adapt(recorded, live any) {
	if sub, ok := at(live, "subscribed").(map[string]any); ok {
		if interval, ok := sub["heartbeat_interval_seconds"].(float64); ok {
			sub["heartbeat_interval_seconds"] = interval * r.scale
		}
		for _, side := range []any{recorded, live} {
			if info, ok := at(side, "subscribed", "master_info").(map[string]any); ok {
				delete(info, "capabilities")
				if r.real { // address and name of another machine
					for _, k := range []string{"ip", "hostname", "address", "pid", "domain", "version"} {
						delete(info, k)
					}
				}
			}
		}
		if pid, ok := at(recorded, "subscribed", "master_info").(map[string]any); ok && pid["pid"] != nil {
			r.names.learn("port 5050", fmt.Sprint(at(live, "subscribed", "master_info", "port")))
			pid["pid"] = fmt.Sprintf("master@127.0.0.1:%v", at(live, "subscribed", "master_info", "port"))
		}
	}
}

// http makes a recorded request to another endpoint and compares what its checker says matters.
func (r *replay) http(l *line) error {
	base := r.target.URL()
	if l.Port == 5051 {
		base = "http://" + r.agent
	}
	path := r.names.text(l.Path)
	if p, query, ok := strings.Cut(path, "?"); ok {
		values, err := url.ParseQuery(query)
		if err != nil {
			return err
		}
		path = p + "?" + values.Encode()
	}
	request := tree(l.Request)
	var body []byte
	media := ""
	if request != nil {
		media = "application/json"
		body, _ = json.Marshal(r.scaled(r.names.translate(request), ""))
	}
	got := post(l.Method, base+path, media, "", body)
	if got.err != nil {
		return got.err
	}
	if got.status != l.Status {
		r.fail(l, "%s %s %s: want status %d, got %d %s", l.Method, path, body, l.Status, got.status, got.body)
		return nil
	}
	r.compareHTTP(l, str(at(request, "type")), str(tree(l.Body)), got.body)
	return nil
}
