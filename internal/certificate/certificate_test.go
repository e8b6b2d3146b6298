package certificate

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"os"
	"testing"
	"time"

	"github.com/go-logr/logr/testr"
	"go.uber.org/goleak"

	"horae/internal/filewatch"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func ensure(t *testing.T, dir string, now time.Time, names ...string) (files *SelfSigned, server []byte) {
	t.Helper()
	files, err := EnsureSelfSigned(dir, names, "admin", []string{"admins"}, now)
	if err != nil {
		t.Fatal(err)
	}
	server, err = os.ReadFile(files.CertFile)
	if err != nil {
		t.Fatal(err)
	}
	return files, server
}

func TestSelfSignedCertificatesAreMadeOnceAndInTime(t *testing.T) {
	dir, now := t.TempDir()+"/tls", time.Now()
	files, first := ensure(t, dir, now, "localhost", "127.0.0.1")
	for _, path := range []string{files.KeyFile, files.AdminKeyFile} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v: want a key for its owner only", path, info.Mode(), err)
		}
	}
	if _, again := ensure(t, dir, now, "127.0.0.1"); !bytes.Equal(first, again) {
		t.Error("it was made anew without need")
	}
	_, other := ensure(t, dir, now, "127.0.0.1", "other.example.com")
	if bytes.Equal(first, other) {
		t.Error("it was not made anew for another name")
	}
	if _, late := ensure(t, dir, now.Add(selfSignedFor-renewBefore+time.Hour), "127.0.0.1"); bytes.Equal(other, late) {
		t.Error("it was not made anew before its end")
	}
	if err := os.Remove(files.AdminKeyFile); err != nil {
		t.Fatal(err)
	}
	if _, err := tls.LoadX509KeyPair(files.AdminCertFile, files.AdminKeyFile); err == nil {
		t.Fatal("the key is still there")
	}
	ensure(t, dir, now, "127.0.0.1")
	pair, err := tls.LoadX509KeyPair(files.AdminCertFile, files.AdminKeyFile)
	if err != nil || pair.Leaf.Subject.CommonName != "admin" || pair.Leaf.Subject.Organization[0] != "admins" {
		t.Errorf("the administrator's certificate: %v, %v", pair.Leaf, err)
	}
	if sum := files.Fingerprint; len(sum) != 32*3-1 {
		t.Errorf("fingerprint %q", sum)
	}
}

// TestANewCertificateIsServedWithoutARestart: and clients trust the new CA.
func TestANewCertificateIsServedWithoutARestart(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	files, _ := ensure(t, dir, now, "localhost")
	w, err := filewatch.New(testr.New(t))
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	c, err := Serving{CertFile: files.CertFile, KeyFile: files.KeyFile, MinVersion: "1.3", AskClients: true}.Config(w)
	if err != nil {
		t.Fatal(err)
	}
	if c.MinVersion != tls.VersionTLS13 || c.ClientAuth != tls.RequestClientCert {
		t.Errorf("minimum version %x, client authentication %v", c.MinVersion, c.ClientAuth)
	}
	pool, err := Pool(w, "tls.clientCAFile", files.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	served := func() *x509.Certificate {
		pair, err := c.GetCertificate(nil)
		if err != nil {
			t.Fatal(err)
		}
		return pair.Leaf
	}
	before := served()
	ensure(t, dir, now, "localhost", "new.example.com")
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
		leaf := served()
		_, err := leaf.Verify(x509.VerifyOptions{Roots: pool.Get(), DNSName: "new.example.com"})
		if err == nil && !leaf.Equal(before) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the new certificate is not served: %v", err)
		}
	}
}

func TestFilesThatAreNotThereAreNamed(t *testing.T) {
	w, err := filewatch.New(testr.New(t))
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	dir := t.TempDir()
	if _, err := (Serving{CertFile: dir + "/cert", KeyFile: dir + "/key", MinVersion: "1.2"}).Config(w); err == nil {
		t.Error("a certificate that is not there is served")
	}
	if err := os.WriteFile(dir+"/ca", []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Pool(w, "tls.clientCAFile", dir+"/ca"); err == nil {
		t.Error("a CA without a certificate is taken")
	}
}
