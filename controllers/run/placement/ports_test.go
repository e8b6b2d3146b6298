package placement

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	v1 "horae/api/v1"
	"horae/internal/offer"
)

// mapped asks for ports of the host by their numbers, 0 for one of the task's own.
func mapped(numbers ...int32) func(*v1.Run) {
	return func(r *v1.Run) {
		network := &v1.Network{Mode: v1.NetworkBridge}
		for i, n := range numbers {
			network.PortMappings = append(network.PortMappings, v1.PortMapping{HostPort: n, ContainerPort: int32(i + 1)})
		}
		r.Spec.Task.Container = &v1.Container{Type: v1.ContainerDocker, Image: "x", Network: network}
	}
}

// agentWithPorts has these ports of the host.
func agentWithPorts(n int, ranges ...offer.Range) offer.Offer {
	return agent(n, 4, 4096, without("ports"), offering(offer.Resource{Name: "ports", Type: offer.Ranges, Ranges: ranges, AllocatedRole: "horae"}))
}

// TestPortsOfTheHostByTheirNumbers: an agent that offers them is found, they are taken beside the task's own,
// and once.
func TestPortsOfTheHostByTheirNumbers(t *testing.T) {
	both := func(r *v1.Run) { mapped(80, 0, 443)(r); ports(2)(r) }
	a := agentWithPorts(1, offer.Range{Begin: 31000, End: 31009})
	b := agentWithPorts(2, offer.Range{Begin: 79, End: 81}, offer.Range{Begin: 443, End: 443})
	first, second := wants(t, "a", "0.1", "1Mi", both), wants(t, "b", "0.1", "1Mi", mapped(80))
	p := placeAll(situation(first, second), []offer.Offer{a, b})
	if len(p.Agents) != 1 || p.Agents[0].AgentID != b.AgentID || len(p.Agents[0].Tasks) != 1 {
		t.Fatalf("placed %+v", p.Agents)
	}
	placed := p.Agents[0].Tasks[0]
	if diff := cmp.Diff([]int32{79, 81}, placed.Ports); diff != "" {
		t.Errorf("the task's own ports (-want +got):\n%s", diff)
	}
	taken := map[uint64]int{}
	for _, r := range placed.Resources {
		for _, ports := range r.Ranges {
			for port := ports.Begin; port <= ports.End; port++ {
				taken[port]++
			}
		}
	}
	if diff := cmp.Diff(map[uint64]int{79: 1, 80: 1, 81: 1, 443: 1}, taken); diff != "" {
		t.Errorf("all ports (-want +got):\n%s", diff)
	}
	want := Why{"InsufficientPorts", "2 offers, none with 1 port of the host free: 80"}
	if diff := cmp.Diff(want, p.Why(second)); diff != "" {
		t.Error(diff)
	}
}

func TestHostPortsOfATask(t *testing.T) {
	for name, tc := range map[string]struct {
		numbers []int32
		want    string
	}{
		"none":                         {},
		"only the task's own":          {numbers: []int32{0, 0}},
		"in rising order, each once":   {numbers: []int32{65535, 80, 0, 80, 256}, want: "80, 256, 65535"},
		"one whose bytes are all zero": {numbers: []int32{1}, want: "1"},
	} {
		t.Run(name, func(t *testing.T) {
			r := &v1.Run{}
			mapped(tc.numbers...)(r)
			if got := hostPortsOf(&r.Spec.Task).String(); got != tc.want {
				t.Errorf("%q, want %q", got, tc.want)
			}
		})
	}
}

// TestSplitTakesOnePortProperty: and leaves all others.
func TestSplitTakesOnePortProperty(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		at := part{}
		free := map[uint64]bool{}
		next := uint64(1)
		for range rapid.IntRange(0, 4).Draw(rt, "ranges") {
			begin := next + uint64(rapid.IntRange(0, 3).Draw(rt, "gap"))
			end := begin + uint64(rapid.IntRange(0, 3).Draw(rt, "length"))
			at.ranges = append(at.ranges, offer.Range{Begin: begin, End: end})
			for port := begin; port <= end; port++ {
				free[port] = true
			}
			next = end + 2
		}
		for range 10 {
			port := uint64(rapid.IntRange(1, 30).Draw(rt, "port"))
			if got := at.split(port); got != free[port] {
				rt.Fatalf("split(%d) = %v", port, got)
			}
			delete(free, port)
			left := map[uint64]bool{}
			for _, r := range at.ranges {
				for p := r.Begin; p <= r.End; p++ {
					left[p] = true
				}
			}
			if diff := cmp.Diff(free, left); diff != "" {
				rt.Fatal(diff)
			}
		}
	})
}
