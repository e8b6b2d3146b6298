package run

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	v1 "horae/api/v1"
	"horae/controllers/run/placement"
	"horae/internal/offer"
)

// said is what a hand wants said, in short.
type said struct {
	Decline int
	Refuse  time.Duration // of what is declined
	Revive  bool
	Suppr   bool
	Next    time.Duration // from now; 0: none
}

func saidAt(m moves, now time.Time) said {
	s := said{Decline: len(m.decline) + len(m.yield), Revive: len(m.revive) > 0, Suppr: len(m.suppress) > 0}
	if len(m.decline) > 0 {
		s.Refuse = m.refuse
	}
	if !m.next.IsZero() {
		s.Next = m.next.Sub(now)
	}
	return s
}

func TestHeldOffers(t *testing.T) {
	const ms = time.Millisecond
	cfg := OfferConfig{Hold: 500 * ms, MaxHold: 5 * time.Second, Refuse: time.Hour, LookAhead: time.Second, ReviveInterval: 25 * ms, SuppressAfter: time.Second}
	now := t0
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	for name, tc := range map[string]struct {
		held    func(*heldOffers, *roleOffers)
		waiting bool
		closed  bool
		want    said
	}{
		"nothing waits: suppressed after a while":  {want: said{Next: time.Second}},
		"nothing has waited for a while: suppress": {held: func(h *heldOffers, r *roleOffers) { r.idle = ago(time.Second) }, want: said{Suppr: true}},
		"suppressed: nothing to say":               {held: func(h *heldOffers, r *roleOffers) { r.idle, r.suppressed = ago(time.Hour), true }},
		"something waits, no offers held: revive":  {waiting: true, want: said{Revive: true, Next: 50 * ms}},
		"revived a moment ago: wait":               {waiting: true, held: func(h *heldOffers, r *roleOffers) { r.revived = ago(5 * ms) }, want: said{Next: 20 * ms}},
		"revived in vain many times: rarely":       {waiting: true, held: func(h *heldOffers, r *roleOffers) { r.revived, r.pause = ago(time.Second), maxRevivePause }, want: said{Next: 9 * time.Second}},
		"revived in vain, but something new waits": {waiting: true, held: func(h *heldOffers, r *roleOffers) {
			r.revived, r.pause = ago(time.Second), maxRevivePause
			h.wanted("horae")
		}, want: said{Revive: true, Next: 500 * ms}},
		"the gate is closed: no offers are wanted": {waiting: true, closed: true},
		"an offer is kept for a moment":            {held: func(h *heldOffers, r *roleOffers) { h.add(ago(100*ms), someOffers(2)) }, want: said{Next: 400 * ms}},
		"an offer was kept long enough":            {held: func(h *heldOffers, r *roleOffers) { h.add(ago(500*ms), someOffers(2)) }, want: said{Decline: 2, Refuse: time.Hour, Next: time.Second}},
		"kept longer after a launch":               {held: func(h *heldOffers, r *roleOffers) { h.add(ago(time.Second), someOffers(2)); r.launched = ago(100 * ms) }, want: said{Next: 400 * ms}},
		"kept no longer than the most": {held: func(h *heldOffers, r *roleOffers) {
			h.add(ago(5*time.Second), someOffers(2))
			r.launched = ago(100 * ms)
		}, want: said{Decline: 2, Next: time.Second}},
		"what fits nobody goes back for long":   {waiting: true, held: func(h *heldOffers, r *roleOffers) { h.add(ago(500*ms), someOffers(2)); r.revived = now }, want: said{Decline: 2, Refuse: time.Hour, Next: 25 * ms}},
		"expected soon, no offers held: revive": {held: func(h *heldOffers, r *roleOffers) { r.expected.add(now.Add(900 * ms)) }, want: said{Revive: true, Next: 50 * ms}},
		"expected soon, offers held: kept": {held: func(h *heldOffers, r *roleOffers) {
			r.expected.add(now.Add(900 * ms))
			h.add(ago(time.Second), someOffers(1))
		}, want: said{Next: 1400 * ms}},
		"expected later: looked at then":  {held: func(h *heldOffers, r *roleOffers) { r.expected.add(now.Add(time.Minute)); r.suppressed = true }, want: said{Next: 59 * time.Second}},
		"expected a while ago: forgotten": {held: func(h *heldOffers, r *roleOffers) { r.expected.add(ago(time.Second)); r.suppressed = true }},
		"expected just now: not suppressed": {held: func(h *heldOffers, r *roleOffers) {
			r.expected.add(ago(100 * ms))
			h.add(ago(time.Second), someOffers(1))
		}, want: said{Next: 400 * ms}},
		"a new subscription voids the held offers": {held: func(h *heldOffers, r *roleOffers) {
			h.add(ago(time.Hour), someOffers(3))
			h.reset(nil)
			r.suppressed = true
		}},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHeldOffers(cfg, []string{"horae"})
			if tc.held != nil {
				tc.held(h, h.roles[0])
			}
			if diff := cmp.Diff(tc.want, saidAt(h.next(now, someWait(tc.waiting), !tc.closed), now)); diff != "" {
				t.Errorf("said (-want +got):\n%s", diff)
			}
		})
	}
}

func someWait(waiting bool) map[string]int {
	if waiting {
		return map[string]int{"horae": 1}
	}
	return nil
}

func someOffers(n int) []offer.Offer {
	var offers []offer.Offer
	for i := range n {
		offers = append(offers, agent(i, 1, 100))
	}
	return offers
}

// uses gives the request a place among the held offers, if there is one.
func uses(h *heldOffers, now time.Time, r *placement.Request) bool {
	q := placement.NewQueue(placement.Config{Roles: []string{r.Role()}})
	q.Put(r)
	p := q.Place(&h.offers, &liveAttempts{}, now)
	h.launched(p.Agents, now)
	return len(p.Agents) > 0
}

// TestRevivePausesLongerAndLonger between REVIVEs that lead to nothing, and not after a launch.
func TestRevivePausesLongerAndLonger(t *testing.T) {
	h := newHeldOffers(OfferConfig{}, []string{"horae"})
	now := t0
	var pauses []time.Duration
	for range 12 {
		m := h.next(now, someWait(true), true)
		if len(m.revive) == 0 {
			t.Fatalf("no REVIVE at %s", now)
		}
		pauses = append(pauses, m.next.Sub(now))
		now = m.next
	}
	for i := 1; i < len(pauses); i++ {
		if pauses[i] < pauses[i-1] || pauses[i] > maxRevivePause {
			t.Errorf("pauses = %s", pauses)
			break
		}
	}
	if last := pauses[len(pauses)-1]; last != maxRevivePause {
		t.Errorf("the longest pause = %s", last)
	}
	h.add(now, someOffers(1))
	uses(h, now, wants(t, "a", "1", "64Mi"))
	h.next(now, someWait(true), true)
	if m := h.next(now.Add(50*time.Millisecond), someWait(true), true); len(m.revive) == 0 {
		t.Error("after a launch the pause is short again")
	}
}

// TestNoOfferIsHeldLongerThanStated: whatever comes, waits, is launched and expected, and in whichever of its
// roles, who is asked again when he says so holds no offer for longer than MaxHold, and without launches and
// expectations for no longer than Hold. It asks for offers while something waits, and suppresses no role for
// which something does.
func TestNoOfferIsHeldLongerThanStated(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		roles := []string{"a", "b"}
		h := newHeldOffers(OfferConfig{}, roles)
		now, next := t0, time.Time{}
		came, waiting, asked, quiet := map[string]time.Time{}, map[string]int{}, map[string]bool{"a": true, "b": true}, true
		for range rapid.IntRange(1, 60).Draw(rt, "steps") {
			step := time.Duration(rapid.IntRange(1, 3000).Draw(rt, "ms")) * time.Millisecond
			if now = now.Add(step); !next.IsZero() && next.Before(now) {
				now = next
			}
			role := rapid.SampledFrom(roles).Draw(rt, "role")
			switch rapid.IntRange(0, 4).Draw(rt, "event") {
			case 0:
				o := agent(len(came), 4, 1000)
				o.ID, o.Role = fmt.Sprint("O", len(came)), role
				came[o.ID] = now
				h.add(now, []offer.Offer{o})
			case 1:
				waiting[role] = 1
				h.wanted(role)
			case 2:
				delete(waiting, role)
			case 3:
				quiet = false
				h.expect(role, now.Add(time.Duration(rapid.IntRange(0, 5000).Draw(rt, "due"))*time.Millisecond))
			case 4:
				r := wants(t, "r", "1", "1Mi", func(r *v1.Run) { r.Spec.Task.Role = role })
				quiet = !uses(h, now, r) && quiet
			}
			m := h.next(now, waiting, true)
			if next = m.next; !next.IsZero() && !next.After(now) {
				rt.Fatalf("look again at %s, which is now or past", next)
			}
			most := h.cfg.MaxHold
			if quiet {
				most = h.cfg.Hold
			}
			for id := range came {
				if !h.offers.Has(id) {
					continue
				}
				if held := now.Sub(came[id]); held >= most {
					rt.Fatalf("%s is held for %s", id, held)
				}
				if next.IsZero() || next.After(came[id].Add(most)) {
					rt.Fatalf("%s may be held until %s", id, next)
				}
			}
			for _, name := range m.revive {
				asked[name] = true
			}
			for _, name := range m.suppress {
				asked[name] = false
				if waiting[name] > 0 || slices.Contains(m.revive, name) {
					rt.Fatalf("%s is suppressed while something waits", name)
				}
			}
			for name := range waiting {
				if r := h.role(name); !asked[name] && now.Sub(r.revived) >= maxRevivePause {
					rt.Fatalf("%s waits, and no offers are asked for", name)
				}
			}
		}
	})
}

// TestHeldOffersOfTwoRoles: what is offered to a role for which nothing waits is not kept from the other.
func TestHeldOffersOfTwoRoles(t *testing.T) {
	h := newHeldOffers(OfferConfig{}, []string{"a", "b"})
	o := agent(1, 4, 1000)
	o.Role = "a"
	stray := agent(2, 4, 1000)
	stray.Role = "none of ours"
	h.add(t0, []offer.Offer{o, stray})
	m := h.next(t0, map[string]int{"b": 1}, true)
	if diff := cmp.Diff([]string{"O2", "O1"}, m.decline); diff != "" || h.offers.Len() != 0 {
		t.Errorf("declined (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"b"}, m.revive); diff != "" {
		t.Errorf("revived (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"a"}, h.quiet(t0, map[string]int{"b": 1})); diff != "" {
		t.Errorf("quiet (-want +got):\n%s", diff)
	}
	h.expect("a", t0.Add(time.Second))
	if q := h.quiet(t0, map[string]int{"b": 1}); len(q) > 0 {
		t.Errorf("%s is quiet though something is due soon", q)
	}
	if m := h.next(t0.Add(time.Hour), nil, true); !slices.Equal(m.suppress, []string{"a"}) {
		t.Errorf("nothing has waited for a: %+v", m)
	}
	if m := h.next(t0.Add(time.Hour+time.Second), nil, true); !slices.Equal(m.suppress, []string{"b"}) {
		t.Errorf("nothing has waited for b: %+v", m)
	}
	h.reset([]string{"a"})
	if !h.role("a").suppressed || h.role("b").suppressed {
		t.Error("a new subscription must begin with the suppressed roles that it was given")
	}
}
