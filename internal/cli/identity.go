package cli

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
)

// identity is how the command knows the manager and says who asks. The names are those of kubectl.
type identity struct {
	// CertificateAuthority is a PEM file with the certificates that may have signed the manager's.
	CertificateAuthority string `json:"certificateAuthority"`
	// InsecureSkipTLSVerify takes whatever certificate the manager shows.
	InsecureSkipTLSVerify bool `json:"insecureSkipTLSVerify"`
	// ClientCertificate and ClientKey are the PEM files of a certificate that says who asks.
	ClientCertificate string `json:"clientCertificate"`
	ClientKey         string `json:"clientKey"`
	// Token says who asks; TokenFile is a file with it.
	Token     string `json:"token"`
	TokenFile string `json:"tokenFile"`
}

func (i *identity) add(flags *pflag.FlagSet) {
	flags.StringVar(&i.CertificateAuthority, "certificate-authority", "", "PEM file with the CA of the manager's certificate")
	flags.BoolVar(&i.InsecureSkipTLSVerify, "insecure-skip-tls-verify", false, "do not check the manager's certificate: anybody may answer")
	flags.StringVar(&i.ClientCertificate, "client-certificate", "", "PEM file with a certificate that says who asks")
	flags.StringVar(&i.ClientKey, "client-key", "", "PEM file with the key of that certificate")
	flags.StringVar(&i.Token, "token", "", "bearer token that says who asks; other users of this machine can see it: prefer $HORAE_TOKEN")
}

// whoIAm completes the flags with the environment, and that with the configuration.
func (c *cli) whoIAm() (identity, error) {
	cfg, err := c.readConfig()
	if err != nil {
		return identity{}, err
	}
	env := func(name string) string { v, _ := c.Env(name); return v }
	dir := filepath.Dir(c.configPath())
	file := func(path string) string { // paths in the file are relative to it
		if path == "" || filepath.IsAbs(path) {
			return path
		}
		return filepath.Join(dir, path)
	}
	i := identity{
		CertificateAuthority: cmp.Or(c.identity.CertificateAuthority, env("HORAE_CERTIFICATE_AUTHORITY"), file(cfg.CertificateAuthority)),
		ClientCertificate:    cmp.Or(c.identity.ClientCertificate, env("HORAE_CLIENT_CERTIFICATE"), file(cfg.ClientCertificate)),
		ClientKey:            cmp.Or(c.identity.ClientKey, env("HORAE_CLIENT_KEY"), file(cfg.ClientKey)),
		Token:                cmp.Or(c.identity.Token, env("HORAE_TOKEN")),
	}
	if i.Token == "" {
		if i.TokenFile = cmp.Or(env("HORAE_TOKEN_FILE"), file(cfg.TokenFile)); i.TokenFile == "" {
			i.Token = cfg.Token
		}
	}
	i.InsecureSkipTLSVerify = c.identity.InsecureSkipTLSVerify || cfg.InsecureSkipTLSVerify
	if v := env("HORAE_INSECURE_SKIP_TLS_VERIFY"); v != "" {
		on, err := strconv.ParseBool(v)
		if err != nil {
			return i, usagef("$HORAE_INSECURE_SKIP_TLS_VERIFY: %q must be true or false", v)
		}
		i.InsecureSkipTLSVerify = i.InsecureSkipTLSVerify || on
	}
	if (i.ClientCertificate == "") != (i.ClientKey == "") {
		return i, usagef("--client-certificate and --client-key belong together; one of them is missing")
	}
	if i.InsecureSkipTLSVerify && i.CertificateAuthority != "" {
		return i, usagef("--certificate-authority and --insecure-skip-tls-verify contradict each other: give one of them")
	}
	return i, nil
}

// tls reads the files.
func (i identity) tls() (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: i.InsecureSkipTLSVerify} //nolint:gosec // the user has asked for it
	if i.CertificateAuthority != "" {
		pem, err := os.ReadFile(i.CertificateAuthority)
		if err != nil {
			return nil, fmt.Errorf("read the certificate authority: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("read the certificate authority: %s holds no certificate in PEM form", i.CertificateAuthority)
		}
	}
	if i.ClientCertificate != "" {
		// Read at each connection: a command that waits for days outlives its certificate.
		if _, err := tls.LoadX509KeyPair(i.ClientCertificate, i.ClientKey); err != nil {
			return nil, fmt.Errorf("read the client certificate: %w", err)
		}
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			pair, err := tls.LoadX509KeyPair(i.ClientCertificate, i.ClientKey)
			return &pair, err
		}
	}
	return c, nil
}

// bearer returns the token; empty: there is none.
func (i identity) bearer() (string, error) {
	token := i.Token
	if i.TokenFile != "" {
		data, err := os.ReadFile(i.TokenFile)
		if err != nil {
			return "", fmt.Errorf("read the token: %w", err)
		}
		token = string(data)
	}
	token = strings.TrimSpace(token)
	if strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", usagef("the token has characters that no token has")
	}
	return token, nil
}

// inTheClear reports whether what is sent to a server can be read on its way.
func inTheClear(server string) bool {
	u, err := url.Parse(server)
	if err != nil || u.Scheme == "https" {
		return false
	}
	ip, err := netip.ParseAddr(u.Hostname())
	return !strings.EqualFold(u.Hostname(), "localhost") && (err != nil || !ip.Unmap().IsLoopback())
}
