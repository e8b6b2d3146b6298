package certificate

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"

	"horae/internal/filewatch"
)

// Serving names the PEM files of a TLS server.
type Serving struct {
	CertFile, KeyFile string
	// MinVersion is 1.3 or 1.2.
	MinVersion string
	// AskClients asks clients for a certificate. It is not verified here, and none is required: who a client is, is
	// for others to find out, who can explain what is wrong with it.
	AskClients bool
}

// Versions are the values of MinVersion.
var Versions = map[string]uint16{"1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}

// Config of a server: each connection gets the certificate that the files hold then.
func (s Serving) Config(w *filewatch.Watcher) (*tls.Config, error) {
	pair, err := filewatch.Follow(w, "tls.certFile, tls.keyFile", func() (*tls.Certificate, error) {
		pair, err := tls.LoadX509KeyPair(s.CertFile, s.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("tls.certFile, tls.keyFile: %w", err)
		}
		return &pair, nil
	}, s.CertFile, s.KeyFile)
	if err != nil {
		return nil, err
	}
	c := &tls.Config{
		MinVersion:     Versions[s.MinVersion],
		NextProtos:     []string{"h2", "http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return pair.Get(), nil },
	}
	if s.AskClients {
		c.ClientAuth = tls.RequestClientCert
	}
	return c, nil
}

// Pool reads the certificates of a CA from a PEM file, and again when it changes.
func Pool(w *filewatch.Watcher, option, path string) (*filewatch.Current[*x509.CertPool], error) {
	return filewatch.Follow(w, option, func() (*x509.CertPool, error) {
		pem, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", option, err)
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s: %s holds no certificate in PEM form", option, path)
		}
		return pool, nil
	}, path)
}
