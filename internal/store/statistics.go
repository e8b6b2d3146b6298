package store

import (
	"context"
	"errors"
	"fmt"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// MaxStatistics is how many statistics keys can be read in one request.
const MaxStatistics = maxOps

// StatisticsDocument is the value of a Job's statistics key; nil, with revision 0, if there is none.
type StatisticsDocument struct {
	Value    []byte
	Revision int64
}

// Statistics reads the statistics keys of some Jobs, MaxStatistics at most, as of a revision of etcd; 0: as of now.
// ErrCompacted: etcd no longer has the revision.
func (s *Store) Statistics(ctx context.Context, keys []Key, revision int64) ([]StatisticsDocument, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	ctx, cancel := s.requestContext(ctx)
	defer cancel()
	ops := make([]clientv3.Op, len(keys))
	for i, key := range keys {
		ops[i] = clientv3.OpGet(key.Statistics(), clientv3.WithRev(revision))
	}
	resp, err := s.client.Txn(ctx).Then(ops...).Commit()
	switch {
	case errors.Is(err, rpctypes.ErrCompacted):
		return nil, fmt.Errorf("read statistics: %w: %w", ErrCompacted, err)
	case err != nil:
		return nil, fmt.Errorf("read %s: %w", keys[0].Statistics(), err)
	}
	documents := make([]StatisticsDocument, len(keys))
	for i := range keys {
		if kvs := resp.Responses[i].GetResponseRange().Kvs; len(kvs) > 0 {
			documents[i] = StatisticsDocument{kvs[0].Value, kvs[0].ModRevision}
		}
	}
	return documents, nil
}
