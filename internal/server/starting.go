package server

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// metricsHandler bounds the answers under way: each is in memory as a whole.
func metricsHandler(g prometheus.Gatherer) http.Handler {
	return promhttp.HandlerFor(g, promhttp.HandlerOpts{MaxRequestsInFlight: 8, Timeout: 30 * time.Second})
}

// Starting is the handler of a process that cannot serve the API yet. It is alive and not ready, and why returns
// what it waits for. Requests to the API get 503: an empty list would mean that everything has been deleted.
// Metrics are served from the beginning. hosts are those of Config.
func Starting(why func() string, gatherer prometheus.Gatherer, hosts []string) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", metricsHandler(gatherer))
	alive := func(w http.ResponseWriter, _ *http.Request) { _ = plain(w, http.StatusOK, "ok") }
	mux.HandleFunc("GET /livez", alive)
	mux.HandleFunc("GET /healthz", alive)
	unready := func(w http.ResponseWriter, _ *http.Request) {
		_ = plain(w, http.StatusServiceUnavailable, "[-]start failed: "+why()+"\nreadyz check failed\n")
	}
	mux.HandleFunc("GET /readyz", unready)
	mux.HandleFunc("GET /readyz/{check}", unready)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusServiceUnavailable)
		_ = json.NewEncoder(w).Encode(metav1.Status{
			TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"},
			Status:   metav1.StatusFailure, Code: http.StatusServiceUnavailable, Reason: metav1.StatusReasonServiceUnavailable,
			Message: "the manager has not started yet: " + why(),
		})
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !hostAllowed(r.Host, hosts) {
			_ = plain(w, http.StatusForbidden, "this Host is not served here\n")
			return
		}
		mux.ServeHTTP(w, r)
	})
}
