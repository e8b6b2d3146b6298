package access

import (
	"crypto/x509"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"k8s.io/apiserver/pkg/authentication/authenticator"
	"k8s.io/apiserver/pkg/authentication/user"
)

// certificates are the users who show a certificate: its common name is the user, its organizations are the groups.
type certificates struct {
	roots func() *x509.CertPool
	now   func() time.Time
}

// AuthenticateRequest implements authenticator.Request.
func (c *certificates) AuthenticateRequest(r *http.Request) (*authenticator.Response, bool, error) {
	leaf, err := verified(r, c.roots(), c.now())
	if leaf == nil || err != nil {
		return nil, false, err
	}
	name := leaf.Subject.CommonName
	if name == "" {
		return nil, false, fmt.Errorf("the client's certificate has no common name, which would be the user")
	}
	return &authenticator.Response{User: &user.DefaultInfo{Name: name, Groups: slices.Clone(leaf.Subject.Organization)}}, true, nil
}

// verified returns the certificate that the client shows, if roots have signed it; nil when it shows none.
func verified(r *http.Request, roots *x509.CertPool, now time.Time) (*x509.Certificate, error) {
	if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		return nil, nil
	}
	shown := r.TLS.PeerCertificates
	opts := x509.VerifyOptions{
		Roots: roots, Intermediates: x509.NewCertPool(), CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	for _, c := range shown[1:] {
		opts.Intermediates.AddCert(c)
	}
	if _, err := shown[0].Verify(opts); err != nil {
		return nil, fmt.Errorf("the client's certificate of %q: %w", shown[0].Subject.CommonName, err)
	}
	return shown[0], nil
}

// proxy is an authenticating proxy: it shows a certificate of a CA of its own, and names the user in headers. The
// headers of everybody else mean nothing.
type proxy struct {
	roots func() *x509.CertPool
	now   func() time.Time
	// names are the common names of proxies; none: any that the CA has signed.
	names         []string
	users, groups []string
	extraPrefixes []string
}

// AuthenticateRequest implements authenticator.Request. What is not from the proxy is left to others.
func (p *proxy) AuthenticateRequest(r *http.Request) (*authenticator.Response, bool, error) {
	leaf, err := verified(r, p.roots(), p.now())
	if leaf == nil || err != nil {
		return nil, false, nil //nolint:nilerr // another CA may have signed it
	}
	if len(p.names) > 0 && !slices.Contains(p.names, leaf.Subject.CommonName) {
		return nil, false, nil
	}
	info := &user.DefaultInfo{Name: first(r.Header, p.users)}
	if info.Name == "" {
		return nil, false, nil
	}
	for _, h := range p.groups {
		info.Groups = append(info.Groups, r.Header.Values(h)...)
	}
	for name, values := range r.Header {
		for _, prefix := range p.extraPrefixes {
			if key, ok := cutPrefixFold(name, prefix); ok && key != "" {
				if info.Extra == nil {
					info.Extra = map[string][]string{}
				}
				info.Extra[strings.ToLower(key)] = values
			}
		}
	}
	return &authenticator.Response{User: info}, true, nil
}

func first(h http.Header, names []string) string {
	for _, name := range names {
		if v := h.Get(name); v != "" {
			return v
		}
	}
	return ""
}

func cutPrefixFold(s, prefix string) (rest string, ok bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return "", false
	}
	return s[len(prefix):], true
}
