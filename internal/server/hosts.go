package server

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// servedHost refuses requests whose Host is not a name of this server. The owner of a site can make its name
// resolve to 127.0.0.1 (DNS rebinding). A browser then takes this server for the page's own, and no longer keeps
// the page from calling it. An address as the Host is safe: the page itself would have to come from that address.
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

// hostAllowed reports whether host, with or without a port, is an address, localhost, or one of the names; "*"
// allows any.
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
