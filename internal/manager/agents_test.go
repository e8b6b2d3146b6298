package manager

import (
	"context"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-logr/logr/testr"

	"horae/internal/mesos"
)

// TestAgentsGetTheCredentialsOfMasters: an agent behind TLS and basic authentication is trusted and asked as a master is, also if its offer
// names it http://; where masters are reached by TLS, an agent in the clear does not get the secret.
func TestAgentsGetTheCredentialsOfMasters(t *testing.T) {
	var got, body string
	agent := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		read, _ := io.ReadAll(r.Body)
		got, body = r.Header.Get("Authorization"), string(read)
	})
	secure, plain := httptest.NewTLSServer(agent), httptest.NewServer(agent)
	defer secure.Close()
	defer plain.Close()
	mislabelled := "http" + strings.TrimPrefix(secure.URL, "https")
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("the redirect was followed, with Authorization %q", r.Header.Get("Authorization"))
	}))
	defer other.Close()
	redirecting := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusTemporaryRedirect))
	defer redirecting.Close()
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
		"an offer that says http":       {url: mislabelled, mesos: mesos.Config{TLS: files.get, Authorization: mesos.BasicAuth("user", secret)}, want: authorization},
		"http, of a CA of the system's": {url: mislabelled, mesos: mesos.Config{Scheme: "https"}, refused: true},
		"https masters, agents without": {url: plain.URL, mesos: mesos.Config{Scheme: "https", Authorization: mesos.BasicAuth("user", secret)}},
		"a redirect to another host":    {url: redirecting.URL, mesos: mesos.Config{Authorization: mesos.BasicAuth("user", secret)}},
		"credentials meant for TLS":     {url: plain.URL, mesos: mesos.Config{TLS: files.get, Authorization: mesos.BasicAuth("user", secret)}},
	} {
		t.Run(name, func(t *testing.T) {
			got, body = "", ""
			client := (&Manager{mesos: tt.mesos}).agentClient()
			defer client.CloseIdleConnections()
			resp, err := client.Post(tt.url, "text/plain", strings.NewReader("body"))
			if err == nil {
				_ = resp.Body.Close()
			}
			if (err != nil) != tt.refused {
				t.Fatalf("error %v, want one: %v", err, tt.refused)
			}
			if !tt.refused && tt.url != redirecting.URL && body != "body" {
				t.Errorf("the agent read %q", body)
			}
			if got != tt.want {
				t.Errorf("Authorization: %q, want %q", got, tt.want)
			}
		})
	}
}
