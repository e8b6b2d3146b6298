package mesos

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	mesosv1 "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
)

func port(m *fakeMaster) string {
	_, p, _ := net.SplitHostPort(m.Listener.Addr().String())
	return p
}

// restart starts a new master on the address of a closed one.
func restart(t *testing.T, old *fakeMaster, addr string) *fakeMaster {
	t.Helper()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Skipf("another process has taken the port meanwhile: %v", err)
	}
	m := &fakeMaster{streams: old.streams, calls: old.calls}
	m.Server = &httptest.Server{Listener: l, Config: &http.Server{Handler: m}}
	m.Start()
	t.Cleanup(func() {
		m.CloseClientConnections()
		m.Close()
	})
	return m
}

// waits hears of the waits between subscriptions.
type waits struct{ got chan time.Duration }

func (w *waits) logger() logr.Logger {
	return funcr.New(func(_, args string) {
		_, after, ok := strings.Cut(args, `"retryIn"=`)
		if !ok {
			return
		}
		var s string
		if _, err := fmt.Sscanf(after, "%q", &s); err != nil {
			return
		}
		if d, err := time.ParseDuration(s); err == nil {
			w.got <- d
		}
	}, funcr.Options{})
}

// testOffer is an offer as an agent of some size makes it: about 600 bytes.
func testOffer(i int) mesosv1.Offer {
	role, hostname, ip, path := "horae", fmt.Sprintf("agent-%d.example.com", i), "10.0.0.1", "/slave(1)"
	scalar := func(name string, v float64) mesosv1.Resource {
		return mesosv1.Resource{
			Name: name, Type: mesosv1.SCALAR.Enum(), Scalar: &mesosv1.Value_Scalar{Value: v},
			AllocationInfo: &mesosv1.Resource_AllocationInfo{Role: &role},
		}
	}
	text := func(name, v string) mesosv1.Attribute {
		return mesosv1.Attribute{Name: name, Type: mesosv1.TEXT, Text: &mesosv1.Value_Text{Value: v}}
	}
	return mesosv1.Offer{
		ID:          mesosv1.OfferID{Value: fmt.Sprintf("a4383e17-2218-4578-bbb1-35c5ff6831b3-O%d", i)},
		FrameworkID: mesosv1.FrameworkID{Value: "a4383e17-2218-4578-bbb1-35c5ff6831b3-0000"},
		AgentID:     mesosv1.AgentID{Value: fmt.Sprintf("a4383e17-2218-4578-bbb1-35c5ff6831b3-S%d", i)},
		Hostname:    hostname,
		URL:         &mesosv1.URL{Scheme: "http", Address: mesosv1.Address{Hostname: &hostname, IP: &ip, Port: 5051}, Path: &path},
		Resources: []mesosv1.Resource{
			{
				Name: "ports", Type: mesosv1.RANGES.Enum(),
				Ranges:         &mesosv1.Value_Ranges{Range: []mesosv1.Value_Range{{Begin: 31000, End: 32000}}},
				AllocationInfo: &mesosv1.Resource_AllocationInfo{Role: &role},
			},
			scalar("cpus", 4), scalar("mem", 4096), scalar("disk", 10000),
		},
		Attributes:     []mesosv1.Attribute{text("rack", "r1"), text("zone", "z1")},
		AllocationInfo: &mesosv1.Resource_AllocationInfo{Role: &role},
	}
}

func offersEvent(n int) *scheduler.Event {
	e := &scheduler.Event{Type: scheduler.Event_OFFERS, Offers: &scheduler.Event_Offers{}}
	for i := range n {
		e.Offers.Offers = append(e.Offers.Offers, testOffer(i))
	}
	return e
}
