package contract

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// note does what the recorder did.
func (r *replay) note(l *line) error {
	switch {
	case strings.HasPrefix(l.Text, "stream ended: EOFError"):
		err, ok := r.conns[l.On].end(r.patience)
		if !ok || !errors.Is(err, io.EOF) {
			r.fail(l, "the stream of %s should have ended properly: ended %v, %v", l.On, ok, err)
		}
	case strings.HasPrefix(l.Text, "stream ended: IncompleteRead"):
		err, ok := r.conns[l.On].end(r.patience)
		if !ok || errors.Is(err, io.EOF) {
			r.fail(l, "the stream of %s should have broken: ended %v, %v", l.On, ok, err)
		}
	case strings.HasPrefix(l.Text, "stream ended: AttributeError"): // the recorder closed it
		r.pace(l.Ms)
		r.conns[l.On].cancel()
	case strings.HasPrefix(l.Text, "call failed: ConnectionRefusedError"):
		c := r.conns[l.On]
		for kind, queue := range c.answers {
			for _, got := range queue {
				if got.err == nil {
					r.fail(l, "%s should have failed, got %d %s", kind, got.status, got.body)
				}
			}
			delete(c.answers, kind)
		}
	default:
		if acted, err := r.target.act(l.Text, r); err != nil || acted {
			return err
		}
		if !comments[l.Text] {
			return fmt.Errorf("the replay does not know the note %q", l.Text)
		}
	}
	return nil
}

// comments are the notes after which nothing happened but what is recorded as calls.
var comments = map[string]bool{
	"ACCEPT of the rescinded offer": true,
	"ACCEPT with no operations declines; filter of 0 s: the next offer comes at once or at the next allocation": true,
	"ACCEPT without its message":                true,
	"REVIVE clears the 3600 s filter":           true,
	"UPDATE_FRAMEWORK: only role horae remains": true,
	"a group of two tasks on the default executor; then a custom executor that exits at once without registering":    true,
	"a second scheduler subscribes with the same framework id while the first is still connected":                    true,
	"a window in 20 s: offers are rescinded and come again with unavailability, inverse offers ask for what is used": true,
	"content type text/plain":                                         true,
	"decline of an unknown offer":                                     true,
	"explicit reconciliation at once, before the agent has come back": true,
	"explicit: a running task, a finished one, one never launched with a known agent, the same with an unknown agent, and without agent": true,
	"failover_timeout is 1 s; the scheduler disconnects and returns after 4 s":                                                           true,
	"implicit reconciliation (no tasks named)":                                                                                           true,
	"kill a task that the master never knew; then one that is already dead":                                                              true,
	"no stream id": true,
	"not JSON":     true,
	"nothing is acknowledged for 35 s: the agent sends the first update again, and holds back the later ones": true,
	"subscribe without roles or user": true,
	"subscribed with the role suppressed: no offer so far; REVIVE now, time to the offer is the point":            true,
	"subscribing again with the id of a framework that was torn down":                                             true,
	"suppress one role, then revive it":                                                                           true,
	"task ids: with a slash, twice the same, 300 characters; no command":                                          true,
	"task larger than the offer":                                                                                  true,
	"the master runs with --offer_timeout=3secs here: an offer that is held longer is rescinded, then made again": true,
	"the new one drops its connection without a word and subscribes again 3 s later (within failover_timeout)":    true,
	"the old one tries an ACCEPT, a KILL and a RECONCILE with its old stream id":                                  true,
	"the same acknowledgement twice, and one with a wrong uuid":                                                   true,
	"the same offer accepted a second time":                                                                       true,
	"two roles; the agent has resources reserved for role horae and unreserved ones; launch with reserved cpus and two ports from the offer that was made to role horae": true,
	"unknown call type": true,
	"wrong stream id":   true,
}
