package cli

import (
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"horae/internal/certificate"
)

// asked is a server with TLS that asks for a certificate, and prints who came how.
func asked(t *testing.T) (url string, files *certificate.SelfSigned) {
	t.Helper()
	files, err := certificate.EnsureSelfSigned(t.TempDir(), []string{"127.0.0.1"}, "ada", []string{"admins"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := "nobody"
		if certs := r.TLS.PeerCertificates; len(certs) > 0 {
			name = certs[0].Subject.CommonName
		}
		fmt.Fprintf(w, `{"gitVersion":"%s with <%s> by %s"}`, name, r.Header.Get("Authorization"), r.Proto)
	}))
	pair, err := tls.LoadX509KeyPair(files.CertFile, files.KeyFile)
	if err != nil {
		t.Fatal(err)
	}
	srv.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequestClientCert}
	srv.EnableHTTP2 = true
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.StartTLS()
	t.Cleanup(srv.Close)
	return srv.URL, files
}

func TestIdentity(t *testing.T) {
	url, files := asked(t)
	dir := t.TempDir()
	token := filepath.Join(dir, "token")
	if err := os.WriteFile(token, []byte("t0ken\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, ".config", "horae"), 0o700); err != nil {
		t.Fatal(err)
	}
	ca, cert := " --certificate-authority "+files.CAFile, " --client-certificate "+files.AdminCertFile+" --client-key "+files.AdminKeyFile
	for name, tt := range map[string]struct {
		flags, config string
		env           map[string]string
		want          string
		code          int
	}{
		"nobody":               {flags: ca, want: `nobody with <> by HTTP/2.0`},
		"an unknown CA":        {want: "--certificate-authority", code: ExitFailed},
		"any certificate":      {flags: " --insecure-skip-tls-verify", want: `nobody with <>`},
		"a certificate":        {flags: ca + cert, want: `ada with <>`},
		"a token as a flag":    {flags: ca + " --token abc", want: `nobody with <Bearer abc>`},
		"the environment":      {env: map[string]string{"HORAE_CERTIFICATE_AUTHORITY": files.CAFile, "HORAE_TOKEN": "def"}, want: `nobody with <Bearer def>`},
		"a file for it":        {env: map[string]string{"HORAE_CERTIFICATE_AUTHORITY": files.CAFile, "HORAE_TOKEN_FILE": token}, want: `nobody with <Bearer t0ken>`},
		"the configuration":    {config: fmt.Sprintf("certificateAuthority: %s\nclientCertificate: %s\nclientKey: %s\ntokenFile: %s\n", files.CAFile, files.AdminCertFile, files.AdminKeyFile, token), want: `ada with <Bearer t0ken>`},
		"a flag wins":          {flags: ca + " --token abc", config: "token: def\n", want: `nobody with <Bearer abc>`},
		"half a certificate":   {flags: ca + " --client-key x", want: "belong together", code: ExitUsage},
		"contradicting":        {flags: ca + " --insecure-skip-tls-verify", want: "contradict", code: ExitUsage},
		"a token of two parts": {flags: ca + " --token", env: map[string]string{"HORAE_TOKEN": "a b"}, want: "needs an argument", code: ExitUsage},
		"a token with a space": {flags: ca, env: map[string]string{"HORAE_TOKEN": "a b"}, want: "no token has", code: ExitUsage},
	} {
		t.Run(name, func(t *testing.T) {
			if err := os.WriteFile(filepath.Join(dir, ".config", "horae", "config.yaml"), []byte(tt.config), 0o600); err != nil {
				t.Fatal(err)
			}
			env := map[string]string{"HOME": dir, "HORAE_SERVER": url}
			for k, v := range tt.env {
				env[k] = v
			}
			var out, errs strings.Builder
			code := Main(t.Context(), strings.Fields("version"+tt.flags), IO{Out: &out, Err: &errs, Env: func(k string) (string, bool) { v, ok := env[k]; return v, ok }})
			if got := out.String() + errs.String(); !strings.Contains(got, tt.want) || code != tt.code && tt.code != ExitFailed {
				t.Errorf("exit %d, want %d and %q: %s", code, tt.code, tt.want, got)
			}
		})
	}
}

func TestATokenInTheClear(t *testing.T) {
	for server, want := range map[string]bool{
		"http://127.0.0.1:8080": false, "http://localhost:1": false, "http://[::1]:1": false, "https://horae.example.com": false,
		"http://horae.example.com": true, "http://10.0.0.1:8080": true,
	} {
		if got := inTheClear(server); got != want {
			t.Errorf("%s: %v", server, got)
		}
	}
}
