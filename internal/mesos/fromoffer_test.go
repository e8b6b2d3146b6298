package mesos

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	mesosv1 "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares v as JSON with testdata/<name>.golden.json.
func golden(t *testing.T, name string, v any) {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, b, "", "  "); err != nil {
		t.Fatal(err)
	}
	pretty.WriteByte('\n')
	path := filepath.Join("testdata", name+".golden.json")
	if *update {
		if err := os.WriteFile(path, pretty.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(pretty.Bytes(), want) {
		t.Errorf("%s differs; -update rewrites it. Got:\n%s", path, &pretty)
	}
}

// readJSON decodes testdata/<name>.json, an event as a master sends it in JSON.
func readEventJSON(t *testing.T, name string) *scheduler.Event {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	e := new(scheduler.Event)
	if err := json.Unmarshal(b, e); err != nil {
		t.Fatal(err)
	}
	return e
}

func TestOffers(t *testing.T) {
	for _, name := range []string{
		"offers-reserved-old-format", // as recorded: a framework without RESERVATION_REFINEMENT
		"offers-refined",             // the format that Horae is sent, with everything that can be in an offer
	} {
		t.Run(name, func(t *testing.T) {
			e := readEventJSON(t, name)
			golden(t, name, fromOffers(e.Offers.Offers))
		})
	}
}

// What is offered is named again as it was: there and back, nothing is lost.
func TestResourcesThereAndBack(t *testing.T) {
	e := readEventJSON(t, "offers-refined")
	for _, o := range e.Offers.Offers {
		for i := range o.Resources {
			in := &o.Resources[i]
			r, ok := fromResource(in, o.AllocationInfo.GetRole())
			if !ok {
				continue
			}
			var back mesosv1.Resource
			if err := toResource(&r, &back); err != nil {
				t.Fatal(err)
			}
			if in.AllocationInfo == nil {
				in.AllocationInfo = o.AllocationInfo // the offer's own says the same
			}
			if !back.Equal(in) {
				t.Errorf("offered %v\nnamed %v", in, back)
			}
		}
	}
}

func TestWhatIsLeftOutOfOffers(t *testing.T) {
	role, key, value := "horae", "k", "v"
	cpus := func(change func(*mesosv1.Resource)) mesosv1.Resource {
		r := mesosv1.Resource{Name: "cpus", Type: mesosv1.SCALAR.Enum(), Scalar: &mesosv1.Value_Scalar{Value: 1}}
		change(&r)
		return r
	}
	labels := func(l ...mesosv1.Label) *mesosv1.Labels { return &mesosv1.Labels{Labels: l} }
	reserved := func(l *mesosv1.Labels) func(*mesosv1.Resource) {
		return func(r *mesosv1.Resource) {
			r.Reservations = []mesosv1.Resource_ReservationInfo{{Type: mesosv1.Resource_ReservationInfo_DYNAMIC.Enum(), Role: &role, Labels: l}}
		}
	}
	tests := []struct {
		name     string
		resource mesosv1.Resource
		handed   bool
	}{
		{name: "plain", resource: cpus(func(*mesosv1.Resource) {}), handed: true},
		{name: "reserved with labels", resource: cpus(reserved(labels(mesosv1.Label{Key: key, Value: &value}))), handed: true},
		{name: "a label without a value", resource: cpus(reserved(labels(mesosv1.Label{Key: key})))},
		{name: "a label twice", resource: cpus(reserved(labels(mesosv1.Label{Key: key, Value: &value}, mesosv1.Label{Key: key, Value: &value})))},
		{name: "a label twice, in the old format", resource: cpus(func(r *mesosv1.Resource) {
			r.Role = &role
			r.Reservation = &mesosv1.Resource_ReservationInfo{Labels: labels(mesosv1.Label{Key: key}, mesosv1.Label{Key: key})}
		})},
		{name: "a persistent volume", resource: cpus(func(r *mesosv1.Resource) {
			r.Name, r.Disk = "disk", &mesosv1.Resource_DiskInfo{Persistence: &mesosv1.Resource_DiskInfo_Persistence{ID: "v1"}}
		})},
		{name: "a mounted disk", resource: cpus(func(r *mesosv1.Resource) {
			r.Name, r.Disk = "disk", &mesosv1.Resource_DiskInfo{Source: &mesosv1.Resource_DiskInfo_Source{Type: mesosv1.Resource_DiskInfo_Source_MOUNT}}
		})},
		{name: "a type of the future", resource: mesosv1.Resource{Name: "x", Type: mesosv1.Value_Type(9).Enum()}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := fromOffers([]mesosv1.Offer{{Resources: []mesosv1.Resource{tt.resource}}})[0]
			if handed := len(o.Resources) == 1; handed != tt.handed {
				t.Errorf("handed on: %v", handed)
			}
		})
	}
}

func TestAgentURL(t *testing.T) {
	name, ip4, ip6, path := "agent.example.com", "10.0.0.1", "2001:db8::1", "/slave(1)"
	tests := []struct {
		name string
		url  *mesosv1.URL
		want string
	}{
		{name: "none", want: ""},
		{name: "by name", url: &mesosv1.URL{Scheme: "http", Address: mesosv1.Address{Hostname: &name, IP: &ip4, Port: 5051}, Path: &path}, want: "http://agent.example.com:5051/slave(1)"},
		{name: "by IPv4", url: &mesosv1.URL{Scheme: "https", Address: mesosv1.Address{IP: &ip4, Port: 5051}, Path: &path}, want: "https://10.0.0.1:5051/slave(1)"},
		{name: "by IPv6", url: &mesosv1.URL{Address: mesosv1.Address{IP: &ip6, Port: 5051}}, want: "http://[2001:db8::1]:5051"},
	}
	for _, tt := range tests {
		if got := agentURL(tt.url); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// FuzzEvent: whatever the master sends is handed on, or is an error; never a panic.
func FuzzEvent(f *testing.F) {
	for _, e := range []*scheduler.Event{offersEvent(2), updateEvent("t", mesosv1.TASK_LOST, "u"), subscribedEvent("f", 1), errorEvent("x")} {
		b, err := e.Marshal()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := readEvent(newFrameReader(bytes.NewReader(frame(data)), 0))
		if err != nil {
			return
		}
		sub := &subscription{d: &Driver{}, h: discard{}}
		_ = sub.dispatch(e)
	})
}
