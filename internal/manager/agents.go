package manager

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"horae/internal/mesos"
)

// Of connections to agents.
const (
	agentDialTimeout = 5 * time.Second
	agentIdleTimeout = 30 * time.Second
)

// agentClient speaks to agents as the driver does to masters: with the same CA, certificate and credentials. It follows no redirect: no
// agent makes one for what it is asked here, and one to another host would take the credentials there.
func (m *Manager) agentClient() *http.Client {
	dialer := &net.Dialer{Timeout: agentDialTimeout}
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &agentTransport{
			mesos:  &m.mesos,
			secure: m.mesos.TLS != nil || m.mesos.Scheme == "https" || slices.ContainsFunc(m.masters, hasTLS),
			Transport: &http.Transport{
				Proxy:               http.ProxyFromEnvironment,
				DialContext:         dialer.DialContext,
				DialTLSContext:      mesos.DialTLS(dialer, m.mesos.TLS),
				MaxIdleConnsPerHost: 4,
				IdleConnTimeout:     agentIdleTimeout,
			},
		},
	}
}

func hasTLS(master string) bool { return strings.HasPrefix(master, "https://") }

// agentTransport chooses between http and https, and sends credentials. What an offer says of its agent's scheme is no help: it is "http"
// also of an agent that speaks TLS alone. So agents are asked by TLS where masters are, and in the clear, without credentials, those that
// turn out not to speak it.
type agentTransport struct {
	*http.Transport
	mesos  *mesos.Config
	secure bool // masters are reached by TLS
}

// RoundTrip implements http.RoundTripper.
func (a *agentTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	if !a.secure || req.URL.Scheme == "https" {
		return a.authorized(req)
	}
	secure := req.Clone(req.Context())
	secure.URL.Scheme = "https"
	resp, err := a.authorized(secure)
	var noTLS tls.RecordHeaderError
	if !errors.As(err, &noTLS) {
		return resp, err
	}
	plain := req.Clone(req.Context())
	if req.GetBody != nil {
		if plain.Body, err = req.GetBody(); err != nil {
			return nil, err
		}
	}
	return a.Transport.RoundTrip(plain)
}

// authorized sends a request with credentials.
func (a *agentTransport) authorized(req *http.Request) (*http.Response, error) {
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
