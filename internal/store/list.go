package store

import (
	"context"
	"errors"
	"fmt"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// pageSize keys are read per request: large enough to be fast, small enough to be no burden to etcd.
const pageSize = 1000

// pageTries of one page, before the whole list fails.
const pageTries = 3

// ErrCompacted: etcd has forgotten the revision that was asked for. List again.
var ErrCompacted = errors.New("the revision has been compacted away")

// Position is how far an etcd cluster is. It only ever grows, unless etcd is restored from an older state.
type Position struct {
	// Cluster is etcd's own id of itself; a restored snapshot begins another one.
	Cluster uint64
	// Revision of the last write.
	Revision int64
}

// Position asks etcd how far it is (linearizable): all that was written, or seen, before is at or before it.
func (s *Store) Position(ctx context.Context) (Position, error) {
	ctx, cancel := s.requestContext(ctx)
	defer cancel()
	resp, err := s.client.Get(ctx, Prefix, clientv3.WithPrefix(), clientv3.WithCountOnly())
	if err != nil {
		return Position{}, fmt.Errorf("ask etcd how far it is: %w", err)
	}
	return Position{resp.Header.ClusterId, resp.Header.Revision}, nil
}

// List reads every object's keys as of one revision, which it returns, and gives them to page in the order of the keys: all of
// spec/ before all of status/. The values are the page's to keep. ErrCompacted: the revision went away while it was being
// read; what page has got is then void.
func (s *Store) List(ctx context.Context, page func([]*KeyValue) error) (int64, error) {
	var revision int64
	for _, prefix := range []string{specPrefix, statusPrefix} {
		if err := s.listPrefix(ctx, prefix, &revision, page); err != nil {
			return 0, fmt.Errorf("list %s: %w", prefix, err)
		}
	}
	return revision, nil
}

// listPrefix reads at *revision; when that is 0 the first answer sets it.
func (s *Store) listPrefix(ctx context.Context, prefix string, revision *int64, page func([]*KeyValue) error) error {
	end := clientv3.GetPrefixRangeEnd(prefix)
	for from := prefix; ; {
		resp, err := s.listPage(ctx, from, end, *revision)
		if errors.Is(err, rpctypes.ErrCompacted) {
			return fmt.Errorf("%w: %w", ErrCompacted, err)
		}
		if err != nil {
			return err
		}
		if *revision == 0 {
			*revision = resp.Header.Revision
		}
		if err := page(resp.Kvs); err != nil {
			return err
		}
		if !resp.More || len(resp.Kvs) == 0 {
			return nil
		}
		from = string(resp.Kvs[len(resp.Kvs)-1].Key) + "\x00"
	}
}

// listPage asks again when an answer does not come: the next try goes to another member, and nothing that was read already is lost.
func (s *Store) listPage(ctx context.Context, from, end string, revision int64) (*clientv3.GetResponse, error) {
	for try := 1; ; try++ {
		resp, err := s.page(ctx, from, end, revision)
		if err == nil || try == pageTries || ctx.Err() != nil || !Unavailable(err) {
			return resp, err
		}
	}
}

func (s *Store) page(ctx context.Context, from, end string, revision int64) (*clientv3.GetResponse, error) {
	ctx, cancel := s.requestContext(ctx)
	defer cancel()
	return s.client.Get(ctx, from, clientv3.WithRange(end), clientv3.WithLimit(pageSize), clientv3.WithRev(revision))
}

// Watch streams what changes under Prefix after a revision, whole revisions at a time, and progress notifications. It ends when
// ctx does, or with a response that says why: rpctypes.ErrCompacted in it means to list again. While etcd is away it waits
// and goes on without loss.
func (s *Store) Watch(ctx context.Context, after int64) clientv3.WatchChan {
	return s.client.Watch(watchContext(ctx), Prefix, clientv3.WithPrefix(), clientv3.WithRev(after+1),
		clientv3.WithProgressNotify(), clientv3.WithFragment())
}

// RequestProgress asks for a progress notification on the watches that share the process: how far etcd is when nothing
// changes.
func (s *Store) RequestProgress(ctx context.Context) error {
	return s.client.RequestProgress(watchContext(ctx))
}

// watchContext makes a member that has lost the cluster end its watches, so that they go on at another.
func watchContext(ctx context.Context) context.Context { return clientv3.WithRequireLeader(ctx) }
