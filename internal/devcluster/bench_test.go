package devcluster

import (
	"fmt"
	"sync"
	"testing"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
)

// BenchmarkSimulatedLaunches launches tasks that succeed at once on simulated agents, in ACCEPTs of 100, and
// acknowledges each of their three updates by a call of its own, as the API wants it. An operation is one task from its
// launch to its last acknowledgement; client and cluster share the machine.
func BenchmarkSimulatedLaunches(b *testing.B) {
	for _, agents := range []int{10, 1000} {
		b.Run(fmt.Sprintf("agents=%d", agents), func(b *testing.B) {
			c := start(b, Config{Simulate: true, Agents: agents, Resources: "cpus:1000;mem:1000000;disk:1000000"})
			s := subscribe(b, c.URL(), mediaProtobuf, frameworkInfo())
			acks := make(chan mesos.TaskStatus, 10000)
			var wg sync.WaitGroup
			for range 8 {
				wg.Go(func() {
					for status := range acks {
						s.acknowledge(status)
					}
				})
			}
			b.ResetTimer()
			started := time.Now()
			launched, ended := 0, 0
			for ended < b.N {
				e, ok := <-s.events
				if !ok {
					b.Fatal("the stream ended")
				}
				switch e.Type {
				case scheduler.Event_OFFERS:
					for _, o := range e.Offers.Offers {
						if launched == b.N {
							break
						}
						n := min(100, b.N-launched)
						tasks := make([]mesos.TaskInfo, n)
						for i := range tasks {
							tasks[i] = shell(o, fmt.Sprintf("t%d", launched+i), "true")
						}
						s.launch(o, tasks...)
						launched += n
					}
				case scheduler.Event_UPDATE:
					acks <- e.Update.Status
					if terminal(*e.Update.Status.State) {
						ended++
					}
				}
			}
			close(acks)
			wg.Wait()
			b.ReportMetric(float64(b.N)/time.Since(started).Seconds(), "tasks/s")
		})
	}
}

// BenchmarkSimulatedTask is the same without HTTP and codecs: what the state machine itself costs for one task, from its
// launch to its third acknowledgement.
func BenchmarkSimulatedTask(b *testing.B) {
	c := start(b, Config{Simulate: true, Resources: "cpus:1000;mem:1000000;disk:1000000"})
	s := newStream(false)
	c.mu.Lock()
	c.master.subscribe(frameworkInfo(), nil, s)
	c.mu.Unlock()
	send := func(call *scheduler.Call) {
		for id := range c.master.frameworks { // nobody else writes it
			call.FrameworkID = &mesos.FrameworkID{Value: id}
		}
		if _, err := c.master.call(call, s.id); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	b.ResetTimer()
	for launched, ended := 0, 0; ended < b.N; {
		<-s.notify
		events, _, _ := c.take(s)
		for _, out := range events {
			switch e := out.(*scheduler.Event); e.Type {
			case scheduler.Event_OFFERS:
				tasks := make([]mesos.TaskInfo, min(1000, b.N-launched))
				for i := range tasks {
					tasks[i] = shell(e.Offers.Offers[0], fmt.Sprintf("t%d", launched+i), "true")
				}
				launched += len(tasks)
				send(&scheduler.Call{Type: scheduler.Call_ACCEPT, Accept: &scheduler.Call_Accept{
					OfferIDs: []mesos.OfferID{e.Offers.Offers[0].ID},
					Operations: []mesos.Offer_Operation{{
						Type: mesos.Offer_Operation_LAUNCH, Launch: &mesos.Offer_Operation_Launch{TaskInfos: tasks},
					}},
				}})
			case scheduler.Event_UPDATE:
				st := e.Update.Status
				send(&scheduler.Call{Type: scheduler.Call_ACKNOWLEDGE, Acknowledge: &scheduler.Call_Acknowledge{
					AgentID: *st.AgentID, TaskID: st.TaskID, UUID: st.UUID}})
				if terminal(*st.State) {
					ended++
				}
				if ended%1000 == 0 && launched < b.N && terminal(*st.State) {
					send(&scheduler.Call{Type: scheduler.Call_REVIVE})
				}
			}
		}
	}
}
