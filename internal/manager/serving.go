package manager

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"k8s.io/apiserver/pkg/authentication/user"

	"horae/internal/access"
	"horae/internal/certificate"
	"horae/internal/filewatch"
	"horae/internal/server"
)

// configureServing reads the certificates of the API, and says in the log what is open.
func (m *Manager) configureServing(started *closers) error {
	var err error
	if m.files, err = filewatch.New(m.log.WithName("files")); err != nil {
		return err
	}
	started.add("watch over files", m.files.Close)
	files := &m.cfg.TLS
	if files.SelfSigned {
		if err := m.selfSign(); err != nil {
			return err
		}
	}
	if files.enabled() {
		m.tls, err = certificate.Serving{
			CertFile: files.CertFile, KeyFile: files.KeyFile, MinVersion: files.MinVersion,
			AskClients: files.ClientCAFile != "" || m.cfg.Access.Proxy.CAFile != "",
		}.Config(m.files)
		if err != nil {
			return err
		}
	}
	m.access, err = access.New(m.cfg.Access, access.Needs{
		Files: m.files, ClientCAFile: files.ClientCAFile, Discovered: server.Resources(), Now: m.now, Log: m.log.WithName("access"),
	})
	if err != nil {
		return err
	}
	switch {
	case m.cfg.Access.Mode == access.RBAC:
		m.log.Info("Access control is on", "users", m.cfg.Access.Users(files.ClientCAFile != ""))
	case isLoopback(m.cfg.Listen):
		m.log.Info("Access control is off: whoever reaches the API may do everything", "listen", m.cfg.Listen)
	default:
		m.log.Info("ACCESS CONTROL IS OFF: whoever reaches the API from the network may run any command on the agents",
			"listen", m.cfg.Listen)
	}
	if m.tls == nil && !isLoopback(m.cfg.Listen) {
		m.log.Info("The API speaks plain HTTP: what is sent can be read and changed on its way", "listen", m.cfg.Listen)
	}
	return nil
}

// selfSign makes certificates for trying TLS out, unless they are there, and fills in the configuration.
func (m *Manager) selfSign() error {
	names := []string{"localhost", "127.0.0.1", "::1"}
	for _, host := range m.hosts() {
		if host != "" && host != "*" && !slices.Contains(names, host) {
			names = append(names, host)
		}
	}
	if addr, ok := m.listener.Addr().(*net.TCPAddr); ok && addr.IP.IsUnspecified() {
		names = append(names, addressesOfThisMachine()...)
	}
	// Tasks of other users enter the dev cluster's sandboxes through the data directory.
	if err := os.MkdirAll(m.cfg.DataDir, 0o711); err != nil {
		return fmt.Errorf("make data directory: %w: give another one with --data-dir", err)
	}
	dir := filepath.Join(m.cfg.DataDir, "tls")
	s, err := certificate.EnsureSelfSigned(dir, names, "admin", []string{user.SystemPrivilegedGroup}, m.now())
	if err != nil {
		return err
	}
	t := &m.cfg.TLS
	t.CertFile, t.KeyFile = s.CertFile, s.KeyFile
	if t.ClientCAFile == "" {
		t.ClientCAFile = s.CAFile
	}
	m.log.Info("The API has a self-signed certificate, for trying it out", "sha256", s.Fingerprint,
		"certificateAuthority", s.CAFile, "clientCertificate", s.AdminCertFile, "clientKey", s.AdminKeyFile)
	return nil
}

// addressesOfThisMachine are those that others may use.
func addressesOfThisMachine() []string {
	var all []string
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok && !n.IP.IsLoopback() && !n.IP.IsLinkLocalUnicast() {
			all = append(all, n.IP.String())
		}
	}
	return all
}

// certificateNames are the names that the certificate of the API is for.
func (m *Manager) certificateNames() []string {
	if m.tls == nil {
		return nil
	}
	cert, err := m.tls.GetCertificate(nil)
	if err != nil || cert.Leaf == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(cert.Leaf.DNSNames), func(name string) bool { return strings.Contains(name, "*") })
}
