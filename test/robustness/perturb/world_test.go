package perturb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
	clientv3 "go.etcd.io/etcd/client/v3"

	"horae/internal/cache"
	"horae/internal/callback"
	"horae/internal/devcluster"
	"horae/internal/etcdtest"
	"horae/internal/store"
)

const (
	// patience ends a scenario that would otherwise hang; nothing waits for it in full when all is well.
	patience = 2 * time.Minute
	// quiet is for how long nothing may change before the end is taken for the end.
	quiet = 150 * time.Millisecond
)

// site is what worlds are built on, one after the other: an etcd.
type site struct {
	etcd     *etcdtest.Server
	endpoint string
	client   *clientv3.Client
	dir      string
	// dead are the managers of all worlds that died. Nothing of theirs reaches anything; but each tries for a second to give up its
	// lease, which no world waits for.
	dead sync.WaitGroup
}

func newSite(t *testing.T) *site {
	t.Helper()
	etcd := etcdtest.New(t)
	s := &site{etcd: etcd, endpoint: etcd.Endpoint, client: etcdtest.Client(t, etcd.Endpoint), dir: t.TempDir()}
	t.Cleanup(s.dead.Wait)
	return s
}

// world is one run of a scenario.
type world struct {
	*site
	t       testing.TB
	ctx     context.Context //nolint:containedctx // of the whole run, whose only state this is
	plan    *plan
	store   *store.Store // undisturbed
	view    *cache.Cache // undisturbed: what the user waits by
	changed chan struct{}
	cluster *devcluster.Cluster
	ran     witness
	first   int64    // revision at which the world began
	names   []string // of occurrences that are not the same in every run: two spellings of each

	// blindUser: the manager sees nothing while the user writes.
	blindUser bool

	mu      sync.Mutex
	manager *instance   // that lives; guarded by mu
	past    []*instance // the dead; guarded by mu
}

// run runs a scenario in a world of its own, under a plan, until it has come to its end. It returns the end state; if want is not
// "", it waits until the end state is that.
func (s *site) run(t testing.TB, p *plan, sc scenario, want string) (state string) {
	t.Helper()
	w := &world{site: s, t: t, plan: p, changed: make(chan struct{}, 1)}
	var cancel context.CancelFunc
	w.ctx, cancel = context.WithTimeout(context.Background(), patience)
	defer cancel()
	defer w.close()
	w.open()
	keeper := make(chan struct{})
	stop := make(chan struct{})
	go func() {
		defer close(keeper)
		w.keep(stop)
	}()
	defer func() { // before close
		close(stop)
		<-keeper
		if t.Failed() {
			w.dump()
		}
	}()
	sc.play(w)
	return w.settle(want)
}

// open makes an empty etcd and a fresh cluster, and starts the first manager.
func (w *world) open() {
	resp, err := w.client.Delete(w.ctx, store.Prefix, clientv3.WithPrefix())
	if err != nil {
		w.t.Fatal(err)
	}
	w.first = resp.Header.Revision
	if w.store, err = store.Open(w.ctx, store.Config{Endpoints: []string{w.endpoint}}); err != nil {
		w.t.Fatal(err)
	}
	w.cluster, err = devcluster.Start(w.ctx, devcluster.Config{
		Listen: "127.0.0.1:0", Agents: 2, Simulate: true, AllocationInterval: 20 * time.Millisecond,
		UpdateRetryMin: 200 * time.Millisecond, AgentPingTimeout: 50 * time.Millisecond, MaxAgentPingTimeouts: 1,
		ReregisterDelay: 20 * time.Millisecond,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.cluster.Master().SetHooks(devcluster.Hooks{BeforeUpdate: w.ran.update})
	w.view = cache.New(w.store, logr.Discard())
	w.view.OnRevision(func(int64) { w.notify() })
	w.ran.changed = w.notify
	w.manager = w.start(0, false)
}

func (w *world) notify() {
	select {
	case w.changed <- struct{}{}:
	default:
	}
}

// keep follows the view, and sees to it that there is a manager, until stop is closed; then everything ends.
func (w *world) keep(stop <-chan struct{}) {
	ctx, cancel := context.WithCancel(context.Background())
	var following sync.WaitGroup
	following.Go(func() { _ = w.view.Follow(ctx) })
	defer following.Wait()
	defer cancel()
	for {
		m := w.current()
		select {
		case <-m.crashed:
			w.succeed(m)
			continue
		case <-m.done:
			// It may give up at its start, when etcd is too slow to answer: whoever supervises it starts it again.
			w.plan.note("the manager ended: %v", m.err)
			m.crash(crashBefore)
			w.succeed(m)
			continue
		case <-stop:
		}
		if m.dead() {
			m.bury()
		}
		m.stop()
		return
	}
}

// succeed buries a dead manager, lets its lease run out, and starts the next.
func (w *world) succeed(dead *instance) {
	dead.bury()
	w.dead.Go(func() { <-dead.done })
	var old int64
	if dead.successor == stale || dead.successor == relapse {
		resp, err := w.client.Get(w.ctx, store.Prefix, clientv3.WithPrefix(), clientv3.WithCountOnly())
		if err != nil {
			w.t.Error(err)
			return
		}
		old = max(w.first, resp.Header.Revision-1-int64(w.plan.draw(6)))
		w.plan.note("the successor sees etcd as of revision %d of %d", old, resp.Header.Revision)
	}
	w.expireLeases()
	next := w.start(old, dead.successor == relapse)
	w.mu.Lock()
	w.past, w.manager = append(w.past, dead), next
	w.mu.Unlock()
}

// expireLeases does what time would do to the lease of a dead leader.
func (w *world) expireLeases() {
	resp, err := w.client.Get(w.ctx, store.LeaderPrefix, clientv3.WithPrefix())
	if err != nil {
		w.t.Error(err)
		return
	}
	for _, kv := range resp.Kvs {
		if _, err := w.client.Revoke(w.ctx, clientv3.LeaseID(kv.Lease)); err != nil {
			w.t.Error(err)
		}
	}
}

func (w *world) current() *instance {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.manager
}

func (w *world) close() {
	if w.cluster != nil {
		_ = w.cluster.Close()
	}
	if w.store != nil {
		_ = w.store.Close()
	}
}

// dump says what happened, when something went wrong.
func (w *world) dump() {
	w.t.Logf("effects and faults:\n%s", w.plan)
	for i, m := range append(w.past, w.manager) {
		w.t.Logf("manager %d:\n%s", i+1, m.logs.String())
	}
}

// await waits until the view fulfils a condition.
func (w *world) await(what string, cond func() bool) {
	w.t.Helper()
	for !cond() {
		select {
		case <-w.changed:
		case <-w.ctx.Done():
			w.fatalf("%s did not happen; etcd holds\n%s", what, w.state())
		}
	}
}

// fatalf ends the scenario.
func (w *world) fatalf(format string, args ...any) {
	w.t.Helper()
	w.t.Fatalf(format, args...)
}

// settle waits until the state is the wanted one and stays so, and returns it. Without a wanted one it waits until nothing
// changes for longer.
func (w *world) settle(want string) string {
	w.t.Helper()
	pause := quiet
	if want == "" {
		pause = 4 * quiet
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	before := ""
	for {
		select {
		case <-w.changed:
			timer.Reset(pause)
			continue
		case <-timer.C:
		case <-w.ctx.Done():
			if diff := cmp.Diff(want, before); diff != "" {
				w.t.Errorf("the end differs from that of the undisturbed run (-undisturbed +disturbed):\n%s", diff)
			}
			return before
		}
		now := w.state()
		if now == before && (want == "" || now == want) {
			return now
		}
		before = now
		timer.Reset(pause)
	}
}

// put writes a spec as etcdctl does.
func (w *world) put(key store.Key, document string) {
	w.t.Helper()
	if w.blindUser {
		w.current().holdWatches(true)
	}
	if _, err := w.client.Put(w.ctx, key.Spec(), document); err != nil {
		w.fatalf("put %s: %v", key, err)
	}
}

// request sends one request to the manager's API, as a client does that knows its job: an answer that says that nothing is known,
// or none, is answered by looking before it is asked again. happened asks etcd itself whether the request was carried out.
// A refusal that can only come from the request's own success is a failure of the test.
func (w *world) request(method, path, body, contentType string, happened func() bool) {
	w.t.Helper()
	doubt := false
	for {
		m := w.current()
		select {
		case <-m.ready:
		case <-m.crashed:
			w.pause()
			continue
		case <-w.ctx.Done():
			w.fatalf("%s %s: no manager serves", method, path)
		}
		if w.blindUser {
			m.holdWatches(true)
		}
		code, text, err := w.send(m, method, path, body, contentType)
		switch {
		case err == nil && code < 300:
			return
		case err != nil, code == http.StatusGatewayTimeout, code >= 500:
			// Unknown.
			doubt = true
		case code == http.StatusNotFound, code == http.StatusConflict && doubt:
			// This manager sees an older state, or what was in doubt has happened.
		default:
			w.fatalf("%s %s: %d %s", method, path, code, text)
		}
		w.plan.note("%s %s: %d %v; is it so already: %v", method, path, code, err, happened())
		if doubt && happened() {
			return
		}
		if w.ctx.Err() != nil {
			w.fatalf("%s %s: %d %s %v", method, path, code, text, err)
		}
		w.pause()
	}
}

// pause is a client's before it asks again.
func (w *world) pause() {
	select {
	case <-time.After(20 * time.Millisecond):
	case <-w.ctx.Done():
	}
}

func (w *world) send(m *instance, method, path, body, contentType string) (int, string, error) {
	ctx, cancel := context.WithTimeout(w.ctx, 10*time.Second)
	defer cancel()
	// A dead manager does not answer, though its listener is still there for a moment.
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		select {
		case <-m.crashed:
			cancel()
		case <-stop:
		}
	}()
	req, err := http.NewRequestWithContext(ctx, method, m.api+"/apis/horae/v1/namespaces/default/"+path, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	req.Header.Set("Content-Type", contentType)
	if run, ok := strings.CutSuffix(path, "/callback"); ok {
		req.Header.Set("Authorization", "Bearer "+w.token(strings.TrimPrefix(run, "runs/")))
	}
	transport := &http.Transport{DisableKeepAlives: true}
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text), err
}

// token is what the task of a Run's present attempt has been given.
func (w *world) token(run string) string {
	resp, err := w.client.Get(w.ctx, store.CallbackKeysKey)
	if err != nil || len(resp.Kvs) == 0 {
		w.fatalf("read the keys of callbacks: %v", err)
	}
	keys, err := store.DecodeCallbackKeys(resp.Kvs[0].Value, callback.MinKeySize, callback.MaxKeys)
	if err != nil {
		w.fatalf("%v", err)
	}
	attempts := w.view.Run("default", run).Object.Status.Attempts
	return callback.Token(keys[0], attempts[len(attempts)-1].TaskID)
}

// stored reads a spec from etcd itself; "" when there is none.
func (w *world) stored(key store.Key) string {
	w.t.Helper()
	doc, _, err := w.store.Spec(w.ctx, key)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		w.fatalf("read %s: %v", key, err)
	}
	return string(doc)
}

// agentOf finds the agent with this id.
func (w *world) agentOf(id string) *devcluster.Agent {
	for i := range w.cluster.Agents() {
		if strings.HasSuffix(id, fmt.Sprintf("-S%d", i)) {
			return w.cluster.Agent(i)
		}
	}
	w.fatalf("no agent %s", id)
	return nil
}
