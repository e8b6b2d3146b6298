package server

import (
	"encoding/json"
	"net/http"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Waiting answers for a process that cannot serve the API yet: it is alive, it is not ready, and why says what it waits for. An
// empty list in its place would tell clients that everything has been deleted.
func Waiting(why func() string) http.Handler {
	mux := http.NewServeMux()
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
	return mux
}
