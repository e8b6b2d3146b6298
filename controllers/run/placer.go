package run

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/go-logr/logr"

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
	// whyTick is how often the reasons of those who wait are looked at; whysAtATime bounds how many different ones are looked at then,
	// and how many Runs are told.
	whyTick     = time.Second
	whysAtATime = 1000
	// whyRefresh is how often numbers that have changed are told again when the reason has not.
	whyRefresh = 5 * time.Minute
)

// placer brings waiting Runs and offers together. One goroutine (run) owns them; everybody else leaves a note in the inbox and
// goes on.
type placer struct {
	writer   Writer
	launcher Launcher
	flight   *inFlight
	census   *census
	cfg      PlaceConfig
	roles    []string
	metrics  *metrics
	log      logr.Logger
	// notStored is told the Runs whose intent was not stored: they want to be looked at again.
	notStored func(store.Key)
	// notSent is told the tasks whose intent may be stored with this launchTime, and for which certainly nothing was sent, and why.
	notSent func(t offer.Task, at time.Time, why error)
	// unanswered reports whether a failed ACCEPT may have reached Mesos; resubscribe voids what is on its way.
	unanswered  func(error) bool
	resubscribe func(reason string)
	// tellWhy is told why a Run waits.
	tellWhy func(store.Key, Why)
	clock   func() time.Time

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
	hand    *hand
	waiting map[store.Key]*Request
	backlog backlog        // of the same
	byRole  map[string]int // of those who wait, in roles that we have
	// served is when each line was last served; lines is how many there were when those were last gone through.
	served map[lineKey]time.Time
	lines  int
	// agents are those that were ever offered, with what is known of them.
	agents  map[string]*offer.Offer
	refused map[store.Key]store.Revisions // of requests whose intent is stored, or was out of date
	gate    gateState
	// subscription changes with each that begins or ends: the offers of the one before are void.
	subscription int64
	whyAt        time.Time
	senders      sync.WaitGroup
	sending      chan struct{}
}

// gateState says whether attempts may be launched (I9).
type gateState int

const (
	gateDisconnected gateState = iota
	gateReconciling
	gateOpen
)

// note is one thing that the placer is told; one field is set.
type note struct {
	want    *Request
	drop    *store.Key
	offers  []offer.Offer
	back    int64 // the offers are not new: they were in hand in that subscription
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

func (p *placer) tell(n note) {
	p.mu.Lock()
	p.inbox = append(p.inbox, n)
	p.mu.Unlock()
	select {
	case p.wakeup <- struct{}{}:
	default:
	}
}

// want puts a Run into the queue, or its newer state in place of the one there.
func (p *placer) want(r *Request) {
	p.mu.Lock()
	p.asked[r.Run.Key] = true
	p.mu.Unlock()
	p.tell(note{want: r})
}

// drop takes a Run out of the queue. It is called for all that does not want an attempt, and cheap for what never did.
func (p *placer) drop(key store.Key) {
	p.mu.Lock()
	known := p.asked[key]
	delete(p.asked, key)
	p.mu.Unlock()
	if known {
		p.tell(note{drop: &key})
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
		p.tell(note{ended: &l.job})
	}
}

// suppressedRoles are those that a new subscription is to get no offers for.
func (p *placer) suppressedRoles() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.suppressed = slices.DeleteFunc(slices.Clone(p.quiet), func(role string) bool {
		return slices.ContainsFunc(p.inbox, func(n note) bool { return n.want != nil && n.want.shape.role == role })
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
		round := p.place()
		if err := p.launch(ctx, round); err != nil {
			return err
		}
		// 3. Offers that are not needed, offers that are, and why the rest waits.
		next := p.say(ctx)
		timer.Reset(max(time.Until(next), 0))
	}
}

// read takes in what the inbox holds, in order.
func (p *placer) read() {
	p.mu.Lock()
	notes, suppressed := p.inbox, p.suppressed
	p.inbox = nil
	p.mu.Unlock()
	now := p.clock()
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
				p.hand.add(now, n.offers)
				p.meet(n.offers)
			}
		case n.rescind != "":
			p.hand.offers.remove(n.rescind)
		case n.agent != "":
			p.hand.offers.removeAgent(n.agent)
		case n.gate != nil:
			if *n.gate != gateOpen {
				p.subscription++
				p.hand.reset(suppressed)
				maps.DeleteFunc(p.agents, func(id string, _ *offer.Offer) bool { return !p.census.has(id) })
			}
			p.gate = *n.gate
		case n.ended != nil:
			ended[*n.ended] = true
		default:
			p.hand.expect(n.expect.role, n.expect.at)
		}
	}
	if len(ended) > 0 {
		p.retry(ended)
	}
	p.metrics.waiting.Set(float64(len(p.waiting)))
	p.metrics.offers.Set(float64(p.hand.offers.has()))
}

// meet keeps in mind what the offers say of their agents.
func (p *placer) meet(offers []offer.Offer) {
	for i := range offers {
		o := &offers[i]
		p.agents[o.AgentID] = &offer.Offer{AgentID: o.AgentID, Hostname: o.Hostname, Attributes: o.Attributes, Region: o.Region, Zone: o.Zone}
	}
}

func (p *placer) enqueue(r *Request) {
	key := r.Run.Key
	if rev, ok := p.refused[key]; ok {
		if rev == r.Run.Rev {
			return // The same state as before: the cache has the newer one in a moment.
		}
		delete(p.refused, key)
	}
	if old := p.waiting[key]; old != nil && old.shape == r.shape {
		r.told, r.toldAt = old.told, old.toldAt
		p.waiting[key] = r
		p.backlog.replace(old, r)
		return
	}
	p.leave(key)
	p.waiting[key] = r
	p.backlog.add(r)
	if p.knows(r) {
		p.byRole[r.shape.role]++
	}
	p.group(r, 1)
	p.hand.wanted(r.shape.role)
}

// leave takes a Run out of those who wait.
func (p *placer) leave(key store.Key) {
	r := p.waiting[key]
	if r == nil {
		return
	}
	delete(p.waiting, key)
	p.backlog.remove(r)
	if p.knows(r) {
		if p.byRole[r.shape.role]--; p.byRole[r.shape.role] == 0 {
			delete(p.byRole, r.shape.role)
		}
	}
	p.group(r, -1)
}

// knows reports whether the request's role is one of the framework's.
func (p *placer) knows(r *Request) bool { return slices.Contains(p.roles, r.shape.role) }

// group counts one more or less who looks at its Job's other attempts.
func (p *placer) group(r *Request, n int) {
	if !r.constraints.others() {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.grouped[r.job] += n; p.grouped[r.job] == 0 {
		delete(p.grouped, r.job)
	}
}

// retry has those tried again who wait for their Job's other attempts to make room.
func (p *placer) retry(jobs map[store.Key]bool) {
	p.backlog.retry(func(ps *peers) bool {
		r := ps.waiting[0]
		again := jobs[r.job] && r.constraints.others()
		if again {
			p.hand.wanted(r.shape.role)
		}
		return again
	})
}

// say tells Mesos what is and what is not wanted, and Runs why they wait. It returns when to look again.
func (p *placer) say(ctx context.Context) time.Time {
	now := p.clock()
	m := p.hand.plan(now, p.byRole, p.gate == gateOpen)
	quiet := p.hand.quiet(now, p.byRole)
	p.mu.Lock()
	p.quiet = quiet
	p.mu.Unlock()
	if next := p.tellWhys(now); !next.IsZero() {
		m.at(next, 0, now)
	}
	if p.gate != gateDisconnected {
		p.call(ctx, m)
		m.at(p.hand.againAt, 0, now)
	}
	if m.next.IsZero() {
		return now.Add(time.Hour)
	}
	return m.next
}

// call makes the calls. One may fail though the subscription goes on. Of REVIVE and SUPPRESS nothing lasts then: what waits asks again,
// and offers that come unasked are declined.
func (p *placer) call(ctx context.Context, m moves) {
	var errs []error
	decline := func(ids []string, refuse time.Duration) {
		if len(ids) == 0 {
			return
		}
		slices.Sort(ids)
		if err := p.launcher.Decline(ctx, ids, refuse); err != nil {
			p.hand.notDeclined(p.clock(), ids)
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
