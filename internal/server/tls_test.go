package server

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr/testr"

	"horae/internal/certificate"
	"horae/internal/filewatch"
)

// secure makes the TLS configuration of a server, and the CA that clients need.
func secure(t *testing.T) (*tls.Config, *x509.CertPool) {
	t.Helper()
	files, err := certificate.EnsureSelfSigned(t.TempDir(), []string{"localhost", "127.0.0.1"}, "admin", nil, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	w, err := filewatch.New(testr.New(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	c, err := certificate.Serving{CertFile: files.CertFile, KeyFile: files.KeyFile, MinVersion: "1.3"}.Config(w)
	if err != nil {
		t.Fatal(err)
	}
	pem, err := os.ReadFile(files.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	return c, roots
}

func TestTLS(t *testing.T) {
	serving, roots := secure(t)
	f := start(t, func(c *Config) { c.TLS, c.HSTS = serving, true })
	plain := f.url
	f.url = strings.Replace(f.url, "http://", "https://", 1)
	f.client = &http.Client{Transport: &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: roots}}}
	t.Cleanup(f.client.CloseIdleConnections)

	resp, err := f.client.Get(f.url + "/apis")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.Proto != "HTTP/2.0" || resp.TLS.Version != tls.VersionTLS13 {
		t.Errorf("it speaks %s over TLS %x", resp.Proto, resp.TLS.Version)
	}
	if got := resp.Header.Get("Strict-Transport-Security"); got != "max-age=31536000" {
		t.Errorf("Strict-Transport-Security: %q", got)
	}
	f.want(http.StatusCreated, f.do("POST", "/apis/horae/v1/namespaces/default/jobs", jobJSON("tls")))

	old := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MaxVersion: tls.VersionTLS12}}}
	defer old.CloseIdleConnections()
	if resp, err := old.Get(f.url + "/apis"); err == nil {
		resp.Body.Close()
		t.Error("a client with TLS 1.2 was served")
	}
	resp, err = http.Get(plain + "/apis")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusBadRequest {
		t.Errorf("plain HTTP was answered %s", resp.Status)
	}
}
