package server

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	toolscache "k8s.io/client-go/tools/cache"

	v1 "horae/api/v1"
)

// TestClientGo uses the API as controllers elsewhere do: the dynamic client, and a reflector, which keeps a store of its own by
// list and watch.
func TestClientGo(t *testing.T) {
	f := start(t)
	d, err := dynamic.NewForConfigAndClient(&rest.Config{Host: f.url}, f.client)
	if err != nil {
		t.Fatal(err)
	}
	jobs := d.Resource(v1.GroupVersion.WithResource("jobs"))
	f.createJob("a")

	changes := make(chan struct{}, 100)
	mirror := &notifying{Store: toolscache.NewStore(toolscache.MetaNamespaceKeyFunc), changed: changes}
	ctx, cancel := context.WithCancel(t.Context())
	reflector := toolscache.NewReflector(toolscache.ToListWatcherWithWatchListSemantics(&toolscache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			return jobs.List(ctx, o)
		},
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			return jobs.Watch(ctx, o)
		},
	}, d), &unstructured.Unstructured{}, mirror, 0)
	done := make(chan struct{})
	go func() {
		defer close(done)
		reflector.RunWithContext(ctx)
	}()
	defer func() { cancel(); <-done }()
	until := func(what string, so func() bool) {
		t.Helper()
		for !so() {
			select {
			case <-changes:
			case <-time.After(20 * time.Second):
				t.Fatalf("the reflector has not seen it: %s", what)
			}
		}
	}
	until("the first list", func() bool { return len(mirror.ListKeys()) == 1 })

	made, err := jobs.Namespace("other").Create(ctx, &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "horae/v1", "kind": "Job", "metadata": map[string]any{"name": "b"}, "spec": map[string]any{"task": map[string]any{"shell": "x"}},
	}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	until("a creation", func() bool { return len(mirror.ListKeys()) == 2 })
	if err := unstructured.SetNestedField(made.Object, true, "spec", "suspend"); err != nil {
		t.Fatal(err)
	}
	if _, err := jobs.Namespace("other").Update(ctx, made, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	until("a change", func() bool {
		o, ok, _ := mirror.GetByKey("other/b")
		on := false
		if ok {
			on, _, _ = unstructured.NestedBool(o.(*unstructured.Unstructured).Object, "spec", "suspend")
		}
		return on
	})
	if err := jobs.Namespace("default").DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{}); err != nil {
		t.Fatal(err)
	}
	until("a deletion", func() bool { return len(mirror.ListKeys()) == 1 })
}

// notifying is a store that says when it has changed.
type notifying struct {
	toolscache.Store
	changed chan struct{}
}

func (s *notifying) notify(err error) error {
	select {
	case s.changed <- struct{}{}:
	default:
	}
	return err
}

func (s *notifying) Add(o any) error    { return s.notify(s.Store.Add(o)) }
func (s *notifying) Update(o any) error { return s.notify(s.Store.Update(o)) }
func (s *notifying) Delete(o any) error { return s.notify(s.Store.Delete(o)) }
func (s *notifying) Replace(list []any, revision string) error {
	return s.notify(s.Store.Replace(list, revision))
}

func BenchmarkCreate(b *testing.B) {
	f := startBench(b)
	f.client.Transport.(*http.Transport).MaxIdleConnsPerHost = 64
	var n atomic.Int64
	b.SetParallelism(16)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if a := f.do("POST", jobsPath, jobJSON(fmt.Sprintf("job-%d", n.Add(1)))); a.code != http.StatusCreated {
				b.Errorf("%d %s", a.code, a.body)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "objects/s")
}

func BenchmarkListTable(b *testing.B) {
	f := startBench(b)
	for i := range 1000 {
		f.do("POST", jobsPath, jobJSON(fmt.Sprintf("job-%d", i)))
	}
	for b.Loop() {
		if a := f.do("GET", jobsPath, "", "Accept", tableType); a.code != http.StatusOK {
			b.Fatalf("%d %s", a.code, a.body)
		}
	}
	b.ReportMetric(1000*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

func jobJSON(name string) string {
	j := &v1.Job{TypeMeta: metav1.TypeMeta{APIVersion: "horae/v1", Kind: "Job"}, Spec: v1.JobSpec{Schedule: "0 * * * *", Task: v1.TaskSpec{Shell: "echo hello"}}}
	j.Name = name
	data, err := json.Marshal(j)
	if err != nil {
		panic(err)
	}
	return string(data)
}
