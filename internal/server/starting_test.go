package server

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestStarting(t *testing.T) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "things"}, func() float64 { return 7 }))
	h := Starting(func() string { return "etcd does not answer" }, registry, []string{"manager.example.com"})
	do := func(method, path string) *httptest.ResponseRecorder {
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, httptest.NewRequest(method, "http://manager.example.com"+path, nil))
		return rec
	}
	foreign := httptest.NewRecorder()
	h.ServeHTTP(foreign, httptest.NewRequest(http.MethodGet, "http://evil.example.com/metrics", nil))
	if foreign.Code != http.StatusForbidden {
		t.Errorf("another host: %d", foreign.Code)
	}
	if a := do("GET", "/livez"); a.Code != http.StatusOK {
		t.Errorf("/livez: %d", a.Code)
	}
	if a := do("GET", "/metrics"); a.Code != http.StatusOK || !strings.Contains(a.Body.String(), "things 7") {
		t.Errorf("/metrics: %d %s", a.Code, a.Body)
	}
	if a := do("GET", "/readyz?verbose"); a.Code != http.StatusServiceUnavailable || !strings.Contains(a.Body.String(), "etcd does not answer") {
		t.Errorf("/readyz: %d %s", a.Code, a.Body)
	}
	for _, method := range []string{"GET", "POST"} {
		a := do(method, jobsPath)
		var status metav1.Status
		if err := json.Unmarshal(a.Body.Bytes(), &status); err != nil {
			t.Fatal(err)
		}
		if a.Code != http.StatusServiceUnavailable || a.Header().Get("Retry-After") == "" || !strings.Contains(status.Message, "etcd does not answer") {
			t.Errorf("%s %s: %d %+v", method, jobsPath, a.Code, status)
		}
	}
}
