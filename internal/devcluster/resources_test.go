package devcluster

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"pgregory.net/rapid"
)

func TestParseResources(t *testing.T) {
	for _, c := range []struct {
		name, in, want string
		fails          bool
	}{
		{name: "scalars and ranges", in: "cpus:4;mem:4096;ports:[31000-32000]", want: "cpus:4; mem:4096; ports:[31000-32000]"},
		{name: "spaces and a last semicolon do not matter", in: " cpus : 0.5 ; mem:1;", want: "cpus:0.5; mem:1"},
		{name: "ranges that touch become one", in: "ports:[1-5, 6-7, 10-11]", want: "ports:[1-7, 10-11]"},
		{name: "a role in parentheses reserves", in: "cpus(horae):2;cpus:4", want: "cpus(reservations: [(STATIC,horae)]):2; cpus:4"},
		{name: "sets", in: "disks:{b, a}", want: "disks:{a, b}"},
		{name: "the same name twice is added up", in: "cpus:1;cpus:2", want: "cpus:3"},
		{name: "JSON", in: `[{"name":"cpus","type":"SCALAR","scalar":{"value":2.5},"role":"r"}]`, want: "cpus(reservations: [(STATIC,r)]):2.5"},
		{name: "no value", in: "cpus", fails: true},
		{name: "a text is no resource", in: "cpus:many", fails: true},
		{name: "a range that ends before it begins", in: "ports:[5-1]", fails: true},
		{name: "negative", in: "cpus:-1", fails: true},
		{name: "broken JSON", in: `[{"name":`, fails: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := parseResources(c.in)
			if (err != nil) != c.fails {
				t.Fatalf("error: %v", err)
			}
			if got.text("") != c.want {
				t.Errorf("got %s, want %s", got.text(""), c.want)
			}
		})
	}
}

// anyResources draws amounts of what agents have.
func anyResources(t *rapid.T, label string) resources {
	var out resources
	for _, role := range []string{unreserved, "r"} {
		if n := rapid.Int64Range(0, 5000).Draw(t, label+" cpus "+role); n > 0 {
			out = out.plus(resources{{name: "cpus", role: role, kind: mesos.SCALAR, scalar: n}})
		}
		for range rapid.IntRange(0, 3).Draw(t, label+" ranges "+role) {
			begin := rapid.Uint64Range(1, 50).Draw(t, "begin")
			out = out.plus(resources{{name: "ports", role: role, kind: mesos.RANGES,
				ranges: []span{{begin, begin + rapid.Uint64Range(0, 10).Draw(t, "more")}}}})
		}
	}
	return out
}

func TestResourcesAddAndSubtract(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := anyResources(t, "a"), anyResources(t, "b")
		sum := a.plus(b)
		if !sum.contains(a) || !sum.contains(b) {
			t.Fatalf("%s + %s = %s does not contain both", a.text(""), b.text(""), sum.text(""))
		}
		if len(a.minus(a)) != 0 {
			t.Fatalf("%s minus itself leaves %s", a.text(""), a.minus(a).text(""))
		}
		rest := sum.minus(b)
		if rest.amount("cpus") != a.amount("cpus") {
			t.Fatalf("cpus: %s + %s - the latter = %s", a.text(""), b.text(""), rest.text(""))
		}
		if a.contains(b) && !a.minus(b).plus(b).contains(a) {
			t.Fatalf("%s - %s + the latter lacks something", a.text(""), b.text(""))
		}
	})
}

func TestResourcesSurviveTheWire(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := anyResources(t, "a")
		for _, refined := range []bool{false, true} {
			back, err := fromMesos(a.toMesos("role", refined))
			if err != nil {
				t.Fatal(err)
			}
			if back.text("") != a.text("") {
				t.Fatalf("refined %v: %s became %s", refined, a.text(""), back.text(""))
			}
		}
	})
}

func TestRefinedFormatHasReservationsInPlaceOfRole(t *testing.T) {
	rs, err := parseResources("cpus(r):1;cpus:2")
	if err != nil {
		t.Fatal(err)
	}
	body, err := json.Marshal(rs.toMesos("r", true))
	if err != nil {
		t.Fatal(err)
	}
	want := `[{"name":"cpus","type":"SCALAR","scalar":{"value":1},"allocation_info":{"role":"r"},` +
		`"reservations":[{"type":"STATIC","role":"r"}]},` +
		`{"name":"cpus","type":"SCALAR","scalar":{"value":2},"allocation_info":{"role":"r"}}]`
	if diff := cmp.Diff(want, string(dropNulls(body))); diff != "" {
		t.Error(diff)
	}
}

func TestDropNullsOnlyDropsNullMembers(t *testing.T) {
	var draw func(t *rapid.T, depth int) any
	draw = func(t *rapid.T, depth int) any {
		kinds := 4
		if depth > 0 {
			kinds = 6
		}
		switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
		case 0:
			return nil
		case 1:
			return rapid.String().Draw(t, "string")
		case 2:
			return rapid.Float64Range(-1e9, 1e9).Draw(t, "number")
		case 3:
			return rapid.Bool().Draw(t, "bool")
		case 4:
			list := []any{}
			for range rapid.IntRange(0, 3).Draw(t, "length") {
				list = append(list, draw(t, depth-1))
			}
			return list
		default:
			m := map[string]any{}
			for range rapid.IntRange(0, 4).Draw(t, "size") {
				m[rapid.StringN(0, 6, -1).Draw(t, "key")] = draw(t, depth-1)
			}
			return m
		}
	}
	var without func(v any) any
	without = func(v any) any {
		switch v := v.(type) {
		case map[string]any:
			out := map[string]any{}
			for k, x := range v {
				if x != nil {
					out[k] = without(x)
				}
			}
			return out
		case []any:
			out := make([]any, len(v))
			for i := range v {
				out[i] = without(v[i])
			}
			return out
		}
		return v
	}
	rapid.Check(t, func(t *rapid.T) {
		v := map[string]any{"root": draw(t, 3)}
		in, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		var got, clean any
		if err := json.Unmarshal(dropNulls(in), &got); err != nil {
			t.Fatalf("%s became %s: %v", in, dropNulls(in), err)
		}
		want, _ := json.Marshal(without(v))
		if err := json.Unmarshal(want, &clean); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(clean, got); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestParseAttributes(t *testing.T) {
	got, err := parseAttributes("rack:r1;cores:16;vlans:[10-20]")
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 3 || got[0].Text.Value != "r1" || got[1].Scalar.Value != 16 || got[2].Ranges.Range[0].End != 20 {
		t.Errorf("got %v", got)
	}
	if _, err := parseAttributes("rack"); err == nil {
		t.Error("an attribute without a value was accepted")
	}
}
