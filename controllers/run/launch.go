package run

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	v1 "horae/api/v1"
	"horae/controllers/run/placement"
	"horae/internal/offer"
	"horae/internal/store"
)

// This file has the placer's way from a placement to its ACCEPTs.

// round is one agent's part of a placement on its way to Mesos.
type round struct {
	placement.Agent
	at     time.Time // the attempts' launchTime
	tasks  []offer.Task
	writes []intent // of each task
}

// intent is the write that must be in etcd before the task is launched.
type intent struct {
	change store.Change
	run    *store.Run
	next   *v1.RunStatus
	// unencodable is why the task cannot be made or encoded for Mesos; then the attempt has ended in next.
	unencodable error
}

// match decides who goes where, and prepares what is to be stored for each agent that gets something.
func (p *placer) match() []round {
	if p.gate != gateOpen {
		return nil
	}
	now := p.now()
	result := p.queue.Place(&p.held.offers, p.live, now)
	if result.Tried == 0 {
		return nil
	}
	p.metrics.place.Observe(p.now().Sub(now).Seconds())
	p.held.launched(result.Agents, now)
	rounds := make([]round, 0, len(result.Agents))
	for _, a := range result.Agents {
		r := round{Agent: a, at: v1.NewTime(now).Time}
		for i := range a.Tasks {
			p.group(a.Tasks[i].Request, -1)
			p.live.placed(a.Tasks[i].Request, a.AgentID, a.Hostname)
			p.prepare(&r, &a.Tasks[i])
		}
		rounds = append(rounds, r)
	}
	return rounds
}

// prepare makes the task of an attempt, and the write that must come before it. An attempt that cannot be
// encoded is left out.
func (p *placer) prepare(r *round, placed *placement.Placed) {
	entry := placed.Run
	id := NextTask(entry)
	task := NewTask(placed, id, r.AgentID, r.Hostname)
	next := Launched(entry.Object, v1.Attempt{
		TaskID: task.ID, AgentID: r.AgentID, Hostname: r.Hostname, AgentURL: r.AgentURL,
		State: v1.RunLaunching, LaunchTime: v1.NewTime(r.at), Ports: placed.Ports,
	})
	url, token, unencodable := p.callbacks.of(entry.Key, task.ID)
	if unencodable == nil {
		addCallback(&task, url, token)
	} else if entry.Object.Spec.Async == nil {
		unencodable = nil // It runs without: nothing depends on its callbacks.
	}
	if unencodable == nil {
		unencodable = p.launcher.Check(&task)
	}
	if unencodable != nil { // The other tasks of its ACCEPT are launched.
		next = Unlaunched(entry, next, unencodable, r.at)
	}
	obj := *entry.Object
	obj.Status = next
	put, err := store.PutStatus(entry.Key, &obj)
	if err != nil {
		return // The status was decoded from JSON: it can be encoded.
	}
	r.tasks = append(r.tasks, task)
	r.writes = append(r.writes, intent{
		run: entry, next: &next, unencodable: unencodable,
		change: store.Change{
			Guards: []store.Guard{store.SpecAt(entry.Key, entry.Rev.SpecMod), store.StatusAt(entry.Key, entry.Rev.StatusMod)},
			Writes: []store.Write{put},
		},
	})
}

// launch stores the intents of all rounds at once, so that they are committed together, and sends one ACCEPT
// for each agent with those that were stored (I1).
func (p *placer) launch(ctx context.Context, rounds []round) error {
	if len(rounds) == 0 {
		return nil
	}
	results := make([][]error, len(rounds))
	var stores sync.WaitGroup
	tokens := make(chan struct{}, storesAtATime)
	for i := range rounds {
		results[i] = make([]error, len(rounds[i].writes))
		for j := range rounds[i].writes {
			p.flight.add(rounds[i].tasks[j].ID)
			tokens <- struct{}{}
			stores.Go(func() {
				_, results[i][j] = p.writer.Apply(ctx, rounds[i].writes[j].change)
				<-tokens
			})
		}
	}
	stores.Wait()
	for i := range rounds {
		if err := p.stored(ctx, &rounds[i], results[i]); err != nil {
			return err
		}
	}
	return nil
}

// stored goes on with one agent's round when the answers to its writes are there.
func (p *placer) stored(ctx context.Context, r *round, errs []error) error {
	var tasks []offer.Task
	for j, err := range errs {
		w := &r.writes[j]
		if err == nil {
			p.refused[w.run.Key] = w.run.Rev // From now on a request with this revision is outdated.
		}
		if err == nil && w.unencodable == nil {
			tasks = append(tasks, r.tasks[j])
			continue
		}
		p.flight.remove(r.tasks[j])
		p.attemptEnded(p.live.remove(w.run.Key))
		p.metrics.dropped.Inc()
		switch {
		case err == nil:
			p.log.Info("Task cannot be encoded for Mesos", "task", r.tasks[j].ID, "error", w.unencodable.Error())
			continue
		case errors.Is(err, store.ErrFenced):
			return fmt.Errorf("store the intent to launch %s: %w", r.tasks[j].ID, err)
		case errors.Is(err, store.ErrConflict):
			p.refused[w.run.Key] = w.run.Rev
		case ctx.Err() != nil:
			return nil //nolint:nilerr // the end: the next term asks Mesos what became of them
		default:
			// It may be stored all the same. If so, it is certain that nothing was sent.
			p.log.Error(err, "Intent was not stored", "task", r.tasks[j].ID)
			p.notSent(r.tasks[j], r.at, err)
		}
		p.notStored(w.run.Key)
	}
	if len(tasks) == 0 {
		p.held.add(p.now(), r.Offers)
		return nil
	}
	ids := make([]string, len(r.Offers))
	for i := range r.Offers {
		ids[i] = r.Offers[i].ID
	}
	// Mesos offers the rest again at once, without a filter: other tasks may follow. If none does, the offer
	// is declined later.
	p.accept(ctx, offer.Launch{OfferIDs: ids, Tasks: tasks}, r.at, r.Offers)
	return nil
}

// accept sends one ACCEPT, which uses up the offers, without waiting for its answer.
func (p *placer) accept(ctx context.Context, l offer.Launch, at time.Time, offers []offer.Offer) {
	p.metrics.launches.Add(float64(len(l.Tasks)))
	subscription := p.subscription
	p.sending <- struct{}{}
	p.senders.Go(func() {
		defer func() { <-p.sending }()
		err := p.launcher.Accept(ctx, l)
		switch {
		case err == nil:
			p.flight.remove(l.Tasks...)
			p.log.V(1).Info("Launched attempts", "agent", l.Tasks[0].AgentID, "tasks", len(l.Tasks))
		case ctx.Err() != nil, !p.flight.has(l.Tasks[0].ID):
			// The end; or a new subscription has voided it already, and asks after its attempts.
		case p.unanswered(err):
			// The attempts stay in flight until a new subscription makes sure that the ACCEPT can have no
			// effect any more, and are then asked after.
			p.log.Error(err, "ACCEPT was not answered; subscribing anew", "agent", l.Tasks[0].AgentID, "tasks", len(l.Tasks))
			p.resubscribe("an ACCEPT was not answered")
		default:
			p.log.Info("ACCEPT was not sent", "agent", l.Tasks[0].AgentID, "tasks", len(l.Tasks), "error", err.Error())
			p.flight.remove(l.Tasks...)
			for _, t := range l.Tasks {
				p.notSent(t, at, err)
			}
			p.post(note{offers: offers, back: subscription})
		}
	})
}
