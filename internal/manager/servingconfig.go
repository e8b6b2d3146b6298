package manager

import (
	"net"
	"net/netip"
	"strings"

	"horae/internal/certificate"
)

// ServingTLSConfig is how the API speaks TLS. Without certificate it speaks plain HTTP.
type ServingTLSConfig struct {
	CertFile string `json:"certFile"`
	KeyFile  string `json:"keyFile"`
	// ClientCAFile has the CA of the certificates by which users identify themselves.
	ClientCAFile string `json:"clientCAFile"`
	// MinVersion is 1.3 or 1.2.
	MinVersion string `json:"minVersion"`
	// SelfSigned makes a certificate and a CA below DataDir.
	SelfSigned bool `json:"selfSigned"`
}

// enabled reports whether the API speaks TLS.
func (c ServingTLSConfig) enabled() bool { return c.SelfSigned || c.CertFile != "" || c.KeyFile != "" }

// validateServing checks that nobody is let in by mistake.
func (c *Config) validateServing(bad func(field, format string, args ...any)) {
	t := c.TLS
	if (t.CertFile == "") != (t.KeyFile == "") {
		bad("tls", "certFile and keyFile belong together; one of them is missing")
	}
	if t.SelfSigned && t.CertFile != "" {
		bad("tls.selfSigned", "there is a certificate in tls.certFile already: give one of the two")
	}
	if certificate.Versions[t.MinVersion] == 0 {
		bad("tls.minVersion", "%q: must be 1.3 or 1.2", t.MinVersion)
	}
	if t.ClientCAFile != "" && !t.enabled() {
		bad("tls.clientCAFile", "clients show certificates over TLS only: give tls.certFile and tls.keyFile, too")
	}
	local := isLoopback(c.Listen)
	c.Access.Validate(t.enabled(), bad)
	if c.Access.Mode == "" && !local {
		bad("access.mode", "%s can be reached from other machines: say who may do what (--access rbac, docs/access.md), or, "+
			"if everybody who reaches it may run any command on the agents, --access open", c.Listen)
	}
	if !local && !t.enabled() && !c.InsecureHTTP {
		bad("insecureHTTP", "%s can be reached from other machines, and without a certificate everything goes over the network in "+
			"the clear: give tls.certFile and tls.keyFile (--tls-cert-file, --tls-key-file), --tls-self-signed for trying it out, "+
			"or, for example behind a proxy with TLS, --insecure-http", c.Listen)
	}
}

// isLoopback reports whether only this machine reaches an address to listen on. A name counts as an address of the
// network, but for localhost.
func isLoopback(listen string) bool {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return true // reported elsewhere
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}
