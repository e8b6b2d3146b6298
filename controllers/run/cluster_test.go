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

// suppressed are the roles that the leading controller wants no offers to.
func (w *world) suppressed() []string {
	if c := w.leading.Load(); c != nil {
		return c.SuppressedRoles()
	}
	return nil
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

// onCluster has a controller talk to a dev cluster through the real driver, in role horae and more.
func (w *world) onCluster(c *devcluster.Cluster, ids *memoryIDs, more ...string) func(*Config) {
	t, roles := w.t, append([]string{"horae"}, more...)
	t.Helper()
	d, err := mesos.New(mesos.Config{
		Masters: mesos.MasterList{c.URL()}, IDs: ids, Framework: mesos.FrameworkConfig{Name: "horae", Roles: roles, SuppressedRoles: w.suppressed},
	})
	if err != nil {
		t.Fatal(err)
	}
	return func(cfg *Config) {
		cfg.Mesos, cfg.Resubscribe = d, d.Resubscribe
		cfg.Unanswered = func(err error) bool { return errors.Is(err, mesos.ErrUnanswered) }
		cfg.Offers, cfg.Roles = OfferConfig{}, roles
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

// TestOnTheDevCluster: Runs come to their ends over the real protocol, also over a change of leader and a
// restart of the master.
func TestOnTheDevCluster(t *testing.T) {
	w := newWorld(t)
	cluster := startCluster(t, devcluster.Config{Simulate: true, Agents: 3, Resources: "cpus:4;mem:4096;disk:10000;ports:[31000-31999]", ReregisterDelay: 10 * time.Millisecond})
	ids := &memoryIDs{}
	first := w.lead(w.onCluster(cluster, ids))
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
	w.lead(w.onCluster(cluster, ids))
	if s := w.ends(w.createRun("after-failover", sim("ok,1ms"))); s.Phase != v1.RunSucceeded || attemptsStarted(s) != 1 {
		t.Errorf("after failover: %+v", s)
	}
	if err := cluster.RestartMaster(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s := w.ends(w.createRun("after-restart", sim("ok,1ms"))); s.Phase != v1.RunSucceeded || attemptsStarted(s) != 1 {
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

// TestAgentDiesWhileTasksLaunch: a task whose executor ended with its agent before it had registered never ran,
// and that counts for nothing. All run in the end, once each.
func TestAgentDiesWhileTasksLaunch(t *testing.T) {
	w := newWorld(t)
	cluster := startCluster(t, devcluster.Config{
		Simulate: true, Agents: 1, Resources: "cpus:100;mem:40960;disk:100000", ReregisterDelay: 10 * time.Millisecond,
		AllocationInterval: 20 * time.Millisecond,
	})
	w.lead(w.onCluster(cluster, &memoryIDs{}))
	agent := cluster.Agent(0)
	agent.HoldExecutors(true)
	var keys []store.Key
	for i := range 30 {
		keys = append(keys, w.createRun(fmt.Sprint("r", i), sim("ok,1ms"), func(r *v1.Run) { r.Spec.Retries.Limit = ptr(int32(0)) }))
	}
	for n := 1; n <= 2; n++ {
		w.until("all are launching", func() bool {
			for _, key := range keys {
				if s := w.now(key).Object.Status; s.Phase != v1.RunLaunching || len(s.Attempts) < n {
					return false
				}
			}
			return true
		})
		agent.Crash()
		agent.Restart()
	}
	agent.HoldExecutors(false)
	aborted := 0
	for _, key := range keys {
		s := w.ends(key)
		if s.Phase != v1.RunSucceeded || attemptsStarted(s) != 1 || len(s.Attempts) < 3 {
			t.Errorf("%s: %+v", key, s)
		}
		if s.Attempts[0].Reason == "EXECUTOR_TERMINATED" { // Others had not reached their agent.
			aborted++
		}
	}
	if aborted == 0 {
		t.Error("no executor has died")
	}
}

// TestPlacementOnTheDevCluster: attributes, reservations, the Job's other attempts and several roles, over the
// real protocol.
func TestPlacementOnTheDevCluster(t *testing.T) {
	w := newWorld(t)
	cluster := startCluster(t, devcluster.Config{
		Simulate: true, Agents: 2, ReregisterDelay: 10 * time.Millisecond, AllocationInterval: 20 * time.Millisecond, Attributes: "rack:r1;cores:16;disks:ssd",
		Resources: "cpus:2;cpus(horae):2;mem:4096;disk:10000;ports:[31000-31003];ports(horae):[32000-32001]",
	})
	ids := &memoryIDs{}
	first := w.lead(w.onCluster(cluster, ids, "batch"))
	long := func(change ...func(*v1.Run)) func(*v1.Run) {
		return func(r *v1.Run) {
			sim("never")(r)
			for _, c := range change {
				c(r)
			}
		}
	}
	runs := func(name string, change ...func(*v1.Run)) store.Key {
		key := w.createRun(name, long(change...))
		w.until(name+" runs", func() bool { return w.phase(key) == v1.RunRunning })
		return key
	}
	agentOf := func(key store.Key) string { return w.now(key).Object.Status.Attempts[0].Hostname }

	// More than is reserved, and more than is not: both are put together.
	sum := runs("sum", ports(5), func(r *v1.Run) { r.Spec.Task.Resources.CPUs = quantity("3") }, constrained(
		v1.Constraint{Attribute: "rack", Operator: v1.OpLike, Value: "r[12]"}, v1.Constraint{Attribute: "cores", Operator: v1.OpGt, Value: "8"},
		v1.Constraint{Attribute: "disks", Operator: v1.OpIn, Value: "ssd"}))
	if p := w.now(sum).Object.Status.Attempts[0].Ports; len(p) != 5 || p[0] != 32000 || p[4] != 31002 {
		t.Errorf("ports = %d", p)
	}
	w.edit(sum, func(s *v1.RunSpec) { s.Cancel = true })
	w.ends(sum)

	// One on each host, over a change of leader; the third goes when the first has ended.
	unique := constrained(one("hostname", v1.OpUnique, "")...)
	left, right := runs("left", unique), runs("right", unique)
	if agentOf(left) == agentOf(right) {
		t.Errorf("both are on %s", agentOf(left))
	}
	if err := first.stop(); err != nil {
		t.Fatal(err)
	}
	w.lead(w.onCluster(cluster, ids, "batch"))
	three := w.createRun("three", long(unique))
	w.until("it says why it waits", func() bool { return w.now(three).Object.Status.Reason == "ConstraintsNotMet" })
	w.edit(left, func(s *v1.RunSpec) { s.Cancel = true })
	w.until("three runs", func() bool { return w.phase(three) == v1.RunRunning })
	if agentOf(three) != agentOf(left) {
		t.Errorf("three is on %s", agentOf(three))
	}

	// Roles: one that nothing has waited for, and one that there is not.
	batch := runs("batch", func(r *v1.Run) { r.Spec.Task.Role = "batch" })
	if s := w.now(batch).Object.Status; s.Phase != v1.RunRunning {
		t.Errorf("status = %+v", s)
	}
	none := w.createRun("none", func(r *v1.Run) { r.Spec.Task.Role = "etl" })
	w.until("it says which roles there are", func() bool { return w.now(none).Object.Status.Reason == "UnknownRole" })
	if s := w.now(none).Object.Status; s.Message != "spec.task.role: etl is none of the framework's roles (mesos.framework.roles: horae, batch), so that nothing is ever offered for it" {
		t.Errorf("status = %+v", s)
	}
}

// started counts the attempts whose task began: one may have been placed just when the connection broke.
func attemptsStarted(s v1.RunStatus) int {
	n := 0
	for _, a := range s.Attempts {
		if !a.NotStarted {
			n++
		}
	}
	return n
}

// BenchmarkRuns brings Runs from their creation to their end: real etcd without fsync, real driver, simulated
// agents, all on the same machine.
func BenchmarkRuns(b *testing.B) {
	w := newWorld(b)
	cluster := startCluster(b, devcluster.Config{Simulate: true, Agents: 100, Resources: "cpus:100;mem:100000;disk:1000000"})
	c := w.lead(w.onCluster(cluster, &memoryIDs{}))
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
