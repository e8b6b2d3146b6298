package run

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
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
	Accept(ctx context.Context, l offer.Launch) error
	Decline(ctx context.Context, offerIDs []string, refuse time.Duration) error
	Revive(ctx context.Context, roles ...string) error
	Suppress(ctx context.Context, roles ...string) error
}

// Bounds of what is under way at a time.
const (
	storesAtATime  = 1024 // intents; they are committed in groups
	acceptsAtATime = 64
	// whyTick is how often the reasons of those who wait are looked at, and whysAtATime how many are told then.
	whyTick     = time.Second
	whysAtATime = 1000
)

// placer brings waiting Runs and offers together. One goroutine (run) owns them; everybody else leaves a note in the inbox and
// goes on.
type placer struct {
	writer   Writer
	launcher Launcher
	flight   *inFlight
	metrics  *metrics
	log      logr.Logger
	// notStored is told the Runs whose intent was not stored: they want to be looked at again.
	notStored func(store.Key)
	// notSent is told the tasks whose intent may be stored, and for which certainly nothing was sent, and why.
	notSent func(offer.Task, error)
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

	// The fields below belong to run's goroutine.
	hand    *hand
	waiting map[store.Key]*waiter
	refused map[store.Key]store.Revisions // of requests whose intent was out of date
	gate    gateState
	// fresh are those who wait and were not tried with the offers in hand; when more has come (more), all are.
	fresh   map[store.Key]bool
	more    bool
	whyAt   time.Time
	senders sync.WaitGroup
	sending chan struct{}
}

// waiter is a request with what is known of its fate.
type waiter struct {
	*Request
	failed *Placement // the last time it was tried in vain, which can say why
	told   string     // the reason that was told
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
	rescind string
	agent   string
	gate    *gateState
	expect  time.Time
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

// run places until ctx ends. It returns store.ErrFenced, wrapped, when another leader has taken over.
func (p *placer) run(ctx context.Context) error {
	defer p.senders.Wait()
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
	notes := p.inbox
	p.inbox = nil
	p.mu.Unlock()
	now := p.clock()
	for i := range notes {
		switch n := &notes[i]; {
		case n.want != nil:
			p.enqueue(n.want)
		case n.drop != nil:
			delete(p.waiting, *n.drop)
			delete(p.fresh, *n.drop)
			delete(p.refused, *n.drop)
		case n.offers != nil:
			p.hand.add(now, n.offers)
			p.more = true
		case n.rescind != "":
			p.hand.offers.remove(n.rescind)
		case n.agent != "":
			p.hand.offers.removeAgent(n.agent)
		case n.gate != nil:
			if *n.gate != gateOpen {
				p.hand.reset()
			}
			p.gate = *n.gate
		default:
			p.hand.expected.add(n.expect)
		}
	}
	p.metrics.waiting.Set(float64(len(p.waiting)))
	p.metrics.offers.Set(float64(p.hand.offers.has()))
}

func (p *placer) enqueue(r *Request) {
	key := r.Run.Key
	if rev, ok := p.refused[key]; ok {
		if rev == r.Run.Rev {
			return // The same state that the store has just refused: the cache has the newer one in a moment.
		}
		delete(p.refused, key)
	}
	w := p.waiting[key]
	if w != nil && w.shape == r.shape {
		w.Request = r
		return
	}
	p.waiting[key] = &waiter{Request: r}
	p.fresh[key] = true
	p.hand.wanted()
}

// say tells Mesos what is and what is not wanted, and Runs why they wait. It returns when to look again.
func (p *placer) say(ctx context.Context) time.Time {
	now := p.clock()
	m := p.hand.plan(now, len(p.waiting) > 0, p.gate == gateOpen)
	if next := p.tellWhys(now); !next.IsZero() {
		m.at(next, 0, now)
	}
	if p.gate != gateDisconnected {
		p.call(ctx, m)
	}
	if m.next.IsZero() {
		return now.Add(time.Hour)
	}
	return m.next
}

// call makes the calls. Their failure changes nothing that lasts: a call that does not arrive is one of a subscription that is about
// to end.
func (p *placer) call(ctx context.Context, m moves) {
	var errs []error
	if len(m.decline) > 0 {
		slices.Sort(m.decline)
		errs = append(errs, p.launcher.Decline(ctx, m.decline, m.refuse))
	}
	if m.revive {
		errs = append(errs, p.launcher.Revive(ctx))
	}
	if m.suppress {
		errs = append(errs, p.launcher.Suppress(ctx))
	}
	if err := errors.Join(errs...); err != nil && ctx.Err() == nil {
		p.log.V(1).Info("Offers: a call did not go through", "reason", err.Error())
	}
}

// tellWhys tells those who have waited for a while why, when the meaning of that has changed. It returns when to do so again;
// zero: when something waits.
func (p *placer) tellWhys(now time.Time) time.Time {
	if len(p.waiting) == 0 {
		return time.Time{}
	}
	if now.Before(p.whyAt) {
		return p.whyAt
	}
	told := 0
	for _, key := range slices.SortedFunc(maps.Keys(p.waiting), byKey) {
		w := p.waiting[key]
		if now.Before(w.Since.Add(whyAfter)) {
			continue
		}
		if why := p.why(w); why.Reason != w.told {
			w.told = why.Reason
			p.tellWhy(key, why)
			if told++; told == whysAtATime {
				break
			}
		}
	}
	p.whyAt = now.Add(whyTick)
	return p.whyAt
}

func (p *placer) why(w *waiter) Why {
	switch {
	case p.gate == gateDisconnected:
		return Why{waitDisconnected, "no attempt is launched before Mesos is connected"}
	case p.gate == gateReconciling:
		return Why{waitReconciling, "no attempt is launched before Mesos has told what became of those that were live"}
	case w.failed == nil:
		return Why{waitNoOffers, "Mesos has offered nothing yet"}
	}
	return w.failed.Why(w.Request)
}

func byKey(a, b store.Key) int {
	return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
}
