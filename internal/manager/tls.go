package manager

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"sync"

	"github.com/go-logr/logr"
)

// rotatedTLS is a TLSConfig whose files are replaced from time to time. It is safe for concurrent use.
type rotatedTLS struct {
	field string
	files TLSConfig
	log   logr.Logger

	mu   sync.Mutex
	last *tls.Config // as read last; guarded by mu
	err  error       // of a later attempt; guarded by mu
}

// newRotatedTLS reads the files for the first time. No files at all mean no configuration, the system's roots: nil.
func newRotatedTLS(field string, files TLSConfig, log logr.Logger) (*rotatedTLS, error) {
	if files == (TLSConfig{}) {
		return nil, nil
	}
	c, err := files.load(field)
	if err != nil {
		return nil, err
	}
	return &rotatedTLS{field: field, files: files, log: log, last: c}, nil
}

// get returns what the files hold. While they cannot be read, or certificate and key do not fit each other because one of them is
// just being replaced, what they held last is used. Connections are few: the files are read for each.
func (r *rotatedTLS) get() *tls.Config {
	r.mu.Lock()
	defer r.mu.Unlock()
	c, err := r.files.load(r.field)
	switch {
	case err == nil:
		r.last = c
	case r.err == nil:
		r.log.Info("The certificates cannot be read; the last ones are used", "error", err.Error())
	}
	r.err = err
	return r.last
}

// forLong is for clients that take one configuration and keep it: our own certificate is read anew for each connection, the CA is
// not. It is nil for no files.
func (r *rotatedTLS) forLong() *tls.Config {
	if r == nil {
		return nil
	}
	c := r.get().Clone()
	if len(c.Certificates) == 0 {
		return c
	}
	c.Certificates = nil
	c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &r.get().Certificates[0], nil }
	return c
}

// load reads the files.
func (t TLSConfig) load(field string) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if t.CAFile != "" {
		pem, err := os.ReadFile(t.CAFile)
		if err != nil {
			return nil, fmt.Errorf("%s.caFile: %w", field, err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s.caFile: %s holds no certificate in PEM form", field, t.CAFile)
		}
	}
	if (t.CertFile == "") != (t.KeyFile == "") {
		return nil, fmt.Errorf("%s: certFile and keyFile belong together; one of them is missing", field)
	}
	if t.CertFile != "" {
		pair, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("%s.certFile, keyFile: %w", field, err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}
