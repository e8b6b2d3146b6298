package etcdtest

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

func TestProxyDelaysUntilItIsRestored(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }))
	defer server.Close()
	p := NewProxy(t, server.URL)
	took := func() time.Duration {
		t.Helper()
		began := time.Now()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.Endpoint, nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if body, err := io.ReadAll(res.Body); err != nil || string(body) != "hello" {
			t.Fatalf("got %q, %v", body, err)
		}
		return time.Since(began)
	}
	defer http.DefaultClient.CloseIdleConnections()
	const delay = 100 * time.Millisecond
	p.Delay(delay)
	if d := took(); d < 2*delay {
		t.Errorf("a request and its answer took %s, want %s at least: each is delayed", d, 2*delay)
	}
	p.Restore()
	if p.delay != 0 {
		t.Error("restored, and still delaying")
	}
	took()
}
