package manager

import (
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
		mesos: &m.mesos,
		Transport: &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			DialContext:         dialer.DialContext,
			DialTLSContext:      mesos.DialTLS(dialer, m.mesos.TLS),
			MaxIdleConnsPerHost: 4,
			IdleConnTimeout:     agentIdleTimeout,
		},
	}}
}

// authorized is a transport that sends credentials; over TLS alone, if that is how masters get them.
type authorized struct {
	*http.Transport
	mesos *mesos.Config
}

// RoundTrip implements http.RoundTripper.
func (a *authorized) RoundTrip(req *http.Request) (*http.Response, error) {
	if a.mesos.TLS != nil && req.URL.Scheme != "https" {
		return a.Transport.RoundTrip(req)
	}
	value, err := a.mesos.Credentials(req.Context())
	if err != nil {
		return nil, err
	}
	if value != "" {
		req = req.Clone(req.Context())
		req.Header.Set("Authorization", value)
	}
	return a.Transport.RoundTrip(req)
}
