package newkind

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/testr"
	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"horae/api"
	v1 "horae/api/v1"
	"horae/internal/cache"
	"horae/internal/etcdtest"
	"horae/internal/server"
	"horae/internal/store"
)

const path = "/apis/horae/v1/namespaces/default/widgets"

// site is an API server on a socket, over a cache and an etcd.
type site struct {
	t     *testing.T
	url   string
	store *store.Store
	cache *cache.Cache
	// seen gets the events of Widgets.
	seen chan cache.Event
}

func start(t *testing.T) *site {
	t.Helper()
	s := &site{t: t, seen: make(chan cache.Event, 100)}
	var err error
	s.store, err = store.Open(t.Context(), store.Config{Endpoints: []string{etcdtest.Start(t)}, RequestTimeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.store.Close() })
	s.cache = cache.New(s.store, testr.New(t), cache.VerifyImmutable())
	s.cache.Listen(func(e cache.Event) {
		if e.Key.Kind == plural {
			s.seen <- e
		}
	})
	s.background(s.cache.Follow)
	<-s.cache.Synced()
	srv, err := server.New(server.Config{
		Cache: s.cache, Store: s.store, Log: logr.Discard(),
		Validate: func(o api.Object) field.ErrorList { return api.KindOf(o).Validate(o) },
		NewRun:   func(*v1.Job, v1.Trigger, time.Time) (*v1.Run, error) { return nil, fmt.Errorf("no Runs here") },
		Runs: server.RunMaker{
			Retry:          func(*v1.Run, *v1.Job, v1.Retry, time.Time) (*v1.Run, error) { return nil, fmt.Errorf("no Runs here") },
			Mark:           func(*v1.Job, v1.Succeed, bool, time.Time) (*v1.Run, error) { return nil, fmt.Errorf("no Runs here") },
			OccurrenceName: func(job string, _ time.Time) string { return job },
			Occurs:         func(*v1.Job, time.Time) (bool, error) { return false, nil },
		},
		Upcoming: func(*v1.Job, time.Time, int) ([]time.Time, error) { return nil, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.url = "http://" + l.Addr().String()
	s.background(func(ctx context.Context) error { return srv.Serve(ctx, l) })
	return s
}

// background runs something until the test ends, and waits for it.
func (s *site) background(run func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- run(ctx) }()
	s.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			s.t.Errorf("in the background: %v", err)
		}
	})
}

func (s *site) open(method, path, body string, header ...string) *http.Response {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	return resp
}

// do sends a request and returns the answer, which must have that code.
func (s *site) do(code int, method, path, body string, header ...string) string {
	s.t.Helper()
	resp := s.open(method, path, body, header...)
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	if resp.StatusCode != code {
		s.t.Fatalf("%s %s: got %d, want %d: %s", method, path, resp.StatusCode, code, data)
	}
	return string(data)
}

func read[T any](t *testing.T, data string) T {
	t.Helper()
	var v T
	if err := json.Unmarshal([]byte(data), &v); err != nil {
		t.Fatalf("%v: %s", err, data)
	}
	return v
}

const document = "apiVersion: horae/v1\nkind: Widget\nmetadata: {name: a, labels: {team: data}}\nspec: {colour: red}\n"

func TestAKindIsARowAndItsTypes(t *testing.T) {
	s := start(t)
	t.Run("it is discovered", func(t *testing.T) {
		list := s.do(200, "GET", "/apis/horae/v1", "")
		if !strings.Contains(list, `{"name":"widgets","singularName":"widget","namespaced":true,"kind":"Widget"`) ||
			!strings.Contains(list, `"shortNames":["wd"]`) || !strings.Contains(list, `"name":"widgets/status"`) {
			t.Error(list)
		}
	})
	t.Run("messages name it", func(t *testing.T) {
		if msg := s.do(404, "GET", "/apis/horae/v1/nothing", ""); !strings.Contains(msg, "there are jobs, runs, calendars, backfills and widgets") {
			t.Error(msg)
		}
		_, err := api.Parse([]byte("apiVersion: horae/v1\nkind: Nothing\n"))
		if err == nil || !strings.Contains(err.Error(), "there are Job, Run, Calendar, Backfill and Widget") {
			t.Error(err)
		}
	})

	watch := s.open("GET", path+"?watch=true", "")
	defer watch.Body.Close()
	events := json.NewDecoder(watch.Body)
	expect := func(want string) Widget {
		t.Helper()
		var e metav1.WatchEvent
		if err := events.Decode(&e); err != nil || e.Type != want {
			t.Fatalf("watched %s %v, want %s: %s", e.Type, err, want, e.Object.Raw)
		}
		return read[Widget](t, string(e.Object.Raw))
	}

	made := read[Widget](t, s.do(201, "POST", path, document, "Content-Type", "application/yaml"))
	if made.Spec.Wheels != 4 || made.Generation != 1 || made.UID == "" || made.Kind != "Widget" {
		t.Errorf("made %+v", made)
	}
	if got := expect("ADDED"); got.UID != made.UID {
		t.Errorf("watched %+v", got)
	}
	if raw, _, err := s.store.Spec(t.Context(), store.Key{Kind: plural, Namespace: "default", Name: "a"}); err != nil || strings.Contains(string(raw), "wheels") {
		t.Errorf("stored %s, %v: want what was written, without defaults", raw, err)
	}
	before, after := cache.Of[Widget](<-s.seen)
	if before != nil || after == nil || after.Object.Spec.Colour != "red" {
		t.Errorf("the cache reported %+v, %+v", before, after)
	}

	t.Run("validation", func(t *testing.T) {
		const merge = "application/merge-patch+json"
		if msg := s.do(422, "PATCH", path+"/a", `{"spec":{"wheels":-1}}`, "Content-Type", merge); !strings.Contains(msg, `"field":"spec.wheels"`) {
			t.Error(msg)
		}
		if msg := s.do(422, "PATCH", path+"/a", `{"spec":{"colour":"blue"}}`, "Content-Type", merge); !strings.Contains(msg, `"field":"spec.colour"`) {
			t.Error(msg)
		}
		if msg := s.do(400, "PATCH", path+"/a", `{"spec":{"color":"blue"}}`, "Content-Type", merge); !strings.Contains(msg, `"field":"spec.color"`) {
			t.Error(msg)
		}
		if got := read[Widget](t, s.do(200, "PATCH", path+"/a", `{"spec":{"wheels":3}}`, "Content-Type", merge)); got.Spec.Wheels != 3 || got.Generation != 2 {
			t.Errorf("patched %+v", got)
		}
		expect("MODIFIED")
	})
	t.Run("its controller writes a status", func(t *testing.T) {
		cur := read[Widget](t, s.do(200, "GET", path+"/a", ""))
		cur.Status.Turns = 7
		key := store.Key{Kind: plural, Namespace: "default", Name: "a"}
		put, err := store.PutStatus(key, &cur)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.store.Apply(t.Context(), store.Change{Guards: []store.Guard{store.StatusAt(key, 0)}, Writes: []store.Write{put}}); err != nil {
			t.Fatal(err)
		}
		if got := expect("MODIFIED"); got.Status.Turns != 7 || got.Spec.Wheels != 3 || got.Generation != 2 {
			t.Errorf("watched %+v", got)
		}
	})
	t.Run("lists and tables", func(t *testing.T) {
		list := read[struct {
			Kind  string
			Items []Widget
		}](t, s.do(200, "GET", "/apis/horae/v1/widgets?labelSelector=team=data&fieldSelector=metadata.name=a", ""))
		if list.Kind != "WidgetList" || len(list.Items) != 1 || list.Items[0].Status.Turns != 7 {
			t.Errorf("listed %+v", list)
		}
		table := read[metav1.Table](t, s.do(200, "GET", path, "", "Accept", "application/json;as=Table;v=v1;g=meta.k8s.io"))
		if diff := cmp.Diff([]string{"Name", "Age"}, []string{table.ColumnDefinitions[0].Name, table.ColumnDefinitions[1].Name}); diff != "" || table.Rows[0].Cells[0] != "a" {
			t.Errorf("table %+v", table)
		}
	})
	t.Run("etcd written directly", func(t *testing.T) {
		if _, err := s.store.Client().Put(t.Context(), "/horae/spec/widgets/default/broken", "apiVersion: horae/v1\nkind: Widget\nspec: {color: red}\n"); err != nil {
			t.Fatal(err)
		}
		got := expect("ADDED")
		if c := got.Status.Conditions; got.Name != "broken" || len(c) != 1 || c[0].Reason != v1.ReasonInvalid || !strings.Contains(c[0].Message, "spec.color") {
			t.Errorf("watched %+v", got)
		}
	})
	t.Run("deletion", func(t *testing.T) {
		s.do(200, "DELETE", path+"/a", "")
		if got := expect("DELETED"); got.Name != "a" {
			t.Errorf("watched %+v", got)
		}
		s.do(404, "GET", path+"/a", "")
		if e := s.cache.Get(store.Key{Kind: plural, Namespace: "default", Name: "a"}); e == nil || !e.GetRevisions().Deleted() {
			t.Errorf("the cache holds %+v, want the status that its controller has to remove", e)
		}
	})
	if got := api.KindNamed("Widget"); got != widgets {
		t.Errorf("the table has %v", got)
	}
	if err := s.cache.Verify(); err != nil {
		t.Error(err)
	}
}
