package run

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/go-logr/logr"

	"horae/controllers/run/placement"
	"horae/internal/offer"
	"horae/internal/store"
)

// Writer stores changes under the leader's fence (I6): *store.Writer.
type Writer interface {
	Apply(ctx context.Context, change store.Change) (revision int64, err error)
}

// Launcher is the part of the driver that the placer uses.
type Launcher interface {
	// Check returns why a task cannot be encoded for Mesos; nil: it can. It sends nothing.
	Check(t *offer.Task) error
	Accept(ctx context.Context, l offer.Launch) error
	Decline(ctx context.Context, offerIDs []string, refuse time.Duration) error
	Revive(ctx context.Context, roles ...string) error
	Suppress(ctx context.Context, roles ...string) error
}

// Bounds of what is under way at a time.
const (
	storesAtATime  = 1024 // intents; they are committed in groups
	acceptsAtATime = 64
)

// placer owns the waiting Runs and the held offers, and launches attempts. One goroutine (run) does all that;
// the other methods leave a note in its inbox and return at once.
type placer struct {
	writer    Writer
	launcher  Launcher
	flight    *inFlight
	live      *liveAttempts
	callbacks callbackAccess
	metrics   *metrics
	log       logr.Logger
	// notStored is called for Runs whose intent was not stored: they are to be reconciled again.
	notStored func(store.Key)
	// notSent is called for tasks whose intent may be stored with this launchTime, but for which certainly
	// nothing was sent.
	notSent func(t offer.Task, at time.Time, why error)
	// unanswered reports whether a failed ACCEPT may have reached Mesos; resubscribe voids what is on its way.
	unanswered  func(error) bool
	resubscribe func(reason string)
	// explained is called when the status of a Run is to report why it waits.
	explained func(placement.Explanation)
	now       func() time.Time

	mu sync.Mutex
	// The fields below are guarded by mu.
	inbox  []note
	asked  map[store.Key]bool // Runs that wait, as far as the inbox says
	wakeup chan struct{}
	// grouped counts, by Job, the waiting Runs that depend on their Job's other attempts.
	grouped map[store.Key]int
	// quiet are the roles for which nothing waits; suppressed are those that the next subscription begins with
	// suppressed.
	quiet, suppressed []string

	// The fields below belong to run's goroutine.
	held    *heldOffers
	queue   *placement.Queue
	refused map[store.Key]store.Revisions // of requests whose intent is stored or was outdated
	gate    gateState
	// subscription changes with each that begins or ends: the offers of the one before are void.
	subscription int64
	senders      sync.WaitGroup
	sending      chan struct{}
}

// note is one event for the placer; one field is set.
type note struct {
	want    *placement.Request
	drop    *store.Key
	offers  []offer.Offer
	back    int64 // the subscription in which the offers were held before; 0: they are new
	rescind string
	agent   string
	gate    *gateState
	ended   *store.Key // a Job whose attempt has ended
	expect  *expectation
}

// expectation is when something will be due for which a role's offers are wanted.
type expectation struct {
	role string
	at   time.Time
}

func (p *placer) post(n note) {
	p.mu.Lock()
	p.inbox = append(p.inbox, n)
	p.mu.Unlock()
	select {
	case p.wakeup <- struct{}{}:
	default:
	}
}

// want puts a Run into the queue, or its newer state in place of the one there.
func (p *placer) want(r *placement.Request) {
	p.mu.Lock()
	p.asked[r.Run.Key] = true
	p.mu.Unlock()
	p.post(note{want: r})
}

// drop takes a Run out of the queue. It is called for all that does not want an attempt, and cheap for what
// never did.
func (p *placer) drop(key store.Key) {
	p.mu.Lock()
	known := p.asked[key]
	delete(p.asked, key)
	p.mu.Unlock()
	if known {
		p.post(note{drop: &key})
	}
}

// attemptEnded has Runs of the same Job tried again, if they depend on its attempts; nil: no attempt has ended.
func (p *placer) attemptEnded(l *living) {
	if l == nil {
		return
	}
	p.mu.Lock()
	matters := p.grouped[l.job] > 0
	p.mu.Unlock()
	if matters {
		p.post(note{ended: &l.job})
	}
}

// suppressedRoles returns the roles that a new subscription is to begin with suppressed.
func (p *placer) suppressedRoles() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.suppressed = slices.DeleteFunc(slices.Clone(p.quiet), func(role string) bool {
		return slices.ContainsFunc(p.inbox, func(n note) bool { return n.want != nil && n.want.Role() == role })
	})
	return slices.Clone(p.suppressed)
}

// run places until ctx ends. It returns store.ErrFenced, wrapped, when another leader has taken over.
func (p *placer) run(ctx context.Context) error {
	defer func() {
		p.senders.Wait()
		p.metrics.waiting.Set(0)
		p.metrics.offers.Set(0)
	}()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-p.wakeup:
		case <-timer.C:
		}
		// 1. Read what has happened.
		p.read()
		// 2. Match Runs and offers, store the intents, and then accept.
		rounds := p.match()
		if err := p.launch(ctx, rounds); err != nil {
			return err
		}
		// 3. Decline, revive, suppress, and explain why the other Runs wait.
		next := p.callMesos(ctx)
		timer.Reset(max(next.Sub(p.now()), 0))
	}
}

// read takes in what the inbox holds, in order.
func (p *placer) read() {
	p.mu.Lock()
	notes, suppressed := p.inbox, p.suppressed
	p.inbox = nil
	p.mu.Unlock()
	now := p.now()
	ended := map[store.Key]bool{}
	for i := range notes {
		switch n := &notes[i]; {
		case n.want != nil:
			p.enqueue(n.want)
		case n.drop != nil:
			p.leave(*n.drop)
			delete(p.refused, *n.drop)
		case n.offers != nil:
			if n.back == 0 || n.back == p.subscription {
				p.held.add(now, n.offers)
				p.queue.Meet(n.offers)
			}
		case n.rescind != "":
			p.held.offers.Remove(n.rescind)
		case n.agent != "":
			p.held.offers.RemoveAgent(n.agent)
		case n.gate != nil:
			if *n.gate != gateOpen {
				p.subscription++
				p.held.reset(suppressed)
				p.queue.ForgetAgents(p.live.has)
			}
			p.gate = *n.gate
		case n.ended != nil:
			ended[*n.ended] = true
		default:
			p.held.expect(n.expect.role, n.expect.at)
		}
	}
	if len(ended) > 0 {
		p.retry(ended)
	}
	p.metrics.waiting.Set(float64(p.queue.Len()))
	p.metrics.offers.Set(float64(p.held.offers.Len()))
}

func (p *placer) enqueue(r *placement.Request) {
	key := r.Run.Key
	if rev, ok := p.refused[key]; ok {
		if rev == r.Run.Rev {
			return // Outdated: the cache has the newer state in a moment.
		}
		delete(p.refused, key)
	}
	earlier, changed := p.queue.Put(r)
	p.group(earlier, -1)
	p.group(r, 1)
	if changed {
		p.held.wanted(r.Role())
	}
}

// leave removes a Run from the queue.
func (p *placer) leave(key store.Key) { p.group(p.queue.Remove(key), -1) }

// group counts requests that depend on their Job's other attempts; nil: nothing changes.
func (p *placer) group(r *placement.Request, n int) {
	if r == nil || !r.DependsOnJob() {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.grouped[r.Job()] += n; p.grouped[r.Job()] == 0 {
		delete(p.grouped, r.Job())
	}
}

// retry has the Runs tried again that depend on other attempts of these Jobs.
func (p *placer) retry(jobs map[store.Key]bool) {
	for _, role := range p.queue.Retry(jobs) {
		p.held.wanted(role)
	}
}

// callMesos declines offers, revives and suppresses roles, and has the waiting Runs report why they wait. It returns
// when to look again.
func (p *placer) callMesos(ctx context.Context) time.Time {
	now := p.now()
	m := p.held.next(now, p.queue.ByRole(), p.gate == gateOpen)
	quiet := p.held.quiet(now, p.queue.ByRole())
	p.mu.Lock()
	p.quiet = quiet
	p.mu.Unlock()
	m.at(p.explain(now), 0, now)
	if p.gate != gateDisconnected {
		p.send(ctx, m)
		m.at(p.held.againAt, 0, now)
	}
	if m.next.IsZero() {
		return now.Add(time.Hour)
	}
	return m.next
}

// explain has the Runs that wait report why, and returns when to do so again; zero: when something waits.
func (p *placer) explain(now time.Time) time.Time {
	due, next := p.queue.Explain(p.gate.closed(), now)
	for _, e := range due {
		p.explained(e)
	}
	return next
}

// send makes the calls. One may fail although the subscription goes on. A lost REVIVE is repeated while
// something waits, and after a lost SUPPRESS the offers that come are declined.
func (p *placer) send(ctx context.Context, m moves) {
	var errs []error
	decline := func(ids []string, refuse time.Duration) {
		if len(ids) == 0 {
			return
		}
		slices.Sort(ids)
		if err := p.launcher.Decline(ctx, ids, refuse); err != nil {
			p.held.notDeclined(p.now(), ids)
			errs = append(errs, err)
		}
	}
	decline(m.decline, m.refuse)
	decline(m.yield, 0)
	if len(m.revive) > 0 {
		errs = append(errs, p.launcher.Revive(ctx, m.revive...))
	}
	if len(m.suppress) > 0 {
		errs = append(errs, p.launcher.Suppress(ctx, m.suppress...))
	}
	if err := errors.Join(errs...); err != nil && ctx.Err() == nil {
		p.log.V(1).Info("Offers: a call did not go through", "error", err.Error())
	}
}
