package server

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/managedfields"

	"horae/api"
	v1 "horae/api/v1"
	"horae/internal/openapi"
	"horae/internal/store"
)

// Server answers HTTP requests. Make one with New; Serve runs it on a listener.
type Server struct {
	cfg     Config
	now     func() time.Time
	kinds   []*kind
	core    []*kind // those of core/v1
	metrics *metrics
	// openAPI makes the OpenAPI documents when they are first asked for.
	openAPI func() (*openapi.Documents, error)
	// fieldTypes are the types of fields that server-side apply merges by, made when they are first needed.
	fieldTypes func() (managedfields.TypeConverter, error)
	encoded    *encodings
	limits     limits
	share      shares
	rates      *rates
	reports    *reports
	handler    http.Handler

	// stopping is closed when the server stops: streams end then.
	stopping chan struct{}
	stop     sync.Once
}

// New makes a Server. It fails when something that Config requires is missing.
func New(cfg Config) (*Server, error) {
	switch {
	case cfg.Cache == nil || cfg.Store == nil:
		return nil, errors.New("make the HTTP server: it needs a cache and a store")
	case cfg.Validate == nil || cfg.NewRun == nil || cfg.Upcoming == nil || cfg.Runs.Occurs == nil:
		return nil, errors.New("make the HTTP server: it needs Validate, NewRun, Runs and Upcoming")
	}
	s := &Server{cfg: cfg, now: cfg.Now, kinds: newKinds(), encoded: newEncodings(), stopping: make(chan struct{}), limits: defaultLimits()}
	if cfg.limits != nil {
		s.limits = *cfg.limits
	}
	s.share, s.rates = newShares(s.limits), newRates(cfg.RequestsPerSecond)
	if s.now == nil {
		s.now = time.Now
	}
	s.core = s.newCoreKinds()
	s.openAPI, s.fieldTypes = sync.OnceValues(s.newOpenAPI), sync.OnceValues(s.newFieldTypes)
	if cfg.Warnings == nil {
		s.cfg.Warnings = func(o api.Object) []string { return api.KindOf(o).Warnings(o) }
	}
	s.metrics = newMetrics(cfg.Registerer)
	s.reports = newReports(reportInterval, s.storeReports)
	s.handler = s.wrap(s.routes())
	return s, nil
}

// Serve answers requests on l until ctx ends; it then ends the streams, gives the other requests a few seconds,
// and returns nil. It closes l.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	srv := &http.Server{Handler: s.handler, Protocols: new(http.Protocols)}
	HardenHTTP(srv)
	srv.HTTP2.WriteByteTimeout = s.limits.streamWrite
	limited := LimitConnections(srv, l, s.limits.connections)
	srv.Protocols.SetHTTP1(true)
	serve := srv.Serve
	if s.cfg.TLS == nil {
		srv.Protocols.SetUnencryptedHTTP2(true)
	} else {
		srv.Protocols.SetHTTP2(true)
		srv.TLSConfig = s.cfg.TLS
		srv.ErrorLog = log.New(handshakes{s.cfg.Log}, "", 0)
		serve = func(l net.Listener) error { return srv.ServeTLS(l, "", "") }
	}
	failed := make(chan error, 1)
	go func() { failed <- serve(limited) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve HTTP on %s: %w", l.Addr(), err)
	case <-ctx.Done():
	}
	s.Stop()
	// ctx has ended, but requests under way get some time to finish.
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownGrace)
	defer cancel()
	if err := srv.Shutdown(grace); err != nil {
		_ = srv.Close()
	}
	if err := <-failed; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve HTTP on %s: %w", l.Addr(), err)
	}
	return nil
}

// Stop ends all streams (watches, followed logs); Serve calls it. New ones end at once.
func (s *Server) Stop() { s.stop.Do(func() { close(s.stopping) }) }

// routes maps paths to what answers them.
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	handle := func(pattern string, f func(http.ResponseWriter, *http.Request) error) {
		mux.Handle(pattern, s.handle(f))
	}
	handle("GET /livez", s.livez)
	handle("GET /healthz", s.livez)
	handle("GET /readyz", s.readyz)
	handle("GET /readyz/{check}", s.readyz)
	handle("GET /version", s.version)
	handle("GET /strays", s.listStrays)
	if s.cfg.Gatherer != nil {
		mux.Handle("GET /metrics", metricsHandler(s.cfg.Gatherer))
	}

	handle("GET /{$}", s.root)
	handle("GET /openapi/v2", s.openAPIV2)
	handle("GET /openapi/v3", s.openAPIV3)
	handle("GET /openapi/v3/{path...}", s.openAPIV3)
	handle("GET /api", s.apiVersions)
	handle("GET /api/v1", s.resources(s.core))
	handle("GET /apis", s.apiGroups)
	for _, g := range s.groups() {
		handle("GET /apis/"+g.Group, func(w http.ResponseWriter, r *http.Request) error { return s.send(w, r, apiGroup(g.GroupVersion)) })
		handle("GET /apis/"+g.String(), s.resources(g.kinds))
		mux.Handle("/apis/"+g.String()+"/{resource}/{name}", s.resource(g.kinds, false))
		mux.Handle("/apis/"+g.String()+"/{resource}/{name}/{subresource}", s.resource(g.kinds, false))
	}
	for _, g := range append(s.groups(), group{schema.GroupVersion{Version: "v1"}, s.core}) {
		base := "/apis/" + g.String() + "/"
		if g.Group == "" {
			base = "/api/v1/"
		}
		mux.Handle(base+"{resource}", s.resource(g.kinds, false))
		mux.Handle(base+"namespaces/{namespace}/{resource}", s.resource(g.kinds, true))
		mux.Handle(base+"namespaces/{namespace}/{resource}/{name}", s.resource(g.kinds, true))
		mux.Handle(base+"namespaces/{namespace}/{resource}/{name}/{subresource}", s.resource(g.kinds, true))
	}
	s.reviewRoutes(handle)
	mux.Handle("/api/v1/namespaces/{name}", s.resource(s.core, false))
	handle("/", func(_ http.ResponseWriter, r *http.Request) error {
		return status(http.StatusNotFound, "NotFound", "the server could not find the requested resource: %s", r.URL.Path)
	})
	return mux
}

// handle makes a handler of a function that may fail. Its error is sent as a Status.
func (s *Server) handle(f func(http.ResponseWriter, *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := f(w, r); err != nil {
			asked, _ := negotiate(r)
			writeError(w, s.statusOf(r, err), asked)
		}
	})
}

// resource answers requests to the kinds of one group and version.
func (s *Server) resource(kinds []*kind, namespaced bool) http.Handler {
	return s.handle(func(w http.ResponseWriter, hr *http.Request) error {
		r, err := s.newRequest(hr, kinds, namespaced)
		if err != nil {
			return err
		}
		if err := r.sameAsAuthorized(); err != nil {
			return err
		}
		note(w, r)
		release, err := s.slotsOf(r).take(r.Context(), r.client)
		if err != nil {
			return err
		}
		defer release()
		if r.writes() {
			limit := int64(maxBody)
			if r.subresource == callbackName {
				limit = maxCallback
			}
			if err := r.read(w, limit, s.limits.body); err != nil {
				return err
			}
			s.rates.charge(r.client, len(r.body)/bodyBytes)
		}
		if r.subresource != "" {
			return s.doSubresource(w, r)
		}
		if !streams(r) {
			ctx, cancel := context.WithTimeout(r.Context(), unaryTimeout)
			defer cancel()
			r.Request = r.WithContext(ctx)
		}
		return s.do(w, r)
	})
}

// slotsOf are those of which a request takes one while it is worked on.
func (s *Server) slotsOf(r *request) *slots {
	switch {
	case streams(r):
		return s.share.streams
	case r.verb == "list":
		return s.share.lists
	case r.subresource == callbackName:
		return s.share.callbacks
	case r.writes():
		return s.share.writes
	}
	return s.share.reads
}

// newRequest reads what the path, the method and the Accept header say.
func (s *Server) newRequest(hr *http.Request, kinds []*kind, namespaced bool) (*request, error) {
	r := &request{
		Request: hr, query: hr.URL.Query(),
		namespace: hr.PathValue("namespace"), name: hr.PathValue("name"), subresource: hr.PathValue("subresource"),
		client: s.client(hr),
	}
	resource := store.Kind(hr.PathValue("resource"))
	if resource == "" {
		resource = namespacesPlural // the one path that does not name it
	}
	if found, ok := summaries[resource]; ok && r.name == "" && kinds[0].version == v1.GroupVersion {
		r.summary, r.subresource, resource = &found, found.subresource, found.kind
	}
	if r.kind = findKind(kinds, resource); r.kind == nil {
		return nil, noResource(resource, kinds)
	}
	// An object is addressed by its namespace if it has one; objects of all namespaces can be listed and watched.
	if r.kind.clusterScoped == namespaced && (namespaced || r.name != "") {
		return nil, status(http.StatusNotFound, "NotFound", "the server could not find the requested resource: %s are in %s",
			r.kind.kind, map[bool]string{true: "no namespace", false: "a namespace"}[r.kind.clusterScoped])
	}
	collection := namespaced || r.kind.clusterScoped
	if err := r.checkTarget(); err != nil {
		return nil, err
	}
	watch, err := r.flag(paramWatch)
	if err != nil {
		return nil, err
	}
	switch {
	case hr.Method == http.MethodGet && r.name != "":
		r.verb = "get"
	case hr.Method == http.MethodGet && watch:
		r.verb = "watch"
	case hr.Method == http.MethodGet:
		r.verb = "list"
	case hr.Method == http.MethodPost && (collection && r.name == "" || r.subresource != ""):
		r.verb = "create"
	case hr.Method == http.MethodPut && r.name != "":
		r.verb = "update"
	case hr.Method == http.MethodPatch && r.name != "":
		r.verb = "patch"
	case hr.Method == http.MethodDelete && r.name != "":
		r.verb = "delete"
	case hr.Method == http.MethodDelete && collection:
		r.verb = "deletecollection"
	default:
		return nil, methodNotAllowed(hr.Method, "on "+hr.URL.Path)
	}
	if r.kind.derived != nil && r.writes() {
		return nil, methodNotAllowed(hr.Method, string(r.kind.kind)+" are derived from the other objects, and read only")
	}
	r.form, err = negotiate(hr)
	return r, err
}

func noResource(name store.Kind, kinds []*kind) error {
	var names []string
	for _, k := range kinds {
		if k.version != v1.GroupVersion || k.inAll() { // of those that people work with
			names = append(names, string(k.kind))
		}
	}
	return status(http.StatusNotFound, "NotFound", "the server could not find the requested resource: there is no %q in %s; there are %s",
		v1.Shorten(string(name), 64), kinds[0].version, strings.Join(names[:len(names)-1], ", ")+" and "+names[len(names)-1])
}

// writes reports whether the request has a body, and changes something.
func (r *request) writes() bool { return r.verb != "get" && r.verb != "list" && r.verb != "watch" }

// streams reports whether the request is answered for as long as the client listens.
func streams(r *request) bool { return r.verb == "watch" || r.subresource == "log" }

func (s *Server) do(w http.ResponseWriter, r *request) error {
	switch r.verb {
	case "get":
		return s.get(w, r)
	case "list":
		return s.list(w, r)
	case "watch":
		return s.watch(w, r)
	case "create":
		return s.create(w, r)
	case "update":
		return s.update(w, r)
	case "patch":
		return s.patch(w, r)
	case "delete":
		return s.delete(w, r)
	case "deletecollection":
		return s.deleteCollection(w, r)
	}
	return fmt.Errorf("no handler for verb %s", r.verb)
}

func (s *Server) doSubresource(w http.ResponseWriter, r *request) error {
	if r.summary != nil {
		if r.verb != "list" {
			return methodNotAllowed(r.Method, "on "+r.URL.Path+": it is read only, and cannot be watched")
		}
		return r.summary.do(s, w, r)
	}
	sub, ok := r.kind.subresources[r.subresource]
	if !ok {
		return status(http.StatusNotFound, "NotFound", "the server could not find the requested resource: %s has no %q",
			r.kind.kind, r.subresource)
	}
	if r.verb != sub.verb {
		why := "it takes " + map[string]string{"get": "GET", "create": "POST"}[sub.verb]
		if r.subresource == "status" {
			why = "a status is written by its controller only"
		}
		return methodNotAllowed(r.Method, strings.Join([]string{string(r.kind.kind), r.subresource}, "/")+": "+why)
	}
	return sub.do(s, w, r)
}
