package manager

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// checkEndpoint checks one of etcd.endpoints. It does not repeat a password.
func checkEndpoint(endpoint string) error {
	forms := "must be http://host:port, https://host:port or host:port"
	if strings.Contains(endpoint, "@") {
		return errors.New("user and password do not belong into an endpoint: give them as etcd.username and etcd.passwordFile")
	}
	if !strings.Contains(endpoint, "://") {
		host, port, err := net.SplitHostPort(endpoint)
		if _, bad := strconv.ParseUint(port, 10, 16); err != nil || host == "" || bad != nil {
			return fmt.Errorf("%q: %s", endpoint, forms)
		}
		return nil
	}
	u, err := url.Parse(endpoint)
	switch {
	case err != nil:
		return fmt.Errorf("%q: %s", endpoint, forms)
	case u.Scheme == "unix" || u.Scheme == "unixs":
		return nil
	case u.Scheme != "http" && u.Scheme != "https":
		return fmt.Errorf("%q: %s: etcd is not reached by %q", endpoint, forms, u.Scheme)
	case u.Hostname() == "":
		return fmt.Errorf("%q: %s", endpoint, forms)
	}
	return nil
}
