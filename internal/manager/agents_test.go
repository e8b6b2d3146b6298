package manager

import (
	"context"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/go-logr/logr/testr"

	"horae/internal/mesos"
)

// TestAgentsGetTheCredentialsOfMasters: an agent behind TLS and basic authentication is trusted and asked as a master is; with TLS
// files configured, an agent in the clear is not told the secret.
func TestAgentsGetTheCredentialsOfMasters(t *testing.T) {
	var got string
	agent := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.Header.Get("Authorization") })
	secure, plain := httptest.NewTLSServer(agent), httptest.NewServer(agent)
	defer secure.Close()
	defer plain.Close()
	secret := func(context.Context) (string, error) { return "pass", nil }
	const authorization = "Basic dXNlcjpwYXNz" // user:pass
	caFile := filepath.Join(t.TempDir(), "ca.pem")
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw})
	if err := os.WriteFile(caFile, ca, 0o600); err != nil {
		t.Fatal(err)
	}
	files, err := newRotatedTLS("mesos.tls", TLSConfig{CAFile: caFile}, testr.New(t))
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		url     string
		mesos   mesos.Config
		want    string
		refused bool
	}{
		"TLS and credentials":           {url: secure.URL, mesos: mesos.Config{TLS: files.get, Authorization: mesos.BasicAuth("user", secret)}, want: authorization},
		"TLS alone":                     {url: secure.URL, mesos: mesos.Config{TLS: files.get}},
		"a CA that is not the system's": {url: secure.URL, refused: true},
		"credentials in the clear":      {url: plain.URL, mesos: mesos.Config{Authorization: mesos.BasicAuth("user", secret)}, want: authorization},
		"credentials meant for TLS":     {url: plain.URL, mesos: mesos.Config{TLS: files.get, Authorization: mesos.BasicAuth("user", secret)}},
	} {
		t.Run(name, func(t *testing.T) {
			got = ""
			client := (&Manager{mesos: tt.mesos}).agentClient()
			defer client.CloseIdleConnections()
			resp, err := client.Get(tt.url)
			if err == nil {
				_ = resp.Body.Close()
			}
			if (err != nil) != tt.refused {
				t.Fatalf("error %v, want one: %v", err, tt.refused)
			}
			if got != tt.want {
				t.Errorf("Authorization: %q, want %q", got, tt.want)
			}
		})
	}
}
