package run

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "horae/api/v1"
	"horae/internal/devcluster"
	"horae/internal/mesos"
	"horae/internal/store"
)

// memoryIDs keeps the framework id for as long as the test lasts.
type memoryIDs struct {
	mu sync.Mutex
	id string
}

func (m *memoryIDs) FrameworkID(context.Context) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.id, nil
}

func (m *memoryIDs) SetFrameworkID(_ context.Context, id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.id = id
	return nil
}

// onCluster has a controller talk to a dev cluster through the real driver.
func onCluster(t testing.TB, c *devcluster.Cluster, ids *memoryIDs) func(*Config) {
	t.Helper()
	d, err := mesos.New(mesos.Config{Masters: mesos.MasterList{c.URL()}, IDs: ids, Framework: mesos.FrameworkConfig{Name: "horae", Roles: []string{"horae"}}})
	if err != nil {
		t.Fatal(err)
	}
	return func(cfg *Config) {
		cfg.Mesos, cfg.Resubscribe = d, d.Resubscribe
		cfg.Unanswered = func(err error) bool { return errors.Is(err, mesos.ErrUnanswered) }
		cfg.Hand = HandConfig{}
	}
}

func startCluster(t testing.TB, cfg devcluster.Config) *devcluster.Cluster {
	t.Helper()
	cfg.Listen, cfg.WorkDir = "127.0.0.1:0", t.TempDir()
	c, err := devcluster.Start(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func sim(how string) func(*v1.Run) {
	return func(r *v1.Run) { r.Spec.Task.Labels = map[string]string{"sim": how} }
}

// TestOnTheDevCluster: Runs come to their ends over the real protocol, also over a change of leader and a restart of the master.
func TestOnTheDevCluster(t *testing.T) {
	w := newWorld(t)
	cluster := startCluster(t, devcluster.Config{Simulate: true, Agents: 3, Resources: "cpus:4;mem:4096;disk:10000;ports:[31000-31999]", ReregisterDelay: 10 * time.Millisecond})
	ids := &memoryIDs{}
	first := w.lead(onCluster(t, cluster, ids))
	noRetry := func(r *v1.Run) { r.Spec.Retries.Limit = ptr(int32(0)) }
	for _, tc := range []struct {
		name string
		how  string
		want v1.RunPhase
	}{{"succeeds", "ok,1ms", v1.RunSucceeded}, {"fails", "exit:3,1ms", v1.RunFailed}, {"is-lost", "lost", v1.RunLost}} {
		if s := w.ends(w.createRun(tc.name, sim(tc.how), noRetry)); s.Phase != tc.want {
			t.Errorf("%s: %+v", tc.name, s)
		}
	}
	cancelled := w.createRun("cancelled", sim("never"))
	w.until("it runs", func() bool { return w.phase(cancelled) == v1.RunRunning })
	w.edit(cancelled, func(s *v1.RunSpec) { s.Cancel = true })
	if s := w.ends(cancelled); s.Phase != v1.RunKilled {
		t.Errorf("cancelled: %+v", s)
	}

	long := w.createRun("long", sim("never"))
	w.until("it runs", func() bool { return w.phase(long) == v1.RunRunning })
	if err := first.stop(); err != nil {
		t.Fatal(err)
	}
	w.lead(onCluster(t, cluster, ids))
	if s := w.ends(w.createRun("after-failover", sim("ok,1ms"))); s.Phase != v1.RunSucceeded || started(s) != 1 {
		t.Errorf("after failover: %+v", s)
	}
	if err := cluster.RestartMaster(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s := w.ends(w.createRun("after-restart", sim("ok,1ms"))); s.Phase != v1.RunSucceeded || started(s) != 1 {
		t.Errorf("after the master's restart: %+v", s)
	}
	if s := w.now(long).Object.Status; s.Phase != v1.RunRunning || len(s.Attempts) != 1 {
		t.Errorf("the long one: %+v", s)
	}
	w.edit(long, func(s *v1.RunSpec) { s.Cancel = true })
	if s := w.ends(long); s.Phase != v1.RunKilled {
		t.Errorf("the long one, cancelled: %+v", s)
	}
}

// started counts the attempts whose task began: one may have been placed just when the connection broke.
func started(s v1.RunStatus) int {
	n := 0
	for _, a := range s.Attempts {
		if !a.NotStarted {
			n++
		}
	}
	return n
}

// BenchmarkRuns brings Runs from their creation to their end: real etcd without fsync, real driver, simulated agents, all on the
// same machine.
func BenchmarkRuns(b *testing.B) {
	w := newWorld(b)
	cluster := startCluster(b, devcluster.Config{Simulate: true, Agents: 100, Resources: "cpus:100;mem:100000;disk:1000000"})
	c := w.lead(onCluster(b, cluster, &memoryIDs{}))
	writer := w.store.Writer(store.Fence{Key: c.leader, CreateRevision: w.createRevision(c.leader)})
	defer writer.Close()
	b.ResetTimer()
	start := time.Now()
	var creators sync.WaitGroup
	tokens := make(chan struct{}, 256)
	for i := range b.N {
		tokens <- struct{}{}
		creators.Go(func() {
			defer func() { <-tokens }()
			key := store.RunKey("default", fmt.Sprintf("r%d", i))
			run := &v1.Run{
				ObjectMeta: metav1.ObjectMeta{Name: key.Name, Namespace: "default", Labels: map[string]string{v1.LabelJob: "hello"}, CreationTimestamp: metav1.Now()},
				Spec:       v1.RunSpec{Job: "hello", Reason: v1.ReasonManual, Task: v1.TaskSpec{Shell: "true", Labels: map[string]string{"sim": "ok,10ms"}}},
			}
			put, err := store.PutSpec(key, run)
			if err == nil {
				_, err = writer.Apply(context.Background(), store.Change{Writes: []store.Write{put}})
			}
			if err != nil {
				b.Error(err)
			}
		})
	}
	creators.Wait()
	w.until("all have ended", func() bool { return c.succeeded() >= int64(b.N) })
	b.ReportMetric(float64(b.N)/time.Since(start).Seconds(), "runs/s")
}
