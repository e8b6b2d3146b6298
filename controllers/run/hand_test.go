package run

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

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
	h.place(&View{Now: now, Waiting: []*Request{wants(t, "a", "1", "64Mi")}})
	h.plan(now, someWait(true), true)
	if m := h.plan(now.Add(50*time.Millisecond), someWait(true), true); len(m.revive) == 0 {
		t.Error("after a launch the pause is short again")
	}
}
