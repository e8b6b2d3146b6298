package server

import (
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"horae/api"
	v1 "horae/api/v1"
	"horae/internal/cache"
	"horae/internal/store"
)

// Cache is what the server reads from: *cache.Cache. What it returns is shared and never modified (I8).
type Cache interface {
	// Revision of etcd that the cache stands at.
	Revision() int64
	// WaitFor returns when the cache stands at revision or later, or with ctx's error.
	WaitFor(ctx context.Context, revision int64) error
	// CatchUp returns when the cache has everything that was written before the call, or with an error: etcd's, or
	// ctx's.
	CatchUp(ctx context.Context) error
	// Get returns an object; nil when there is none.
	Get(key store.Key) store.AnyEntry
	// JobWithRuns returns a Job and its Runs, as of the one revision that comes with them.
	JobWithRuns(namespace, name string) (job *store.Job, runs []*store.Run, revision int64)
	// Dependents returns the Jobs that depend on a Job, which need not exist.
	Dependents(namespace, job string) []*store.Job
	// ListKinds returns the objects of some kinds in a namespace, in all for "", sorted, with the revision as of which
	// they are.
	ListKinds(kinds []store.Kind, namespace string) ([]store.AnyEntry, int64)
	// Page returns some objects of a kind, how many more there are, and the revision as of which that is.
	Page(s cache.Selection) (page []store.AnyEntry, more int, revision int64, err error)
	// WatchKinds streams what changed after a revision.
	WatchKinds(ctx context.Context, kinds []store.Kind, namespace string, after int64) (*cache.Watcher, error)
	// Namespaces returns the namespaces that hold objects, and how many, as of the revision that comes with them.
	Namespaces() (map[string]int, int64)
	// Callback returns what callbacks have reported of a Run's attempt; nil: nothing.
	Callback(namespace, run string) *store.Callback
	// CallbackKeys returns the keys that check the tokens of callbacks.
	CallbackKeys() ([][]byte, error)
	// Strays are etcd keys that are no object's, and how many more there are.
	Strays() (list []cache.Stray, more int)
}

// Store is what the server writes to: *store.Store.
type Store interface {
	// Apply makes a change, or none of it: store.ErrConflict, store.ErrUnknown.
	Apply(ctx context.Context, change store.Change) (int64, error)
	// Spec reads the document of a spec as it is stored, with its modification revision: store.ErrNotFound.
	Spec(ctx context.Context, key store.Key) ([]byte, int64, error)
	// Statistics reads the statistics keys of Jobs as of a revision: store.ErrCompacted.
	Statistics(ctx context.Context, keys []store.Key, revision int64) ([]store.StatisticsDocument, error)
}

// Logs reads a task's output where its agent keeps it: *sandbox.Agents.
type Logs interface {
	// Copy writes a file of the attempt's sandbox to w from offset on (negative: from the end). If ended is not nil
	// it follows the file until ended is closed and the file is read to its end.
	Copy(ctx context.Context, w io.Writer, attempt v1.Attempt, file string, offset int64, ended <-chan struct{}) error
}

// Check is one named condition of readiness; it answers within a second and does not block.
type Check struct {
	Name  string
	Check func(ctx context.Context) error
	// Note is what ?verbose shows behind a check that has passed; nil: nothing.
	Note func(ctx context.Context) string
}

// RunMaker makes Runs that people ask for: the functions of controllers/job. Both makers give a new name each time,
// unless the request has an id.
type RunMaker struct {
	// Retry makes a Run that repeats an ended one.
	Retry func(old *v1.Run, job *v1.Job, retry v1.Retry, now time.Time) (*v1.Run, error)
	// Mark makes a Run without a task that succeeds at once. named: it takes the name of the occurrence at its time.
	Mark func(job *v1.Job, succeed v1.Succeed, named bool, now time.Time) (*v1.Run, error)
	// OccurrenceName is the name of a Job's Run for an occurrence.
	OccurrenceName func(job string, at time.Time) string
	// Occurs reports whether a time is a scheduled time of the Job.
	Occurs func(job *v1.Job, at time.Time) (bool, error)
}

// Config of a Server. Cache, Store, Validate, NewRun, Runs and Upcoming are required.
type Config struct {
	Cache Cache
	Store Store
	// Logs; nil: the log of a Run is 501.
	Logs Logs
	// Validate an object, defaults applied: all that can be said of it without other objects.
	Validate func(api.Object) field.ErrorList
	// Warnings reports what in a valid object is perhaps not meant; nil: what the table of kinds says of it.
	Warnings func(api.Object) []string
	// NewRun makes the Run that a manual trigger asks for, with a new name each time.
	NewRun func(job *v1.Job, trigger v1.Trigger, now time.Time) (*v1.Run, error)
	// Runs makes the other Runs that people ask for.
	Runs RunMaker
	// Upcoming returns up to count occurrences of a Job's schedule strictly after a time; fewer when it ends.
	Upcoming func(job *v1.Job, after time.Time, count int) ([]time.Time, error)
	// Admit finds what is wrong with a new object that Validate accepts, given the objects that it refers to; nil:
	// nothing is.
	Admit func(api.Object) field.ErrorList
	// PreviewBackfill says what a Backfill, defaults applied, would do if it started now, and lists at most limit
	// occurrences; nil: 501.
	PreviewBackfill func(b *v1.Backfill, limit int) (*v1.BackfillPreview, field.ErrorList)
	// Access decides who may do what; nil: everybody may do everything.
	Access Access
	// TLS configuration; nil: plain HTTP is served.
	TLS *tls.Config
	// HSTS has browsers use TLS only, for a year.
	HSTS bool
	// Hosts are the names, besides localhost and addresses, by which clients may call the server; "*" allows any.
	Hosts []string
	// Client names who is behind a request, by whose name what the server can do at once is shared; "" or nil: the
	// remote address.
	Client func(*http.Request) string
	// RequestsPerSecond of each client; 0: no bound.
	RequestsPerSecond float64
	// Ready lists the checks of /readyz.
	Ready []Check
	// Gatherer of /metrics; nil: none are served.
	Gatherer prometheus.Gatherer
	// Registerer of the server's own metrics; nil: they are not kept.
	Registerer prometheus.Registerer
	// Version of the build, as in v1.2.3.
	Version string
	Log     logr.Logger
	// Now is the clock; nil: time.Now.
	Now func() time.Time

	limits *limits // nil: the defaults
}
