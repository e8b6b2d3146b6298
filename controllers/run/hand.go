package run

import (
	"container/heap"
	"time"

	"horae/internal/offer"
)

// hand are the offers that the placer holds, and what it told Mesos about wanting more. It decides, and does nothing.
type hand struct {
	cfg    HandConfig
	offers pool
	// came has the offers in the order in which they came, and some that have left since.
	came []held

	suppressed bool
	revived    time.Time     // the last time
	pause      time.Duration // before the next
	launched   time.Time     // the last time something was
	idle       time.Time     // since when nothing waits; zero: something does
	expected   expectations
}

type held struct {
	id    string
	since time.Time
}

// HandConfig says how long offers are held. The zero value has useful defaults.
type HandConfig struct {
	// Hold is how long an offer is kept for what may come next, counted from when it came, or from the last launch; default
	// 500 ms.
	Hold time.Duration
	// MaxHold bounds that however much is launched; default ten times Hold.
	MaxHold time.Duration
	// Refuse is the filter that declined offers get; default 10 min. REVIVE lifts all filters.
	Refuse time.Duration
	// LookAhead is how long before an expected time (Expect) offers are asked for; default 1 s.
	LookAhead time.Duration
	// ReviveInterval is the least time between two REVIVEs; default 25 ms. It doubles, up to 10 s, while they lead to nothing.
	ReviveInterval time.Duration
	// SuppressAfter is how long nothing must wait for offers to be suppressed; default 1 s.
	SuppressAfter time.Duration
}

const (
	maxRevivePause = 10 * time.Second
	// newRevivePause bounds the pause when something new is waiting: it may fit where nothing else did.
	newRevivePause = 250 * time.Millisecond
)

func (c HandConfig) withDefaults() HandConfig {
	setDefault(&c.Hold, 500*time.Millisecond)
	setDefault(&c.MaxHold, 10*c.Hold)
	setDefault(&c.Refuse, 10*time.Minute)
	setDefault(&c.LookAhead, time.Second)
	setDefault(&c.ReviveInterval, 25*time.Millisecond)
	setDefault(&c.SuppressAfter, time.Second)
	return c
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

func newHand(cfg HandConfig) *hand {
	cfg = cfg.withDefaults()
	return &hand{cfg: cfg, pause: cfg.ReviveInterval}
}

// moves are what is to be said to Mesos.
type moves struct {
	decline []string
	refuse  time.Duration
	revive  bool
	// suppress is never together with revive.
	suppress bool
	// next is when to look again; zero: when something changes.
	next time.Time
}

// reset begins a new subscription: the offers are void, and offers come without being asked for.
func (h *hand) reset() {
	h.offers, h.came = pool{}, nil
	h.suppressed, h.pause, h.idle = false, h.cfg.ReviveInterval, time.Time{}
}

func (h *hand) add(now time.Time, offers []offer.Offer) {
	h.offers.add(offers)
	for i := range offers {
		h.came = append(h.came, held{offers[i].ID, now})
	}
}

// place finds places among the offers in hand; those that are used leave it.
func (h *hand) place(now time.Time, waiting []*Request) Placement {
	placement := h.offers.place(now, waiting)
	if len(placement.Agents) > 0 {
		h.launched, h.pause = now, h.cfg.ReviveInterval
	}
	return placement
}

// wanted says that something new waits.
func (h *hand) wanted() { h.pause = min(h.pause, newRevivePause) }

// busy reports whether more launches are likely to follow.
func (h *hand) busy(now time.Time) bool {
	return now.Before(h.launched.Add(h.cfg.Hold)) || h.dueSoon(now)
}

// dueSoon reports whether an expected time is near.
func (h *hand) dueSoon(now time.Time) bool {
	next := h.expected.next(now.Add(-h.cfg.Hold))
	return !next.IsZero() && !next.After(now.Add(h.cfg.LookAhead))
}

// plan decides what to say now. waiting: something waits for which there is no place among the offers in hand. ready: the
// gate is open, so that offers can be used.
func (h *hand) plan(now time.Time, waiting, ready bool) moves {
	var m moves
	m.at(h.expected.next(now.Add(-h.cfg.Hold)), -h.cfg.LookAhead, now)
	// 1. Offers that were held long enough go back; for longer, the less they will be missed.
	m.refuse = h.cfg.Refuse
	if !waiting && h.busy(now) {
		m.refuse = 0
	}
	for len(h.came) > 0 {
		oldest := h.came[0]
		if h.offers.of[oldest.id] != nil {
			if until := h.keepUntil(now, oldest.since); now.Before(until) {
				m.at(until, 0, now)
				break // Those that came later are kept no shorter.
			}
			h.offers.remove(oldest.id)
			m.decline = append(m.decline, oldest.id)
		}
		h.came = h.came[1:]
	}
	// 2. What waits, or is about to, needs offers.
	need := waiting || h.offers.has() == 0 && h.dueSoon(now)
	if !ready {
		return m
	}
	if need {
		h.idle = time.Time{}
		if at := h.revived.Add(h.pause); now.Before(at) {
			m.at(at, 0, now)
			return m
		}
		m.revive = true
		h.revived, h.suppressed = now, false
		h.pause = min(2*h.pause, maxRevivePause)
		m.at(now.Add(h.pause), 0, now)
		return m
	}
	// 3. When nothing waits for a while, others shall have the offers.
	if h.idle.IsZero() {
		h.idle = now
	}
	switch at := h.idle.Add(h.cfg.SuppressAfter); {
	case h.suppressed || h.offers.has() > 0 || h.dueSoon(now):
	case now.Before(at):
		m.at(at, 0, now)
	default:
		m.suppress, h.suppressed = true, true
	}
	return m
}

// keepUntil says how long an offer that came at since is held.
func (h *hand) keepUntil(now, since time.Time) time.Time {
	until := since.Add(h.cfg.Hold)
	busy := h.launched.Add(h.cfg.Hold)
	if h.dueSoon(now) {
		busy = later(busy, h.expected.next(now.Add(-h.cfg.Hold)).Add(h.cfg.Hold))
	}
	if most := since.Add(h.cfg.MaxHold); busy.After(most) {
		busy = most
	}
	return later(until, busy)
}

// at makes next no later than t + d, if that is ahead.
func (m *moves) at(t time.Time, d time.Duration, now time.Time) {
	if t.IsZero() {
		return
	}
	if t = t.Add(d); t.After(now) && (m.next.IsZero() || t.Before(m.next)) {
		m.next = t
	}
}

// expectations are the times at which something will become due, each in steps of expectStep, once.
type expectations struct {
	times timeHeap
	known map[int64]bool
}

const expectStep = 50 * time.Millisecond

func (e *expectations) add(t time.Time) {
	step := t.UnixNano() / int64(expectStep)
	if e.known[step] {
		return
	}
	if e.known == nil {
		e.known = map[int64]bool{}
	}
	e.known[step] = true
	heap.Push(&e.times, step)
}

// next is the first time after the given one; zero: none. Earlier ones are forgotten.
func (e *expectations) next(after time.Time) time.Time {
	for len(e.times) > 0 {
		t := time.Unix(0, e.times[0]*int64(expectStep))
		if t.After(after) {
			return t
		}
		delete(e.known, e.times[0])
		heap.Pop(&e.times)
	}
	return time.Time{}
}

type timeHeap []int64

func (h timeHeap) Len() int           { return len(h) }
func (h timeHeap) Less(i, j int) bool { return h[i] < h[j] }
func (h timeHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *timeHeap) Push(x any)        { *h = append(*h, x.(int64)) }
func (h *timeHeap) Pop() any {
	old := *h
	x := old[len(old)-1]
	*h = old[:len(old)-1]
	return x
}
