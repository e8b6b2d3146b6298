package run

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	v1 "horae/api/v1"
	"horae/controllers/run/placement"
	"horae/internal/devcluster"
	"horae/internal/messages"
	"horae/internal/offer"
	"horae/internal/store"
)

func TestInverseOffersAreJudgedByWhatIsBoundToBeOver(t *testing.T) {
	const agentGrace = 5 * time.Second // what Mesos gives a task that does not say
	now := at(0)
	window := func(in time.Duration) offer.InverseOffer {
		return offer.InverseOffer{ID: "i", AgentID: "a1", Unavailable: offer.Window{Start: now.Add(in), Duration: time.Hour}}
	}
	on := func(agent string, startedAgo time.Duration, change ...func(*v1.Run)) resident {
		r := &v1.Run{ObjectMeta: metav1.ObjectMeta{Name: "r", CreationTimestamp: metav1.NewTime(now.Add(-time.Hour))}}
		for _, f := range change {
			f(r)
		}
		a := &v1.Attempt{AgentID: agent, State: v1.RunLaunching}
		if startedAgo > 0 {
			a.State, a.StartTime = v1.RunRunning, v1.NewTimePtr(now.Add(-startedAgo))
		}
		return resident{r, a}
	}
	timeout := func(d time.Duration) func(*v1.Run) {
		return func(r *v1.Run) { r.Spec.Timeout = &v1.Duration{Duration: d} }
	}
	deadline := func(d time.Duration) func(*v1.Run) {
		return func(r *v1.Run) { r.Spec.Deadline = &v1.Duration{Duration: d} }
	}
	grace := func(d time.Duration) func(*v1.Run) {
		return func(r *v1.Run) { r.Spec.Task.KillGracePeriod = &v1.Duration{Duration: d} }
	}
	for name, tc := range map[string]struct {
		residents []resident
		in        time.Duration
		accept    bool
	}{
		"nothing of ours is there":                    {in: time.Second, accept: true},
		"only elsewhere":                              {residents: []resident{on("a2", time.Minute)}, in: time.Second, accept: true},
		"nothing bounds it":                           {residents: []resident{on("a1", time.Minute)}, in: 1000 * time.Hour},
		"its timeout is before the window":            {residents: []resident{on("a1", time.Minute, timeout(10*time.Minute))}, in: 10 * time.Minute, accept: true},
		"its timeout and the time to enforce it":      {residents: []resident{on("a1", time.Minute, timeout(10*time.Minute))}, in: 9*time.Minute + placement.TimeoutGrace + agentGrace, accept: true},
		"its timeout is a moment too late":            {residents: []resident{on("a1", time.Minute, timeout(10*time.Minute))}, in: 9*time.Minute + placement.TimeoutGrace + agentGrace - 1},
		"a long time to end in":                       {residents: []resident{on("a1", time.Minute, timeout(10*time.Minute), grace(time.Hour))}, in: 30 * time.Minute},
		"its deadline is before the window":           {residents: []resident{on("a1", time.Minute, deadline(90*time.Minute))}, in: 31 * time.Minute, accept: true},
		"its deadline comes later than the window":    {residents: []resident{on("a1", time.Minute, deadline(90*time.Minute))}, in: 29 * time.Minute},
		"its deadline is over, it is being killed":    {residents: []resident{on("a1", time.Minute, deadline(time.Minute))}, in: agentGrace + time.Second, accept: true},
		"the earlier of two bounds counts":            {residents: []resident{on("a1", time.Minute, timeout(time.Hour), deadline(61*time.Minute))}, in: 2 * time.Minute, accept: true},
		"it has not begun, its whole timeout is left": {residents: []resident{on("a1", 0, timeout(10*time.Minute))}, in: 10 * time.Minute},
		"cancelled":            {residents: []resident{on("a1", time.Minute, func(r *v1.Run) { r.Spec.Cancel = true })}, in: agentGrace + time.Second, accept: true},
		"cancelled too late":   {residents: []resident{on("a1", time.Minute, func(r *v1.Run) { r.Spec.Cancel = true })}, in: time.Second},
		"one of several stays": {residents: []resident{on("a1", time.Minute, timeout(time.Minute)), on("a1", time.Minute)}, in: time.Hour},
	} {
		if v, stays := judge(window(tc.in), tc.residents, now); v.accept != tc.accept || (stays == nil) != tc.accept {
			t.Errorf("%s: %+v", name, v)
		}
	}
	everywhere := offer.InverseOffer{ID: "i", Unavailable: offer.Window{Start: now.Add(time.Hour)}}
	if v, _ := judge(everywhere, []resident{on("a7", time.Minute)}, now); v.accept {
		t.Error("an inverse offer of all agents is judged by all")
	}
}

// An answer holds for a while that is bounded, and shorter the nearer the window is; what was accepted is over
// when it begins.
func TestAnswersToInverseOffers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seconds := func(name string, least, most int) time.Duration {
			return time.Duration(rapid.IntRange(least, most).Draw(t, name)) * time.Second
		}
		now := at(0)
		w := offer.Window{Start: now.Add(seconds("in", -100, 10000))}
		if holds := answerHolds(w, now); holds < answerHoldsMin || holds > answerHoldsMax || holds > max(w.Start.Sub(now), answerHoldsMin) {
			t.Fatalf("holds for %s", holds)
		}
		r := &v1.Run{ObjectMeta: metav1.ObjectMeta{CreationTimestamp: metav1.NewTime(now.Add(-seconds("age", 0, 5000)))}}
		if rapid.Bool().Draw(t, "has a timeout") {
			r.Spec.Timeout = &v1.Duration{Duration: seconds("timeout", 1, 5000)}
		}
		if rapid.Bool().Draw(t, "has a deadline") {
			r.Spec.Deadline = &v1.Duration{Duration: seconds("deadline", 1, 5000)}
		}
		a := &v1.Attempt{AgentID: "a", State: v1.RunRunning, StartTime: v1.NewTimePtr(now.Add(-seconds("started", 0, 5000)))}
		over, bound := placement.EndsBy(r, a, now)
		if bound != (r.Spec.Timeout != nil || r.Spec.Deadline != nil) || bound && !over.After(now) {
			t.Fatalf("over by %s, %t", over, bound)
		}
		if leavesInTime(r, a, w, now) != (bound && !over.After(w.Start)) {
			t.Fatalf("leaves in time is not what over by %s says of %s", over, w.Start)
		}
	})
}

func TestPlanReportsMaintenance(t *testing.T) {
	w := &offer.Window{Start: at(time.Hour), Duration: time.Hour}
	reported := func(r *v1.Run) {
		r.Status.Reason, r.Status.Message = reasonMaintenance, "agent host-1 goes into maintenance at 2026-01-01T01:00:00Z; the task may be ended then"
	}
	for name, tc := range map[string]struct {
		change []func(*v1.Run)
		window *offer.Window
		now    time.Duration
		want   string // of the status' reason; "-": no write
	}{
		"nothing is known":                  {want: "-"},
		"nothing is known any more":         {change: []func(*v1.Run){reported}, want: "-"},
		"a window to come":                  {window: w, want: reasonMaintenance},
		"bound to be over before it":        {window: w, change: []func(*v1.Run){func(r *v1.Run) { r.Spec.Timeout = &v1.Duration{Duration: time.Minute} }}, want: "-"},
		"called off":                        {window: &offer.Window{}, change: []func(*v1.Run){reported}, want: ""},
		"the window is past":                {window: w, now: 2 * time.Hour, change: []func(*v1.Run){reported}, want: ""},
		"something else is said and stands": {window: w, change: []func(*v1.Run){func(r *v1.Run) { r.Status.Reason = reasonUnreachable }}, want: "-"},
	} {
		t.Run(name, func(t *testing.T) {
			run := testRun(append(tc.change, withAttempts(attempt(1, v1.RunRunning)))...)
			if tc.now == 0 {
				tc.now = plannedAt
			}
			d := Plan(Input{Run: run, Facts: Facts{Maintenance: tc.window}}, at(tc.now))
			got := "-"
			if d.Status != nil {
				got = d.Status.Reason
			}
			if got != tc.want {
				t.Errorf("reason %q, want %q: %+v", got, tc.want, d.Status)
			}
		})
	}
}

// operate makes a call of the master's operator API.
func operate(t *testing.T, c *devcluster.Cluster, call string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.URL()+"/api/v1", bytes.NewBufferString(call))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s %s", call, resp.Status, body)
	}
	return string(body)
}

// maintenanceAnswer is what the frameworks say of the one machine that goes into maintenance.
func maintenanceAnswer(t *testing.T, c *devcluster.Cluster) string {
	t.Helper()
	var status struct {
		GetMaintenanceStatus struct {
			Status struct {
				DrainingMachines []struct {
					Statuses []struct{ Status string }
				} `json:"draining_machines"`
			}
		} `json:"get_maintenance_status"`
	}
	if err := json.Unmarshal([]byte(operate(t, c, `{"type":"GET_MAINTENANCE_STATUS"}`)), &status); err != nil {
		t.Fatal(err)
	}
	if m := status.GetMaintenanceStatus.Status.DrainingMachines; len(m) == 1 && len(m[0].Statuses) == 1 {
		return m[0].Statuses[0].Status
	}
	return ""
}

func schedule(start time.Time, hosts ...string) string {
	windows := ""
	for _, host := range hosts {
		windows = fmt.Sprintf(`{"machine_ids":[{"hostname":%q}],"unavailability":{"start":{"nanoseconds":%d},"duration":{"nanoseconds":%d}}}`,
			host, start.UnixNano(), time.Hour)
	}
	return `{"type":"UPDATE_MAINTENANCE_SCHEDULE","update_maintenance_schedule":{"schedule":{"windows":[` + windows + `]}}}`
}

// eventually waits for a state of the cluster of which no event comes.
func eventually(t *testing.T, what string, check func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !check(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}

// endlessRun is a Run that runs on one of a dev cluster's two agents, and is retried at once.
func endlessRun(t *testing.T) (*world, *devcluster.Cluster, store.Key) {
	w := newWorld(t)
	cluster := startCluster(t, devcluster.Config{Simulate: true, Agents: 2, AllocationInterval: 20 * time.Millisecond})
	w.lead(w.onCluster(cluster, &memoryIDs{}))
	soon := func(r *v1.Run) { r.Spec.Retries.Delay = &v1.Duration{Duration: time.Millisecond} }
	key := w.createRun("endless", sim("never"), soon)
	w.until("it runs", func() bool { return w.phase(key) == v1.RunRunning })
	return w, cluster, key
}

// TestMaintenanceOnTheDevCluster: a window is planned for an agent where a Run has no end in sight; operators
// see that it is declined, and the user why; the machine goes down, and the Run goes on elsewhere.
func TestMaintenanceOnTheDevCluster(t *testing.T) {
	w, cluster, key := endlessRun(t)
	first := w.now(key).Object.Status.Attempts[0]

	start := time.Now().Add(2 * time.Hour).Truncate(time.Second)
	operate(t, cluster, schedule(start, first.Hostname))
	w.until("the Run says so", func() bool { return w.now(key).Object.Status.Reason == reasonMaintenance })
	if m := w.now(key).Object.Status.Message; !strings.Contains(m, first.Hostname) || !strings.Contains(m, messages.Instant(start)) {
		t.Errorf("message %q", m)
	}
	eventually(t, "declined", func() bool { return maintenanceAnswer(t, cluster) == "DECLINE" })

	// It is called off, and planned again while the Run is to end in time.
	operate(t, cluster, schedule(start))
	w.ends(w.createRun("probe", sim("ok,1ms"))) // brings offers, which show that there is no window any more
	w.until("the Run does not say so any more", func() bool { return w.now(key).Object.Status.Reason == "" })
	w.edit(key, func(s *v1.RunSpec) { s.Deadline = &v1.Duration{Duration: time.Hour} })
	eventually(t, "accepted", func() bool {
		operate(t, cluster, schedule(start.Add(time.Second), first.Hostname))
		operate(t, cluster, schedule(start, first.Hostname)) // anew, so that it is asked anew
		return maintenanceAnswer(t, cluster) == "ACCEPT"
	})

	operate(t, cluster, fmt.Sprintf(`{"type":"START_MAINTENANCE","start_maintenance":{"machines":[{"hostname":%q}]}}`, first.Hostname))
	w.until("it runs elsewhere", func() bool {
		s := w.now(key).Object.Status
		return s.Phase == v1.RunRunning && len(s.Attempts) == 2
	})
	s := w.now(key).Object.Status
	if a := s.Attempts[0]; a.State != v1.RunLost || a.Reason != "AGENT_REMOVED" || a.NotStarted {
		t.Errorf("the first attempt: %+v", a)
	}
	if s.Attempts[1].Hostname == first.Hostname {
		t.Error("the second attempt runs on the machine that is down")
	}
}

// TestDrainedAgentOnTheDevCluster: an agent is drained; its task is killed, which nobody asked of Horae, and so
// it is lost work that is done elsewhere. Nothing is launched there until the agent is activated again.
func TestDrainedAgentOnTheDevCluster(t *testing.T) {
	w, cluster, key := endlessRun(t)
	first := w.now(key).Object.Status.Attempts[0]

	operate(t, cluster, fmt.Sprintf(`{"type":"DRAIN_AGENT","drain_agent":{"agent_id":{"value":%q}}}`, first.AgentID))
	w.until("it runs elsewhere", func() bool {
		s := w.now(key).Object.Status
		return s.Phase == v1.RunRunning && len(s.Attempts) == 2
	})
	s := w.now(key).Object.Status
	if a := s.Attempts[0]; a.State != v1.RunLost || a.Reason != "AGENT_DRAINING" || a.NotStarted {
		t.Errorf("the first attempt: %+v", a)
	}
	var others []store.Key
	for i := range 5 {
		others = append(others, w.createRun(fmt.Sprintf("other-%d", i), sim("ok,1ms")))
	}
	for _, other := range others {
		if s := w.ends(other); s.Phase != v1.RunSucceeded || s.Attempts[0].AgentID == first.AgentID {
			t.Errorf("another Run: %+v", s)
		}
	}
	operate(t, cluster, fmt.Sprintf(`{"type":"REACTIVATE_AGENT","reactivate_agent":{"agent_id":{"value":%q}}}`, first.AgentID))
	back := w.createRun("back", sim("ok,1ms"), func(r *v1.Run) {
		r.Spec.Task.Constraints = []v1.Constraint{{Attribute: "hostname", Operator: v1.OpEquals, Value: first.Hostname}}
	})
	if s := w.ends(back); s.Phase != v1.RunSucceeded {
		t.Errorf("after its activation: %+v", s)
	}
}
