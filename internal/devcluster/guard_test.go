package devcluster

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// TestForeignHostsAndPagesAreRefused: else any page that a browser shows could run commands here, by pointing its own name at loopback, or
// by a request across sites.
func TestForeignHostsAndPagesAreRefused(t *testing.T) {
	c := start(t, Config{Simulate: true, Hosts: []string{"mesos.test"}})
	faults, err := c.ServeFaults(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(c.URL(), "http://"))
	own := strings.TrimPrefix(c.URL(), "http://")
	for name, tt := range map[string]struct {
		host   string
		header map[string]string
		want   bool
	}{
		"the address":                      {host: own, want: true},
		"localhost":                        {host: "localhost:" + port, want: true},
		"localhost without a port":         {host: "localhost", want: true},
		"another address of loopback":      {host: "127.1.2.3:" + port, want: true},
		"loopback of IPv6":                 {host: "[::1]:" + port, want: true},
		"a name that was allowed":          {host: "Mesos.Test:" + port, want: true},
		"a page of its own":                {host: own, header: map[string]string{"Origin": "http://" + own, "Sec-Fetch-Site": "same-origin"}, want: true},
		"a name that points here":          {host: "evil.example:" + port},
		"a name that looks like ours":      {host: "localhost.evil.example"},
		"a name that begins like ours":     {host: "127.0.0.1.evil.example"},
		"another machine's address":        {host: "192.0.2.1:" + port},
		"a page of another site":           {host: own, header: map[string]string{"Origin": "http://evil.example"}},
		"a page of another port":           {host: own, header: map[string]string{"Origin": "http://localhost:1"}},
		"a browser that says so":           {host: own, header: map[string]string{"Sec-Fetch-Site": "cross-site"}},
		"a page without an origin, a file": {host: own, header: map[string]string{"Origin": "null"}},
	} {
		for _, url := range []string{c.URL() + "/api/v1/scheduler", "http://" + c.Agent(0).address() + "/slave(1)/api/v1", faults + "/agents/0/heal"} {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader("{}"))
			if err != nil {
				t.Fatal(err)
			}
			req.Host = tt.host
			for k, v := range tt.header {
				req.Header.Set(k, v)
			}
			if tt.header["Origin"] == "http://"+own {
				req.Header.Set("Origin", "http://"+req.Host)
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			if got := resp.StatusCode != http.StatusForbidden; got != tt.want {
				t.Errorf("%s, %s: %s: %s", name, url, resp.Status, body)
			}
		}
	}
}

// TestConnectionsAreLimited: those that are too many wait until another is closed.
func TestConnectionsAreLimited(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := limit(inner, make(chan struct{}, 2))
	accepted := make(chan net.Conn, 8)
	ended := make(chan error, 1)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				ended <- err
				return
			}
			accepted <- conn
		}
	}()
	for range 3 {
		conn, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", inner.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	first, second := <-accepted, <-accepted
	select {
	case <-accepted:
		t.Error("a third connection has been accepted")
	default:
	}
	_ = first.Close()
	_ = first.Close() // gives its slot back once
	third := <-accepted
	if len(l.slots) != 2 {
		t.Errorf("%d slots are taken by two connections", len(l.slots))
	}
	_, _ = second.Close(), third.Close()
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
}
