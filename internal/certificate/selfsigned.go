package certificate

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// SelfSigned are the files of a CA of our own, with what it has signed, for trying out: a server's certificate, and
// that of a user who may do everything. The CA's key was thrown away: it signs nothing else.
type SelfSigned struct {
	CAFile, CertFile, KeyFile, AdminCertFile, AdminKeyFile string
	// Fingerprint is the SHA-256 of the server's certificate, as tools print it.
	Fingerprint string
}

const (
	// selfSignedFor is how long such certificates are valid; those that end within renewBefore are made anew.
	selfSignedFor = 365 * 24 * time.Hour
	renewBefore   = 30 * 24 * time.Hour
)

// EnsureSelfSigned returns the files in dir. They are made when they are not there, are about to expire, or are not for
// all of the names: host names and addresses of the server. admin is the user of the second certificate, in groups.
func EnsureSelfSigned(dir string, names []string, admin string, groups []string, now time.Time) (*SelfSigned, error) {
	s := &SelfSigned{
		CAFile: filepath.Join(dir, "ca.crt"), CertFile: filepath.Join(dir, "server.crt"), KeyFile: filepath.Join(dir, "server.key"),
		AdminCertFile: filepath.Join(dir, "admin.crt"), AdminKeyFile: filepath.Join(dir, "admin.key"),
	}
	if !s.usable(names, now) {
		if err := s.make(dir, names, pkix.Name{CommonName: admin, Organization: groups}, now); err != nil {
			return nil, fmt.Errorf("make a self-signed certificate: %w", err)
		}
	}
	leaf, err := leafOf(s.CertFile, s.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("self-signed certificate: %w", err)
	}
	s.Fingerprint = Fingerprint(leaf)
	return s, nil
}

// Fingerprint of a certificate: the SHA-256 in pairs of hexadecimal digits.
func Fingerprint(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.Raw)
	pairs := make([]string, len(sum))
	for i, b := range sum {
		pairs[i] = fmt.Sprintf("%02X", b)
	}
	return strings.Join(pairs, ":")
}

func leafOf(certFile, keyFile string) (*x509.Certificate, error) {
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return nil, err
	}
	return pair.Leaf, nil
}

// usable reports whether the files are there, fit each other, and will do for some time.
func (s *SelfSigned) usable(names []string, now time.Time) bool {
	ca, err := os.ReadFile(s.CAFile)
	if err != nil {
		return false
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	for _, files := range [][2]string{{s.CertFile, s.KeyFile}, {s.AdminCertFile, s.AdminKeyFile}} {
		leaf, err := leafOf(files[0], files[1])
		if err != nil {
			return false
		}
		_, err = leaf.Verify(x509.VerifyOptions{
			Roots: roots, CurrentTime: now.Add(renewBefore), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
		})
		if err != nil {
			return false
		}
	}
	server, err := leafOf(s.CertFile, s.KeyFile)
	if err != nil {
		return false
	}
	for _, name := range names {
		if server.VerifyHostname(name) != nil {
			return false
		}
	}
	return true
}

func (s *SelfSigned) make(dir string, names []string, admin pkix.Name, now time.Time) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	ca := &x509.Certificate{
		Subject: pkix.Name{CommonName: "Horae, self-signed, for trying out"}, IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
		KeyUsage: x509.KeyUsageCertSign,
	}
	server := &x509.Certificate{
		Subject: pkix.Name{CommonName: "horae"}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, name := range names {
		if ip, err := netip.ParseAddr(name); err == nil {
			server.IPAddresses = append(server.IPAddresses, net.IP(ip.AsSlice()))
		} else {
			server.DNSNames = append(server.DNSNames, name)
		}
	}
	client := &x509.Certificate{
		Subject: admin, KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	caKey, err := sign(ca, nil, nil, now)
	if err != nil {
		return err
	}
	serverKey, err := sign(server, ca, caKey, now)
	if err != nil {
		return err
	}
	clientKey, err := sign(client, ca, caKey, now)
	if err != nil {
		return err
	}
	for _, f := range []struct {
		path string
		cert *x509.Certificate
		key  *ecdsa.PrivateKey
	}{
		{s.CAFile, ca, nil}, {s.CertFile, server, nil}, {s.KeyFile, nil, serverKey},
		{s.AdminCertFile, client, nil}, {s.AdminKeyFile, nil, clientKey},
	} {
		if err := writePEM(f.path, f.cert, f.key); err != nil {
			return err
		}
	}
	return nil
}

// sign completes a certificate; without an issuer it signs itself.
func sign(cert, issuer *x509.Certificate, issuerKey *ecdsa.PrivateKey, now time.Time) (*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	if cert.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127)); err != nil {
		return nil, err
	}
	cert.NotBefore, cert.NotAfter = now.Add(-time.Hour), now.Add(selfSignedFor) // the clocks of others may be behind
	if issuer == nil {
		issuer, issuerKey = cert, key
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, issuer, &key.PublicKey, issuerKey)
	if err != nil {
		return nil, err
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	*cert = *parsed
	return key, nil
}

// writePEM writes one of a certificate and a key; a key is for its owner only.
func writePEM(path string, cert *x509.Certificate, key *ecdsa.PrivateKey) error {
	if key == nil {
		data := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})
		return os.WriteFile(path, data, 0o644) //nolint:gosec // it is public
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600)
}
