package perturb

import (
	"bytes"
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	v1 "horae/api/v1"
	"horae/internal/etcdtest"
	"horae/internal/manager"
	"horae/internal/store"
)

const (
	// requestTimeout of the managers: how long a silence lasts.
	requestTimeout = 2 * time.Second
	// unseen is how long a manager is blind, late or stale.
	unseen = 150 * time.Millisecond
)

// instance is one manager with what stands around it.
type instance struct {
	w      *world
	front  *etcdtest.Front
	master *http.Server
	serve  sync.WaitGroup // of the master
	cancel context.CancelFunc
	done   chan struct{} // closed when the manager has returned
	err    error         // that it returned; readable once done is closed
	ready  chan struct{} // closed when it serves
	api    string        // readable once ready is closed
	logs   syncBuffer

	crashed   chan struct{} // closed at the moment of its death
	crashOnce sync.Once
	successor fault // stale or relapse: how the next one begins

	// old is the revision as of which reads are answered while it is not 0; lies: also the question for the present revision is.
	old  atomic.Int64
	lies bool

	mu      sync.Mutex
	hold    chan struct{} // watches wait until it is closed; nil: they do not. Guarded by mu, like the next two
	drop    bool          // what waited is not sent, the watch ends as compacted
	dropped map[streamWatch]bool
}

type streamWatch struct {
	stream context.Context //nolint:containedctx // the stream's identity
	id     int64
}

// start begins a manager; old is the revision that its cache begins with, 0 for the present one.
func (w *world) start(old int64, lies bool) *instance {
	m := &instance{
		w: w, done: make(chan struct{}), ready: make(chan struct{}), crashed: make(chan struct{}), lies: lies, dropped: map[streamWatch]bool{},
	}
	if old > 0 {
		m.old.Store(old)
		m.holdWatches(false)
	}
	m.front = etcdtest.NewFront(w.t, w.endpoint, etcdtest.FrontHooks{Unary: m.unary, Watch: m.watch})
	masterURL := m.startMaster()

	cfg := manager.Default()
	cfg.Name, cfg.Listen, cfg.DataDir = "perturbed", "127.0.0.1:0", w.dir
	cfg.Etcd.Endpoints, cfg.Etcd.RequestTimeout = []string{m.front.Endpoint}, v1.Duration{Duration: requestTimeout}
	cfg.Mesos.Masters = []string{masterURL}
	cfg.Jobs.StatusInterval = v1.Duration{Duration: 20 * time.Millisecond}
	if lies {
		// What Mesos answers while the view is the old one is judged by that; the next question after all tasks makes up for it.
		// etcd never lies so: a quarter of an hour would be no promise that is broken.
		cfg.Runs.ReconcileInterval = v1.Duration{Duration: 2 * time.Second}
	}
	ctx, cancel := context.WithCancel(context.Background())
	m.cancel = cancel
	go func() {
		defer close(m.done)
		m.err = manager.Run(ctx, cfg, m, &m.logs)
		select {
		case <-m.ready:
			if m.err != nil && !m.dead() {
				w.t.Errorf("a manager ended: %v", m.err)
			}
		default:
		}
	}()
	return m
}

// Write takes the manager's ready line.
func (m *instance) Write(line []byte) (int, error) {
	for _, field := range strings.Fields(string(line)) {
		if api, ok := strings.CutPrefix(field, "api="); ok {
			m.api = api
			close(m.ready)
		}
	}
	return len(line), nil
}

func (m *instance) dead() bool {
	select {
	case <-m.crashed:
		return true
	default:
		return false
	}
}

// crash is the moment of its death: nothing passes from now on.
func (m *instance) crash(f fault) {
	m.crashOnce.Do(func() {
		m.successor = f
		close(m.crashed)
	})
}

// bury breaks all connections of a dead manager, and takes its goroutines with it.
func (m *instance) bury() {
	m.front.Kill()
	m.closeMaster()
	m.cancel()
}

// stop ends a living manager as SIGTERM does.
func (m *instance) stop() {
	m.release()
	m.cancel()
	<-m.done
	m.front.Kill()
	m.closeMaster()
}

// unary stands before etcd.
func (m *instance) unary(ctx context.Context, req any, forward func(context.Context) (any, error)) (any, error) {
	if m.dead() {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	what := describe(req)
	if what == "" {
		return m.read(ctx, req, forward)
	}
	if m.old.Load() != 0 && !m.lies && !strings.Contains(what, store.LeaderPrefix) && !strings.HasPrefix(what, "lease") && !byUser(req) {
		m.w.t.Errorf("%s, decided on a view of etcd that is not the present one", what)
	}
	f := m.w.plan.next(what)
	switch f {
	case blind, late:
		m.holdWatches(f == blind)
	case crashBefore, lostBefore, silentBefore:
		return nil, m.noAnswer(ctx, f)
	}
	resp, err := forward(ctx)
	if err == nil && (f.crashes() || f == lostAfter || f == silentAfter) {
		return nil, m.noAnswer(ctx, f)
	}
	if m.old.Load() != 0 && strings.Contains(what, store.LeaderPrefix) {
		time.AfterFunc(unseen, m.release)
	}
	return resp, err
}

// noAnswer is what the manager gets in place of an answer.
func (m *instance) noAnswer(ctx context.Context, f fault) error {
	switch {
	case f.crashes():
		m.crash(f)
		<-ctx.Done()
		return ctx.Err()
	case f == silentBefore, f == silentAfter:
		<-ctx.Done()
		return ctx.Err()
	}
	switch kind := m.w.plan.draw(5); kind {
	case 0:
		m.w.plan.note("etcd says that the request timed out")
		return rpctypes.ErrGRPCTimeout
	case 1:
		m.w.plan.note("etcd says that its leader changed")
		return rpctypes.ErrGRPCLeaderChanged
	case 2, 3:
		code := []codes.Code{codes.DeadlineExceeded, codes.Canceled}[kind-2]
		m.w.plan.note("the request ends as %s", code)
		return status.Error(code, "ended on the way")
	default:
		m.w.plan.note("the connection is reset")
		m.front.Break()
	}
	<-ctx.Done()
	return ctx.Err()
}

// read answers from the past while the instance is to see that.
func (m *instance) read(ctx context.Context, req any, forward func(context.Context) (any, error)) (any, error) {
	old := m.old.Load()
	get, ok := req.(*pb.RangeRequest)
	if old == 0 || !ok || get.Revision != 0 || !strings.HasPrefix(string(get.Key), store.Prefix) || strings.HasPrefix(string(get.Key), store.Prefix+"system/") {
		return forward(ctx)
	}
	if get.CountOnly && !m.lies {
		return forward(ctx)
	}
	get.Revision = old
	resp, err := forward(ctx)
	if err == nil {
		resp.(*pb.RangeResponse).Header.Revision = old
	}
	return resp, err
}

// holdWatches keeps back what happens for a while.
func (m *instance) holdWatches(drop bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.hold == nil {
		m.hold = make(chan struct{})
		m.drop = drop
		if m.old.Load() == 0 {
			time.AfterFunc(unseen, m.release)
		}
	}
}

// release lets the watches go on.
func (m *instance) release() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.old.Store(0)
	if m.hold != nil {
		close(m.hold)
		m.hold = nil
	}
}

// watch stands between etcd's watches and the manager.
func (m *instance) watch(ctx context.Context, resp *pb.WatchResponse, send func(*pb.WatchResponse) error) error {
	if m.dead() {
		<-ctx.Done()
		return ctx.Err()
	}
	of := streamWatch{ctx, resp.WatchId}
	m.mu.Lock()
	hold, drop, dropped := m.hold, m.drop, m.dropped[of]
	m.mu.Unlock()
	if dropped {
		return nil
	}
	if hold == nil || resp.Created || len(resp.Events) == 0 && resp.WatchId < 0 {
		return send(resp)
	}
	select {
	case <-hold:
	case <-ctx.Done():
		return ctx.Err()
	}
	if !drop || len(resp.Events) == 0 || strings.HasPrefix(string(resp.Events[0].Kv.Key), store.LeaderPrefix) {
		return send(resp)
	}
	m.mu.Lock()
	m.dropped[of] = true
	m.mu.Unlock()
	m.w.plan.note("the watch ends as compacted")
	return send(&pb.WatchResponse{Header: resp.Header, WatchId: resp.WatchId, Canceled: true, CompactRevision: resp.Header.Revision})
}

// describe names an effect; it returns "" for what only reads, and for keeping a lease.
func describe(req any) string {
	switch r := req.(type) {
	case *pb.PutRequest:
		return "put " + string(r.Key)
	case *pb.DeleteRangeRequest:
		return "delete " + string(r.Key)
	case *pb.LeaseGrantRequest:
		return "lease: grant"
	case *pb.LeaseRevokeRequest:
		return "lease: revoke"
	case *pb.TxnRequest:
		var keys []string
		written(r, &keys)
		if len(keys) > 0 {
			return "txn " + strings.Join(keys, " ")
		}
	}
	return ""
}

// byUser reports whether a transaction carries out a request to the API: it writes specs alone, and under no leader's fence.
func byUser(req any) bool {
	r, ok := req.(*pb.TxnRequest)
	if !ok || slices.ContainsFunc(r.Compare, func(c *pb.Compare) bool { return strings.HasPrefix(string(c.Key), store.LeaderPrefix) }) {
		return false
	}
	var keys []string
	written(r, &keys)
	return !slices.ContainsFunc(keys, func(key string) bool {
		_, side, ok := store.ParseKey(strings.TrimPrefix(key, "-"))
		return !ok || side != store.SpecSide
	})
}

// written collects the keys that a transaction writes.
func written(r *pb.TxnRequest, keys *[]string) {
	for _, op := range append(r.Success[:len(r.Success):len(r.Success)], r.Failure...) {
		switch o := op.Request.(type) {
		case *pb.RequestOp_RequestPut:
			*keys = append(*keys, string(o.RequestPut.Key))
		case *pb.RequestOp_RequestDeleteRange:
			*keys = append(*keys, "-"+string(o.RequestDeleteRange.Key))
		case *pb.RequestOp_RequestTxn:
			written(o.RequestTxn, keys)
		}
	}
}

// syncBuffer is a buffer for a log.
type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer // guarded by mu
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
