package placement

import (
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	v1 "horae/api/v1"
	"horae/internal/offer"
)

func reserved(r offer.Resource) offer.Resource {
	r.Reservations = []offer.Reservation{{Role: "horae", Dynamic: true, Principal: "p"}}
	return r
}

func without(names ...string) func(*offer.Offer) {
	return func(o *offer.Offer) {
		var kept []offer.Resource
		for _, r := range o.Resources {
			drop := false
			for _, n := range names {
				drop = drop || r.Name == n
			}
			if !drop {
				kept = append(kept, r)
			}
		}
		o.Resources = kept
	}
}

func offering(rs ...offer.Resource) func(*offer.Offer) {
	return func(o *offer.Offer) { o.Resources = append(o.Resources, rs...) }
}

// wants is a request named name for so much. Of those that have waited equally long the first by name comes first.
func wants(t testing.TB, name, cpus, memory string, change ...func(*v1.Run)) *Request {
	t.Helper()
	run := testRun(append([]func(*v1.Run){func(r *v1.Run) {
		r.Name = name
		r.Spec.Task.Resources = v1.Resources{CPUs: quantity(cpus), Memory: quantity(memory), Disk: quantity("0")}
	}}, change...)...)
	req, err := NewRequest(run, t0, "horae")
	if err != nil {
		t.Fatal(err)
	}
	req.lot = 0
	return req
}

func ports(n int32) func(*v1.Run) { return func(r *v1.Run) { r.Spec.Task.Resources.Ports = n } }
func priority(n int32) func(*v1.Run) {
	return func(r *v1.Run) { r.Spec.Priority = n }
}
func spread(r *v1.Run)    { r.Spec.Task.Placement = v1.PlacementSpread }
func revocable(r *v1.Run) { r.Spec.Task.Resources.Revocable = true }
func timeout(n int) func(*v1.Run) {
	return func(r *v1.Run) { r.Spec.Timeout = seconds(n) }
}
func revoked(r offer.Resource) offer.Resource {
	r.Revocable = true
	return r
}
func constrained(cs ...v1.Constraint) func(*v1.Run) {
	return func(r *v1.Run) { r.Spec.Task.Constraints = cs }
}

// situation is of a world in which nothing else is alive.
func situation(waiting ...*Request) *input {
	return &input{Now: t0, Waiting: together(waiting), Config: Config{Ageing: time.Minute, AssumedDuration: 30 * time.Minute}}
}

// placedOf is a placement, with the requests that fitted nowhere in the order of their lines.
type placedOf struct {
	Placement
	Waiting []*Request
}

func placeAll(v *input, offers []offer.Offer) placedOf {
	p := placedOf{Placement: place(v, offers)}
	p.Waiting = stillWaiting(v, &p.Placement)
	return p
}

func stillWaiting(v *input, p *Placement) (waiting []*Request) {
	placed := map[*Request]bool{}
	for _, a := range p.Agents {
		for i := range a.Tasks {
			placed[a.Tasks[i].Request] = true
		}
	}
	for _, ps := range v.Waiting {
		for _, r := range ps.waiting {
			if !placed[r] {
				waiting = append(waiting, r)
			}
		}
	}
	return waiting
}

func (p *placedOf) Why(r *Request) Why { return p.left.Why(r) }

// where lists who went where.
func where(p placedOf) map[string]string {
	m := map[string]string{}
	for _, a := range p.Agents {
		for _, t := range a.Tasks {
			m[t.Run.Key.Name] = a.AgentID
		}
	}
	for _, r := range p.Waiting {
		m[r.Run.Key.Name] = "waits"
	}
	return m
}

func TestPlace(t *testing.T) {
	rack := func(v string) func(*offer.Offer) {
		return func(o *offer.Offer) {
			o.Attributes = []offer.Attribute{{Name: "rack", Type: offer.Text, Text: v}}
		}
	}
	otherRole := func(o *offer.Offer) { o.Role = "other" }
	maintained := func(start time.Time, d time.Duration) func(*offer.Offer) {
		return func(o *offer.Offer) { o.Unavailable = &offer.Window{Start: start, Duration: d} }
	}
	older := func(r *Request) *Request { r.Since = t0.Add(-time.Minute); return r }

	for name, tc := range map[string]struct {
		waiting []*Request
		offers  []offer.Offer
		want    map[string]string
	}{
		"several tasks go to one agent": {
			waiting: []*Request{wants(t, "a", "1", "100Mi"), wants(t, "b", "1", "100Mi"), wants(t, "c", "1", "100Mi")},
			offers:  []offer.Offer{agent(1, 4, 1000)},
			want:    map[string]string{"a": "S1", "b": "S1", "c": "S1"},
		},
		"an agent that is full is left for the next": {
			waiting: []*Request{wants(t, "a", "1", "100Mi"), wants(t, "b", "1", "100Mi")},
			offers:  []offer.Offer{agent(1, 1, 1000), agent(2, 1, 1000)},
			want:    map[string]string{"a": "S1", "b": "S2"},
		},
		"the agent with the least room that suffices is filled first": {
			waiting: []*Request{wants(t, "a", "1", "100Mi")},
			offers:  []offer.Offer{agent(1, 16, 1000), agent(2, 0.5, 1000), agent(3, 2, 1000)},
			want:    map[string]string{"a": "S3"},
		},
		"a large task at the head holds up nobody": {
			waiting: []*Request{wants(t, "large", "64", "100Mi", priority(10)), wants(t, "small", "1", "100Mi")},
			offers:  []offer.Offer{agent(1, 4, 1000)},
			want:    map[string]string{"large": "waits", "small": "S1"},
		},
		"the higher priority goes first": {
			waiting: []*Request{wants(t, "low", "3", "100Mi"), wants(t, "high", "3", "100Mi", priority(1))},
			offers:  []offer.Offer{agent(1, 4, 1000)},
			want:    map[string]string{"low": "waits", "high": "S1"},
		},
		"of one priority the older goes first": {
			waiting: []*Request{wants(t, "a", "3", "100Mi"), older(wants(t, "b", "3", "100Mi"))},
			offers:  []offer.Offer{agent(1, 4, 1000)},
			want:    map[string]string{"a": "waits", "b": "S1"},
		},
		"offers of one agent are added up": {
			waiting: []*Request{wants(t, "a", "3", "300Mi")},
			offers:  []offer.Offer{agent(1, 2, 200), agent(1, 2, 200, func(o *offer.Offer) { o.ID = "O1 too" })},
			want:    map[string]string{"a": "S1"},
		},
		"reserved and unreserved resources are added up": {
			waiting: []*Request{wants(t, "a", "3", "100Mi")},
			offers:  []offer.Offer{agent(1, 2, 200, offering(reserved(scalar("cpus", 2))))},
			want:    map[string]string{"a": "S1"},
		},
		"revocable resources are left alone": {
			waiting: []*Request{wants(t, "a", "3", "100Mi")},
			offers: []offer.Offer{agent(1, 2, 200, offering(offer.Resource{Name: "cpus", Type: offer.Scalar, Scalar: 8,
				AllocatedRole: "horae", Revocable: true}))},
			want: map[string]string{"a": "waits"},
		},
		"another role's offer is left alone": {
			waiting: []*Request{wants(t, "a", "1", "100Mi")},
			offers:  []offer.Offer{agent(1, 2, 200, otherRole)},
			want:    map[string]string{"a": "waits"},
		},
		"a task that names its role gets that role's offer": {
			waiting: []*Request{wants(t, "a", "1", "100Mi", func(r *v1.Run) { r.Spec.Task.Role = "other" })},
			offers:  []offer.Offer{agent(1, 2, 200), agent(2, 2, 200, otherRole)},
			want:    map[string]string{"a": "S2"},
		},
		"constraints decide where": {
			waiting: []*Request{wants(t, "a", "1", "100Mi", constrained(v1.Constraint{Attribute: "rack", Operator: v1.OpEquals, Value: "r2"}))},
			offers:  []offer.Offer{agent(1, 1, 200, rack("r1")), agent(2, 2, 200, rack("r2"))},
			want:    map[string]string{"a": "S2"},
		},
		"requests of equal size with other constraints are searched for anew": {
			waiting: []*Request{
				wants(t, "a", "1", "100Mi", constrained(v1.Constraint{Attribute: "rack", Operator: v1.OpEquals, Value: "none"})),
				wants(t, "b", "1", "100Mi"),
			},
			offers: []offer.Offer{agent(1, 1, 200, rack("r1"))},
			want:   map[string]string{"a": "waits", "b": "S1"},
		},
		"ports run out": {
			waiting: []*Request{wants(t, "a", "0.1", "1Mi", ports(6)), wants(t, "b", "0.1", "1Mi", ports(6)), wants(t, "c", "0.1", "1Mi", ports(4))},
			offers:  []offer.Offer{agent(1, 1, 200)},
			want:    map[string]string{"a": "S1", "b": "waits", "c": "S1"},
		},
		"ten tenths of a cpu fit into one": {
			waiting: []*Request{
				wants(t, "a", "0.1", "1Mi"), wants(t, "b", "0.1", "1Mi"), wants(t, "c", "0.1", "1Mi"), wants(t, "d", "0.1", "1Mi"), wants(t, "e", "0.1", "1Mi"),
				wants(t, "f", "0.1", "1Mi"), wants(t, "g", "0.1", "1Mi"), wants(t, "h", "0.1", "1Mi"), wants(t, "i", "0.1", "1Mi"), wants(t, "j", "0.1", "1Mi"),
				wants(t, "k", "0.1", "1Mi"),
			},
			offers: []offer.Offer{agent(1, 1, 200)},
			want: map[string]string{"a": "S1", "b": "S1", "c": "S1", "d": "S1", "e": "S1", "f": "S1", "g": "S1", "h": "S1", "i": "S1", "j": "S1",
				"k": "waits"},
		},
		"an agent in its maintenance window gets nothing, one whose window is over or to come does": {
			waiting: []*Request{wants(t, "a", "1", "1Mi"), wants(t, "b", "1", "1Mi"), wants(t, "c", "1", "1Mi")},
			offers: []offer.Offer{
				agent(1, 1, 200, maintained(t0.Add(-time.Hour), 2*time.Hour)), agent(2, 1, 200, maintained(t0.Add(-2*time.Hour), time.Hour)),
				agent(3, 1, 200, maintained(t0.Add(time.Hour), time.Hour)),
			},
			want: map[string]string{"a": "S2", "b": "S3", "c": "waits"},
		},
		"an agent that would be maintained before the run is over gets nothing": {
			waiting: []*Request{
				wants(t, "short", "1", "1Mi", timeout(600)), wants(t, "long", "1", "1Mi", timeout(7200)), wants(t, "unknown", "1", "1Mi"),
				wants(t, "by its deadline", "1", "1Mi", func(r *v1.Run) { r.Spec.Deadline = seconds(1100) }),
				wants(t, "deadline too late", "1", "1Mi", func(r *v1.Run) { r.Spec.Deadline = seconds(1300) }),
				wants(t, "deadline before its timeout", "1", "1Mi", timeout(7200), func(r *v1.Run) { r.Spec.Deadline = seconds(1190) }),
			},
			offers: []offer.Offer{agent(1, 9, 200, maintained(t0.Add(20*time.Minute), time.Hour))},
			want: map[string]string{
				"short": "S1", "long": "waits", "unknown": "waits", "by its deadline": "S1", "deadline too late": "waits", "deadline before its timeout": "S1",
			},
		},
		"of one shape, each goes where it will be over in time": {
			waiting: []*Request{wants(t, "a long", "1", "1Mi", timeout(7200)), wants(t, "b short", "1", "1Mi", timeout(60)), wants(t, "c middle", "1", "1Mi", timeout(1200))},
			offers: []offer.Offer{
				agent(1, 1, 200, maintained(t0.Add(2*time.Minute), time.Hour)), agent(2, 2, 200, maintained(t0.Add(time.Hour), time.Hour)), agent(3, 3, 200),
			},
			want: map[string]string{"a long": "S3", "b short": "S1", "c middle": "S2"},
		},
		"spread: the agent with the fewest tasks, of equal ones the last": {
			waiting: []*Request{wants(t, "a", "1", "1Mi", spread), wants(t, "b", "1", "1Mi", spread), wants(t, "c", "1", "1Mi", spread), wants(t, "d", "1", "1Mi", spread)},
			offers:  []offer.Offer{agent(1, 4, 200), agent(2, 4, 200), agent(3, 0.5, 200)},
			want:    map[string]string{"a": "S2", "b": "S1", "c": "S2", "d": "S1"},
		},
		"spread keeps to constraints": {
			waiting: []*Request{
				wants(t, "a", "1", "1Mi", spread, constrained(v1.Constraint{Attribute: "hostname", Operator: v1.OpIn, Value: "node2,node4"})),
				wants(t, "b", "1", "1Mi", spread, constrained(v1.Constraint{Attribute: "hostname", Operator: v1.OpIn, Value: "node2,node4"})),
			},
			offers: []offer.Offer{agent(1, 4, 200), agent(2, 4, 200), agent(3, 4, 200), agent(4, 4, 200), agent(5, 4, 200)},
			want:   map[string]string{"a": "S4", "b": "S2"},
		},
		"spread leaves agents with gpus alone as long as it can": {
			waiting: []*Request{wants(t, "a", "1", "1Mi", spread), wants(t, "b", "1", "1Mi", spread), wants(t, "c", "1", "1Mi", spread)},
			offers:  []offer.Offer{agent(1, 4, 200, offering(scalar("gpus", 1))), agent(2, 2, 200)},
			want:    map[string]string{"a": "S2", "b": "S2", "c": "S1"},
		},
		"revocable resources go to those that ask for them": {
			waiting: []*Request{wants(t, "a", "4", "1Mi", revocable), wants(t, "b", "2", "1Mi"), wants(t, "c", "4", "1Mi", revocable)},
			offers:  []offer.Offer{agent(1, 2, 200, offering(revoked(scalar("cpus", 4))))},
			want:    map[string]string{"a": "S1", "b": "S1", "c": "waits"},
		},
		"revocable and other cpus are not added up": {
			waiting: []*Request{wants(t, "a", "3", "1Mi", revocable)},
			offers:  []offer.Offer{agent(1, 2, 200, offering(revoked(scalar("cpus", 2))))},
			want:    map[string]string{"a": "waits"},
		},
		"shared resources and those of a provider are left alone": {
			waiting: []*Request{wants(t, "a", "3", "1Mi")},
			offers: []offer.Offer{agent(1, 2, 200, offering(
				offer.Resource{Name: "cpus", Type: offer.Scalar, Scalar: 8, AllocatedRole: "horae", Shared: true},
				offer.Resource{Name: "cpus", Type: offer.Scalar, Scalar: 8, AllocatedRole: "horae", ProviderID: "p"}))},
			want: map[string]string{"a": "waits"},
		},
		"agents with gpus are kept for those who need them": {
			waiting: []*Request{wants(t, "plain", "1", "1Mi"), wants(t, "gpu", "1", "1Mi", func(r *v1.Run) { r.Spec.Task.Resources.GPUs = 1 })},
			offers:  []offer.Offer{agent(1, 1, 200, offering(scalar("gpus", 1))), agent(2, 4, 200)},
			want:    map[string]string{"plain": "S2", "gpu": "S1"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, where(placeAll(situation(tc.waiting...), tc.offers))); diff != "" {
				t.Errorf("places (-want +got):\n%s", diff)
			}
		})
	}
}

// TestPlaceTakesReservedResourcesFirst and names each exactly as it was offered.
// TestAgentsToAvoid: an agent on which the Run could not start gets it only if no other has room.
func TestAgentsToAvoid(t *testing.T) {
	for name, change := range map[string]func(*v1.Run){
		"packed": func(*v1.Run) {}, "spread": spread, "revocable": revocable,
		"unique": constrained(one("hostname", v1.OpUnique, "")...), "grouped": constrained(one("hostname", v1.OpGroupBy, "")...),
	} {
		t.Run(name, func(t *testing.T) {
			request := func(name string, avoid ...string) *Request {
				run := wants(t, name, "1", "1Mi", change).Run
				r, err := NewRequest(run, t0, "horae", avoid...)
				if err != nil {
					t.Fatal(err)
				}
				r.lot = 0
				return r
			}
			small, large := agent(1, 1, 100), agent(2, 4, 100)
			for _, tc := range []struct {
				avoid  []string
				offers []offer.Offer
				want   string
			}{
				{nil, []offer.Offer{small}, "S1"},
				{[]string{"S1"}, []offer.Offer{small, large}, "S2"},
				{[]string{"S2"}, []offer.Offer{small, large}, "S1"},
				{[]string{"S2", "S1"}, []offer.Offer{small}, "S1"},
			} {
				r := request("a", tc.avoid...)
				p := placeAll(situation(r), tc.offers)
				if diff := cmp.Diff(map[string]string{"a": tc.want}, where(p)); diff != "" {
					t.Errorf("avoiding %v (-want +got):\n%s", tc.avoid, diff)
				}
			}
		})
	}
}

func TestPlaceTakesReservedResourcesFirst(t *testing.T) {
	o := agent(1, 2, 200, without("ports"),
		offering(reserved(scalar("cpus", 1.5)), reserved(offer.Resource{Name: "ports", Type: offer.Ranges, Ranges: []offer.Range{{Begin: 80, End: 80}}, AllocatedRole: "horae"}),
			offer.Resource{Name: "ports", Type: offer.Ranges, Ranges: []offer.Range{{Begin: 31005, End: 31005}, {Begin: 31000, End: 31001}}, AllocatedRole: "horae"}))
	p := place(situation(wants(t, "a", "2.25", "64Mi", ports(4))), []offer.Offer{o})
	if len(p.Agents) != 1 || len(p.Agents[0].Tasks) != 1 {
		t.Fatalf("placement = %+v", p.Agents)
	}
	got := p.Agents[0].Tasks[0]
	wantPorts := reserved(offer.Resource{Name: "ports", Type: offer.Ranges, Ranges: []offer.Range{{Begin: 80, End: 80}}, AllocatedRole: "horae"})
	morePorts := offer.Resource{Name: "ports", Type: offer.Ranges, Ranges: []offer.Range{{Begin: 31000, End: 31001}, {Begin: 31005, End: 31005}}, AllocatedRole: "horae"}
	want := []offer.Resource{reserved(scalar("cpus", 1.5)), scalar("cpus", 0.75), scalar("mem", 64), wantPorts, morePorts}
	if diff := cmp.Diff(want, got.Resources); diff != "" {
		t.Errorf("resources (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]int32{80, 31000, 31001, 31005}, got.Ports); diff != "" {
		t.Errorf("ports (-want +got):\n%s", diff)
	}
}

func TestWhyItWaits(t *testing.T) {
	for name, tc := range map[string]struct {
		request *Request
		offers  []offer.Offer
		want    Why
	}{
		"no offers": {wants(t, "a", "4", "1Mi"), nil, Why{"NoOffers", "Mesos has offered nothing yet"}},
		"too few cpus anywhere": {
			wants(t, "a", "6", "1Mi"), []offer.Offer{agent(1, 5, 100), agent(2, 4, 100), agent(3, 3, 100)},
			Why{"InsufficientCPUs", "3 offers, 12 cpus in all, none with 6 cpus; the best had 5"},
		},
		"too little memory on the one agent": {
			wants(t, "a", "1", "512Mi"), []offer.Offer{agent(1, 5, 100.5)},
			Why{"InsufficientMemory", "1 offer, 100.5Mi of memory in all, none with 512Mi of memory; the best had 100.5Mi"},
		},
		"too few ports": {wants(t, "a", "1", "1Mi", ports(11)), []offer.Offer{agent(1, 5, 100)}, Why{"InsufficientPorts", "1 offer, none with 11 ports; the best had 10"}},
		"enough of each, but not in one place": {
			wants(t, "a", "4", "400Mi"), []offer.Offer{agent(1, 5, 100), agent(2, 1, 1000)},
			Why{"InsufficientResources", "2 offers, 6 cpus and 1100Mi of memory in all, none with 4 cpus, 400Mi of memory together"},
		},
		"constraints that nobody meets": {
			wants(t, "a", "1", "1Mi", constrained(v1.Constraint{Attribute: "rack", Operator: v1.OpLike, Value: "r[12]"})),
			[]offer.Offer{agent(1, 5, 100), agent(2, 5, 100)},
			Why{"ConstraintsNotMet", "2 offers, none of which meets rack Like r[12]"},
		},
		"constraints that leave an agent that is too small": {
			wants(t, "a", "8", "1Mi", constrained(v1.Constraint{Attribute: "hostname", Operator: v1.OpEquals, Value: "node1"})),
			[]offer.Offer{agent(1, 5, 100), agent(2, 16, 100)},
			Why{"InsufficientCPUs", "1 offer that meets the constraints, 5 cpus in all, none with 8 cpus; the best had 5"},
		},
		"another role's offers": {
			wants(t, "a", "1", "1Mi", func(r *v1.Run) { r.Spec.Task.Role = "etl" }), []offer.Offer{agent(1, 5, 100)},
			Why{"NoOffersForRole", "1 offer, none for role etl"},
		},
		"maintenance too soon": {
			wants(t, "a", "1", "1Mi"), []offer.Offer{
				agent(1, 5, 100, func(o *offer.Offer) { o.Unavailable = &offer.Window{Start: at(20 * time.Minute)} }),
				agent(2, 5, 100, func(o *offer.Offer) { o.Unavailable = &offer.Window{Start: at(20 * time.Minute)} }),
			},
			Why{"Maintenance", "2 offers, each of an agent to be maintained from 2026-11-22T02:20:00Z on; a run without timeout and deadline is taken to last 30m0s"},
		},
		"maintenance before it would be over": {
			wants(t, "a", "1", "1Mi", timeout(3600)), []offer.Offer{agent(1, 5, 100, func(o *offer.Offer) { o.Unavailable = &offer.Window{Start: at(20 * time.Minute)} })},
			Why{"Maintenance", "1 offer, each of an agent to be maintained from 2026-11-22T02:20:00Z on; the run may last until 2026-11-22T03:00:20Z"},
		},
		"maintenance leaves one that is too small": {
			wants(t, "a", "4", "1Mi"), []offer.Offer{agent(1, 5, 100, func(o *offer.Offer) { o.Unavailable = &offer.Window{Start: t0} }), agent(2, 3, 100)},
			Why{"InsufficientCPUs", "1 offer of agents that are not about to be maintained, 3 cpus in all, none with 4 cpus; the best had 3"},
		},
		"gpus that are not asked for": {
			wants(t, "a", "1", "1Mi", func(r *v1.Run) { r.Spec.Task.Resources.GPUs = 2 }), []offer.Offer{agent(1, 5, 100)},
			Why{"InsufficientGPUs", "1 offer, 0 gpus in all, none with 2 gpus; the best had 0; mesos.framework.gpus is off, so that Mesos offers no agents with GPUs"},
		},
		"maintenance everywhere": {
			wants(t, "a", "1", "1Mi"), []offer.Offer{agent(1, 5, 100, func(o *offer.Offer) { o.Unavailable = &offer.Window{Start: t0} })},
			Why{"Maintenance", "1 offer, each of an agent under maintenance"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := placeAll(situation(tc.request), tc.offers)
			if len(p.Waiting) != 1 {
				t.Fatalf("it does not wait: %v", where(p))
			}
			if diff := cmp.Diff(tc.want, p.Why(p.Waiting[0])); diff != "" {
				t.Errorf("why (-want +got):\n%s", diff)
			}
		})
	}
}

// TestPlaceTakesRevocableResourcesForThoseThatAsk, each resource of one kind, and says which they are.
func TestPlaceTakesRevocableResourcesForThoseThatAsk(t *testing.T) {
	o := agent(1, 2, 200, without("ports"), offering(revoked(scalar("cpus", 1.5)), revoked(scalar("mem", 32))))
	p := place(situation(wants(t, "a", "1.5", "64Mi", revocable), wants(t, "b", "1", "64Mi")), []offer.Offer{o})
	want := map[string][]offer.Resource{
		"a": {revoked(scalar("cpus", 1.5)), scalar("mem", 64)},
		"b": {scalar("cpus", 1), scalar("mem", 64)},
	}
	got := map[string][]offer.Resource{}
	for _, task := range p.Agents[0].Tasks {
		got[task.Run.Key.Name] = task.Resources
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("resources (-want +got):\n%s", diff)
	}
}

// TestPlaceNeverUsesMoreThanThereIs and leaves no request waiting that fits.
func TestPlaceNeverUsesMoreThanThereIs(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var offers []offer.Offer
		for i := range rapid.IntRange(0, 8).Draw(rt, "offers") {
			o := agent(rapid.IntRange(0, 5).Draw(rt, "agent"), float64(rapid.IntRange(0, 40).Draw(rt, "cpus"))/10, float64(rapid.IntRange(0, 400).Draw(rt, "mem")))
			o.ID = fmt.Sprint("O", i)
			if rapid.Bool().Draw(rt, "reserved") {
				o.Resources = append(o.Resources, reserved(scalar("cpus", float64(rapid.IntRange(1, 20).Draw(rt, "reserved cpus"))/10)))
			}
			offers = append(offers, o)
		}
		var waiting []*Request
		for i := range rapid.IntRange(0, 20).Draw(rt, "requests") {
			waiting = append(waiting, wants(t, fmt.Sprint("r", i), fmt.Sprintf("%dm", 100*rapid.IntRange(0, 30).Draw(rt, "want cpus")),
				fmt.Sprintf("%dMi", rapid.IntRange(0, 300).Draw(rt, "want mem")), ports(int32(rapid.IntRange(0, 12).Draw(rt, "want ports")))))
		}
		p := placeAll(situation(waiting...), offers)
		left := map[string]Need{}
		for _, o := range offers {
			b := newBin([]offer.Offer{o})
			n := left[o.AgentID]
			for d := range n.amount {
				n.amount[d] += b.free.amount[d]
			}
			n.ports += b.free.ports
			left[o.AgentID] = n
		}
		placed := 0
		for _, a := range p.Agents {
			for _, task := range a.Tasks {
				placed++
				b := newBin([]offer.Offer{{Resources: task.Resources}})
				if b.free != task.shape.Need {
					rt.Fatalf("%s got %v, wants %v", task.Run.Key.Name, b.free, task.shape.Need)
				}
				n := left[a.AgentID]
				for d := range n.amount {
					n.amount[d] -= b.free.amount[d]
				}
				n.ports -= b.free.ports
				left[a.AgentID] = n
				if !n.covers(&Need{}) {
					rt.Fatalf("agent %s was given more than it has: %v is left", a.AgentID, n)
				}
			}
		}
		if placed+len(p.Waiting) != len(waiting) {
			rt.Fatalf("%d placed and %d waiting of %d", placed, len(p.Waiting), len(waiting))
		}
		for _, r := range p.Waiting {
			for id, n := range left {
				if n.covers(&r.shape.Need) {
					rt.Fatalf("%s waits for %v, but agent %s has %v left", r.Run.Key.Name, r.shape.Need, id, n)
				}
			}
			if p.Why(r).Reason == "" {
				rt.Fatalf("%s waits without a reason", r.Run.Key.Name)
			}
		}
	})
}

// shapes of requests in BenchmarkPlace.
var benchShapes = map[string]func(i int, r *v1.Run){
	"one shape":    func(int, *v1.Run) {},
	"each another": func(i int, r *v1.Run) { r.Spec.Task.Resources.Memory = quantity(fmt.Sprintf("%dKi", 32000+i)) },
	"mixed":        mixed,
	"spread":       func(i int, r *v1.Run) { mixed(i, r); r.Spec.Task.Placement = v1.PlacementSpread },
	"unique": func(i int, r *v1.Run) {
		r.Spec.Job = fmt.Sprint("job", i%1000)
		r.Spec.Task.Constraints = one("hostname", v1.OpUnique, "")
	},
	"group by rack": func(i int, r *v1.Run) {
		r.Spec.Job = fmt.Sprint("job", i%100)
		r.Spec.Task.Constraints = one("rack", v1.OpGroupBy, "3")
	},
}

// mixed Runs are of 50 namespaces, three priorities and 100 sizes; three in ten have constraints, one in ten is
// spread.
func mixed(i int, r *v1.Run) {
	r.Namespace, r.Spec.Priority, r.Spec.Job = fmt.Sprint("team", i%50), int32(i%3), fmt.Sprint("job", i%500)
	r.Spec.Task.Resources.CPUs, r.Spec.Task.Resources.Memory = quantity(fmt.Sprintf("%dm", 100+10*(i%100))), quantity(fmt.Sprintf("%dMi", 32+i%100))
	switch i % 10 {
	case 0:
		r.Spec.Task.Constraints = one("rack", v1.OpLike, fmt.Sprintf("rack-[%d-9]", i/10%10))
	case 1:
		r.Spec.Task.Constraints = one("hostname", v1.OpUnique, "")
	case 2:
		r.Spec.Task.Constraints = one("rack", v1.OpGroupBy, "")
	case 3:
		r.Spec.Task.Placement = v1.PlacementSpread
	case 4:
		r.Spec.Task.Resources.Ports = 1
	}
}

// BenchmarkPlace prints wall and CPU time: on a machine that others use too the latter says more.
func BenchmarkPlace(b *testing.B) {
	for _, bc := range []struct {
		shape            string
		requests, offers int
		cpus             float64 // of an agent
	}{
		{"mixed", 10_000, 1_000, 16},
		{"one shape", 10_000, 1_000, 16},
		{"each another", 10_000, 1_000, 16},
		{"spread", 10_000, 1_000, 16},
		{"unique", 10_000, 1_000, 16},
		{"group by rack", 10_000, 1_000, 16},
		{"mixed", 10_000, 1_000, 0.5}, // one in ten fits
		{"mixed", 10_000, 1_000, 0.01},
		{"mixed", 1_000, 1_000, 16}, // growth
		{"mixed", 100_000, 1_000, 64},
		{"mixed", 10_000, 100, 64},
		{"mixed", 10_000, 5_000, 16},
	} {
		b.Run(fmt.Sprintf("%s/%dx%d/%gcpus", bc.shape, bc.requests, bc.offers, bc.cpus), func(b *testing.B) {
			rng := rand.New(rand.NewPCG(1, 2))
			var offers []offer.Offer
			for i := range bc.offers {
				o := agent(i, bc.cpus*(0.5+rng.Float64()), 64000)
				o.Attributes = []offer.Attribute{text("dc", "north"), text("rack", fmt.Sprint("rack-", i%10))}
				offers = append(offers, o)
			}
			var waiting []*Request
			for i := range bc.requests {
				waiting = append(waiting, wants(b, fmt.Sprint("r", i), "100m", "32Mi", func(r *v1.Run) { benchShapes[bc.shape](i, r) }))
			}
			v := situation(waiting...)
			placed, before := 0, cpuTime(b)
			for b.Loop() {
				p := place(v, offers)
				placed = 0
				for _, a := range p.Agents {
					placed += len(a.Tasks)
				}
			}
			b.ReportMetric(float64(placed), "placed")
			b.ReportMetric(float64((cpuTime(b)-before).Microseconds())/1000/float64(b.N), "cpu-ms/op")
		})
	}
}

// cpuTime is what the process has used so far, its garbage collector's included.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
