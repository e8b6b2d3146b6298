package devcluster

import (
	"net/http"
	"testing"
	"time"

	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
)

// fault asks for a fault and answers the status.
func fault(t *testing.T, url, path string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	return res.StatusCode
}

func TestServeFaults(t *testing.T) {
	c := start(t, Config{ReregisterDelay: time.Millisecond, AgentPingTimeout: time.Millisecond, UpdateRetryMin: time.Millisecond})
	url, err := c.ServeFaults(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	must := func(path string) {
		t.Helper()
		if code := fault(t, url, path); code != http.StatusNoContent {
			t.Fatalf("%s: %d", path, code)
		}
	}
	info := frameworkInfo()
	s := subscribe(t, c.URL(), mediaProtobuf, info)
	o := s.offer()

	must("/updates/lose?share=1")
	s.launch(o, shell(o, "unheard", "true"))
	must("/agents/0/crash")
	must("/agents/0/crash") // it has crashed
	must("/agents/0/restart")
	must("/agents/0/partition")
	s.next(scheduler.Event_FAILURE) // unreachable
	must("/agents/0/heal")
	must("/updates/lose?share=0")
	s.next(scheduler.Event_UPDATE)

	must("/master/silence?on=true")
	must("/master/silence?on=false")
	must("/master/dropstreams")
	s.drainEvents()
	must("/master/stop")
	must("/master/start")
	must("/master/start") // it runs
	info.ID = s.framework
	subscribe(t, c.URL(), mediaProtobuf, info).offer()

	for path, want := range map[string]int{
		"/agents/1/crash": http.StatusNotFound, "/agents/x/crash": http.StatusNotFound, "/updates/lose?share=2": http.StatusBadRequest,
		"/master/silence": http.StatusBadRequest, "/master/break": http.StatusNotFound,
	} {
		if code := fault(t, url, path); code != want {
			t.Errorf("%s: %d, want %d", path, code, want)
		}
	}
}
