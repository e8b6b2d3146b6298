package discovery

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-zookeeper/zk"

	"horae/internal/backoff"
)

// Detector knows the leading master. Candidates is safe for concurrent use.
type Detector struct {
	url     URL
	log     logr.Logger
	connect func(context.Context) (session, error) // a seam for tests

	mu      sync.Mutex
	known   []string // where the leader answers, as far as known
	err     error    // why it is not known, or may be out of date
	changed chan struct{}
}

// session is one connection to ZooKeeper with its session; it is used by one goroutine. Its calls return an error when it breaks.
type session interface {
	children(path string) ([]string, <-chan zk.Event, error)
	// exists watches for the creation of a znode.
	exists(path string) (bool, <-chan zk.Event, error)
	get(path string) ([]byte, error)
	// broken is closed when the connection or the session is lost.
	broken() <-chan struct{}
	// close ends it and waits for what it has started.
	close()
}

// New returns a Detector, which knows nothing before Run.
func New(url URL, log logr.Logger) *Detector {
	d := &Detector{url: url, log: log, changed: make(chan struct{}), err: fmt.Errorf("%s has not answered yet", url)}
	d.connect = func(ctx context.Context) (session, error) { return dial(ctx, url, log) }
	return d
}

// Candidates are the addresses (host:port) of the leading master, the better one first, as ZooKeeper last reported; err says why there
// are none, or why they may be out of date. changed is closed when the answer is another.
func (d *Detector) Candidates() (addresses []string, changed <-chan struct{}, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.known, d.changed, d.err
}

// Run watches until ctx ends: whatever ZooKeeper does, there is something to wait for.
func (d *Detector) Run(ctx context.Context) {
	again := backoff.Counter{Policy: pauses}
	for ctx.Err() == nil {
		began := time.Now()
		err := d.watch(ctx)
		if ctx.Err() != nil {
			break
		}
		d.lost(fmt.Errorf("%s: %w", d.url, err))
		if time.Since(began) > stable {
			again.Reset()
		}
		pause := again.Next()
		d.log.V(1).Info("Connecting to ZooKeeper again", "in", pause, "error", err.Error())
		_ = backoff.Sleep(ctx, pause) // The loop looks at ctx itself.
	}
}

// stable is how long a session must have lasted for the pauses between them to start anew.
const stable = 30 * time.Second

// pauses between sessions.
var pauses = backoff.Policy{First: 200 * time.Millisecond, Max: 10 * time.Second, Jitter: .5}

// watch holds one session, and says why it ended.
func (d *Detector) watch(ctx context.Context) error {
	s, err := d.connect(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	for leader := ""; ; {
		// 1. Who stands for election? The watch is set by the same request, so that nothing falls between.
		children, changed, err := s.children(d.url.Path)
		if errors.Is(err, zk.ErrNoNode) {
			leader = ""
			d.found(nil, fmt.Errorf("%s: the path does not exist: no Mesos master has ever stood for election there", d.url))
			var there bool
			if there, changed, err = s.exists(d.url.Path); there {
				continue // It was created in between.
			}
		} else if err == nil {
			// 2. Who of them leads, and where? A znode's content is never changed by Mesos.
			next := leaderOf(children)
			if next != leader || next == "" {
				if leader, err = next, d.read(s, next); errors.Is(err, zk.ErrNoNode) {
					leader, err = "", nil // It has just gone, which the watch reports.
				}
			}
		}
		if err != nil {
			return explain(err)
		}
		// 3. Until ZooKeeper says that it may be another.
		select {
		case e := <-changed:
			if e.Err != nil {
				return explain(e.Err)
			}
		case <-s.broken():
			return errors.New("the connection to ZooKeeper is lost")
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// read finds out where the leader answers. An error is the session's.
func (d *Detector) read(s session, leader string) error {
	if leader == "" {
		d.found(nil, fmt.Errorf("%s: no Mesos master stands for election", d.url))
		return nil
	}
	data, err := s.get(d.url.Path + "/" + leader)
	if err != nil {
		return err
	}
	at, err := addresses(data)
	if err != nil {
		err = fmt.Errorf("%s: the leader's znode %s %w", d.url, leader, err)
	} else {
		d.log.Info("ZooKeeper names the leading Mesos master", "znode", leader, "addresses", at)
	}
	d.found(at, err)
	return nil
}

// explain says what to do where ZooKeeper's own word does not.
func explain(err error) error {
	switch {
	case errors.Is(err, zk.ErrNoAuth):
		return fmt.Errorf("%w: the znodes are readable with credentials only, as in zk://user:password@host:port/path", err)
	case errors.Is(err, zk.ErrNoServer):
		return errors.New("no ZooKeeper server can be reached")
	}
	return err
}

// lost notes that what is known may be out of date.
func (d *Detector) lost(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err == nil {
		d.log.Info("ZooKeeper is away; the last known Mesos master is used", "error", err.Error(), "addresses", d.known)
	}
	d.setLocked(d.known, err)
}

// found notes what ZooKeeper says.
func (d *Detector) found(known []string, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err != nil && (d.err == nil || d.err.Error() != err.Error()) {
		d.log.Info("No leading Mesos master is known", "error", err.Error())
	}
	d.setLocked(known, err)
}

func (d *Detector) setLocked(known []string, err error) {
	same := slices.Equal(known, d.known) && (err == nil) == (d.err == nil) && (err == nil || err.Error() == d.err.Error())
	d.known, d.err = known, err
	if !same {
		close(d.changed)
		d.changed = make(chan struct{})
	}
}
