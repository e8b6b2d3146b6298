package store

import (
	"context"
	"errors"
	"fmt"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/codes"
)

// pageSize is how many keys a request reads at most: large enough to be fast, small enough to be no burden to etcd.
const pageSize = 1000

// A request reads about pageBytes. How many keys that are, the page before it shows: the first one reads firstPage, and
// each at most twice as many as the one before it.
const (
	pageBytes = 4 << 20
	firstPage = 16
)

// maxResponse bounds what one answer of etcd may hold.
const maxResponse = 64 << 20

// pageTries bounds the tries to read one page, before the whole list fails.
const pageTries = 3

// ErrCompacted: etcd no longer has the requested revision. List again.
var ErrCompacted = errors.New("the revision has been compacted away")

// Position is how far an etcd cluster is. It only ever grows, unless etcd is restored from an older state.
type Position struct {
	// Cluster is etcd's cluster id; a restored snapshot begins another one.
	Cluster uint64
	// Revision of the last write.
	Revision int64
}

// Position returns how far etcd is (linearizable): whatever was written or read before the call is at or before it.
func (s *Store) Position(ctx context.Context) (Position, error) {
	ctx, cancel := s.requestContext(ctx)
	defer cancel()
	resp, err := s.client.Get(ctx, Prefix, clientv3.WithPrefix(), clientv3.WithCountOnly())
	if err != nil {
		return Position{}, fmt.Errorf("ask etcd how far it is: %w", err)
	}
	return Position{resp.Header.ClusterId, resp.Header.Revision}, nil
}

// List reads every object's keys, and those of callbacks, as of one revision, which it returns. It passes them to page in
// the order of the keys: all of spec/ before all of status/. page may keep the values. ErrCompacted: etcd compacted the revision while
// it was being read; what page has received is then void.
func (s *Store) List(ctx context.Context, page func([]*KeyValue) error) (int64, error) {
	var revision int64
	for _, prefix := range []string{specPrefix, statusPrefix, callbackKeysPrefix} {
		if err := s.listPrefix(ctx, prefix, &revision, page); err != nil {
			return 0, fmt.Errorf("list %s: %w", prefix, err)
		}
	}
	return revision, nil
}

// listPrefix reads at *revision; if that is 0, the first response sets it.
func (s *Store) listPrefix(ctx context.Context, prefix string, revision *int64, page func([]*KeyValue) error) error {
	end := clientv3.GetPrefixRangeEnd(prefix)
	limit := firstPage
	for from := prefix; ; {
		resp, err := s.listPage(ctx, from, end, *revision, limit)
		if codeOf(err) == codes.ResourceExhausted && limit > 1 {
			limit /= 4 // what it holds is larger than an answer may be
			limit = max(limit, 1)
			continue
		}
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
		limit = nextLimit(limit, resp.Kvs)
	}
}

// nextLimit is how many keys the page after this one reads, if they are as large as the largest of this one.
func nextLimit(limit int, page []*KeyValue) int {
	largest := 1
	for _, kv := range page {
		largest = max(largest, len(kv.Key)+len(kv.Value))
	}
	return max(1, min(2*limit, pageSize, pageBytes/largest))
}

// listPage tries again if etcd does not answer: the next try goes to another member, and the pages read before are
// kept.
func (s *Store) listPage(ctx context.Context, from, end string, revision int64, limit int) (*clientv3.GetResponse, error) {
	for try := 1; ; try++ {
		resp, err := s.page(ctx, from, end, revision, limit)
		if err == nil || try == pageTries || ctx.Err() != nil || !Unavailable(err) {
			return resp, err
		}
	}
}

func (s *Store) page(ctx context.Context, from, end string, revision int64, limit int) (*clientv3.GetResponse, error) {
	ctx, cancel := s.requestContext(ctx)
	defer cancel()
	return s.client.Get(ctx, from, clientv3.WithRange(end), clientv3.WithLimit(int64(limit)), clientv3.WithRev(revision))
}

// Watch streams the changes under Prefix after a revision, whole revisions at a time, and progress notifications. It
// ends when ctx ends, or with a response that has the reason: rpctypes.ErrCompacted means to list again. While etcd
// is not reachable it waits, and goes on without loss.
func (s *Store) Watch(ctx context.Context, after int64) clientv3.WatchChan {
	return s.client.Watch(watchContext(ctx), Prefix, clientv3.WithPrefix(), clientv3.WithRev(after+1),
		clientv3.WithProgressNotify(), clientv3.WithFragment())
}

// RequestProgress requests a progress notification on all watches of the process. It has etcd's revision even if
// nothing changes.
func (s *Store) RequestProgress(ctx context.Context) error {
	return s.client.RequestProgress(watchContext(ctx))
}

// watchContext has a member that has lost the cluster end its watches, so that they go on at another.
func watchContext(ctx context.Context) context.Context { return clientv3.WithRequireLeader(ctx) }
