package manager

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
)

// This file finds the address by which tasks reach this manager, for their callbacks.

// advertised is that address, without a path. Without one in the configuration it follows from the address that the API
// listens on.
func (m *Manager) advertised() string {
	if m.cfg.AdvertiseURL != "" {
		return strings.TrimRight(m.cfg.AdvertiseURL, "/")
	}
	own, err := url.Parse(m.url())
	if err != nil {
		return m.url()
	}
	if ip := net.ParseIP(own.Hostname()); ip != nil && ip.IsUnspecified() {
		if name, err := os.Hostname(); err == nil {
			own.Host = net.JoinHostPort(name, own.Port())
		}
	}
	return own.String()
}

// warnUnreachable logs that tasks on other machines cannot call back. Those of the dev cluster are local.
func (m *Manager) warnUnreachable() {
	host, _, err := net.SplitHostPort(m.listener.Addr().String())
	if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() || m.cfg.AdvertiseURL != "" || m.ownMesos {
		return
	}
	m.log.Info("Tasks on other machines cannot call back: the API listens on loopback only, and advertiseURL is not set",
		"listen", m.cfg.Listen, "callbacks", m.advertised())
}

// checkAdvertiseURL returns what is wrong with the option.
func checkAdvertiseURL(value string) error {
	u, err := url.Parse(value)
	switch {
	case err != nil:
		return errors.New("is no URL")
	case u.Scheme != "http" && u.Scheme != "https", u.Host == "", u.Hostname() == "":
		return errors.New("must be http://host:port or https://host:port")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "":
		return fmt.Errorf("must be scheme, host and port only, as in %s://%s", u.Scheme, u.Host)
	}
	return nil
}
