package manager

import (
	"context"

	"horae/internal/leader"
)

// campaign takes part in the election until ctx ends. It begins anew when etcd has gone back to an older state: neither a term, nor
// the wait for one, may go on from what never happened.
func (m *Manager) campaign(ctx context.Context) error {
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
