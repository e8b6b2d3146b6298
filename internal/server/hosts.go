package server

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// servedHost refuses requests whose Host is a name that we are not known by. A page in a browser reaches a server on loopback under its
// own site's name, if that name is made to resolve to 127.0.0.1 (DNS rebinding); the browser then takes it for the page's own server.
// With an address in place of a name that is not possible: the page would have to come from there.
func (s *Server) servedHost(next http.Handler) http.Handler {
	refuse := s.handle(func(_ http.ResponseWriter, r *http.Request) error {
		return status(http.StatusForbidden, metav1.StatusReasonForbidden,
			"Host %q is not served here: use localhost or an address, or have the option hosts of the manager name it", r.Host)
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !hostAllowed(r.Host, s.cfg.Hosts) {
			refuse.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// hostAllowed reports whether host, with or without a port, is an address, localhost, or one of the names; "*" allows any.
func hostAllowed(host string, names []string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
	if _, err := netip.ParseAddr(host); err == nil || host == "localhost" {
		return true
	}
	return slices.ContainsFunc(names, func(name string) bool { return name == "*" || name != "" && strings.EqualFold(name, host) })
}
