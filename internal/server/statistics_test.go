package server

import (
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	v1 "horae/api/v1"
	"horae/internal/statistics"
	"horae/internal/store"
)

// counter writes the status and the statistics of a Job as its controller does.
type counter struct {
	f      *fixture
	key    store.Key
	recent statistics.Recent
	stored store.StatisticsDocument
}

// count adds a Run that took so long, and returns the revision.
func (c *counter) count(took time.Duration) int64 {
	c.f.t.Helper()
	job, err := c.f.store.GetJob(c.f.t.Context(), c.key.Namespace, c.key.Name)
	if err != nil {
		c.f.t.Fatal(err)
	}
	next := job.Object.DeepCopy()
	check := func(err error) {
		c.f.t.Helper()
		if err != nil {
			c.f.t.Fatal(err)
		}
	}
	c.recent, err = c.recent.Add(statistics.Sample{Finish: now, Outcome: statistics.Succeeded, Duration: took, Waiting: time.Second})
	check(err)
	next.Status.Succeeded++
	next.Status.Duration, err = c.recent.Durations()
	check(err)
	change := store.Change{Guards: []store.Guard{store.StatusAt(c.key, job.Rev.StatusMod)}}
	if c.recent.Full() {
		h, err := statistics.ParseHistory(c.stored.Value, job.Object.UID)
		check(err)
		h, c.recent, err = h.Fold(c.recent, now)
		check(err)
		c.stored.Value, err = h.Document(&next.ObjectMeta)
		check(err)
		change.Writes = append(change.Writes, store.PutStatistics(c.key, c.stored.Value))
	}
	status, err := store.PutJobStatus(c.key, next, c.recent.Text())
	check(err)
	change.Writes = append(change.Writes, status)
	revision, err := c.f.store.Apply(c.f.t.Context(), change)
	check(err)
	return revision
}

func (f *fixture) counter(name string) *counter {
	f.t.Helper()
	key := store.JobKey("default", name)
	f.put(key.Spec(), `{"apiVersion":"horae/v1","kind":"Job","spec":{"task":{"shell":"true"}}}`)
	return &counter{f: f, key: key}
}

// read gets a path, and wants a code.
func read[T any](f *fixture, path string, code int) *T {
	f.t.Helper()
	return decode[T](f.t, f.want(code, f.do("GET", path, "")))
}

func TestStatisticsOfAJob(t *testing.T) {
	f := start(t)
	c := f.counter("hello")
	got := read[v1.JobStatistics](f, jobsPath+"/hello/stats", http.StatusOK)
	if len(got.Windows) != 4 || got.Windows[0].Window != "24h" || got.Windows[0].Succeeded != 0 || got.Windows[0].Duration != nil {
		t.Errorf("before a Run has ended: %+v", got)
	}
	revision := int64(0)
	for i := range statistics.MaxSamples + 5 {
		revision = c.count(time.Duration(i) * time.Second)
	}
	got = read[v1.JobStatistics](f, fmt.Sprintf("%s/hello/stats?resourceVersion=%d", jobsPath, revision), http.StatusOK)
	if got.Kind != "JobStatistics" || got.Metadata.Name != "hello" || got.Metadata.UID == "" {
		t.Errorf("%+v", got)
	}
	for _, w := range got.Windows {
		if w.Succeeded != statistics.MaxSamples+5 || *w.SuccessRate != 1 || w.Duration.Max.Duration != 36*time.Second || w.Waiting.Max.Duration != time.Second {
			t.Errorf("%s: %+v %+v", w.Window, w, w.Duration)
		}
	}
	f.want(http.StatusNotFound, f.do("GET", jobsPath+"/absent/stats", ""))
}

// Samples move from one document to the other: at each revision a reader sees all of them, each once.
func TestStatisticsAreOfOneRevision(t *testing.T) {
	f := start(t)
	c := f.counter("hello")
	var mu sync.Mutex
	counts := map[string]int64{} // by resourceVersion
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range int64(6 * statistics.MaxSamples) {
			mu.Lock() // Nobody looks a revision up before it is noted.
			counts[strconv.FormatInt(c.count(time.Second), 10)] = i + 1
			mu.Unlock()
		}
	}()
	for reads, over := 0, false; !over; reads++ {
		select {
		case <-done:
			over = reads > 0
		default:
		}
		got := read[v1.JobStatistics](f, jobsPath+"/hello/stats", http.StatusOK)
		mu.Lock()
		want := counts[got.Metadata.ResourceVersion]
		mu.Unlock()
		if all := got.Windows[3]; all.Succeeded != want {
			t.Fatalf("at revision %s: %d Runs, want %d", got.Metadata.ResourceVersion, all.Succeeded, want)
		}
	}
}

func TestDamagedStatisticsCostThemselvesAlone(t *testing.T) {
	f := start(t)
	c := f.counter("hello")
	revision := int64(0)
	for range statistics.MaxSamples + 5 {
		revision = c.count(time.Second)
	}
	f.seen(revision)
	f.put(c.key.Statistics(), "rubbish")
	got := read[v1.JobStatistics](f, jobsPath+"/hello/stats", http.StatusOK)
	if n := got.Windows[3].Succeeded; n != 4 {
		t.Errorf("%d Runs of those that stand in the status document, want 4", n)
	}
	job := f.job("hello")
	if job.Status.Succeeded != statistics.MaxSamples+5 || job.Status.Duration.Count != statistics.MaxSamples+5 {
		t.Errorf("%+v", job.Status)
	}
}

func TestSlowestJobs(t *testing.T) {
	f := start(t)
	revision := int64(0)
	for name, runs := range map[string][]time.Duration{
		"often": {time.Second, time.Second, time.Second}, "slow": {time.Minute}, "uneven": {time.Second, time.Hour}, "never": nil,
	} {
		c := f.counter(name)
		for _, took := range runs {
			revision = c.count(took)
		}
	}
	f.seen(revision)
	const path = "/apis/horae/v1/namespaces/default/jobstatistics"
	for query, want := range map[string]string{
		"": "[slow often uneven]", "?by=max": "[uneven slow often]", "?by=count&slowest=2": "[often uneven]", "?by=mean": "[uneven slow often]",
	} {
		list := read[v1.JobStatisticsList](f, path+query, http.StatusOK)
		var names []string
		for _, item := range list.Items {
			names = append(names, item.Metadata.Name)
		}
		if got := fmt.Sprint(names); got != want || list.Kind != "JobStatisticsList" || list.ResourceVersion == "" {
			t.Errorf("%q: %s, want %s (%+v)", query, got, want, list)
		}
	}
	all := read[v1.JobStatisticsList](f, "/apis/horae/v1/jobstatistics?slowest=1", http.StatusOK)
	if len(all.Items) != 1 || all.Items[0].Windows[3].Succeeded != 1 {
		t.Errorf("%+v", all)
	}
	all = read[v1.JobStatisticsList](f, "/apis/horae/v1/namespaces/other/jobstatistics", http.StatusOK)
	if len(all.Items) != 0 {
		t.Errorf("%+v", all)
	}
	for query, code := range map[string]int{
		"?by=p42": http.StatusBadRequest, "?slowest=101": http.StatusBadRequest, "?watch=true": http.StatusMethodNotAllowed,
		"/name": http.StatusNotFound,
	} {
		f.want(code, f.do("GET", path+query, ""))
	}
}
