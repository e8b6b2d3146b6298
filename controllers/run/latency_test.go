package run

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "horae/api/v1"
	"horae/internal/devcluster"
	"horae/internal/store"
)

// BenchmarkLateness makes a Run every few milliseconds and measures the time until its first attempt is
// Running, on few agents and on many. Offers have to be asked for, kept, and come back.
func BenchmarkLateness(b *testing.B) {
	for _, bc := range []struct {
		name   string
		agents int
		every  time.Duration
	}{{"2 agents, 100 a second", 2, 10 * time.Millisecond}, {"100 agents, 100 a second", 100, 10 * time.Millisecond}, {"2 agents, one a second and a half", 2, 1500 * time.Millisecond}} {
		b.Run(bc.name, func(b *testing.B) {
			w := newWorld(b)
			cluster := startCluster(b, devcluster.Config{Simulate: true, Agents: bc.agents, Resources: "cpus:100;mem:100000;disk:1000000"})
			c := w.lead(w.onCluster(cluster, &memoryIDs{}))
			writer := w.store.Writer(store.Fence{Key: c.leader, CreateRevision: w.createRevision(c.leader)})
			defer writer.Close()
			b.ResetTimer()
			ticker := time.NewTicker(bc.every)
			defer ticker.Stop()
			var creators sync.WaitGroup
			for i := range b.N {
				<-ticker.C
				now := time.Now()
				creators.Go(func() {
					key := store.RunKey("default", fmt.Sprintf("r%d", i))
					run := &v1.Run{
						ObjectMeta: metav1.ObjectMeta{Name: key.Name, Namespace: "default", Labels: map[string]string{v1.LabelJob: "hello"}, CreationTimestamp: metav1.NewTime(now)},
						Spec: v1.RunSpec{
							Job: "hello", Reason: v1.ReasonSchedule, ScheduledTime: v1.NewTimePtr(now),
							Task: v1.TaskSpec{Shell: "true", Labels: map[string]string{"sim": "ok,10ms"}},
						},
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
			var late []time.Duration
			for _, r := range c.cache.Runs("") {
				late = append(late, r.Object.Status.StartTime.Sub(r.Object.Spec.ScheduledTime.Time))
			}
			slices.Sort(late)
			for _, p := range []int{50, 99, 100} {
				b.ReportMetric(float64(late[(len(late)-1)*p/100])/1e6, fmt.Sprintf("p%d-ms", p))
			}
		})
	}
}
