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
	// Check says why a task cannot be put into Mesos's words; nil: it can. It sends nothing.
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

// placer brings waiting Runs and offers together. One goroutine (run) owns them; everybody else leaves a note in the inbox and
// goes on.
type placer struct {
	writer   Writer
	launcher Launcher
	flight   *inFlight
	live     *liveAttempts
	metrics  *metrics
	log      logr.Logger
	// notStored is told the Runs whose intent was not stored: they want to be looked at again.
	notStored func(store.Key)
	// notSent is told the tasks whose intent may be stored with this launchTime, and for which certainly nothing was sent, and why.
	notSent func(t offer.Task, at time.Time, why error)
	// unanswered reports whether a failed ACCEPT may have reached Mesos; resubscribe voids what is on its way.
	unanswered  func(error) bool
	resubscribe func(reason string)
	// explained is called with why a Run waits, when its status is to report that.
	explained func(placement.Explanation)
	now       func() time.Time

	mu sync.Mutex
	// The fields below are guarded by mu.
	inbox  []note
	asked  map[store.Key]bool // Runs that wait, as far as the inbox says
	wakeup chan struct{}
	// grouped counts, by Job, those who wait for their Job's other attempts to make room.
	grouped map[store.Key]int
	// quiet are the roles for which nothing waits, and suppressed those of them of which the next subscription was told.
	quiet, suppressed []string

	// The fields below belong to run's goroutine.
	held    *heldOffers
	queue   *placement.Queue
	refused map[store.Key]store.Revisions // of requests whose intent is stored, or was out of date
	gate    gateState
	// subscription changes with each that begins or ends: the offers of the one before are void.
	subscription int64
	senders      sync.WaitGroup
	sending      chan struct{}
}

// note is one thing that the placer is told; one field is set.
type note struct {
	want    *placement.Request
	drop    *store.Key
	offers  []offer.Offer
	back    int64 // the offers are not new: they were held in that subscription
	rescind string
	agent   string
	gate    *gateState
	ended   *store.Key // a Job of which an attempt is alive no more
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

// drop takes a Run out of the queue. It is called for all that does not want an attempt, and cheap for what never did.
func (p *placer) drop(key store.Key) {
	p.mu.Lock()
	known := p.asked[key]
	delete(p.asked, key)
	p.mu.Unlock()
	if known {
		p.post(note{drop: &key})
	}
}

// attemptEnded says that an attempt is alive no more, which may be what another one of its Job waits for; nil: none is.
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

// suppressedRoles are those that a new subscription is to get no offers for.
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
		// 1. What has come.
		p.read()
		// 2. Who goes where; the intents are stored, and then accepted.
		rounds := p.match()
		if err := p.launch(ctx, rounds); err != nil {
			return err
		}
		// 3. Offers that are not needed, offers that are, and why the rest waits.
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
			return // The same state as before: the cache has the newer one in a moment.
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

// leave takes a Run out of those who wait.
func (p *placer) leave(key store.Key) { p.group(p.queue.Remove(key), -1) }

// group counts one more or less that depends on its Job's other attempts; nil: nothing changes.
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

// retry has those tried again who wait for their Job's other attempts to make room.
func (p *placer) retry(jobs map[store.Key]bool) {
	for _, role := range p.queue.Retry(jobs) {
		p.held.wanted(role)
	}
}

// callMesos tells Mesos which offers are and are not wanted, and has the Runs that wait report why. It returns when to look again.
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

// send makes the calls. One may fail though the subscription goes on. Of REVIVE and SUPPRESS nothing lasts then: what waits asks again,
// and offers that come unasked are declined.
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
		p.log.V(1).Info("Offers: a call did not go through", "reason", err.Error())
	}
}
