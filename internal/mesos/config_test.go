package mesos

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestParseMaster(t *testing.T) {
	tests := []struct {
		in, want string
		fails    bool
	}{
		{in: "10.0.0.1:5050", want: "http://10.0.0.1:5050/api/v1/scheduler"},
		{in: "[::1]:5050", want: "http://[::1]:5050/api/v1/scheduler"},
		{in: "mesos.example.com", want: "http://mesos.example.com/api/v1/scheduler"},
		{in: "http://m:5050/", want: "http://m:5050/api/v1/scheduler"},
		{in: "https://m:5050/api/v1/scheduler", want: "https://m:5050/api/v1/scheduler"},
		{in: "https://proxy/mesos/", want: "https://proxy/mesos/api/v1/scheduler"},
		{in: "zk://a:2181,b:2181/mesos", fails: true},
		{in: "ftp://m", fails: true},
		{in: "", fails: true},
		{in: "http://:5050", fails: true},
		{in: "http://user:s3cret@m:5050", fails: true},
		{in: "m:port", fails: true},
	}
	for _, tt := range tests {
		u, err := ParseMaster(tt.in, "http")
		switch {
		case tt.fails && (err == nil || strings.Contains(err.Error(), "s3cret")):
			t.Errorf("%q: %v, error %v", tt.in, u, err)
		case !tt.fails && (err != nil || u.String() != tt.want):
			t.Errorf("%q: %v, error %v, want %s", tt.in, u, err, tt.want)
		}
	}
}

func TestRedirects(t *testing.T) {
	tests := []struct{ name, from, location, want, fails string }{
		{name: "takes the scheme of the request", from: "https://a:5050/api/v1/scheduler", location: "//b:5051", want: "https://b:5051/api/v1/scheduler"},
		{name: "keeps a path that is the API's", from: "http://a/x/api/v1/scheduler", location: "http://b/y/api/v1/scheduler", want: "http://b/y/api/v1/scheduler"},
		{name: "forgets any other path and query", from: "http://a/api/v1/scheduler", location: "//b:5050/master/redirect?x=y", want: "http://b:5050/api/v1/scheduler"},
		{name: "never leaves TLS", from: "https://a/api/v1/scheduler", location: "http://b/api/v1/scheduler", fails: "refused"},
		{name: "needs an address", from: "http://a/api/v1/scheduler", location: "", fails: "no address"},
		{name: "needs a host", from: "http://a/api/v1/scheduler", location: "http:///x", fails: "no host"},
		{name: "needs HTTP", from: "http://a/api/v1/scheduler", location: "ftp://b/", fails: "http or https"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			from, err := url.Parse(tt.from)
			if err != nil {
				t.Fatal(err)
			}
			err = newRedirect(from, tt.location)
			var redirect *redirectError
			switch {
			case tt.fails != "":
				if errors.As(err, &redirect) || !strings.Contains(err.Error(), tt.fails) {
					t.Errorf("error %v, want it to say %q", err, tt.fails)
				}
			case !errors.As(err, &redirect) || redirect.to.String() != tt.want:
				t.Errorf("%v, want %s", err, tt.want)
			}
		})
	}
}

func TestConfigThatIsWrong(t *testing.T) {
	ids := &memoryIDs{}
	for name, cfg := range map[string]Config{
		"no masters":          {IDs: ids},
		"an empty list":       {IDs: ids, Masters: MasterList{}},
		"no master's address": {IDs: ids, Masters: MasterList{"ftp://x"}},
		"no ids":              {Masters: MasterList{"m:5050"}},
		"negative misses":     {IDs: ids, Masters: MasterList{"m:5050"}, MissedHeartbeats: -1},
		"a giant frame":       {IDs: ids, Masters: MasterList{"m:5050"}, MaxFrame: 1 << 40},
		"back-off backwards":  {IDs: ids, Masters: MasterList{"m:5050"}, BackoffMin: 2, BackoffMax: 1},
		"negative failover":   {IDs: ids, Masters: MasterList{"m:5050"}, Framework: FrameworkConfig{FailoverTimeout: -1}},
	} {
		if _, err := New(cfg); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestFrameworkInfo(t *testing.T) {
	cfg, err := Config{IDs: &memoryIDs{}}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "subscribe-defaults", cfg.subscribeCall(""))
	cfg.Framework = FrameworkConfig{
		Name: "horae-test", User: "batch", Roles: []string{"a", "b/c"}, Principal: "horae", FailoverTimeout: 90 * time.Second,
		NoCheckpoint: true, WebUIURL: "https://horae.example.com", Hostname: "h1", Labels: map[string]string{"team": "data"}, GPUs: true, Revocable: true,
		SuppressedRoles: func() []string { return []string{"a"} },
	}
	golden(t, "subscribe-full", cfg.subscribeCall("f1"))
}

// One test for what only a real handshake shows: CA, client certificate, and a token, on the stream and on the calls.
func TestTLS(t *testing.T) {
	m := startFakeMaster(t, func(m *fakeMaster) {
		m.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
		m.StartTLS()
	})
	roots := x509.NewCertPool()
	roots.AddCert(m.Certificate())
	ours := &tls.Config{RootCAs: roots, Certificates: m.TLS.Certificates, MinVersion: tls.VersionTLS12}
	token := func(context.Context) (string, error) { return "t0ken", nil }
	cfg := Config{
		Masters:       MasterList{m.URL},
		TLS:           func() *tls.Config { return ours },
		Authorization: BearerToken(token),
	}
	r := start(t, cfg)
	s := m.next(t).subscribed("f1", "stream-1", slowly)
	r.want(t, "Subscribed")
	if got := s.header.Get("Authorization"); got != "Bearer t0ken" {
		t.Errorf("authorized by %q", got)
	}
	if err := r.Revive(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got := receive(t, m.calls, "REVIVE").header.Get("Authorization"); got != "Bearer t0ken" {
		t.Errorf("authorized by %q", got)
	}

	// Without the CA nothing is said.
	cfg.TLS, cfg.BackoffMin, cfg.BackoffMax = nil, time.Hour, time.Hour
	stranger := start(t, cfg)
	if err := stranger.want(t, "Disconnected").err; !strings.Contains(err.Error(), "certificate") {
		t.Errorf("error %v", err)
	}
}

func TestIPv6(t *testing.T) {
	l, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		t.Skipf("this machine has no IPv6 loopback: %v", err)
	}
	m := startFakeMaster(t, func(m *fakeMaster) {
		m.Listener.Close()
		m.Listener = l
		m.Start()
	})
	r := start(t, Config{Masters: MasterList{l.Addr().String()}})
	m.next(t).subscribed("f1", "stream-1", slowly)
	r.want(t, "Subscribed")
	if err := r.Revive(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func TestTokenThatCannotBeHad(t *testing.T) {
	m := newFakeMaster(t)
	no := errors.New("no such file")
	r := start(t, Config{Masters: MasterList{m.URL}, Authorization: BearerToken(func(context.Context) (string, error) { return "", no })})
	wantError(t, r.want(t, "Disconnected").err, no)
	if len(m.streams) != 0 {
		t.Error("subscribed without credentials")
	}
}

func TestCallErrorSaysTheStatus(t *testing.T) {
	if got := (&CallError{Call: "KILL", Status: http.StatusTeapot}).Error(); got != "KILL answered 418: I'm a teapot" {
		t.Error(got)
	}
}
