package run

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	v1 "horae/api/v1"
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

func TestHand(t *testing.T) {
	const ms = time.Millisecond
	cfg := HandConfig{Hold: 500 * ms, MaxHold: 5 * time.Second, Refuse: time.Hour, LookAhead: time.Second, ReviveInterval: 25 * ms, SuppressAfter: time.Second}
	now := t0
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	for name, tc := range map[string]struct {
		hand    func(*hand, *roleHand)
		waiting bool
		closed  bool
		want    said
	}{
		"nothing waits: suppressed after a while":   {want: said{Next: time.Second}},
		"nothing has waited for a while: suppress":  {hand: func(h *hand, r *roleHand) { r.idle = ago(time.Second) }, want: said{Suppr: true}},
		"suppressed: nothing to say":                {hand: func(h *hand, r *roleHand) { r.idle, r.suppressed = ago(time.Hour), true }},
		"something waits, nothing in hand: revive":  {waiting: true, want: said{Revive: true, Next: 50 * ms}},
		"revived a moment ago: wait":                {waiting: true, hand: func(h *hand, r *roleHand) { r.revived = ago(5 * ms) }, want: said{Next: 20 * ms}},
		"revived in vain many times: rarely":        {waiting: true, hand: func(h *hand, r *roleHand) { r.revived, r.pause = ago(time.Second), maxRevivePause }, want: said{Next: 9 * time.Second}},
		"revived in vain, but something new waits":  {waiting: true, hand: func(h *hand, r *roleHand) { r.revived, r.pause = ago(time.Second), maxRevivePause; h.wanted("horae") }, want: said{Revive: true, Next: 500 * ms}},
		"the gate is closed: no offers are wanted":  {waiting: true, closed: true},
		"an offer is kept for a moment":             {hand: func(h *hand, r *roleHand) { h.add(ago(100*ms), someOffers(2)) }, want: said{Next: 400 * ms}},
		"an offer was kept long enough":             {hand: func(h *hand, r *roleHand) { h.add(ago(500*ms), someOffers(2)) }, want: said{Decline: 2, Refuse: time.Hour, Next: time.Second}},
		"kept longer after a launch":                {hand: func(h *hand, r *roleHand) { h.add(ago(time.Second), someOffers(2)); r.launched = ago(100 * ms) }, want: said{Next: 400 * ms}},
		"kept no longer than the most":              {hand: func(h *hand, r *roleHand) { h.add(ago(5*time.Second), someOffers(2)); r.launched = ago(100 * ms) }, want: said{Decline: 2, Next: time.Second}},
		"what fits nobody goes back for long":       {waiting: true, hand: func(h *hand, r *roleHand) { h.add(ago(500*ms), someOffers(2)); r.revived = now }, want: said{Decline: 2, Refuse: time.Hour, Next: 25 * ms}},
		"expected soon, nothing in hand: revive":    {hand: func(h *hand, r *roleHand) { r.expected.add(now.Add(900 * ms)) }, want: said{Revive: true, Next: 50 * ms}},
		"expected soon, offers in hand: kept":       {hand: func(h *hand, r *roleHand) { r.expected.add(now.Add(900 * ms)); h.add(ago(time.Second), someOffers(1)) }, want: said{Next: 1400 * ms}},
		"expected later: looked at then":            {hand: func(h *hand, r *roleHand) { r.expected.add(now.Add(time.Minute)); r.suppressed = true }, want: said{Next: 59 * time.Second}},
		"expected a while ago: forgotten":           {hand: func(h *hand, r *roleHand) { r.expected.add(ago(time.Second)); r.suppressed = true }},
		"expected just now: not suppressed":         {hand: func(h *hand, r *roleHand) { r.expected.add(ago(100 * ms)); h.add(ago(time.Second), someOffers(1)) }, want: said{Next: 400 * ms}},
		"a new subscription voids what was in hand": {hand: func(h *hand, r *roleHand) { h.add(ago(time.Hour), someOffers(3)); h.reset(nil); r.suppressed = true }},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHand(cfg, []string{"horae"})
			if tc.hand != nil {
				tc.hand(h, h.roles[0])
			}
			if diff := cmp.Diff(tc.want, saidAt(h.plan(now, someWait(tc.waiting), !tc.closed), now)); diff != "" {
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

// TestHandPausesLongerAndLonger between REVIVEs that lead to nothing, and not after a launch.
func TestHandPausesLongerAndLonger(t *testing.T) {
	h := newHand(HandConfig{}, []string{"horae"})
	now := t0
	var pauses []time.Duration
	for range 12 {
		m := h.plan(now, someWait(true), true)
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
	h.place(&View{Now: now, Waiting: together([]*Request{wants(t, "a", "1", "64Mi")})})
	h.plan(now, someWait(true), true)
	if m := h.plan(now.Add(50*time.Millisecond), someWait(true), true); len(m.revive) == 0 {
		t.Error("after a launch the pause is short again")
	}
}

// TestHandHoldsNoOfferLongerThanStated: whatever comes, waits, is launched and expected, and in whichever of its roles, a hand that is
// asked again when it says so holds no offer for longer than MaxHold, and without launches and expectations for no longer than Hold. It
// asks for offers while something waits, and suppresses no role for which something does.
func TestHandHoldsNoOfferLongerThanStated(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		roles := []string{"a", "b"}
		h := newHand(HandConfig{}, roles)
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
				quiet = quiet && len(h.place(&View{Now: now, Waiting: together([]*Request{r})}).Agents) == 0
			}
			m := h.plan(now, waiting, true)
			if next = m.next; !next.IsZero() && !next.After(now) {
				rt.Fatalf("look again at %s, which is now or past", next)
			}
			most := h.cfg.MaxHold
			if quiet {
				most = h.cfg.Hold
			}
			for id := range h.offers.of {
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

// TestHandOfTwoRoles: what is offered to a role for which nothing waits is not kept from the other.
func TestHandOfTwoRoles(t *testing.T) {
	h := newHand(HandConfig{}, []string{"a", "b"})
	o := agent(1, 4, 1000)
	o.Role = "a"
	stray := agent(2, 4, 1000)
	stray.Role = "none of ours"
	h.add(t0, []offer.Offer{o, stray})
	m := h.plan(t0, map[string]int{"b": 1}, true)
	if diff := cmp.Diff([]string{"O2", "O1"}, m.decline); diff != "" || h.offers.has() != 0 {
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
	if m := h.plan(t0.Add(time.Hour), nil, true); !slices.Equal(m.suppress, []string{"a"}) {
		t.Errorf("nothing has waited for a: %+v", m)
	}
	if m := h.plan(t0.Add(time.Hour+time.Second), nil, true); !slices.Equal(m.suppress, []string{"b"}) {
		t.Errorf("nothing has waited for b: %+v", m)
	}
	h.reset([]string{"a"})
	if !h.role("a").suppressed || h.role("b").suppressed {
		t.Error("a new subscription begins with what it was told")
	}
}
