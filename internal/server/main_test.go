package server

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/testr"
	"go.uber.org/goleak"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"horae/api"
	v1 "horae/api/v1"
	jobs "horae/controllers/job"
	"horae/internal/cache"
	calendarpkg "horae/internal/calendar"
	"horae/internal/etcdtest"
	"horae/internal/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fixture is a server on a real socket, over a real etcd.
type fixture struct {
	t      testing.TB
	url    string
	store  *store.Store
	cache  *cache.Cache
	server *Server
	client *http.Client
	log    logr.Logger
	option cache.Option
	// made counts the Runs made by triggers.
	made atomic.Int64
}

// now is when the tests take place.
var now = time.Date(2026, 11, 22, 14, 30, 0, 0, time.UTC)

func start(t *testing.T, change ...func(*Config)) *fixture {
	t.Helper()
	f := startOn(t, testr.New(t), cache.VerifyImmutable(), change...)
	t.Cleanup(func() {
		if err := f.cache.Verify(); err != nil {
			t.Errorf("I8: %v", err)
		}
	})
	return f
}

// startBench is start without what would be measured too.
func startBench(b *testing.B) *fixture { return startOn(b, logr.Discard(), cache.WithRing(1<<14)) }

func startOn(t testing.TB, log logr.Logger, option cache.Option, change ...func(*Config)) *fixture {
	t.Helper()
	f := prepare(t)
	f.log, f.option = log, option
	f.serve(func(c *Config) {
		for _, ch := range change {
			ch(c)
		}
	})
	return f
}

// prepare makes a fixture with a store.
func prepare(t testing.TB) *fixture {
	t.Helper()
	f := &fixture{t: t, client: &http.Client{Transport: &http.Transport{}}}
	var err error
	f.store, err = store.Open(t.Context(), store.Config{Endpoints: []string{etcdtest.Start(t)}, RequestTimeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.store.Close() })
	return f
}

// serve starts a cache and a server over the fixture's store.
func (f *fixture) serve(change func(*Config)) {
	f.t.Helper()
	f.cache = cache.New(f.store, f.log, cache.WithRing(64), f.option)
	f.background(f.cache.Follow)
	<-f.cache.Synced()
	cfg := Config{
		Cache: f.cache, Store: f.store, Validate: validate, NewRun: f.newRun, Upcoming: hourly, Runs: f.runs(),
		Log: f.log, Now: func() time.Time { return now }, Version: "v1.2.3",
	}
	if change != nil {
		change(&cfg)
	}
	var err error
	if f.server, err = New(cfg); err != nil {
		f.t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		f.t.Fatal(err)
	}
	f.url = "http://" + l.Addr().String()
	f.background(func(ctx context.Context) error { return f.server.Serve(ctx, l) })
	f.t.Cleanup(f.client.CloseIdleConnections)
}

// another is a second server over the same etcd, with a cache of its own.
func (f *fixture) another(change func(*Config)) *fixture {
	f.t.Helper()
	g := &fixture{t: f.t, client: f.client, store: f.store, log: f.log, option: f.option}
	g.serve(change)
	return g
}

// background runs something until the test ends, and waits for it.
func (f *fixture) background(run func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- run(ctx) }()
	f.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			f.t.Errorf("in the background: %v", err)
		}
	})
}

func validate(o api.Object) field.ErrorList {
	switch o := o.(type) {
	case *v1.Job:
		errs := v1.ValidateJob(o)
		if strings.Contains(o.Spec.Schedule, "never") {
			errs = append(errs, field.Invalid(field.NewPath("spec", "schedule"), o.Spec.Schedule, "is no schedule"))
		}
		return errs
	case *v1.Calendar:
		return calendarpkg.Validate(o)
	}
	return api.KindOf(o).Validate(o)
}

func (f *fixture) newRun(j *v1.Job, t v1.Trigger, now time.Time) (*v1.Run, error) {
	r := &v1.Run{Spec: v1.RunSpec{Job: j.Name, Reason: v1.ReasonManual, NoDependents: t.NoDependents, Args: t.Args, Env: t.Env, RunPolicy: j.Spec.RunPolicy, Task: j.Spec.Task}}
	r.Name, r.Namespace = j.Name+"-m"+cmp.Or(t.ID, fmt.Sprint(f.made.Add(1))), j.Namespace
	r.Labels = map[string]string{v1.LabelJob: j.Name}
	r.CreationTimestamp = metav1.NewTime(now)
	return r, nil
}

// runs makes Runs as the controller does, with names that tests can foresee.
func (f *fixture) runs() RunMaker {
	id := func(given string) string { return cmp.Or(given, fmt.Sprint(f.made.Add(1))) }
	return RunMaker{
		Retry: func(old *v1.Run, j *v1.Job, t v1.Retry, now time.Time) (*v1.Run, error) {
			return jobs.Retry(old, j, id(t.ID), t, now), nil
		},
		Mark: func(j *v1.Job, t v1.Succeed, named bool, now time.Time) (*v1.Run, error) {
			return jobs.Mark(j, id(t.ID), t, named, now), nil
		},
		OccurrenceName: jobs.OccurrenceName, Occurs: jobs.Occurs,
	}
}

func hourly(j *v1.Job, after time.Time, n int) ([]time.Time, error) {
	if j.Spec.Schedule == "" {
		return nil, nil
	}
	var times []time.Time
	for t := after.Truncate(time.Hour); len(times) < n; {
		t = t.Add(time.Hour)
		times = append(times, t)
	}
	return times, nil
}

// answer is what came back.
type answer struct {
	code   int
	header http.Header
	body   []byte
	status metav1.Status
}

// do sends a request: header pairs may follow the body.
func (f *fixture) do(method, path, body string, headers ...string) answer {
	f.t.Helper()
	req, err := http.NewRequestWithContext(f.t.Context(), method, f.url+path, strings.NewReader(body))
	if err != nil {
		f.t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := f.client.Do(req)
	if err != nil {
		f.t.Fatal(err)
	}
	defer resp.Body.Close()
	a := answer{code: resp.StatusCode, header: resp.Header}
	if a.body, err = io.ReadAll(resp.Body); err != nil {
		f.t.Fatal(err)
	}
	if resp.StatusCode >= 400 && strings.HasPrefix(resp.Header.Get("Content-Type"), jsonType) {
		if err := json.Unmarshal(a.body, &a.status); err != nil {
			f.t.Fatalf("%s %s: not a Status: %s", method, path, a.body)
		}
	}
	return a
}

// want fails the test unless the answer has that code.
func (f *fixture) want(code int, a answer) answer {
	f.t.Helper()
	if a.code != code {
		f.t.Fatalf("got %d, want %d: %s", a.code, code, a.body)
	}
	return a
}

func decode[T any](t testing.TB, a answer) *T {
	t.Helper()
	v := new(T)
	if err := json.Unmarshal(a.body, v); err != nil {
		t.Fatalf("%v: %s", err, a.body)
	}
	return v
}

const (
	jobsPath = "/apis/horae/v1/namespaces/default/jobs"
	runsPath = "/apis/horae/v1/namespaces/default/runs"
)

// jobYAML is a Job with a field or two.
func jobYAML(name string, more ...string) string {
	return fmt.Sprintf("apiVersion: horae/v1\nkind: Job\nmetadata:\n  name: %s\nspec:\n  schedule: \"0 * * * *\"\n  task:\n    shell: echo hello\n", name) +
		strings.Join(more, "\n")
}

func (f *fixture) createJob(name string, more ...string) *v1.Job {
	f.t.Helper()
	return decode[v1.Job](f.t, f.want(http.StatusCreated, f.do("POST", jobsPath, jobYAML(name, more...), "Content-Type", yamlType)))
}

func (f *fixture) job(name string) *v1.Job {
	f.t.Helper()
	return decode[v1.Job](f.t, f.want(http.StatusOK, f.do("GET", jobsPath+"/"+name, "")))
}

// put writes an etcd key, as another tool would, and waits for the cache to see it.
func (f *fixture) put(key, value string) int64 {
	f.t.Helper()
	resp, err := f.store.Client().Put(f.t.Context(), key, value)
	if err != nil {
		f.t.Fatal(err)
	}
	f.seen(resp.Header.Revision)
	return resp.Header.Revision
}

func (f *fixture) seen(revision int64) {
	f.t.Helper()
	if err := f.cache.WaitFor(f.t.Context(), revision); err != nil {
		f.t.Fatal(err)
	}
}

// stored is the spec document as it is in etcd.
func (f *fixture) stored(key store.Key) string {
	f.t.Helper()
	data, _, err := f.store.Spec(f.t.Context(), key)
	if errors.Is(err, store.ErrNotFound) {
		return ""
	}
	if err != nil {
		f.t.Fatal(err)
	}
	return string(data)
}

// setStatus writes a Run's status as its controller would.
func (f *fixture) setStatus(name string, change func(*v1.RunStatus)) {
	f.t.Helper()
	f.seen(f.setStatusUnseen(name, change))
}

// setStatusUnseen is setStatus without waiting for the cache.
func (f *fixture) setStatusUnseen(name string, change func(*v1.RunStatus)) int64 {
	f.t.Helper()
	e := f.cache.Run("default", name)
	if e == nil {
		f.t.Fatalf("no run %s", name)
	}
	r := e.Object.DeepCopy()
	change(&r.Status)
	w, err := store.PutStatus(e.Key, r)
	if err != nil {
		f.t.Fatal(err)
	}
	rev, err := f.store.Apply(f.t.Context(), store.Change{Guards: []store.Guard{store.StatusAt(e.Key, e.Rev.StatusMod)}, Writes: []store.Write{w}})
	if err != nil {
		f.t.Fatal(err)
	}
	return rev
}

// stream reads a watch line by line.
type stream struct {
	t    testing.TB
	dec  *json.Decoder
	body io.ReadCloser
}

func (f *fixture) watch(path string, headers ...string) *stream {
	f.t.Helper()
	ctx, cancel := context.WithCancel(f.t.Context())
	f.t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, f.url+path, nil)
	if err != nil {
		f.t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := f.client.Do(req)
	if err != nil {
		f.t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK {
		data, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		f.t.Fatalf("watch: %d %s", resp.StatusCode, data)
	}
	f.t.Cleanup(func() { resp.Body.Close() })
	return &stream{f.t, json.NewDecoder(resp.Body), resp.Body}
}

// next is "TYPE name", with the object in raw form.
func (s *stream) next() (string, []byte) {
	s.t.Helper()
	var e metav1.WatchEvent
	if err := s.dec.Decode(&e); err != nil {
		s.t.Fatalf("read the next event: %v", err)
	}
	var m metav1.PartialObjectMetadata
	_ = json.Unmarshal(e.Object.Raw, &m)
	return strings.TrimSpace(e.Type + " " + m.Name), bytes.Clone(e.Object.Raw)
}

func (s *stream) expect(want ...string) {
	s.t.Helper()
	for _, w := range want {
		if got, raw := s.next(); got != w {
			s.t.Fatalf("got event %q, want %q: %s", got, w, raw)
		}
	}
}

// ends reads to the end of the stream, which must come without further events.
func (s *stream) ends() {
	s.t.Helper()
	var e metav1.WatchEvent
	if err := s.dec.Decode(&e); !errors.Is(err, io.EOF) {
		s.t.Fatalf("got %v %v, want the end of the stream", e, err)
	}
}
