package cache

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	clientv3 "go.etcd.io/etcd/client/v3"

	"horae/api"
	v1 "horae/api/v1"
	"horae/internal/store"
)

// ErrGone: the events that were asked for are no longer kept. List again and watch from there.
var ErrGone = errors.New("gone: these changes are no longer kept")

// Source is what the cache reads from: *store.Store.
type Source interface {
	List(ctx context.Context, page func([]*store.KeyValue) error) (int64, error)
	Position(ctx context.Context) (store.Position, error)
	Watch(ctx context.Context, after int64) clientv3.WatchChan
	RequestProgress(ctx context.Context) error
}

// Event reports one object's change. Key.Kind says of which kind the entries are; Of gives them their type. Old is
// nil for a new object, New for one of which nothing is left. An object that was deleted and created again between
// two looks has an Old and a New with different Rev.SpecCreate.
type Event struct {
	Key      store.Key
	Revision int64
	Old, New store.AnyEntry
}

// SpecChanged reports whether the object came or went, or its spec was written. A status alone is its own
// controller's word: what is still to be done after it, that controller has planned already.
func (e Event) SpecChanged() bool {
	if e.Old == nil || e.New == nil {
		return true
	}
	before, after := e.Old.GetRevisions(), e.New.GetRevisions()
	return before.SpecMod != after.SpecMod || before.SpecCreate != after.SpecCreate
}

// Of returns the entries of an event about an object of type T: v1.Job, v1.Run, v1.Calendar. Both are nil when it
// is about another kind.
func Of[T any](e Event) (before, after *store.Entry[T]) {
	return store.As[T](e.Old), store.As[T](e.New)
}

// defaultRing is how many events are kept for watchers, per kind.
const defaultRing = 16384

// progressAfter is how long WaitFor waits for an event before it asks etcd how far it is.
const progressAfter = 20 * time.Millisecond

// lookEvery is how often etcd is asked whether it has gone back.
const lookEvery = 5 * time.Second

// Option changes a Cache.
type Option func(*Cache)

// WithRing keeps n events of each kind for watchers that fall behind; default 16384. An event holds on to two entries.
func WithRing(n int) Option { return func(c *Cache) { c.ringSize = n } }

// VerifyImmutable makes Verify prove that nobody modified an entry (I8). For tests: it costs more than all the rest.
func VerifyImmutable() Option { return func(c *Cache) { c.verifier = newVerifier() } }

// Cache holds all objects. Its methods are safe for concurrent use, also before Follow and in listeners.
type Cache struct {
	source         Source
	log            logr.Logger
	ringSize       int
	verifier       *verifier // nil unless asked for
	listeners      []func(Event)
	onRev          []func(int64)
	onRewind       []func()
	onCallback     []func(store.Key)
	onCallbackKeys []func()
	tables         map[store.Kind]*table // fixed; each table's content is guarded by mu
	inOrder        []*table              // the same, in the order in which a revision's events are reported

	synced    chan struct{}
	reported  atomic.Int64 // the revision whose events the listeners have got
	advanced  broadcast    // fires after reported has changed
	committed broadcast    // fires after events of any kind were added, and when watchers are left behind

	cluster   atomic.Uint64 // etcd's id; 0 before the first list
	noticed   atomic.Int64  // how often etcd has been seen to have gone back
	rewinds   atomic.Int64  // how often the cache has followed it back: as often, or once less
	lookEvery time.Duration
	look      chan struct{} // asks the follower to look whether etcd has gone back

	mu       sync.RWMutex
	revision int64 // guarded by mu, like the tables and the indexes
	index    *runIndex
	byName   calendarIndex
	active   activeIndex
	// dependents finds Jobs by those that they depend on.
	dependents dependencyIndex
	// backfills finds Backfills by their Job.
	backfills backfillIndex
	callbacks callbacks
	strays    strays
	panics    prometheus.Counter
}

// New makes an empty cache; Follow fills it.
func New(source Source, log logr.Logger, options ...Option) *Cache {
	c := &Cache{
		source: source, log: log, ringSize: defaultRing, synced: make(chan struct{}), lookEvery: lookEvery, look: make(chan struct{}, 1),
		tables: map[store.Kind]*table{}, index: newRunIndex(), panics: newPanics(),
	}
	c.callbacks = callbacks{of: map[name]*store.Callback{}, keys: callbackKeys{err: errNoCallbackKeys}}
	for _, o := range options {
		o(c)
	}
	for _, k := range api.Kinds() {
		t := newTable(c.ringSize)
		if c.verifier != nil {
			t.verify = c.verifier.replace
		}
		c.tables[store.Kind(k.Plural)] = t
		if k != api.Jobs && k != api.Runs {
			c.inOrder = append(c.inOrder, t)
		}
	}
	// What a Job refers to comes before it, and a Job before its Runs.
	jobs, runs := c.tables[store.Jobs], c.tables[store.Runs]
	c.inOrder = append(c.inOrder, jobs, runs)
	jobs.index = func(old, new store.AnyEntry) {
		before, after := store.As[v1.Job](old), store.As[v1.Job](new)
		c.byName.replace(before, after)
		c.active.replace(before, after)
		c.dependents.replace(before, after)
	}
	c.tables[store.Backfills].index = func(old, new store.AnyEntry) {
		c.backfills.replace(store.As[v1.Backfill](old), store.As[v1.Backfill](new))
	}
	runs.index = func(old, new store.AnyEntry) { c.index.replace(store.As[v1.Run](old), store.As[v1.Run](new)) }
	return c
}

// Listen has f called for every change, in the order of revisions, by the one goroutine that applies them; the
// first list gives an event for each object. f must not block. The cache already stands at the event's revision.
// Call it before Follow.
func (c *Cache) Listen(f func(Event)) { c.listeners = append(c.listeners, f) }

// OnRevision has f called after the listeners whenever the cache has come to a later revision, also when no object
// changed. f must not block. Call it before Follow.
func (c *Cache) OnRevision(f func(revision int64)) { c.onRev = append(c.onRev, f) }

// OnRewind has f called when etcd has gone back to an older state, because somebody has restored it; the events of
// the differences follow. Revisions are lower then, and what was seen since that state has not happened. f must
// not block. Call it before Follow.
func (c *Cache) OnRewind(f func()) { c.onRewind = append(c.onRewind, f) }

// Synced is closed when the first list is in the cache and the listeners have had its events.
func (c *Cache) Synced() <-chan struct{} { return c.synced }

// Revision of etcd that the cache stands at; 0 before the first list. What is read afterwards is as of it, or later.
func (c *Cache) Revision() int64 {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.revision
}

// WaitFor returns when the cache stands at revision or later and the listeners have had the events, or with ctx's
// error.
func (c *Cache) WaitFor(ctx context.Context, revision int64) error {
	timer := time.NewTimer(progressAfter)
	defer timer.Stop()
	for {
		advanced := c.advanced.wait()
		at := c.reported.Load()
		if at >= revision {
			return nil
		}
		select {
		case <-advanced:
		case <-timer.C:
			// The revision may be one that changed nothing here. Without an answer the next one asks again.
			if at > 0 {
				_ = c.source.RequestProgress(ctx)
			}
			timer.Reset(5 * progressAfter)
		case <-ctx.Done():
			return fmt.Errorf("wait until the cache stands at revision %d (it is at %d): %w", revision, at, ctx.Err())
		}
	}
}

// CatchUp returns when the cache has everything that was written before the call. If etcd has gone back, it
// returns after the cache has followed. It fails if etcd does not answer, and when ctx ends.
func (c *Cache) CatchUp(ctx context.Context) error {
	for {
		rewinds, stood := c.stands()
		now, err := c.source.Position(ctx)
		if err != nil {
			return err
		}
		if !c.rewound(rewinds, stood, now) {
			return c.WaitFor(ctx, now.Revision)
		}
		select {
		case c.look <- struct{}{}:
		default:
		}
		for advanced := c.advanced.wait(); c.rewinds.Load() == rewinds; advanced = c.advanced.wait() {
			select {
			case <-advanced:
			case <-ctx.Done():
				return fmt.Errorf("wait until the cache has followed etcd back to revision %d: %w", now.Revision, ctx.Err())
			}
		}
	}
}

// Get returns an object; nil when there is none.
func (c *Cache) Get(key store.Key) store.AnyEntry {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.getLocked(key)
}

func (c *Cache) getLocked(key store.Key) store.AnyEntry {
	if t := c.tables[key.Kind]; t != nil {
		return t.get(key.Namespace, key.Name)
	}
	return nil
}

// List returns the objects of a kind in a namespace, in all for "", sorted by namespace and name, and the revision
// as of which the list is: what a watch goes on from.
func (c *Cache) List(kind store.Kind, namespace string) ([]store.AnyEntry, int64) {
	return c.ListKinds([]store.Kind{kind}, namespace)
}

// ListKinds is List for several kinds, as of one revision: the objects of one kind follow those of the kind before.
func (c *Cache) ListKinds(kinds []store.Kind, namespace string) ([]store.AnyEntry, int64) {
	lists := make([][]store.AnyEntry, 0, len(kinds))
	c.mu.RLock()
	for _, kind := range kinds {
		if t := c.tables[kind]; t != nil {
			lists = append(lists, t.list(namespace))
		}
	}
	revision := c.revision
	c.mu.RUnlock()
	for _, list := range lists {
		slices.SortFunc(list, func(a, b store.AnyEntry) int { return compareKeys(a.GetKey(), b.GetKey()) })
	}
	if len(lists) == 1 {
		return lists[0], revision
	}
	return slices.Concat(lists...), revision
}

// Namespaces returns the namespaces that hold objects and how many, with the revision as of which that is. An object
// whose spec is deleted counts until its status has gone, too. One that is in no namespace does not count.
func (c *Cache) Namespaces() (map[string]int, int64) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	objects := map[string]int{}
	for _, t := range c.inOrder {
		for namespace, entries := range t.entries {
			if namespace != "" {
				objects[namespace] += len(entries)
			}
		}
	}
	return objects, c.revision
}

func compareKeys(a, b store.Key) int {
	return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
}

// Count returns the number of objects of a kind.
func (c *Cache) Count(kind store.Kind) int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if t := c.tables[kind]; t != nil {
		return t.count
	}
	return 0
}

// RunsOf returns the Runs whose spec names the Job, oldest first (by create revision). A Run whose spec is deleted
// or cannot be decoded names none.
func (c *Cache) RunsOf(namespace, job string) []*store.Run {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return slices.Clone(c.index.byJob[name{namespace, job}])
}

// JobWithRuns returns a Job with its Runs, all as of the one revision: those whose spec names the Job, like
// RunsOf, there or not; then those that its status calls active though their spec is deleted, or cannot be
// decoded, and names none. The slice is the caller's.
func (c *Cache) JobWithRuns(namespace, job string) (*store.Job, []*store.Run, int64) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	j, runs := c.jobWithRunsLocked(namespace, job)
	return j, runs, c.revision
}

func (c *Cache) jobWithRunsLocked(namespace, job string) (*store.Job, []*store.Run) {
	j, runs := store.As[v1.Job](c.getLocked(store.JobKey(namespace, job))), slices.Clone(c.index.byJob[name{namespace, job}])
	for _, active := range activeOf(j) {
		if run := store.As[v1.Run](c.getLocked(store.RunKey(namespace, active))); run != nil && jobOf(run) == (name{}) {
			runs = append(runs, run)
		}
	}
	return j, runs
}

// JobsWithActive returns the keys of the Jobs whose status.active names the Run, there or not. A Run whose spec is
// gone is found by nothing else.
func (c *Cache) JobsWithActive(namespace, run string) []store.Key {
	c.mu.RLock()
	defer c.mu.RUnlock()
	var keys []store.Key
	for _, job := range c.active.jobs[name{namespace, run}] {
		keys = append(keys, store.JobKey(namespace, job))
	}
	return keys
}

// Verify reports an entry that was modified after it had come into the cache. It needs VerifyImmutable.
func (c *Cache) Verify() error {
	if c.verifier == nil {
		return errors.New("verify the cache: it was made without VerifyImmutable")
	}
	return c.verifier.check()
}
