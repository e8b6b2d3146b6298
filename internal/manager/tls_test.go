package manager

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr/testr"
)

// selfSigned makes a certificate and its key, as PEM.
func selfSigned(t *testing.T, name string) (cert, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER})
}

func TestCertificatesAreReadAgainForEachConnection(t *testing.T) {
	dir := t.TempDir()
	files := TLSConfig{CAFile: filepath.Join(dir, "ca"), CertFile: filepath.Join(dir, "cert"), KeyFile: filepath.Join(dir, "key")}
	write := func(path string, content []byte) {
		t.Helper()
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if r, err := newRotatedTLS("etcd.tls", TLSConfig{}, testr.New(t)); r != nil || r.forLong() != nil || err != nil {
		t.Errorf("no files: %v, %v", r, err)
	}
	if _, err := newRotatedTLS("mesos.tls", files, testr.New(t)); err == nil || !strings.Contains(err.Error(), "mesos.tls.caFile") {
		t.Errorf("files that are not there: %v", err)
	}
	firstCert, firstKey := selfSigned(t, "first")
	secondCert, secondKey := selfSigned(t, "second")
	write(files.CAFile, firstCert)
	write(files.CertFile, firstCert)
	write(files.KeyFile, firstKey)
	r, err := newRotatedTLS("mesos.tls", files, testr.New(t))
	if err != nil {
		t.Fatal(err)
	}
	kept := r.forLong()
	want := func(name string, ca []byte) {
		t.Helper()
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM(ca)
		c := r.get()
		if got := c.Certificates[0].Leaf.Subject.CommonName; got != name || !c.RootCAs.Equal(pool) {
			t.Errorf("certificate of %s, want %s; the CA is as it should be: %v", got, name, c.RootCAs.Equal(pool))
		}
		shown, err := kept.GetClientCertificate(&tls.CertificateRequestInfo{})
		if err != nil || shown.Leaf.Subject.CommonName != name {
			t.Errorf("shows %v, %v", shown, err)
		}
	}
	want("first", firstCert)
	write(files.CAFile, secondCert)
	want("first", secondCert)
	write(files.CertFile, secondCert) // and its key not yet
	want("first", secondCert)
	write(files.KeyFile, secondKey)
	want("second", secondCert)
	if err := os.Remove(files.CAFile); err != nil {
		t.Fatal(err)
	}
	want("second", secondCert)
}
