package manager

import (
	"context"

	"horae/internal/leader"
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
