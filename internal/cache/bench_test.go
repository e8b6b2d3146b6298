package cache

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	v1 "horae/api/v1"
	"horae/internal/store"
)

// memory is a source without etcd, so that only the cache's own work is measured.
type memory struct {
	list   func(page func([]*store.KeyValue) error) error
	events chan clientv3.WatchResponse
}

func (m *memory) List(_ context.Context, page func([]*store.KeyValue) error) (int64, error) {
	return 1 << 30, m.list(page)
}

func (m *memory) Position(context.Context) (store.Position, error) {
	return store.Position{Revision: 1 << 30}, nil
}

func (m *memory) Watch(ctx context.Context, _ int64) clientv3.WatchChan {
	context.AfterFunc(ctx, func() { close(m.events) })
	return m.events
}

func (m *memory) RequestProgress(context.Context) error { return nil }

// benchJob is a Job of about 1 KB, as people write them.
func benchJob(name string) *v1.Job {
	j := newJob(name)
	j.Labels = map[string]string{"team": "data-infra", "tier": "2"}
	j.Spec.Description, j.Spec.Owner = "Copies Kafka topics to HDFS.", "bofh@example.com"
	j.Spec.Task.Env = []v1.EnvVar{{Name: "JVMOPTS", Value: "-Xmx1000m"}, {Name: "TOPIC", Value: name}}
	j.Spec.Task.Shell = `./run.sh -v "$TOPIC" --to hdfs://namenode.example.com/data/kafka`
	next := v1.NewTime(time.Date(2026, 11, 22, 2, 0, 0, 0, time.UTC))
	j.Status.NextScheduleTime, j.Status.LastScheduleTime = &next, &next
	j.Status.ObservedGeneration, j.Status.Occurrences, j.Status.Succeeded = 1, 17, 17
	return j
}

func keyValue(w store.Write, revision int64) *store.KeyValue {
	return &store.KeyValue{Key: []byte(w.EtcdKey), Value: w.Value, CreateRevision: revision, ModRevision: revision, Version: 1}
}

func benchRun(name string, job *v1.Job) *v1.Run {
	r := newRun(name, job.Name)
	r.Labels = map[string]string{v1.LabelJob: job.Name}
	r.Spec.Task = job.Spec.Task
	now := v1.NewTime(time.Date(2026, 11, 22, 2, 0, 0, 0, time.UTC))
	r.Status = v1.RunStatus{Phase: v1.RunRunning, StartTime: &now, Attempts: []v1.Attempt{{
		TaskID: "default." + name + ".123456.1", AgentID: "3e5b2a5c-0000-4a64-9d4b-5d0c8b7e1f00-S12", Hostname: "agent-12.example.com",
		State: v1.RunRunning, LaunchTime: now, StartTime: &now,
	}}}
	return r
}

// BenchmarkMemoryPerJob fills the cache with 100,000 Jobs that have a status, and prints the heap that each takes and the time
// until the cache is synced.
func BenchmarkMemoryPerJob(b *testing.B) {
	const n = 100_000
	for b.Loop() {
		src := &memory{events: make(chan clientv3.WatchResponse)}
		src.list = func(page func([]*store.KeyValue) error) error {
			for _, of := range []func(*v1.Job, store.Key) store.Write{
				func(j *v1.Job, k store.Key) store.Write { return putSpec(j, k) },
				func(j *v1.Job, k store.Key) store.Write { return putStatus(j, k) },
			} {
				for i := 0; i < n; i += 1000 {
					var kvs []*store.KeyValue
					for k := range 1000 {
						j := benchJob(fmt.Sprintf("job-%06d", i+k))
						kvs = append(kvs, keyValue(of(j, store.JobKey("default", j.Name)), int64(i+k+1)))
					}
					if err := page(kvs); err != nil {
						return err
					}
				}
			}
			return nil
		}
		c := New(src, logr.Discard())
		before, start := heap(), time.Now()
		if _, err := c.list(b.Context(), store.Position{}); err != nil {
			b.Fatal(err)
		}
		took := time.Since(start)
		b.ReportMetric(float64(heap()-before)/n, "B/Job")
		b.ReportMetric(float64(took.Microseconds())/n, "µs/Job")
		runtime.KeepAlive(c)
	}
	b.ReportMetric(0, "ns/op")
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkEvents is what the cache spends on an event: a Run is made with its status (1), and its status changes (3), as in
// a Run's life. 10,000 events a second leave 100 µs for each.
func BenchmarkEvents(b *testing.B) {
	src := &memory{events: make(chan clientv3.WatchResponse), list: func(func([]*store.KeyValue) error) error { return nil }}
	c := New(src, logr.Discard())
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = c.Follow(ctx)
	}()
	wait(b, c.Synced())
	type life struct{ spec, status store.Write }
	job, lives := benchJob("j"), make([]life, 1000)
	for i := range lives {
		name := fmt.Sprintf("j-%d", i)
		run, key := benchRun(name, job), store.RunKey("default", name)
		lives[i] = life{putSpec(run, key), putStatus(run, key)}
	}
	revision := int64(1 << 30)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		revision++
		of := lives[i/4%len(lives)]
		resp := clientv3.WatchResponse{Header: &etcdserverpb.ResponseHeader{Revision: revision}}
		if i%4 == 0 {
			resp.Events = append(resp.Events, &clientv3.Event{Kv: keyValue(of.spec, revision)})
		}
		resp.Events = append(resp.Events, &clientv3.Event{Kv: keyValue(of.status, revision)})
		src.events <- resp
	}
	waitFor(b, c, revision)
	cancel()
	<-done
}
