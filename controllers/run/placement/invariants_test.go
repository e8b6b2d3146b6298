package placement

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	v1 "horae/api/v1"
	"horae/internal/offer"
	"horae/internal/store"
)

// TestPlaceInvariants and FuzzPlace: whatever waits and whatever is offered,
//   - each request is placed once, or waits, and says why;
//   - each task gets what it needs, named as it was offered, and no more than was offered is given away;
//   - it goes to an agent that meets its constraints, those that look at the Job's other attempts too, and that
//     is not maintained before it is over;
//   - no Run waits for which there is still room.
func TestPlaceInvariants(t *testing.T) { rapid.Check(t, placeInvariants) }

func FuzzPlace(f *testing.F) { f.Fuzz(rapid.MakeFuzz(placeInvariants)) }

func placeInvariants(t *rapid.T) {
	offers := drawOffers(t)
	var waiting []*Request
	for i := range rapid.IntRange(0, 14).Draw(t, "requests") {
		waiting = append(waiting, drawRequest(t, i))
	}
	v := situation(waiting...)
	drawAlive(t, v)
	p := placeAll(v, offers)
	w := newChecker(v, offers)
	placed := map[store.Key]bool{}
	for _, a := range p.Agents {
		for i := range a.Tasks {
			task := &a.Tasks[i]
			if placed[task.Run.Key] {
				t.Fatalf("%s was placed twice", task.Run.Key)
			}
			placed[task.Run.Key] = true
			w.takes(t, &a, task)
		}
	}
	w.others(t, &p.Placement)
	if len(placed)+len(p.Waiting) != len(waiting) {
		t.Fatalf("%d placed and %d waiting of %d", len(placed), len(p.Waiting), len(waiting))
	}
	for _, r := range p.Waiting {
		if placed[r.Run.Key] {
			t.Fatalf("%s was placed, and waits", r.Run.Key)
		}
		if why := p.Why(r); why.Reason == "" || why.Message == "" {
			t.Fatalf("%s waits without a reason", r.Run.Key)
		}
		w.noRoom(t, &p.Placement, r)
	}
}

func drawOffers(t *rapid.T) []offer.Offer {
	var offers []offer.Offer
	for i := range rapid.IntRange(0, 8).Draw(t, "offers") {
		n := rapid.IntRange(0, 5).Draw(t, "agent")
		o := agent(n, float64(rapid.IntRange(0, 40).Draw(t, "cpus"))/10, float64(rapid.IntRange(0, 400).Draw(t, "mem")), inRack([]string{"", "r1", "r1", "r2", "r2", "r3"}[n]))
		o.ID = fmt.Sprint("O", i)
		begin := uint64(31000 + 20*i)
		o.Resources[3].Ranges = []offer.Range{{Begin: begin, End: begin + uint64(rapid.IntRange(0, 5).Draw(t, "ports"))}, {Begin: begin + 10, End: begin + 11}}
		switch rapid.IntRange(0, 4).Draw(t, "more") {
		case 0:
			o.Resources = append(o.Resources, reserved(scalar("cpus", float64(rapid.IntRange(1, 20).Draw(t, "reserved cpus"))/10)))
		case 1:
			o.Resources = append(o.Resources, revoked(scalar("cpus", float64(rapid.IntRange(1, 20).Draw(t, "revocable cpus"))/10)))
		case 2:
			o.Resources = append(o.Resources, scalar("gpus", 2))
		case 3:
			r := reserved(offer.Resource{Name: "ports", Type: offer.Ranges, Ranges: []offer.Range{{Begin: uint64(80 + i), End: uint64(80 + i)}}, AllocatedRole: "horae"})
			r.Reservations = append(r.Reservations, offer.Reservation{Role: "horae/sub", Labels: map[string]string{"a": "b"}})
			o.Resources = append(o.Resources, r)
		}
		if n == 1 {
			o.Unavailable = &offer.Window{Start: t0.Add(20 * time.Minute), Duration: time.Hour}
		}
		offers = append(offers, o)
	}
	return offers
}

func drawRequest(t *rapid.T, i int) *Request {
	r := &v1.Run{}
	*r = *testRun(func(r *v1.Run) {
		r.Name, r.Namespace = fmt.Sprint("r", i), rapid.SampledFrom([]string{"x", "y"}).Draw(t, "namespace")
		r.Spec.Job, r.Spec.Priority = rapid.SampledFrom([]string{"j", "k"}).Draw(t, "job"), rapid.Int32Range(0, 1).Draw(t, "priority")
		task := &r.Spec.Task
		task.Resources = v1.Resources{
			CPUs:   quantity(fmt.Sprintf("%dm", 100*rapid.IntRange(0, 30).Draw(t, "want cpus"))),
			Memory: quantity(fmt.Sprintf("%dMi", rapid.IntRange(0, 300).Draw(t, "want mem"))), Disk: quantity("0"),
			Ports: rapid.Int32Range(0, 8).Draw(t, "want ports"), GPUs: int32(max(0, rapid.IntRange(-5, 2).Draw(t, "want gpus"))),
			Revocable: rapid.IntRange(0, 3).Draw(t, "revocable") == 0,
		}
		if rapid.Bool().Draw(t, "spread") {
			task.Placement = v1.PlacementSpread
		}
		if rapid.IntRange(0, 2).Draw(t, "timed") == 0 {
			r.Spec.Timeout = seconds(600)
		}
		for range rapid.IntRange(0, 2).Draw(t, "constraints") {
			task.Constraints = append(task.Constraints, rapid.SampledFrom([]v1.Constraint{
				{Attribute: "rack", Operator: v1.OpEquals, Value: "r1"}, {Attribute: "hostname", Operator: v1.OpLike, Value: "node[2-5]"},
				{Attribute: "rack", Operator: v1.OpUnique}, {Attribute: "hostname", Operator: v1.OpMaxPer, Value: "2"},
				{Attribute: "rack", Operator: v1.OpGroupBy}, {Attribute: "rack", Operator: v1.OpGroupBy, Value: "2"}, {Attribute: "hostname", Operator: v1.OpGroupBy},
			}).Draw(t, "constraint"))
		}
	}).Object
	e := testRun(func(o *v1.Run) { *o = *r })
	var avoid []string
	for range max(0, rapid.IntRange(-3, 2).Draw(t, "avoided agents")) {
		avoid = append(avoid, fmt.Sprint("S", rapid.IntRange(0, 5).Draw(t, "avoid")))
	}
	req, err := NewRequest(e, t0.Add(-time.Duration(rapid.IntRange(0, 200).Draw(t, "waited"))*time.Second), "horae", avoid...)
	if err != nil {
		t.Fatal(err)
	}
	return req
}

// drawAlive has attempts of the Jobs alive, some on agents that nobody knows.
func drawAlive(t *rapid.T, v *input) {
	v.Live, v.Agents, v.Tasks = map[store.Key][]Site{}, map[string]*offer.Offer{}, map[string]int{}
	for range rapid.IntRange(0, 4).Draw(t, "alive") {
		n := rapid.IntRange(1, 6).Draw(t, "on")
		o := agent(n, 0, 0, inRack([]string{"", "r1", "r1", "r2", "r2", "r3", ""}[n]))
		if n < 6 {
			v.Agents[o.AgentID] = &o
		}
		job := store.JobKey(rapid.SampledFrom([]string{"x", "y"}).Draw(t, "namespace"), rapid.SampledFrom([]string{"j", "k"}).Draw(t, "job"))
		v.Live[job] = append(v.Live[job], Site{o.AgentID, o.Hostname})
		v.Tasks[o.AgentID]++
	}
}

// checker knows what is left of what was offered, counted anew and without any of the placement's own shortcuts.
type checker struct {
	v      *input
	offers map[string][]offer.Offer // by agent
	left   map[string]map[string]int64
	ports  map[string]map[int32]string // by agent: each port and the resource that it is part of
}

func newChecker(v *input, offers []offer.Offer) *checker {
	c := &checker{v: v, offers: map[string][]offer.Offer{}, left: map[string]map[string]int64{}, ports: map[string]map[int32]string{}}
	for _, o := range offers {
		c.offers[o.AgentID] = append(c.offers[o.AgentID], o)
		if c.left[o.AgentID] == nil {
			c.left[o.AgentID], c.ports[o.AgentID] = map[string]int64{}, map[int32]string{}
		}
		for _, r := range o.Resources {
			c.left[o.AgentID][kindOf(r)] += int64(r.Scalar*1000 + 0.5)
			for _, span := range r.Ranges {
				for port := span.Begin; port <= span.End; port++ {
					c.ports[o.AgentID][int32(port)] = kindOf(r)
				}
			}
		}
	}
	return c
}

// kindOf is all of a resource but its amount.
func kindOf(r offer.Resource) string {
	r.Scalar, r.Ranges = 0, nil
	return fmt.Sprintf("%+v", r)
}

// takes checks what one task takes, and takes it away.
func (c *checker) takes(t *rapid.T, a *Agent, task *Placed) {
	var got Need
	revocable := map[string]map[bool]bool{}
	var ports []int32
	for _, r := range task.Resources {
		for _, span := range r.Ranges {
			for port := span.Begin; port <= span.End; port++ {
				if c.ports[a.AgentID][int32(port)] != kindOf(r) {
					t.Fatalf("%s takes port %d of %s, which was not offered or is taken", task.Run.Key, port, kindOf(r))
				}
				delete(c.ports[a.AgentID], int32(port))
				ports = append(ports, int32(port))
			}
		}
		if d := slices.Index(dimensionNames[:], r.Name); d >= 0 {
			got.amount[d] += int64(r.Scalar*1000 + 0.5)
			if c.left[a.AgentID][kindOf(r)] -= int64(r.Scalar*1000 + 0.5); c.left[a.AgentID][kindOf(r)] < 0 {
				t.Fatalf("more was given away of %s than was offered", kindOf(r))
			}
			if revocable[r.Name] == nil {
				revocable[r.Name] = map[bool]bool{}
			}
			if revocable[r.Name][r.Revocable] = true; len(revocable[r.Name]) > 1 || r.Revocable && !task.shape.revocable {
				t.Fatalf("%s takes %v", task.Run.Key, task.Resources)
			}
		}
	}
	if got.ports = int64(len(ports)); got != task.shape.Need || !slices.Equal(ports, task.Ports) {
		t.Fatalf("%s got %v and ports %d, wants %v", task.Run.Key, got, task.Ports, task.shape.Need)
	}
	for i := range a.Offers {
		if u := task.constraints.unmet(&a.Offers[i]); u != nil {
			t.Fatalf("%s is on an agent that does not meet %s", task.Run.Key, u)
		}
		if w := a.Offers[i].Unavailable; w != nil && after30(task.Request, w) {
			t.Fatalf("%s is on an agent that is maintained before it is over", task.Run.Key)
		}
	}
}

// others checks Unique and MaxPer: whose counts only ever grow, so that they hold at the end if they held when
// each was placed.
func (c *checker) others(t *rapid.T, p *Placement) {
	sites := map[store.Key][]Site{}
	for job, live := range c.v.Live {
		sites[job] = slices.Clone(live)
	}
	for _, a := range p.Agents {
		for i := range a.Tasks {
			sites[a.Tasks[i].job] = append(sites[a.Tasks[i].job], Site{a.AgentID, a.Hostname})
		}
	}
	for _, a := range p.Agents {
		for i := range a.Tasks {
			task := &a.Tasks[i]
			for _, k := range task.constraints.most {
				n := 0
				for _, at := range sites[task.job] {
					if l, known := c.v.label(at, k.Attribute); c.offers[at.AgentID] != nil {
						if labelOf(&c.offers[at.AgentID][0], k.Attribute) == labelOf(&a.Offers[0], k.Attribute) {
							n++
						}
					} else if !known || l == labelOf(&a.Offers[0], k.Attribute) {
						n++
					}
				}
				if othersAreAlike(task, p) && n > k.n {
					t.Fatalf("%s is beside %d others: %s", task.Run.Key, n-1, &k)
				}
			}
		}
	}
}

// othersAreAlike reports whether all that the placement gave to the Job have the same constraints: one without
// may come after one with, whose promise it then breaks.
func othersAreAlike(task *Placed, p *Placement) bool {
	for _, a := range p.Agents {
		for i := range a.Tasks {
			if o := &a.Tasks[i]; o.job == task.job && o.shape.constraints != task.shape.constraints {
				return false
			}
		}
	}
	return true
}

// after30 reports whether the request may last into the window; without a bound it lasts for half an hour.
func after30(r *Request, w *offer.Window) bool {
	ends, _ := r.ends(t0, 30*time.Minute)
	return ends.After(w.Start)
}

// noRoom checks that a request that waits fits nowhere, as things are at the end.
func (c *checker) noRoom(t *rapid.T, p *Placement, r *Request) {
	for id, offers := range c.offers {
		b := bin{}
		for kind, left := range c.left[id] {
			for _, o := range offers {
				for _, res := range o.Resources {
					if d := slices.Index(dimensionNames[:], res.Name); d >= 0 && kindOf(res) == kind {
						b.kind(res.Revocable).amount[d] += left
						left = 0
					}
				}
			}
		}
		b.free.ports = int64(len(c.ports[id]))
		o := &offers[0]
		switch {
		case !b.fits(&r.shape), r.constraints.unmet(o) != nil:
		case r.constraints.unmetByOthers(p.left.jobs[r.jobID], func(g int) string { return labelOf(o, p.left.jobs[r.jobID][g].attribute) }) != nil:
		case o.Unavailable != nil && after30(r, o.Unavailable):
		default:
			t.Fatalf("%s waits for %v, and %s has %v and %v", r.Run.Key, r.shape.Need, id, b.free, b.revocable)
		}
	}
}
