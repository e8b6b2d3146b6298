package store

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"

	v1 "horae/api/v1"
)

// Defaults of Config.
const (
	defaultRequestTimeout = 5 * time.Second
	defaultDialTimeout    = 5 * time.Second
	// A connection that is silent for keepAliveTime is probed, and closed if the probe is not answered within
	// keepAliveTimeout; then the next endpoint is used.
	keepAliveTime    = 10 * time.Second
	keepAliveTimeout = 5 * time.Second
)

// reconnect is the pause between two attempts to connect to a member. gRPC's default grows to two minutes: after a
// long outage the manager could wait for nearly as long again.
var reconnect = grpc.ConnectParams{
	Backoff:           backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: time.Second},
	MinConnectTimeout: defaultDialTimeout,
}

// Config of a Store. Only Endpoints is required.
type Config struct {
	// Endpoints are the client URLs of the members; while one does not answer, the others are used.
	Endpoints []string
	// TLS for https endpoints.
	TLS *tls.Config
	// Username and Password, if etcd requires them.
	Username, Password string
	// RequestTimeout bounds each request; default 5 s. A write that took longer is of unknown outcome.
	RequestTimeout time.Duration
	// DialTimeout bounds authentication; default 5 s.
	DialTimeout time.Duration
	// OnSpace is called when etcd begins to refuse writes because it is out of space (full), and when it accepts them
	// again. It must not block. Nil: it is not called.
	OnSpace func(full bool)
	// Registerer of the store's metrics; nil: they are not kept.
	Registerer prometheus.Registerer

	maxResponse int // 0: the default
}

// Store reads and writes Horae's objects. It is safe for concurrent use.
type Store struct {
	client  *clientv3.Client
	timeout time.Duration
	metrics *metrics

	stop    context.CancelFunc // ends the watch over the members
	members sync.WaitGroup
}

// Open connects to etcd and reads once, so that it returns an error for a wrong address, certificate or password.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	where := strings.Join(cfg.Endpoints, ", ")
	if len(cfg.Endpoints) == 0 {
		return nil, errors.New("connect to etcd: no endpoints are configured")
	}
	s := &Store{timeout: orDefault(cfg.RequestTimeout, defaultRequestTimeout)}
	var err error
	m := &members{onSpace: cfg.OnSpace, tls: cfg.TLS}
	s.client, err = clientv3.New(clientv3.Config{
		Endpoints:            cfg.Endpoints,
		TLS:                  cfg.TLS,
		Username:             cfg.Username,
		Password:             cfg.Password,
		DialTimeout:          orDefault(cfg.DialTimeout, defaultDialTimeout),
		MaxCallRecvMsgSize:   orDefault(cfg.maxResponse, maxResponse),
		DialKeepAliveTime:    keepAliveTime,
		DialKeepAliveTimeout: keepAliveTimeout,
		DialOptions: []grpc.DialOption{grpc.WithConnectParams(reconnect), grpc.WithContextDialer(m.dial),
			grpc.WithChainUnaryInterceptor(once, within(s.timeout))},
		Logger: zap.NewNop(), // each error is returned and handled by the caller
	})
	if err != nil {
		return nil, fmt.Errorf("connect to etcd at %s: %w", where, err)
	}
	reqCtx, cancel := s.requestContext(ctx)
	defer cancel()
	if _, err = s.client.Get(reqCtx, Prefix, clientv3.WithPrefix(), clientv3.WithLimit(1), clientv3.WithKeysOnly()); err != nil {
		_ = s.client.Close()
		return nil, fmt.Errorf("connect to etcd at %s: %w", where, explain(ctx, err))
	}
	s.metrics = newMetrics(cfg.Registerer)
	if cfg.Username != "" {
		m.login = func(ctx context.Context) (string, error) {
			resp, err := s.client.Authenticate(ctx, cfg.Username, cfg.Password)
			if err != nil {
				return "", err
			}
			return resp.Token, nil
		}
	}
	watchCtx, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.stop = stop
	s.members.Go(func() { m.watch(watchCtx, cfg.Endpoints) })
	return s, nil
}

// Unavailable reports whether an error of Open, or of a read, means that etcd does not answer or is not ready: trying
// again may help.
func Unavailable(err error) bool {
	code := codeOf(err)
	return code == codes.DeadlineExceeded || code == codes.Unavailable
}

// explain adds likely causes to a request's own timeout. An error of the caller's deadline stays as it is.
func explain(ctx context.Context, err error) error {
	if ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("no answer in time; is it running, and are the address and the certificates right? (%w)", err)
	}
	return err
}

func orDefault[T int | time.Duration](d, fallback T) T {
	if d <= 0 {
		return fallback
	}
	return d
}

// Close ends the connections. Writers must have been closed before.
func (s *Store) Close() error {
	if s.stop != nil {
		s.stop()
	}
	s.members.Wait()
	return s.client.Close()
}

// Client returns the etcd client, for the election. Each of its requests ends after the request timeout at the latest;
// streams do not.
func (s *Store) Client() *clientv3.Client { return s.client }

func (s *Store) requestContext(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, s.timeout)
}

// GetJob reads a Job as it is now (linearizable): ErrNotFound when neither of its keys exists.
func (s *Store) GetJob(ctx context.Context, namespace, name string) (*Job, error) {
	return get[v1.Job](ctx, s, JobKey(namespace, name))
}

// GetRun reads a Run as it is now (linearizable): ErrNotFound when neither of its keys exists.
func (s *Store) GetRun(ctx context.Context, namespace, name string) (*Run, error) {
	return get[v1.Run](ctx, s, RunKey(namespace, name))
}

// GetCalendar reads a Calendar as it is now (linearizable): ErrNotFound when neither of its keys exists.
func (s *Store) GetCalendar(ctx context.Context, namespace, name string) (*Calendar, error) {
	return get[v1.Calendar](ctx, s, CalendarKey(namespace, name))
}

// get reads both keys of an object in one transaction.
func get[T any](ctx context.Context, s *Store, key Key) (*Entry[T], error) {
	ctx, cancel := s.requestContext(ctx)
	defer cancel()
	resp, err := s.client.Txn(ctx).Then(clientv3.OpGet(key.Spec()), clientv3.OpGet(key.Status())).Commit()
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", key, err)
	}
	var kvs [2]*KeyValue
	for i := range kvs {
		if found := resp.Responses[i].GetResponseRange().Kvs; len(found) > 0 {
			kvs[i] = found[0]
		}
	}
	if kvs[0] == nil && kvs[1] == nil {
		return nil, fmt.Errorf("read %s: %w", key, ErrNotFound)
	}
	return NewEntry[T](key, kvs[0], kvs[1]), nil
}

// Spec reads the document of an object's spec as it is stored, with its modification revision: ErrNotFound when there
// is none.
func (s *Store) Spec(ctx context.Context, key Key) ([]byte, int64, error) {
	return s.read(ctx, key.Spec())
}

func (s *Store) read(ctx context.Context, etcdKey string) ([]byte, int64, error) {
	ctx, cancel := s.requestContext(ctx)
	defer cancel()
	resp, err := s.client.Get(ctx, etcdKey)
	if err != nil {
		return nil, 0, fmt.Errorf("read %s: %w", etcdKey, err)
	}
	if len(resp.Kvs) == 0 {
		return nil, 0, fmt.Errorf("read %s: %w", etcdKey, ErrNotFound)
	}
	return resp.Kvs[0].Value, resp.Kvs[0].ModRevision, nil
}

// Apply makes a change that no fence guards: a user's. It returns the revision at which the change was made.
// ErrConflict: nothing was written; ErrUnknown: perhaps; ErrNoSpace and any other error: nothing was written.
func (s *Store) Apply(ctx context.Context, change Change) (int64, error) {
	if err := change.check(); err != nil {
		return 0, err
	}
	if err := ctx.Err(); err != nil {
		return 0, fmt.Errorf("%s: %w", change, err)
	}
	ctx, cancel := s.requestContext(ctx)
	defer cancel()
	resp, err := s.client.Txn(ctx).If(change.compares()...).Then(change.ops()...).Commit()
	if err != nil {
		return 0, writeError(change, err)
	}
	if !resp.Succeeded {
		return 0, fmt.Errorf("%s: %w", change, ErrConflict)
	}
	return resp.Header.Revision, nil
}
