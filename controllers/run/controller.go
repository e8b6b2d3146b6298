package run

import (
	"cmp"
	"context"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"

	v1 "horae/api/v1"
	"horae/controllers/run/placement"
	"horae/internal/cache"
	"horae/internal/offer"
	"horae/internal/store"
)

// Jobs is the part of the cache that knows Jobs.
type Jobs interface {
	Job(namespace, name string) *store.Job
	RunsOf(namespace, job string) []*store.Run
}

// Callbacks is the part of the cache that knows what callbacks have reported.
type Callbacks interface {
	// Callback returns what they have reported of a Run's attempt; nil: nothing.
	Callback(namespace, run string) *store.Callback
	// Callbacks returns the Runs of which there is something.
	Callbacks() []store.Key
	// CallbackKeys returns the keys that make tokens.
	CallbackKeys() ([][]byte, error)
}

// Cache is what the controller reads: *cache.Cache.
type Cache interface {
	Runs
	Jobs
	Callbacks
}

// Truth reads from etcd itself what the cache may not have seen yet: *store.Store.
type Truth interface {
	// GetRun is linearizable; store.ErrNotFound: there is no such Run.
	GetRun(ctx context.Context, namespace, name string) (*store.Run, error)
}

// Mesos is the driver: *mesos.Driver.
type Mesos interface {
	Launcher
	TaskCaller
	InverseAnswerer
}

// Agents knows where agents keep their tasks' sandboxes. It must not block.
type Agents interface {
	WorkDir(agentURL string) (dir string, known bool)
}

// Config of a Controller. Writer, Cache, Truth, Mesos, and Enqueue are needed.
type Config struct {
	Writer Writer
	Cache  Cache
	Truth  Truth
	Mesos  Mesos
	// Enqueue has the loop reconcile the Run soon: (*reconcile.Loop).Add.
	Enqueue func(store.Key)
	// Agents makes the paths of sandboxes known; nil: they are not.
	Agents Agents
	// CallbackURL is the address of a manager as tasks reach it, without a path.
	CallbackURL string
	// Roles of the framework; a task that names none gets the first. Default "*".
	Roles []string
	// Unanswered reports whether an ACCEPT that failed so may have reached Mesos; nil: it always may.
	Unanswered func(error) bool
	// Resubscribe ends the present subscription and makes another, which voids what is on its way; nil: nothing does.
	Resubscribe func(reason string)
	// Offers says how long offers are held.
	Offers OfferConfig
	// Placement has the settings of placements; its Roles are those above.
	Placement placement.Config
	// SettleWait is how long launching waits, after a subscription, for those live attempts that Mesos is
	// silent about; default 2 s (I9).
	SettleWait time.Duration
	// ReconcileEvery is the period of asking after all live attempts; default 15 min.
	ReconcileEvery time.Duration
	// Now is time.Now by default.
	Now     func() time.Time
	Log     logr.Logger
	Metrics prometheus.Registerer
}

// Controller runs Runs. It lives for one term of leadership: make a new one for the next. All its methods are
// safe for concurrent use; those that Mesos's driver calls never block.
type Controller struct {
	cfg            Config
	pending        pendingUpdates
	memory         memory
	flight         inFlight
	live           liveAttempts
	placer         *placer
	reconciliation *taskReconciliation
	inverseOffers  *inverseOffers
	metrics        *metrics
}

// New makes a Controller. It does nothing before Run.
func New(cfg Config) *Controller {
	setDefault(&cfg.SettleWait, 2*time.Second)
	setDefault(&cfg.ReconcileEvery, 15*time.Minute)
	if len(cfg.Roles) == 0 {
		cfg.Roles = []string{"*"}
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Unanswered == nil {
		cfg.Unanswered = func(error) bool { return true }
	}
	if cfg.Resubscribe == nil {
		cfg.Resubscribe = func(string) {}
	}
	cfg.Placement.Roles = cfg.Roles
	c := &Controller{cfg: cfg, metrics: newMetrics(cfg.Metrics)}
	c.placer = &placer{
		writer: cfg.Writer, launcher: cfg.Mesos, flight: &c.flight, live: &c.live,
		metrics: c.metrics, log: cfg.Log.WithName("placer"),
		notStored: cfg.Enqueue, notSent: c.notSent, unanswered: cfg.Unanswered,
		resubscribe: cfg.Resubscribe, explained: c.explained,
		now: cfg.Now, asked: map[store.Key]bool{}, wakeup: make(chan struct{}, 1),
		held: newHeldOffers(cfg.Offers, cfg.Roles), queue: placement.NewQueue(cfg.Placement),
		refused: map[store.Key]store.Revisions{}, callbacks: callbackAccess{cache: cfg.Cache, url: cfg.CallbackURL},
		grouped: map[store.Key]int{}, sending: make(chan struct{}, acceptsAtATime),
	}
	c.reconciliation = &taskReconciliation{
		runs: cfg.Cache, caller: cfg.Mesos, flight: &c.flight, log: cfg.Log.WithName("mesos"), now: cfg.Now,
		gate: func(g gateState) { c.placer.post(note{gate: &g}) }, inject: c.Update, enqueue: cfg.Enqueue,
		wakeup: make(chan struct{}, 1), state: settling{wait: cfg.SettleWait, every: cfg.ReconcileEvery},
	}
	c.inverseOffers = &inverseOffers{
		runs: cfg.Cache, answerer: cfg.Mesos, log: cfg.Log.WithName("maintenance"), now: cfg.Now, enqueue: cfg.Enqueue,
		wakeup: make(chan struct{}, 1), asked: map[string]offer.InverseOffer{}, windows: map[string]offer.Window{},
	}
	return c
}

// Run enqueues all Runs that are not at rest, and then serves Mesos and the waiting Runs until ctx ends. The
// cache must be synced, and have seen all that earlier leaders wrote. It returns store.ErrFenced, wrapped, when
// another leader has taken over.
func (c *Controller) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	for _, r := range c.cfg.Cache.Runs("") {
		c.live.see(r)
		if r.Rev.Deleted() || r.Earlier != nil || !r.Object.Status.Phase.Terminal() || c.jobGone(r) {
			c.cfg.Enqueue(r.Key)
		}
	}
	for _, run := range c.cfg.Cache.Callbacks() {
		c.cfg.Enqueue(run) // One of an attempt that has ended is removed.
	}
	var beside sync.WaitGroup
	beside.Go(func() { c.reconciliation.run(ctx) })
	beside.Go(func() { c.inverseOffers.run(ctx) })
	err := c.placer.run(ctx)
	cancel()
	beside.Wait()
	return err
}

// Concerns returns the keys of the Runs to reconcile after a change: the Run itself, or the Runs of a Job that
// is gone.
func (c *Controller) Concerns(e cache.Event) []store.Key {
	if e.Key.Kind == store.Runs {
		return []store.Key{e.Key}
	}
	if e.Key.Kind != store.Jobs {
		return nil
	}
	before, after := cache.Of[v1.Job](e)
	if after != nil && !after.Rev.Deleted() && (before == nil || before.Rev.SpecCreate == after.Rev.SpecCreate) {
		return nil
	}
	var keys []store.Key
	for _, r := range c.cfg.Cache.RunsOf(e.Key.Namespace, e.Key.Name) {
		keys = append(keys, r.Key)
	}
	return keys
}

// Foresee takes note of when a Job that changed is due next, so that offers are held by then. A Run that starts up
// to some jitter later does not need them.
func (c *Controller) Foresee(e cache.Event) {
	_, job := cache.Of[v1.Job](e)
	if job == nil || job.Object.Spec.Jitter != nil {
		return
	}
	if next := job.Object.Status.NextScheduleTime; next != nil {
		c.Expect(job.Object.Spec.Task.Role, next.Time)
	}
}

// Expect says that a Run of a task in this role (empty: the first) will be due at t: offers are held a
// little before.
func (c *Controller) Expect(role string, t time.Time) {
	c.placer.post(note{expect: &expectation{cmp.Or(role, c.cfg.Roles[0]), t}})
}

// SuppressedRoles returns the roles for which nothing waits or is due soon. The next subscription need not
// bring offers for them.
func (c *Controller) SuppressedRoles() []string { return c.placer.suppressedRoles() }

// Subscribed begins a subscription. Nothing is launched before the fate of the live attempts is known (I9).
func (c *Controller) Subscribed(frameworkID string) {
	c.reconciliation.subscribed(frameworkID)
	c.enqueuePending()
}

// Disconnected ends a subscription: nothing is launched until the next.
func (c *Controller) Disconnected(error) {
	c.reconciliation.disconnected()
	c.inverseOffers.forget()
}

// FrameworkRemoved says that Mesos has given up the framework with all its tasks. They count as lost.
func (c *Controller) FrameworkRemoved(oldID string) { c.reconciliation.frameworkRemoved(oldID) }

// Offers are new.
func (c *Controller) Offers(offers []offer.Offer) {
	c.inverseOffers.see(offers)
	c.placer.post(note{offers: offers})
}

// InverseOffers ask whether we shall have left agents before their maintenance windows.
func (c *Controller) InverseOffers(inverse []offer.InverseOffer) { c.inverseOffers.ask(inverse) }

// RescindInverse takes such a question back.
func (c *Controller) RescindInverse(offerID string) { c.inverseOffers.rescind(offerID) }

// Rescind takes an offer back.
func (c *Controller) Rescind(offerID string) { c.placer.post(note{rescind: offerID}) }

// AgentLost is a hint: its offers are forgotten, and its tasks asked after.
func (c *Controller) AgentLost(agentID string) {
	c.placer.post(note{agent: agentID})
	c.reconciliation.agentLost(agentID)
}

// Update is a task's status. It is kept until its effect is stored.
func (c *Controller) Update(u offer.Update) {
	id, ok := ParseTaskID(u.TaskID)
	if !ok {
		c.reconciliation.unknown(u)
		return
	}
	if (u.State == offer.TaskUnknown || u.State == offer.TaskGone) && u.Reason == mesosReconciliation && c.flight.has(u.TaskID) {
		return // The answer may be older than the ACCEPT's arrival: it must not be read later, when that is forgotten.
	}
	c.reconciliation.hear(u.TaskID)
	c.pending.add(id.Key(), u)
	c.cfg.Enqueue(id.Key())
}

// enqueuePending enqueues the Runs with updates that could not be acknowledged.
func (c *Controller) enqueuePending() {
	for _, key := range c.pending.keys() {
		c.cfg.Enqueue(key)
	}
}

// notSent records that nothing was sent to Mesos for the intent stored with this launchTime, if it was stored.
func (c *Controller) notSent(t offer.Task, at time.Time, why error) {
	c.Update(neverSent(t.ID, t.AgentID, at, why))
}

// explained has the Run's status report why it waits.
func (c *Controller) explained(e placement.Explanation) {
	c.memory.change(e.Run, func(m *runMemory) { m.why = e.Why })
	c.cfg.Enqueue(e.Run)
}
