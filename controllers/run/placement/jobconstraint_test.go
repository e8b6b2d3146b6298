package placement

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	v1 "horae/api/v1"
	"horae/internal/offer"
	"horae/internal/store"
)

func inRack(rack string) func(*offer.Offer) {
	return func(o *offer.Offer) {
		if rack != "" {
			o.Attributes = append(o.Attributes, text("rack", rack))
		}
	}
}

// alive has attempts of Job hello alive on agents that are known.
func alive(v *input, on ...offer.Offer) *input {
	v.Live, v.Agents = map[store.Key][]Site{}, map[string]*offer.Offer{}
	for i := range on {
		v.Agents[on[i].AgentID] = &on[i]
		v.Live[store.JobKey("default", "hello")] = append(v.Live[store.JobKey("default", "hello")], Site{on[i].AgentID, on[i].Hostname})
	}
	return v
}

// strangers are attempts of Job hello on an agent that was never offered.
func strangers(v *input, n int) *input {
	for range n {
		v.Live[store.JobKey("default", "hello")] = append(v.Live[store.JobKey("default", "hello")], Site{"S99", "node99"})
	}
	return v
}

func TestPlaceBesideTheJobsOtherAttempts(t *testing.T) {
	three := func(cs []v1.Constraint, change ...func(*v1.Run)) []*Request {
		var rs []*Request
		for _, name := range []string{"a", "b", "c"} {
			rs = append(rs, wants(t, name, "1", "1Mi", append(change, constrained(cs...))...))
		}
		return rs
	}
	r1, r2, r3 := agent(1, 2, 100, inRack("r1")), agent(2, 4, 100, inRack("r2")), agent(3, 6, 100, inRack("r3"))
	for name, tc := range map[string]struct {
		view   *input
		offers []offer.Offer
		want   map[string]string
		why    string
	}{
		"unique: one on each value": {
			view: situation(three(one("rack", v1.OpUnique, ""))...), offers: []offer.Offer{r1, r2, r3},
			want: map[string]string{"a": "S1", "b": "S2", "c": "S3"},
		},
		"unique: the rest waits": {
			view: situation(three(one("rack", v1.OpUnique, ""))...), offers: []offer.Offer{r1, r2, agent(4, 8, 100, inRack("r2"))},
			want: map[string]string{"a": "S1", "b": "S2", "c": "waits"},
			why:  "3 offers, none of which meets rack Unique: 2 live attempts of the job on 2 values",
		},
		"unique: what was alive before counts": {
			view: alive(situation(three(one("rack", v1.OpUnique, ""))...), r1, r3), offers: []offer.Offer{r1, r2, r3},
			want: map[string]string{"a": "S2", "b": "waits", "c": "waits"},
			why:  "3 offers, none of which meets rack Unique: 3 live attempts of the job on 3 values",
		},
		"unique: an agent without the attribute is none": {
			view: situation(three(one("rack", v1.OpUnique, ""))[:1]...), offers: []offer.Offer{agent(5, 8, 100)},
			want: map[string]string{"a": "waits"}, why: "1 offer, none of which meets rack Unique without that attribute",
		},
		"unique: attempts of other Jobs do not count": {
			view:   situation(append(three(one("rack", v1.OpUnique, ""))[:1], wants(t, "o", "1", "1Mi", constrained(one("rack", v1.OpUnique, "")...), func(r *v1.Run) { r.Spec.Job = "other" }))...),
			offers: []offer.Offer{r1}, want: map[string]string{"a": "S1", "o": "S1"},
		},
		"unique: attempts of the Job that have no such constraint count": {
			view:   situation(since(wants(t, "plain", "1", "1Mi"), 1), three(one("rack", v1.OpUnique, ""))[0]),
			offers: []offer.Offer{r1, r2}, want: map[string]string{"plain": "S1", "a": "S2"},
		},
		"unique by hostname": {
			view: situation(three(one("hostname", v1.OpUnique, ""))...), offers: []offer.Offer{r1, r2, r3}, want: map[string]string{"a": "S1", "b": "S2", "c": "S3"},
		},
		"unique by agent, also where the agent was not offered yet": {
			view: strangers(alive(situation(three(one("agent", v1.OpUnique, ""))...)), 1), offers: []offer.Offer{r1, agent(99, 10, 100)},
			want: map[string]string{"a": "S1", "b": "waits", "c": "waits"},
		},
		"unique: an attempt whose agent is not known may be anywhere": {
			view: strangers(alive(situation(three(one("rack", v1.OpUnique, ""))...)), 1), offers: []offer.Offer{r1, r2},
			want: map[string]string{"a": "waits", "b": "waits", "c": "waits"},
			why:  "2 offers, none of which meets rack Unique: 1 live attempt of the job on 0 values and 1 on agents such as node99 whose rack is not known",
		},
		"at most two": {
			view: situation(three(one("rack", v1.OpMaxPer, "2"))...), offers: []offer.Offer{agent(3, 6, 100, inRack("r1")), agent(4, 8, 100, inRack("r1"))},
			want: map[string]string{"a": "S3", "b": "S3", "c": "waits"},
		},
		"at most two, one of which may be there already": {
			view: strangers(alive(situation(three(one("rack", v1.OpMaxPer, "2"))...)), 1), offers: []offer.Offer{r1, r2, r3},
			want: map[string]string{"a": "S1", "b": "S2", "c": "S3"},
		},
		"group by: evenly, though one agent could take all": {
			view: situation(three(one("rack", v1.OpGroupBy, ""))...), offers: []offer.Offer{r2, r3, agent(4, 8, 100, inRack("r3"))},
			want: map[string]string{"a": "S2", "b": "S3", "c": "S2"},
		},
		"group by: the emptier value first": {
			view: alive(situation(three(one("rack", v1.OpGroupBy, ""))...), r1, r1, r2), offers: []offer.Offer{r1, r2},
			want: map[string]string{"a": "S2", "b": "S1", "c": "S2"},
		},
		"group by: never uneven": {
			view: alive(situation(three(one("rack", v1.OpGroupBy, ""))...), r2), offers: []offer.Offer{r1},
			want: map[string]string{"a": "S1", "b": "S1", "c": "waits"},
			why:  "1 offer, none of which meets rack GroupBy: 3 live attempts of the job on 2 values",
		},
		"group by at least three": {
			view: situation(three(one("rack", v1.OpGroupBy, "3"))...), offers: []offer.Offer{r1, r2},
			want: map[string]string{"a": "S1", "b": "S2", "c": "waits"},
		},
		"group by: one that is placed makes room for another": {
			view: alive(situation(
				since(wants(t, "large", "3", "1Mi", constrained(one("rack", v1.OpGroupBy, "")...)), 2),
				since(wants(t, "small", "1", "1Mi", constrained(one("rack", v1.OpGroupBy, "")...)), 1)), r3),
			offers: []offer.Offer{r1, agent(6, 8, 100, inRack("r3"))}, want: map[string]string{"large": "S6", "small": "S1"},
		},
		"both": {
			view:   situation(three(append(one("rack", v1.OpGroupBy, ""), one("hostname", v1.OpUnique, "")...))...),
			offers: []offer.Offer{r1, agent(4, 8, 100, inRack("r1")), r2, agent(5, 8, 100, inRack("r2"))},
			want:   map[string]string{"a": "S1", "b": "S2", "c": "S4"},
		},
		"evenly over two attributes": {
			view:   situation(three(append(one("hostname", v1.OpGroupBy, ""), one("rack", v1.OpGroupBy, "")...))...),
			offers: []offer.Offer{r1, agent(4, 8, 100, inRack("r1")), r2}, want: map[string]string{"a": "S1", "b": "S2", "c": "S4"},
		},
		"spread among those that a value has": {
			view:   situation(three(one("rack", v1.OpGroupBy, ""), func(r *v1.Run) { r.Spec.Task.Placement = v1.PlacementSpread })...),
			offers: []offer.Offer{r1, agent(4, 8, 100, inRack("r1"))}, want: map[string]string{"a": "S4", "b": "S1", "c": "S4"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := placeAll(tc.view, tc.offers)
			if diff := cmp.Diff(tc.want, where(p)); diff != "" {
				t.Errorf("places (-want +got):\n%s", diff)
			}
			if tc.why == "" {
				return
			}
			if got := p.Why(p.Waiting[0]); got.Reason != waitConstraints || got.Message != tc.why {
				t.Errorf("why = %+v", got)
			}
		})
	}
}

func TestLabels(t *testing.T) {
	o := &offer.Offer{Hostname: "h", Attributes: []offer.Attribute{
		text("text", "a"), text("empty", ""), {Name: "scalar", Type: offer.Scalar, Scalar: 1.50}, {Name: "set", Type: offer.Set, Set: []string{"b", "a"}},
		{Name: "ranges", Type: offer.Ranges, Ranges: []offer.Range{{Begin: 1, End: 2}, {Begin: 5, End: 5}}},
	}}
	for attribute, want := range map[string]string{
		"text": "a", "empty": `""`, "scalar": "1.5", "set": "{a,b}", "ranges": "[1-2,5-5]", "hostname": "h", "none": noLabel, "zone": noLabel,
	} {
		if got := labelOf(o, attribute); got != want {
			t.Errorf("%s: %q, want %q", attribute, got, want)
		}
	}
}

// TestGroupCounts: used and least are what counting anew gives.
func TestGroupCounts(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		g := newGroup(situation(), "rack", nil)
		for range rapid.IntRange(1, 40).Draw(rt, "attempts") {
			g.add(fmt.Sprint("r", rapid.IntRange(0, 5).Draw(rt, "rack")))
			used, least := 0, 0
			for _, n := range g.counts {
				used++
				if least == 0 || *n < least {
					least = *n
				}
			}
			if used != g.used || least != g.least {
				rt.Fatalf("used %d, least %d; want %d, %d", g.used, g.least, used, least)
			}
		}
	})
}
