package run

import (
	"context"
	"maps"
	"sync"
	"time"

	"github.com/go-logr/logr"

	v1 "horae/api/v1"
	"horae/internal/offer"
	"horae/internal/store"
)

// InverseAnswerer is the part of the driver that answers inverse offers.
type InverseAnswerer interface {
	AcceptInverse(ctx context.Context, ids []string, refuseFor time.Duration) error
	DeclineInverse(ctx context.Context, ids []string, refuseFor time.Duration) error
}

// inverseOffers answers inverse offers and remembers which agents go into maintenance. One goroutine (run)
// answers. The other methods record what has happened and return at once.
type inverseOffers struct {
	runs     Runs
	answerer InverseAnswerer
	log      logr.Logger
	now      func() time.Time
	enqueue  func(store.Key)

	mu     sync.Mutex
	wakeup chan struct{}
	// The fields below are guarded by mu.
	asked   map[string]offer.InverseOffer // not answered yet, by id
	windows map[string]offer.Window       // by agent; one with a zero start was called off
}

func (u *inverseOffers) wake() {
	select {
	case u.wakeup <- struct{}{}:
	default:
	}
}

// ask takes inverse offers in.
func (u *inverseOffers) ask(inverse []offer.InverseOffer) {
	u.mu.Lock()
	for _, i := range inverse {
		u.asked[i.ID] = i
		if i.AgentID != "" {
			u.windows[i.AgentID] = i.Unavailable
		}
	}
	u.mu.Unlock()
	u.wake()
}

// rescind takes one back; its agent's window is called off, or another one follows.
func (u *inverseOffers) rescind(id string) {
	u.mu.Lock()
	i, ok := u.asked[id]
	delete(u.asked, id)
	u.mu.Unlock()
	if ok {
		u.callOff(i.AgentID)
	}
}

// see reads the windows from offers. After its inverse offer was answered, a window is called off without an event.
func (u *inverseOffers) see(offers []offer.Offer) {
	u.mu.Lock()
	known := len(u.windows) > 0
	u.mu.Unlock()
	for i := range offers {
		switch o := &offers[i]; {
		case o.Unavailable != nil:
			u.mu.Lock()
			u.windows[o.AgentID] = *o.Unavailable
			u.mu.Unlock()
		case known:
			u.callOff(o.AgentID)
		}
	}
}

func (u *inverseOffers) callOff(agent string) {
	u.mu.Lock()
	w, ok := u.windows[agent]
	ok = ok && !w.Start.IsZero()
	if ok {
		u.windows[agent] = offer.Window{}
	}
	u.mu.Unlock()
	if ok {
		u.log.Info("Maintenance of an agent was called off", "agent", agent)
		u.wake()
	}
}

// forget drops the inverse offers of a subscription that is over. Mesos sends them again on the next one.
func (u *inverseOffers) forget() {
	u.mu.Lock()
	defer u.mu.Unlock()
	clear(u.asked)
}

// windowOf returns the maintenance window of an agent; nil: none is known. One with a zero start was called off.
func (u *inverseOffers) windowOf(agent string) *offer.Window {
	u.mu.Lock()
	defer u.mu.Unlock()
	if w, ok := u.windows[agent]; ok {
		return &w
	}
	return nil
}

// run answers until ctx ends.
func (u *inverseOffers) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-u.wakeup:
		}
		u.answer(ctx)
	}
}

// answer answers all open inverse offers by what is alive on the agents now, and enqueues the Runs there, so
// that they report it.
func (u *inverseOffers) answer(ctx context.Context) {
	u.mu.Lock()
	asked := maps.Clone(u.asked)
	clear(u.asked)
	u.mu.Unlock()

	byAgent := map[string][]resident{} // "": all
	for _, r := range u.runs.Runs("") {
		a := liveAttempt(r)
		if a == nil {
			continue
		}
		if u.windowOf(a.AgentID) != nil {
			u.enqueue(r.Key)
		}
		for _, agent := range []string{a.AgentID, ""} {
			byAgent[agent] = append(byAgent[agent], resident{objectOf(r), a})
		}
	}
	now, answers := u.now(), map[verdict][]string{}
	for id, i := range asked {
		v, stays := judge(i, byAgent[i.AgentID], now)
		answers[v] = append(answers[v], id)
		if stays != nil {
			u.log.Info("An agent goes into maintenance before a Run there need be over: declined", "agent",
				i.AgentID, "start", i.Unavailable.Start,
				"run", stays.Namespace+"/"+stays.Name)
		} else {
			u.log.V(1).Info("An agent goes into maintenance, and nothing stays there: accepted", "agent", i.AgentID,
				"start", i.Unavailable.Start)
		}
	}
	for v, ids := range answers {
		say := u.answerer.DeclineInverse
		if v.accept {
			say = u.answerer.AcceptInverse
		}
		if err := say(ctx, ids, v.holds); err != nil && ctx.Err() == nil {
			u.log.V(1).Info("Answer to inverse offers did not go through", "offers", len(ids), "error", err.Error())
		}
	}
}

// resident is a live attempt on an agent.
type resident struct {
	run     *v1.Run
	attempt *v1.Attempt
}

// verdict is one answer, for all inverse offers that get the same.
type verdict struct {
	accept bool
	holds  time.Duration
}

// judge answers one inverse offer; stays is a Run that may not end in time.
func judge(i offer.InverseOffer, residents []resident, now time.Time) (v verdict, stays *v1.Run) {
	for _, r := range residents {
		if (i.AgentID == "" || r.attempt.AgentID == i.AgentID) && !leavesInTime(r.run, r.attempt, i.Unavailable, now) {
			return verdict{false, answerHolds(i.Unavailable, now)}, r.run
		}
	}
	return verdict{true, answerHolds(i.Unavailable, now)}, nil
}

// answerHolds is how long an answer holds. The nearer the window, the sooner Mesos asks again.
func answerHolds(w offer.Window, now time.Time) time.Duration {
	return min(max(w.Start.Sub(now)/2, answerHoldsMin), answerHoldsMax)
}
