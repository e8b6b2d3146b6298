package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr/testr"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"horae/api"
	v1 "horae/api/v1"
	"horae/internal/cache"
	"horae/internal/store"
)

const (
	eventsPath = "/api/v1/namespaces/default/events"
	allEvents  = "/api/v1/events"
)

func (f *fixture) events(path string) *corev1.EventList {
	f.t.Helper()
	return decode[corev1.EventList](f.t, f.want(200, f.do("GET", path, "")))
}

// reasons of events, each with its object.
func reasons(list []corev1.Event) []string {
	var out []string
	for i := range list {
		out = append(out, list[i].InvolvedObject.Name+" "+list[i].Reason)
	}
	return out
}

// launched gives a Run an attempt on agent a1 that is running.
func launched(s *v1.RunStatus) {
	s.Phase = v1.RunRunning
	s.Attempts = []v1.Attempt{{TaskID: "default.a-m1.1.1", Hostname: "a1", State: v1.RunRunning, LaunchTime: v1.NewTime(now), StartTime: v1.NewTimePtr(now.Add(time.Second))}}
}

func TestEventsAreDerivedFromObjects(t *testing.T) {
	f := start(t)
	job := f.createJob("a")
	f.createJob("b")
	run := decode[v1.Run](t, f.want(201, f.do("POST", jobsPath+"/a/trigger", "")))
	f.setStatus(run.Name, launched)

	list := f.events(eventsPath)
	want := []string{"a Created", "b Created", "a-m1 Created", "a-m1 Launched", "a-m1 Started"}
	if diff := cmp.Diff(want, reasons(list.Items)); diff != "" || list.Kind != "EventList" || list.APIVersion != "v1" {
		t.Fatalf("%s %s: %s", list.APIVersion, list.Kind, diff)
	}
	e := list.Items[3]
	current := decode[v1.Run](t, f.want(200, f.do("GET", runsPath+"/"+run.Name, "")))
	about := corev1.ObjectReference{APIVersion: "horae/v1", Kind: "Run", Namespace: "default", Name: run.Name, UID: run.UID}
	switch {
	case e.InvolvedObject != about, e.ResourceVersion != current.ResourceVersion, !strings.HasPrefix(e.Name, run.Name+"."), e.UID == "",
		e.Type != corev1.EventTypeNormal, e.Message != "attempt 1 was launched on a1", e.Count != 1,
		!e.FirstTimestamp.Time.Equal(now), !e.LastTimestamp.Time.Equal(now), e.Labels[v1.LabelJob] != "a":
		t.Errorf("got %+v", e)
	}
	one := decode[corev1.Event](t, f.want(200, f.do("GET", eventsPath+"/"+e.Name, "")))
	if diff := cmp.Diff(e, *one); diff != "" {
		t.Errorf("listed and got: %s", diff)
	}
	for _, name := range []string{"a", "a.0123456789abcdef", "nothing.0123456789abcdef"} {
		f.want(404, f.do("GET", eventsPath+"/"+name, ""))
	}
	// The same names and UIDs, from another manager.
	if diff := cmp.Diff(list, f.another(nil).events(eventsPath)); diff != "" {
		t.Errorf("another manager: %s", diff)
	}
	if list := f.events("/api/v1/namespaces/other/events"); len(list.Items) != 0 {
		t.Errorf("another namespace: %v", reasons(list.Items))
	}

	for _, tt := range []struct{ query, want string }{
		// What kubectl describe asks.
		{"fieldSelector=involvedObject.name=a,involvedObject.namespace=default,involvedObject.kind=Job,involvedObject.uid=" + string(job.UID), "a Created"},
		{"fieldSelector=involvedObject.name=a,involvedObject.uid=another", ""},
		{"fieldSelector=involvedObject.kind=Run", "a-m1 Created a-m1 Launched a-m1 Started"},
		{"fieldSelector=involvedObject.kind=Pod", ""},
		{"fieldSelector=involvedObject.name=a-m1,reason=Started", "a-m1 Started"},
		{"fieldSelector=type!=Normal", ""},
		{"labelSelector=horae/job=a", "a Created a-m1 Created a-m1 Launched a-m1 Started"},
		{"fieldSelector=metadata.name=" + e.Name, "a-m1 Launched"},
	} {
		for _, path := range []string{eventsPath, allEvents} {
			if got := strings.Join(reasons(f.events(path+"?"+tt.query).Items), " "); got != tt.want {
				t.Errorf("%s?%s: got %q, want %q", path, tt.query, got, tt.want)
			}
		}
	}
	f.want(400, f.do("GET", eventsPath+"?fieldSelector=message=x", ""))
}

func TestEventsAsATable(t *testing.T) {
	f := start(t)
	f.createJob("a")
	table := decode[metav1.Table](t, f.want(200, f.do("GET", eventsPath, "", "Accept", tableType)))
	var shown, wide []string
	for i, c := range table.ColumnDefinitions {
		text := fmt.Sprint(c.Name, "=", table.Rows[0].Cells[i])
		if c.Priority == 0 {
			shown = append(shown, text)
		} else {
			wide = append(wide, c.Name)
		}
	}
	if diff := cmp.Diff([]string{"Last Seen=0s", "Type=Normal", "Reason=Created", "Object=job/a", "Message=the Job was created"}, shown); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"Source", "First Seen", "Count", "Name"}, wide); diff != "" {
		t.Error(diff)
	}
}

func TestWhatIsDerivedIsReadOnly(t *testing.T) {
	f := start(t)
	f.createJob("a")
	name := f.events(eventsPath).Items[0].Name
	for _, r := range [][2]string{
		{"POST", eventsPath}, {"DELETE", eventsPath}, {"DELETE", eventsPath + "/" + name}, {"PUT", eventsPath + "/" + name}, {"PATCH", eventsPath + "/" + name},
		{"POST", "/api/v1/namespaces"}, {"DELETE", "/api/v1/namespaces/default"},
	} {
		f.want(http.StatusMethodNotAllowed, f.do(r[0], r[1], "{}"))
	}
	f.want(404, f.do("GET", eventsPath+"/"+name+"/status", ""))
}

func TestEventsAreWatched(t *testing.T) {
	f := start(t)
	f.createJob("a")
	from := f.events(allEvents).ResourceVersion
	all, warnings := f.watch(allEvents+"?watch=true"), f.watch(eventsPath+"?watch=true&fieldSelector=type=Warning&resourceVersion="+from)
	expect := func(s *stream, want ...string) (last corev1.Event) {
		t.Helper()
		for _, w := range want {
			typ, raw := s.next()
			if err := json.Unmarshal(raw, &last); err != nil {
				t.Fatal(err)
			}
			typ, _, _ = strings.Cut(typ, " ")
			if got := typ + " " + last.InvolvedObject.Name + " " + last.Reason; got != w {
				t.Fatalf("got %q, want %q: %s", got, w, raw)
			}
		}
		return last
	}
	expect(all, "ADDED a Created")
	run := decode[v1.Run](t, f.want(201, f.do("POST", jobsPath+"/a/trigger", "")))
	expect(all, "ADDED a-m1 Created")
	f.setStatus(run.Name, func(s *v1.RunStatus) { s.Reason, s.Message = "NoOffers", "Mesos has offered nothing yet" })
	expect(all, "ADDED a-m1 Waiting")
	f.setStatus(run.Name, func(s *v1.RunStatus) { s.Reason, s.Message = "InsufficientCPUs", "none has 4 cpus" })
	if e := expect(all, "MODIFIED a-m1 Waiting"); e.Message != "InsufficientCPUs: none has 4 cpus" {
		t.Errorf("got %+v", e)
	}
	f.setStatus(run.Name, func(s *v1.RunStatus) { s.Reason, s.Message = "", ""; launched(s) })
	expect(all, "DELETED a-m1 Waiting", "ADDED a-m1 Launched", "ADDED a-m1 Started")
	// A change that its events do not speak of is none.
	f.setStatus(run.Name, func(s *v1.RunStatus) { s.Attempts[0].Sandbox = "/s" })
	f.setStatus(run.Name, func(s *v1.RunStatus) { s.Attempts[0].UnreachableTime = v1.NewTimePtr(now.Add(time.Minute)) })
	expect(all, "ADDED a-m1 AgentUnreachable")
	f.want(200, f.do("DELETE", runsPath+"/"+run.Name, ""))
	last := expect(all, "DELETED a-m1 Created", "DELETED a-m1 Launched", "DELETED a-m1 Started", "DELETED a-m1 AgentUnreachable")
	if atoi(t, last.ResourceVersion) <= atoi(t, run.ResourceVersion) {
		t.Errorf("a deletion carries the revision of the deletion: %+v", last)
	}
	expect(warnings, "ADDED a-m1 Waiting", "MODIFIED a-m1 Waiting", "DELETED a-m1 Waiting", "ADDED a-m1 AgentUnreachable", "DELETED a-m1 AgentUnreachable")
}

// follower accumulates what lists and watches say of one collection, as an informer does: it lists, watches for a
// second, and watches on from the last revision that it has seen.
type follower struct {
	f     *fixture
	path  string
	query string
	state map[string]json.RawMessage
	at    int64
}

func (w *follower) list() error {
	resp, err := w.f.client.Get(w.f.url + w.path + "?" + w.query)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	list := struct {
		Metadata metav1.ListMeta
		Items    []json.RawMessage
	}{}
	if err := json.NewDecoder(resp.Body).Decode(&list); err != nil {
		return err
	}
	w.state = map[string]json.RawMessage{}
	for _, raw := range list.Items {
		w.state[nameOf(raw)] = withoutRevision(raw)
	}
	_, err = fmt.Sscan(list.Metadata.ResourceVersion, &w.at)
	return err
}

func (w *follower) watch() error {
	resp, err := w.f.client.Get(fmt.Sprintf("%s%s?watch=true&timeoutSeconds=1&allowWatchBookmarks=true&resourceVersion=%d&%s", w.f.url, w.path, w.at, w.query))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	for dec := json.NewDecoder(resp.Body); ; {
		var e metav1.WatchEvent
		if err := dec.Decode(&e); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		name := nameOf(e.Object.Raw)
		switch e.Type {
		case "ADDED", "MODIFIED":
			w.state[name] = withoutRevision(e.Object.Raw)
		case "DELETED":
			delete(w.state, name)
		case "ERROR":
			return fmt.Errorf("the watch failed: %s", e.Object.Raw)
		}
		var m metav1.PartialObjectMetadata
		if err := json.Unmarshal(e.Object.Raw, &m); err != nil {
			return err
		}
		if _, err := fmt.Sscan(m.ResourceVersion, &w.at); err != nil {
			return err
		}
	}
}

func nameOf(raw json.RawMessage) string {
	var m metav1.PartialObjectMetadata
	_ = json.Unmarshal(raw, &m)
	return m.Namespace + "/" + m.Name
}

func withoutRevision(raw json.RawMessage) json.RawMessage {
	var m map[string]any
	_ = json.Unmarshal(raw, &m)
	delete(m["metadata"].(map[string]any), "resourceVersion")
	out, _ := json.Marshal(m)
	return out
}

// Whatever happens to the objects, what a client has of lists and watches (of any selection, broken off and resumed at
// any time) is what a list says in the end, of any manager.
func TestWatchesOfWhatIsDerivedAgreeWithLists(t *testing.T) {
	f := startOn(t, testr.New(t), cache.WithRing(1<<14))
	f.client.Transport.(*http.Transport).MaxIdleConnsPerHost = 100
	random := rand.New(rand.NewPCG(3, 4))
	pick := func(list ...string) string { return list[random.IntN(len(list))] }
	var followers []*follower
	for _, path := range []string{allEvents, eventsPath, "/api/v1/namespaces"} {
		for _, query := range []string{"", "fieldSelector=type=Warning", "fieldSelector=involvedObject.kind=Run,involvedObject.name=r1", "labelSelector=horae/job=a"} {
			if path != "/api/v1/namespaces" || query == "" {
				followers = append(followers, &follower{f: f, path: path, query: query})
			}
		}
	}
	var end struct {
		sync.Mutex
		at int64
	}
	var running sync.WaitGroup
	begin := func(w *follower) {
		running.Go(func() {
			for err := w.list(); ; err = w.watch() {
				end.Lock()
				at := end.at
				end.Unlock()
				if err != nil {
					t.Errorf("%s?%s: %v", w.path, w.query, err)
					return
				}
				if at > 0 && w.at >= at {
					return
				}
			}
		})
	}
	const steps = 400
	for i := range steps {
		if i%(steps/len(followers)) == 0 && len(followers) > i/(steps/len(followers)) {
			begin(followers[i/(steps/len(followers))])
		}
		f.disturb(random, pick)
	}
	end.Lock()
	end.at = f.put("/horae/spec/jobs/default/last", jobYAML("last"))
	end.Unlock()
	running.Wait()
	for _, g := range []*fixture{f, f.another(nil)} {
		for _, w := range followers {
			want := &follower{f: g, path: w.path, query: w.query}
			if err := want.list(); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want.state, w.state); diff != "" {
				t.Errorf("%s?%s (-listed +watched): %s", w.path, w.query, diff)
			}
		}
	}
}

// disturb changes one object in some way.
func (f *fixture) disturb(random *rand.Rand, pick func(...string) string) {
	f.t.Helper()
	ns := pick("default", "other")
	run := &v1.Run{Spec: v1.RunSpec{Job: pick("a", "b"), Reason: v1.ReasonManual}}
	job := &v1.Job{}
	var o api.Object = run
	kind, name := store.Runs, pick("r1", "r2", "r3")
	if random.IntN(3) == 0 {
		kind, name, o = store.Jobs, pick("a", "b"), job
		job.Spec.Task.Shell = "true"
	} else {
		run.Spec.Task.Shell = "true"
	}
	key := store.Key{Kind: kind, Namespace: ns, Name: name}
	o.SetName(name)
	o.SetNamespace(ns)
	o.SetCreationTimestamp(metav1.NewTime(now))
	api.KindOf(o).SetType(o)
	var write store.Write
	var err error
	switch random.IntN(7) {
	case 0:
		write = store.DeleteSpec(key)
	case 1:
		write = store.DeleteStatus(key)
	case 2:
		f.put(key.Spec(), "apiVersion: horae/v1\nkind: nothing\n")
		return
	case 3, 4:
		write, err = store.PutSpec(key, o)
	default:
		if e := f.cache.Get(key); e != nil {
			o.SetUID(e.GetObject().GetUID())
		}
		run.Status = v1.RunStatus{Phase: v1.RunPhase(pick("Pending", "Running", "Failed")), Reason: pick("", "NoOffers", "Retrying"), Message: pick("", "x", "y")}
		for n := range random.IntN(3) {
			run.Status.Attempts = append(run.Status.Attempts, v1.Attempt{TaskID: fmt.Sprintf("default.r.1.%d", n+1), State: v1.RunPhase(pick("Running", "Failed", "Lost"))})
		}
		job.Status.NotRun = []v1.NotRun{{ScheduledTime: v1.NewTime(now), Count: 1 + random.Int64N(3), Outcome: v1.RunSkipped, Reason: pick("A", "B")}}
		write, err = store.PutStatus(key, o)
	}
	if err != nil {
		f.t.Fatal(err)
	}
	rev, err := f.store.Apply(f.t.Context(), store.Change{Writes: []store.Write{write}})
	if err != nil {
		f.t.Fatal(err)
	}
	f.seen(rev)
}

func TestNamespacesAreThoseThatHoldObjects(t *testing.T) {
	f := start(t)
	names := func(path string) []string {
		var list []string
		for _, n := range decode[corev1.NamespaceList](t, f.want(200, f.do("GET", path, ""))).Items {
			list = append(list, n.Name)
		}
		return list
	}
	if got := names("/api/v1/namespaces"); !slices.Equal(got, []string{"default"}) {
		t.Errorf("at first: %v", got)
	}
	w := f.watch("/api/v1/namespaces?watch=true")
	w.expect("ADDED default")
	from := decode[corev1.NamespaceList](t, f.want(200, f.do("GET", "/api/v1/namespaces", ""))).ResourceVersion
	f.want(201, f.do("POST", "/apis/horae/v1/namespaces/other/jobs", jobYAML("a")))
	f.want(201, f.do("POST", "/apis/horae/v1/namespaces/other/jobs", jobYAML("b")))
	f.createJob("a")
	f.want(200, f.do("DELETE", "/apis/horae/v1/namespaces/other/jobs/a", ""))
	if got := names("/api/v1/namespaces"); !slices.Equal(got, []string{"default", "other"}) {
		t.Errorf("got %v", got)
	}
	n := decode[corev1.Namespace](t, f.want(200, f.do("GET", "/api/v1/namespaces/other", "")))
	if n.Kind != "Namespace" || n.Status.Phase != corev1.NamespaceActive || n.UID == "" || n.Labels[corev1.LabelMetadataName] != "other" {
		t.Errorf("got %+v", n)
	}
	f.want(200, f.do("DELETE", "/apis/horae/v1/namespaces/other/jobs/b", ""))
	f.want(200, f.do("DELETE", jobsPath+"/a", ""))
	f.want(404, f.do("GET", "/api/v1/namespaces/other", ""))
	f.want(200, f.do("GET", "/api/v1/namespaces/default", ""))
	f.want(201, f.do("POST", "/apis/horae/v1/namespaces/more/jobs", jobYAML("a")))
	w.expect("ADDED other", "DELETED other", "ADDED more")
	// A watch from a revision of the past counts what there was.
	f.watch("/api/v1/namespaces?watch=true&resourceVersion="+from).expect("ADDED other", "DELETED other", "ADDED more")
	f.watch("/api/v1/namespaces?watch=true&fieldSelector=metadata.name=more&resourceVersion=" + from).expect("ADDED more")
}
