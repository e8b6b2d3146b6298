package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// authority signs certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	der  []byte
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{cert: &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test CA"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}}
	a.key, a.der = sign(t, a.cert, nil)
	return a
}

func sign(t *testing.T, cert *x509.Certificate, by *authority) (*ecdsa.PrivateKey, []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	parent, signer := cert, key
	if by != nil {
		parent, signer = by.cert, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	return key, der
}

// issue writes a certificate and its key into dir, and returns their paths.
func (a *authority) issue(t *testing.T, dir, name string, usage x509.ExtKeyUsage) (certFile, keyFile string) {
	t.Helper()
	key, der := sign(t, &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), ExtKeyUsage: []x509.ExtKeyUsage{usage},
	}, a)
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return writePEM(t, dir, name+".pem", "CERTIFICATE", der), writePEM(t, dir, name+"-key.pem", "EC PRIVATE KEY", keyDER)
}

func writePEM(t *testing.T, dir, name, kind string, der []byte) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// guard serves HTTPS in front of a master to clients with a certificate of the authority and the right Authorization.
type guard struct {
	address string
	// wants is the header's value; refused counts requests that had another.
	wants   atomic.Value
	refused atomic.Int64

	tls   atomic.Pointer[tls.Config]
	mu    sync.Mutex
	conns map[net.Conn]bool // guarded by mu
}

func startGuard(t *testing.T, ca *authority, dir, master string) *guard {
	t.Helper()
	to, err := url.Parse(master)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := &guard{address: l.Addr().String(), conns: map[net.Conn]bool{}}
	g.wants.Store("")
	g.trust(t, ca, dir)
	proxy := &httputil.ReverseProxy{FlushInterval: -1, Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) }}
	server := &http.Server{ErrorLog: log.New(io.Discard, "", 0), Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if want := g.wants.Load(); r.Header.Get("Authorization") != want {
			g.refused.Add(1)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		proxy.ServeHTTP(w, r)
	})}
	server.ConnState = func(c net.Conn, s http.ConnState) {
		g.mu.Lock()
		defer g.mu.Unlock()
		if g.conns[c] = true; s == http.StateClosed || s == http.StateHijacked {
			delete(g.conns, c)
		}
	}
	go func() {
		_ = server.Serve(tls.NewListener(l, &tls.Config{
			MinVersion: tls.VersionTLS12, GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return g.tls.Load(), nil },
		}))
	}()
	t.Cleanup(func() { _ = server.Close() })
	return g
}

// trust makes the guard show a certificate of ca and take no client that has none of it; those that are connected are hung up on.
func (g *guard) trust(t *testing.T, ca *authority, dir string) {
	t.Helper()
	certFile, keyFile := ca.issue(t, dir, "master", x509.ExtKeyUsageServerAuth)
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(mustParse(t, ca.der))
	g.tls.Store(&tls.Config{
		Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: roots, MinVersion: tls.VersionTLS12,
	})
	g.mu.Lock()
	defer g.mu.Unlock()
	for c := range g.conns {
		_ = c.Close()
	}
}

func mustParse(t *testing.T, der []byte) *x509.Certificate {
	t.Helper()
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestMesosBehindTLS: the manager's config file names a CA, a certificate of our own and a token, which are replaced while
// the manager runs; with any of them wrong there is no subscription, and `/readyz` says why.
func TestMesosBehindTLS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ca := newAuthority(t)
	agentCert, agentKey := ca.issue(t, dir, "agent", x509.ExtKeyUsageServerAuth)
	cluster := start(t, "devcluster", "--listen", "127.0.0.1:0", "--work-dir", t.TempDir(), "--agent-cert-file", agentCert, "--agent-key-file", agentKey)
	g := startGuard(t, ca, dir, cluster.ready["master"])
	caFile := writePEM(t, dir, "ca.pem", "CERTIFICATE", ca.der)
	certFile, keyFile := ca.issue(t, dir, "horae", x509.ExtKeyUsageClientAuth)
	tokenFile := filepath.Join(dir, "token")
	write := func(path, content string) string {
		t.Helper()
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	manager := func(mesos string) *process {
		t.Helper()
		config := write(filepath.Join(t.TempDir(), "manager.yaml"), fmt.Sprintf("mesos:\n  masters: [%q]\n%s", g.address, mesos))
		return start(t, "manager", "--config", config, "--listen", "127.0.0.1:0", "--etcd-listen", "127.0.0.1:0", "--data-dir", t.TempDir())
	}

	g.wants.Store("Bearer first")
	write(tokenFile, "first\n")
	files := fmt.Sprintf("  tokenFile: %s\n  tls: {caFile: %s, certFile: %s, keyFile: %s}\n", tokenFile, caFile, certFile, keyFile)
	m := manager(files + "  framework: {principal: horae, roles: [horae, other], gpus: true, labels: {team: data}, webUIURL: 'http://horae.example.com'}\n")
	m.horaeStdin(helloJob, "apply", "-f", "-")
	runsSucceed(t, m, 1)
	// Agents speak TLS, too, though their offers say http.
	if out := m.must("logs", "hello"); !strings.Contains(out, "hello\n") {
		t.Errorf("logs from an agent that speaks TLS alone: %q", out)
	}

	// The token is replaced: first the file, then what the master takes. No call fails for longer than between the two.
	write(tokenFile, "second\n")
	g.wants.Store("Bearer second")
	runsSucceed(t, m, 2)

	// So are the CA and our own certificate, by ones that have nothing to do with the first.
	other := newAuthority(t)
	writePEM(t, dir, "ca.pem", "CERTIFICATE", other.der)
	other.issue(t, dir, "horae", x509.ExtKeyUsageClientAuth)
	g.trust(t, other, dir)
	runsSucceed(t, m, 3)
	m.stop()

	write(tokenFile, "wrong\n")
	readyz(t, manager(files), "mesos", "SUBSCRIBE answered 401")
	if g.refused.Load() == 0 {
		t.Error("the guard has refused nobody")
	}
	write(tokenFile, "second\n")
	readyz(t, manager(fmt.Sprintf("  tokenFile: %s\n  tls: {caFile: %s}\n", tokenFile, caFile)), "mesos", "certificate")
	readyz(t, manager(fmt.Sprintf("  tokenFile: %s\n  scheme: https\n", tokenFile)), "mesos", "certificate")

	// Basic authentication by the same way.
	g.wants.Store("Basic aG9yYWU6czNjcmV0") // horae:s3cret
	secretFile := write(filepath.Join(dir, "secret"), "s3cret")
	m = manager(fmt.Sprintf("  secretFile: %s\n  tls: {caFile: %s, certFile: %s, keyFile: %s}\n  framework: {principal: horae}\n", secretFile, caFile, certFile, keyFile))
	m.horaeStdin(helloJob, "apply", "-f", "-")
	runsSucceed(t, m, 1)
}
