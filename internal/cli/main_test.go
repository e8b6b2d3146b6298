package cli

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"horae/api"
	v1 "horae/api/v1"
	backfillctl "horae/controllers/backfill"
	"horae/controllers/job"
	"horae/internal/cache"
	"horae/internal/calendar"
	"horae/internal/etcdtest"
	"horae/internal/server"
	"horae/internal/store"
)

var update = flag.Bool("update", false, "rewrite the golden files in testdata")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// now is when the tests take place.
var now = time.Date(2026, 11, 22, 14, 30, 0, 0, time.UTC)

// house is a server over a real etcd, and a horae that talks to it over a real socket.
type house struct {
	t     *testing.T
	url   string
	store *store.Store
	cache *cache.Cache
	logs  *fakeLogs
	env   map[string]string
	made  atomic.Uint32
	// triggers are those that the server has accepted; the test reads them between commands.
	triggers []v1.Trigger
	// drawnIDs names Runs by the IDs that the command draws; otherwise they are counted, for output that can be compared.
	drawnIDs bool
	// patience is that of the commands.
	patience time.Duration
	// newServer makes a server like that which build has started; stop ends the one that is running.
	newServer func() (*server.Server, error)
	stop      func()
}

// fakeLogs stands for the agents: log writes a whole file, of which the reader gets what lies behind its offset.
type fakeLogs struct {
	log func(w io.Writer, at v1.Attempt, file string) error
}

func (l *fakeLogs) Copy(ctx context.Context, w io.Writer, at v1.Attempt, file string, offset int64, ended <-chan struct{}) error {
	if offset < 0 { // from the end
		var whole bytes.Buffer
		if err := l.log(&whole, at, file); err != nil {
			return err
		}
		_, err := w.Write(whole.Bytes()[max(0, int64(whole.Len())+offset):])
		return err
	}
	if err := l.log(&skipWriter{w, offset}, at, file); err != nil {
		return err
	}
	if ended == nil {
		return nil
	}
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// skipWriter drops the first bytes that are written to it.
type skipWriter struct {
	w    io.Writer
	skip int64
}

func (s *skipWriter) Write(b []byte) (int, error) {
	n := min(s.skip, int64(len(b)))
	s.skip -= n
	if _, err := s.w.Write(b[n:]); err != nil {
		return 0, err
	}
	return len(b), nil
}

func build(t *testing.T) *house {
	t.Helper()
	h := &house{t: t, logs: &fakeLogs{log: func(w io.Writer, at v1.Attempt, file string) error {
		_, err := fmt.Fprintf(w, "%s of %s\n", file, at.TaskID)
		return err
	}}}
	var err error
	if h.store, err = store.Open(t.Context(), store.Config{Endpoints: []string{etcdtest.Start(t)}, RequestTimeout: time.Minute}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.store.Close() })
	h.cache = cache.New(h.store, logr.Discard())
	h.background(h.cache.Follow)
	<-h.cache.Synced()
	h.newServer = func() (*server.Server, error) { return server.New(h.config()) }
	h.serve("127.0.0.1:0")
	h.env = map[string]string{"HOME": t.TempDir(), "HORAE_SERVER": h.url}
	return h
}

func (h *house) config() server.Config {
	previews := backfillctl.NewPreviews(h.cache, func() time.Time { return now })
	return server.Config{
		Cache: h.cache, Store: h.store, Logs: h.logs, Now: func() time.Time { return now }, Version: "v1.2.3", Log: logr.Discard(),
		Validate: func(o api.Object) field.ErrorList {
			switch o := o.(type) {
			case *v1.Job:
				return job.Validate(o)
			case *v1.Calendar:
				return calendar.Validate(o)
			}
			return api.KindOf(o).Validate(o)
		},
		NewRun: func(j *v1.Job, t v1.Trigger, now time.Time) (*v1.Run, error) {
			h.triggers = append(h.triggers, t)
			return job.NewRun(j, job.Manual(h.newID(t.ID)), job.RunOptions{Args: t.Args, Env: t.Env}, now), nil
		},
		Runs: server.RunMaker{
			Retry: func(old *v1.Run, j *v1.Job, t v1.Retry, now time.Time) (*v1.Run, error) {
				return job.Retry(old, j, h.newID(t.ID), t, now), nil
			},
			Mark: func(j *v1.Job, t v1.Succeed, named bool, now time.Time) (*v1.Run, error) {
				return job.Mark(j, h.newID(t.ID), t, named, now), nil
			},
			OccurrenceName: job.OccurrenceName, Occurs: job.Occurs,
		},
		PreviewBackfill: previews.Preview,
		Admit:           func(o api.Object) field.ErrorList { return previews.Admit(o.(*v1.Backfill)) },
		Upcoming:        job.NewCalendars(h.cache).Upcoming,
	}
}

// newID makes names that tests can foresee, unless they want the command's own.
func (h *house) newID(drawn string) string {
	if h.drawnIDs {
		return drawn
	}
	return job.ManualID([5]byte{4: byte(h.made.Add(1))})
}

// serve starts a server at an address.
func (h *house) serve(addr string) {
	h.t.Helper()
	s, err := h.newServer()
	if err != nil {
		h.t.Fatal(err)
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		h.t.Fatal(err)
	}
	h.url = "http://" + l.Addr().String()
	h.stop = h.background(func(ctx context.Context) error { return s.Serve(ctx, l) })
}

// restart starts a server at the address of the one that was stopped.
func (h *house) restart() {
	h.t.Helper()
	h.serve(strings.TrimPrefix(h.url, "http://"))
}

// background runs something until stop is called or the test ends; both wait for it.
func (h *house) background(run func(context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			h.t.Errorf("in the background: %v", err)
		}
	})
	h.t.Cleanup(stop)
	return stop
}

// result of one command line.
type result struct {
	code     int
	out, err string
}

// run executes one command line. Words are separated by spaces; args that have spaces come one by one after it.
func (h *house) run(line string, more ...string) result {
	h.t.Helper()
	return h.runWith(h.t.Context(), "", append(strings.Fields(line), more...)...)
}

func (h *house) runWith(ctx context.Context, in string, args ...string) result {
	h.t.Helper()
	var out, errOut bytes.Buffer
	code := Main(ctx, args, h.io(strings.NewReader(in), &out, &errOut))
	return result{code, out.String(), errOut.String()}
}

func (h *house) io(in io.Reader, out, errOut io.Writer) IO {
	return IO{In: in, Out: out, Err: errOut, Env: func(k string) (string, bool) { v, ok := h.env[k]; return v, ok }, Now: func() time.Time { return now }, Patience: h.patience}
}

// ok runs a command line that must succeed, and returns its output.
func (h *house) ok(line string, more ...string) string {
	h.t.Helper()
	r := h.run(line, more...)
	if r.code != 0 {
		h.t.Fatalf("horae %s: exit %d\n%s%s", line, r.code, r.out, r.err)
	}
	return r.out
}

// apply pipes documents into horae apply -f -.
func (h *house) apply(docs string, more ...string) result {
	h.t.Helper()
	return h.runWith(h.t.Context(), docs, append([]string{"apply", "-f", "-"}, more...)...)
}

// file writes a file that the test may apply.
func (h *house) file(name, content string) string {
	h.t.Helper()
	path := filepath.Join(h.env["HOME"], name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		h.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		h.t.Fatal(err)
	}
	return path
}

// setRun and setJob write a status as the controllers would.
func (h *house) setRun(name string, change func(*v1.RunStatus)) {
	h.t.Helper()
	e := h.cache.Run("default", name)
	if e == nil {
		h.t.Fatalf("no run %s", name)
	}
	r := e.Object.DeepCopy()
	change(&r.Status)
	h.putStatus(e.Key, r, e.Rev.StatusMod)
}

func (h *house) setJob(name string, change func(*v1.JobStatus)) {
	h.t.Helper()
	e := h.cache.Job("default", name)
	if e == nil {
		h.t.Fatalf("no job %s", name)
	}
	j := e.Object.DeepCopy()
	change(&j.Status)
	h.putStatus(e.Key, j, e.Rev.StatusMod)
}

func (h *house) putStatus(key store.Key, o runtime.Object, revision int64) {
	h.t.Helper()
	w, err := store.PutStatus(key, o)
	if err != nil {
		h.t.Fatal(err)
	}
	rev, err := h.store.Apply(h.t.Context(), store.Change{Guards: []store.Guard{store.StatusAt(key, revision)}, Writes: []store.Write{w}})
	if err == nil {
		err = h.cache.WaitFor(h.t.Context(), rev)
	}
	if err != nil {
		h.t.Fatal(err)
	}
}

// created is a Run's creation as a schedule would do it.
func (h *house) created(jobName string, at time.Time) string {
	h.t.Helper()
	r := job.NewRun(h.cache.Job("default", jobName).Object, job.Scheduled(at), job.RunOptions{}, at)
	key := store.RunKey(r.Namespace, r.Name)
	w, err := store.PutSpec(key, r)
	if err != nil {
		h.t.Fatal(err)
	}
	rev, err := h.store.Apply(h.t.Context(), store.Change{Writes: []store.Write{w}})
	if err == nil {
		err = h.cache.WaitFor(h.t.Context(), rev)
	}
	if err != nil {
		h.t.Fatal(err)
	}
	return r.Name
}

var volatile = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}|resourceVersion: "\d+"|"resourceVersion": "\d+"`)

// golden compares with testdata/NAME.txt; uids and revisions do not count.
func golden(t *testing.T, name, got string) {
	t.Helper()
	got = volatile.ReplaceAllString(got, "XXX")
	path := filepath.Join("testdata", name+".txt")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got; -update rewrites it):\n%s", path, diff)
	}
}

const hello = `apiVersion: horae/v1
kind: Job
metadata:
  name: hello
  labels: {team: data}
spec:
  schedule: "0 2 * * *"
  timeZone: Europe/Berlin
  task:
    shell: echo hello
`
