package manager

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"

	"horae/internal/mesos"
)

// Of connections to agents.
const (
	agentDialTimeout = 5 * time.Second
	agentIdleTimeout = 30 * time.Second
)

// agentClient speaks to agents as the driver does to masters: with the same CA, certificate and credentials.
func (m *Manager) agentClient() *http.Client {
	dialer := &net.Dialer{Timeout: agentDialTimeout}
	return &http.Client{Transport: &authorized{
		header: m.mesos.Authorization,
		clear:  m.mesos.TLS == nil,
		Transport: &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			DialContext:         dialer.DialContext,
			DialTLSContext:      mesos.DialTLS(dialer, m.mesos.TLS),
			MaxIdleConnsPerHost: 4,
			IdleConnTimeout:     agentIdleTimeout,
		},
	}}
}

// authorized is a transport that sends credentials.
type authorized struct {
	*http.Transport
	header func(context.Context) (string, error) // nil: none
	clear  bool                                  // also without TLS
}

// RoundTrip implements http.RoundTripper.
func (a *authorized) RoundTrip(req *http.Request) (*http.Response, error) {
	if a.header != nil && (a.clear || req.URL.Scheme == "https") {
		value, err := a.header(req.Context())
		if err != nil {
			return nil, fmt.Errorf("get credentials: %w", err)
		}
		req = req.Clone(req.Context())
		req.Header.Set("Authorization", value)
	}
	return a.Transport.RoundTrip(req)
}
