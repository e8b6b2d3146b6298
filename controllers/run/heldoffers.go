package run

import (
	"slices"
	"time"

	"horae/controllers/run/placement"
	"horae/internal/offer"
)

// heldOffers are the offers that the placer holds, and what Mesos knows of our wish for more, for each of
// the framework's roles. It is a state machine without a clock and without I/O: each method is a transition at
// a time that is passed in. What next returns counts as sent to Mesos from then on, because a call that was
// decided twice would be made twice: deciding and recording are one step. DECLINEs that did not arrive come
// back through notDeclined; the other calls are repeated anyway.
type heldOffers struct {
	cfg    OfferConfig
	offers placement.Offers
	roles  []*roleOffers // in the order of the configuration
	stray  []string      // offers to roles that we do not have, to be declined
	// undeclined are offers that are not held any more and whose DECLINE may not have arrived. Until it does,
	// Mesos counts them as ours and offers them to no framework. They are declined again at againAt; zero:
	// there are none.
	undeclined []string
	againAt    time.Time
}

// roleOffers is what is known of the offers to one role.
type roleOffers struct {
	name string
	// came lists the role's offers in the order in which they came; some are not held any more.
	came       []held
	suppressed bool
	revived    time.Time     // the last time
	pause      time.Duration // before the next
	launched   time.Time     // the last time that an offer was used
	idle       time.Time     // since when nothing waits; zero: something waits
	expected   lookAhead
}

type held struct {
	id    string
	since time.Time
}

// OfferConfig says how long offers are held. The zero value has useful defaults.
type OfferConfig struct {
	// Hold is how long an offer is kept for what may come next, counted from when it came, or from the last
	// launch; default 500 ms.
	Hold time.Duration
	// MaxHold bounds the time that an offer is kept, however much is launched; default ten times Hold.
	MaxHold time.Duration
	// Refuse is the filter that declined offers get; default 10 min. REVIVE lifts all filters of its role.
	Refuse time.Duration
	// LookAhead is how long before an expected time (Expect) offers are asked for; default 1 s.
	LookAhead time.Duration
	// ReviveInterval is the least time between two REVIVEs of a role; default 25 ms. It doubles, up to 10 s,
	// while they lead to nothing.
	ReviveInterval time.Duration
	// SuppressAfter is how long nothing must wait for offers to be suppressed; default 1 s.
	SuppressAfter time.Duration
}

func (c OfferConfig) withDefaults() OfferConfig {
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

func newHeldOffers(cfg OfferConfig, roles []string) *heldOffers {
	h := &heldOffers{cfg: cfg.withDefaults()}
	for _, name := range roles {
		h.roles = append(h.roles, &roleOffers{name: name, pause: h.cfg.ReviveInterval})
	}
	return h
}

// role is nil for a role that the framework does not have.
func (h *heldOffers) role(name string) *roleOffers {
	for _, r := range h.roles {
		if r.name == name {
			return r
		}
	}
	return nil
}

// moves are the calls to be made to Mesos.
type moves struct {
	// decline are offers that are declined for the time refuse; yield those that are declined without a filter.
	decline, yield []string
	refuse         time.Duration
	// No role is in both of these.
	revive, suppress []string
	// next is when to look again; zero: when something changes.
	next time.Time
}

// reset begins a new subscription: the held offers are void, and new ones come for all roles but the suppressed ones.
func (h *heldOffers) reset(suppressed []string) {
	h.offers.Clear()
	h.stray, h.undeclined, h.againAt = nil, nil, time.Time{}
	for _, r := range h.roles {
		r.came = nil
		r.suppressed, r.pause, r.idle = slices.Contains(suppressed, r.name), h.cfg.ReviveInterval, time.Time{}
	}
}

func (h *heldOffers) add(now time.Time, offers []offer.Offer) {
	h.offers.Add(offers)
	for i := range offers {
		if r := h.role(offers[i].Role); r != nil {
			r.came = append(r.came, held{offers[i].ID, now})
		} else {
			h.stray = append(h.stray, offers[i].ID)
		}
	}
}

// launched notes that a placement has used offers of these agents.
func (h *heldOffers) launched(agents []placement.Agent, now time.Time) {
	for i := range agents {
		if r := h.role(agents[i].Offers[0].Role); r != nil {
			r.launched, r.pause = now, h.cfg.ReviveInterval
		}
	}
}

// wanted notes that something new waits for offers to the role.
func (h *heldOffers) wanted(role string) {
	if r := h.role(role); r != nil {
		r.pause = min(r.pause, newRevivePause)
	}
}

// expect notes that something will wait for offers to the role from t on.
func (h *heldOffers) expect(role string, t time.Time) {
	if r := h.role(role); r != nil {
		r.expected.add(t)
	}
}

// busy reports whether more launches are likely to follow.
func (h *heldOffers) busy(r *roleOffers, now time.Time) bool {
	return now.Before(r.launched.Add(h.cfg.Hold)) || h.dueSoon(r, now)
}

// dueSoon reports whether an expected time is near.
func (h *heldOffers) dueSoon(r *roleOffers, now time.Time) bool {
	next := r.expected.next(now.Add(-h.cfg.Hold))
	return !next.IsZero() && !next.After(now.Add(h.cfg.LookAhead))
}

// notDeclined takes back offers whose DECLINE failed.
func (h *heldOffers) notDeclined(now time.Time, ids []string) {
	h.undeclined, h.againAt = append(h.undeclined, ids...), now.Add(declinePause)
}

// next moves on to now and returns the calls to make. waiting counts, by role, the Runs that the held offers
// have no place for. ready: the gate is open, so that offers can be used.
func (h *heldOffers) next(now time.Time, waiting map[string]int, ready bool) moves {
	m := moves{refuse: h.cfg.Refuse, decline: h.stray}
	for _, id := range h.stray {
		h.offers.Remove(id)
	}
	h.stray = nil
	if now.Before(h.againAt) {
		m.at(h.againAt, 0, now)
	} else { // Declining twice does no harm.
		m.decline, h.undeclined, h.againAt = append(m.decline, h.undeclined...), nil, time.Time{}
	}
	for _, r := range h.roles {
		m.at(r.expected.next(now.Add(-h.cfg.Hold)), -h.cfg.LookAhead, now)
		h.giveBack(&m, r, now, waiting)
		if ready {
			h.nextOfRole(&m, r, now, waiting[r.name] > 0)
		}
	}
	return m
}

// giveBack declines offers to the role that were held long enough: with the filter, unless they are likely to
// be needed soon.
func (h *heldOffers) giveBack(m *moves, r *roleOffers, now time.Time, waiting map[string]int) {
	for len(r.came) > 0 {
		oldest := r.came[0]
		if h.offers.Has(oldest.id) {
			if until := h.keepUntil(r, now, oldest.since, waiting); now.Before(until) {
				m.at(until, 0, now)
				return // Those that came later are kept at least as long.
			}
			h.offers.Remove(oldest.id)
			if waiting[r.name] == 0 && h.busy(r, now) {
				m.yield = append(m.yield, oldest.id)
			} else {
				m.decline = append(m.decline, oldest.id)
			}
		}
		r.came = r.came[1:]
	}
}

// nextOfRole decides whether offers to the role are wanted.
func (h *heldOffers) nextOfRole(m *moves, r *roleOffers, now time.Time, waiting bool) {
	// 1. Revive if something waits, or is about to.
	if waiting || !h.offers.HasRole(r.name) && h.dueSoon(r, now) {
		r.idle = time.Time{}
		if at := r.revived.Add(r.pause); now.Before(at) {
			m.at(at, 0, now)
			return
		}
		m.revive = append(m.revive, r.name)
		r.revived, r.suppressed = now, false
		r.pause = min(2*r.pause, maxRevivePause)
		m.at(now.Add(r.pause), 0, now)
		return
	}
	// 2. Suppress when nothing has waited for a while: other frameworks get the offers.
	if r.idle.IsZero() {
		r.idle = now
	}
	switch at := r.idle.Add(h.cfg.SuppressAfter); {
	case r.suppressed || h.offers.HasRole(r.name) || h.dueSoon(r, now):
	case now.Before(at):
		m.at(at, 0, now)
	default:
		m.suppress, r.suppressed = append(m.suppress, r.name), true
	}
}

// keepUntil returns until when an offer that came at since is held.
func (h *heldOffers) keepUntil(r *roleOffers, now, since time.Time, waiting map[string]int) time.Time {
	until := since.Add(h.cfg.Hold)
	if waiting[r.name] == 0 && len(waiting) > 0 && !h.busy(r, now) {
		return since // Held for this role, it is withheld from another one for which something waits.
	}
	busy := r.launched.Add(h.cfg.Hold)
	if h.dueSoon(r, now) {
		if due := r.expected.next(now.Add(-h.cfg.Hold)).Add(h.cfg.Hold); due.After(busy) {
			busy = due
		}
	}
	if most := since.Add(h.cfg.MaxHold); busy.After(most) {
		busy = most
	}
	if busy.After(until) {
		return busy
	}
	return until
}

// quiet returns the roles for which nothing is likely to wait soon: a new subscription may begin with them
// suppressed.
func (h *heldOffers) quiet(now time.Time, waiting map[string]int) []string {
	var names []string
	for _, r := range h.roles {
		if waiting[r.name] == 0 && !h.busy(r, now) {
			names = append(names, r.name)
		}
	}
	return names
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
