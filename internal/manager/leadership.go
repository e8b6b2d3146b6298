package manager

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"horae/internal/backoff"
	"horae/internal/cache"
	"horae/internal/leader"
	"horae/internal/reconcile"
	"horae/internal/store"
)

// campaign takes part in the election until ctx ends, once everything has been read from etcd: whoever wins has to work at once, and
// another may be ready when we are not. It begins anew when etcd has gone back to an older state: neither a term, nor
// the wait for one, may go on from what never happened.
func (m *Manager) campaign(ctx context.Context) error {
	select {
	case <-m.cache.Synced():
	case <-ctx.Done():
		return nil
	}
	for {
		one, end := context.WithCancel(ctx)
		done := make(chan error, 1)
		go func() {
			done <- leader.Run(one, leader.Config{
				Client:   m.store.Client(),
				Identity: leader.Identity{Name: m.cfg.Name, Address: m.url()},
				TTL:      m.cfg.Leader.LeaseTTL.Duration,
				Doubt:    m.doubted,
				Log:      m.log.WithName("leader"),
			}, m.lead)
		}()
		select {
		case err := <-done:
			end()
			return err
		case <-m.rewound:
			m.log.Info("etcd was restored from an older state: what was seen since has not happened; beginning anew")
			end()
			if err := <-done; err != nil {
				return err
			}
		}
	}
}

func (m *Manager) noticeRewind() {
	select {
	case m.rewound <- struct{}{}:
	default:
	}
}

// lead runs the controllers and the conversation with Mesos until ctx ends: the lead is lost, or we stop.
func (m *Manager) lead(ctx context.Context, fence store.Fence) error {
	// 1. Every write of this term goes through one fenced, grouping writer (I6).
	writer := m.store.Writer(fence)
	defer writer.Close()

	// 2. The cache must have all that the last leader wrote: nothing is decided on less.
	if err := m.catchUp(ctx); err != nil {
		return err
	}

	// Nothing is launched that could not call back.
	if err := m.makeCallbackKey(ctx, writer); err != nil {
		return err
	}

	// 3. The controllers of this term; nothing of an earlier one is carried over.
	t, err := m.newTerm(writer)
	if err != nil {
		return err
	}

	// 4. From here on changes reach the loops, and what is there already is looked at once.
	transitions := m.feed.Subscribe()
	m.term.Store(t)
	defer m.term.Store(nil)
	for _, c := range t.controllers {
		c.loop.Observed(m.cache.Revision())
	}
	m.pauses.begin(t)
	defer m.pauses.end()
	for _, c := range t.controllers {
		if !c.fills {
			c.addAll()
		}
	}
	for _, j := range m.cache.Jobs("") {
		t.runPlans.Foresee(cache.Event{Key: j.Key, New: j})
	}

	// 5. Work, until something ends the term.
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		m.observeTransitions(ctx, t, transitions)
		return nil
	})
	for _, c := range t.controllers {
		group.Go(func() error { return c.loop.Run(ctx) })
	}
	group.Go(func() error { return t.runPlans.Run(ctx) })
	group.Go(func() error { return m.keepCallbackKey(ctx, writer) })
	group.Go(func() error { return stepDown(t.driver.Run(ctx, t.runPlans)) })
	group.Go(func() error {
		reconcile.WatchClock(ctx, m.now, m.clockStepped)
		return nil
	})
	return group.Wait()
}

// catchUp waits until the cache has everything that was written before now. While etcd does not answer it asks again: the
// lease decides how long we may.
func (m *Manager) catchUp(ctx context.Context) error {
	for {
		err := m.cache.CatchUp(ctx)
		if err == nil || ctx.Err() != nil {
			return err
		}
		m.log.Info("etcd does not say how far it is, asking again", "error", err.Error())
		if err := backoff.Sleep(ctx, askAgain); err != nil {
			return err
		}
	}
}

// askAgain is the pause between two questions to an etcd that does not answer.
const askAgain = 200 * time.Millisecond
