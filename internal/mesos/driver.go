package mesos

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	mesosv1 "github.com/mesos/mesos-go/api/v1/lib"

	"horae/internal/backoff"
)

// maxRedirects that one round of masters follows: two masters that name each other as the leader must not become a loop.
const maxRedirects = 5

// Driver holds one subscription at a time. Its calls are safe for concurrent use, with Run and with each other.
type Driver struct {
	cfg    Config
	stream *http.Client // for SUBSCRIBE; calls go through the session's pipes

	session  atomic.Pointer[session]
	lastByte atomic.Int64 // of the stream, UnixNano; 0: none yet
	torn     chan struct{}
	tearOnce sync.Once
	tearing  sync.Mutex // held by Teardown while it is under way

	mu      sync.Mutex
	cancel  context.CancelCauseFunc // ends the present attempt; guarded by mu
	lastErr error                   // why there is no subscription; guarded by mu

	// Used by Run's goroutine alone.
	leader  *url.URL  // who led last, tried first
	pending string    // an id that the master gave and that is not stored yet
	gone    string    // an id that the master has removed and that may still be stored
	asked   candidacy // the masters of the present round
}

// session is what calls need of a subscription. It is never modified.
type session struct {
	frameworkID *mesosv1.FrameworkID
	master      *url.URL
	since       time.Time
	// request begins every call's request: all of its head that is always the same, the stream id included.
	request string
	// acks carries acknowledgements, the thousands; others the rest, which may take the master longer.
	acks, others *pipe
}

// newSession begins a session; close ends it.
func (d *Driver) newSession(frameworkID, streamID string, master *url.URL) *session {
	dial := dialMaster(d.cfg, master.Scheme, master.Host)
	return &session{
		frameworkID: &mesosv1.FrameworkID{Value: frameworkID}, master: master, since: time.Now(),
		request: requestHead(master, streamID),
		acks:    newPipe(dial, d.cfg.CallTimeout),
		others:  newPipe(dial, d.cfg.CallTimeout),
	}
}

// close fails the calls under way; what has become of them is unknown.
func (s *session) close() {
	s.acks.close()
	s.others.close()
}

// New checks cfg and returns a Driver, which does nothing before Run.
func New(cfg Config) (*Driver, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	if cfg.Masters == nil {
		return nil, errors.New("mesos: nothing says which masters there are: Masters is nil")
	}
	d := &Driver{cfg: cfg, torn: make(chan struct{})}
	addresses, changed, err := cfg.Masters.Candidates()
	if err != nil && changed == nil {
		return nil, fmt.Errorf("mesos: %w", err)
	}
	for _, a := range addresses {
		if _, err := ParseMaster(a, cfg.Scheme); err != nil {
			return nil, err
		}
	}
	d.stream = newStreamClient(cfg)
	return d, nil
}

// Run subscribes, and subscribes again whenever the subscription ends, until ctx does. It returns ctx's error, or one that
// wraps ErrFailedOver or ErrTornDown. h is not called after it has returned. Run must not run twice at the same time.
func (d *Driver) Run(ctx context.Context, h Handler) error {
	defer d.stream.CloseIdleConnections()
	again := backoff.Counter{Policy: d.cfg.backoff()}
	for {
		lasted, err := d.round(ctx, h)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, ErrFailedOver), errors.Is(err, ErrTornDown):
			return err
		case lasted >= d.cfg.StableAfter:
			again.Reset()
		}
		if err := d.pause(ctx, &again, lasted, err); err != nil {
			return err
		}
	}
}

// backoff draws each pause from nought to its bound: a fleet of schedulers that lost the same master comes back spread out.
func (c *Config) backoff() backoff.Policy {
	return backoff.Policy{First: c.BackoffMin, Max: c.BackoffMax, Jitter: 1}
}

// pause waits before the next round. Other masters than those that were tried are worth another try soon, but not at once: many
// schedulers hear of them at the same time.
func (d *Driver) pause(ctx context.Context, again *backoff.Counter, lasted time.Duration, reason error) error {
	wait := again.Next()
	d.cfg.Log.Info("Not subscribed to Mesos", "error", reason.Error(), "after", lasted, "retryIn", wait)
	others, err := d.sleep(ctx, wait, &d.asked)
	if err != nil || !others {
		return err
	}
	again.Reset()
	_, err = d.sleep(ctx, again.Next(), nil)
	return err
}

// sleep waits, unless there is nothing left to wait for, or there are other masters than those asked.
func (d *Driver) sleep(ctx context.Context, wait time.Duration, asked *candidacy) (others bool, err error) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		var changed <-chan struct{}
		if asked != nil {
			changed = asked.changed
		}
		select {
		case <-timer.C:
			return false, nil
		case <-changed:
			if asked.ask(d.cfg.Masters) && len(asked.addresses) > 0 {
				return true, nil
			}
		case <-ctx.Done():
			return false, ctx.Err()
		case <-d.torn:
			return false, ErrTornDown
		}
	}
}

// candidacy is one answer of Masters.
type candidacy struct {
	addresses []string
	changed   <-chan struct{}
	err       error
}

// ask asks again and reports whether the addresses are others.
func (c *candidacy) ask(m Masters) (others bool) {
	before := c.addresses
	c.addresses, c.changed, c.err = m.Candidates()
	return !slices.Equal(before, c.addresses)
}

// candidates are the masters to be tried in this round, with what is wrong about them.
func (d *Driver) candidates() (masters []*url.URL, errs []error) {
	d.asked.ask(d.cfg.Masters)
	if d.asked.err != nil {
		errs = append(errs, d.asked.err)
	}
	if d.leader != nil && d.asked.changed == nil { // Who leads is not known otherwise.
		masters = append(masters, d.leader)
	}
	for _, a := range d.asked.addresses {
		master, err := ParseMaster(a, d.cfg.Scheme)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		masters = append(masters, master)
	}
	return masters, errs
}

// round tries the masters in turn, the last leader first, until one has taken the subscription, and holds that until it
// ends. It returns how long it lasted, 0 if there was none, and why it ended.
func (d *Driver) round(ctx context.Context, h Handler) (time.Duration, error) {
	tried := map[string]bool{}
	candidates, errs := d.candidates()
	for redirects := 0; len(candidates) > 0; {
		master := candidates[0]
		candidates = candidates[1:]
		if tried[master.String()] {
			continue
		}
		tried[master.String()] = true

		lasted, err := d.attempt(ctx, h, master)
		var redirect *redirectError
		switch {
		case ctx.Err() != nil, lasted > 0, errors.Is(err, ErrFailedOver), errors.Is(err, ErrTornDown), errors.Is(err, errRemoved):
			return lasted, err
		case errors.Is(err, errOthers):
			candidates = nil
		case errors.As(err, &redirect) && redirects < maxRedirects:
			redirects++
			candidates = append([]*url.URL{redirect.to}, candidates...)
		}
		errs = append(errs, fmt.Errorf("master %s: %w", master.Host, err))
	}
	d.leader = nil
	err := errors.Join(errs...)
	d.setLastError(err)
	h.Disconnected(err)
	return 0, err
}

// leaveWhenOthersLead ends the present attempt or subscription, which is at master, once other masters are named than when the
// round began. When none are, because ZooKeeper is away or an election goes on, nothing is gained by leaving.
func (d *Driver) leaveWhenOthersLead(ctx context.Context, asked candidacy, master *url.URL) {
	for asked.changed != nil {
		select {
		case <-ctx.Done():
			return
		case <-asked.changed:
		}
		before := asked.addresses
		switch others := asked.ask(d.cfg.Masters); {
		case len(asked.addresses) == 0:
			asked.addresses = before
		case others && !slices.ContainsFunc(asked.addresses, func(a string) bool { return d.isAt(a, master) }):
			d.end(fmt.Errorf("%w: %s", errOthers, asked.addresses[0]))
			return
		}
	}
}

func (d *Driver) isAt(address string, master *url.URL) bool {
	u, err := ParseMaster(address, d.cfg.Scheme)
	return err == nil && u.Host == master.Host
}

// attempt subscribes at one master. If the subscription began, or if the framework is gone, the handler learns how it ended.
func (d *Driver) attempt(ctx context.Context, h Handler, master *url.URL) (time.Duration, error) {
	stored, err := d.cfg.IDs.FrameworkID(ctx)
	if err != nil {
		return 0, fmt.Errorf("read the framework id: %w", err)
	}
	if d.gone != "" && stored != d.gone { // The write that was to forget it failed, and was made all the same.
		d.forgotten(h)
	}
	sub := &subscription{d: d, h: h, master: master, stored: stored, id: stored}
	if stored == "" {
		sub.id = d.pending
	}
	err = sub.run(ctx)
	var lasted time.Duration
	if s := d.session.Swap(nil); s != nil {
		s.close()
		lasted = max(time.Since(s.since), 1)
		d.leader = master
		d.setLastError(err)
		if ctx.Err() == nil {
			h.Disconnected(err)
		}
	}
	if errors.Is(err, errRemoved) && sub.id != "" && ctx.Err() == nil {
		err = d.forget(ctx, h, sub.id, err)
		d.setLastError(err)
	}
	return lasted, err
}

// forget gives the id of a removed framework up, first in the store, then towards the handler.
func (d *Driver) forget(ctx context.Context, h Handler, id string, removed error) error {
	d.gone = id
	if err := d.cfg.IDs.SetFrameworkID(ctx, ""); err != nil {
		return fmt.Errorf("%w; forget its id %s: %w", removed, id, err)
	}
	d.forgotten(h)
	return removed
}

// forgotten reports that the framework id, which Mesos has removed, is deleted from the store.
func (d *Driver) forgotten(h Handler) {
	id := d.gone
	d.pending, d.gone = "", ""
	d.cfg.Log.Info("Framework was removed by Mesos; its tasks are gone and a new one subscribes", "frameworkID", id)
	h.FrameworkRemoved(id)
}

// Resubscribe ends the present subscription, if there is one, and has Run make another. That voids the old stream's id and
// with it every call that is still on its way.
func (d *Driver) Resubscribe(reason string) {
	d.end(fmt.Errorf("%w: %s", errResubscribe, reason))
}

// end ends the present attempt or subscription because of err.
func (d *Driver) end(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.cancel != nil {
		d.cancel(err)
	}
}

func (d *Driver) setCancel(cancel context.CancelCauseFunc) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.cancel = cancel
}

func (d *Driver) setLastError(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lastErr = err
}

// Connected reports whether there is a subscription.
func (d *Driver) Connected() bool { return d.session.Load() != nil }

// Status reports the state of the subscription, for people and probes.
type Status struct {
	// Connected: there is a subscription, and the fields below are about it.
	Connected   bool
	FrameworkID string
	// Master is the host:port of the leading one.
	Master string
	Since  time.Time
	// LastHeard is when the master last said anything, heartbeats included, in this subscription or an earlier one.
	LastHeard time.Time
	// Err says why there is no subscription; nil when there is one, and before the first attempt has ended.
	Err error
}

// Status returns the present state.
func (d *Driver) Status() Status {
	var st Status
	if n := d.lastByte.Load(); n != 0 {
		st.LastHeard = time.Unix(0, n)
	}
	if s := d.session.Load(); s != nil {
		st.Connected, st.FrameworkID, st.Master, st.Since = true, s.frameworkID.Value, s.master.Host, s.since
		return st
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	st.Err = d.lastErr
	return st
}
