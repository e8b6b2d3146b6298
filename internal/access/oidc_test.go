package access

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// issuer is an OIDC provider on a socket, with TLS.
type issuer struct {
	t    *testing.T
	url  string
	key  atomic.Pointer[jose.JSONWebKey]
	asks atomic.Int64 // for keys
}

func startIssuer(t *testing.T) (*issuer, *x509.CertPool) {
	t.Helper()
	i := &issuer{t: t}
	i.rotate("one")
	mux := http.NewServeMux()
	reply := func(w http.ResponseWriter, v any) { _ = json.NewEncoder(w).Encode(v) }
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, map[string]any{"issuer": i.url, "jwks_uri": i.url + "/keys", "authorization_endpoint": i.url + "/auth", "token_endpoint": i.url + "/token"})
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) {
		i.asks.Add(1)
		reply(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{i.key.Load().Public()}})
	})
	srv := httptest.NewTLSServer(mux)
	t.Cleanup(srv.Close)
	i.url = srv.URL
	roots := x509.NewCertPool()
	roots.AddCert(srv.Certificate())
	return i, roots
}

// rotate has the issuer sign with a new key.
func (i *issuer) rotate(id string) {
	i.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		i.t.Fatal(err)
	}
	i.key.Store(&jose.JSONWebKey{Key: key, KeyID: id, Algorithm: "ES256", Use: "sig"})
}

// token signs claims; the usual ones are there unless they are replaced, or removed by nil.
func (i *issuer) token(more map[string]any) string {
	i.t.Helper()
	claims := map[string]any{
		"iss": i.url, "aud": "horae", "sub": "1", "email": "ada@example.com", "groups": []string{"data"},
		"exp": now.Add(time.Hour).Unix(), "iat": now.Unix(), "hd": "example.com",
	}
	for name, value := range more {
		if claims[name] = value; value == nil {
			delete(claims, name)
		}
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: i.key.Load()}, nil)
	if err != nil {
		i.t.Fatal(err)
	}
	token, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		i.t.Fatal(err)
	}
	return token
}

func TestOIDC(t *testing.T) {
	i, roots := startIssuer(t)
	cfg := OIDCConfig{
		URL: i.url, Audiences: []string{"other", "horae"}, Username: ClaimConfig{Claim: "email"}, Groups: ClaimConfig{Claim: "groups", Prefix: "oidc:"},
		RequiredClaims: map[string]string{"hd": "example.com"},
	}
	p := newOIDC(cfg, func() *x509.CertPool { return roots }, func() time.Time { return now })
	t.Cleanup(p.client.CloseIdleConnections)
	ask := func(token string) string {
		t.Helper()
		resp, ok, err := p.AuthenticateToken(t.Context(), token)
		switch {
		case err != nil:
			return "error: " + err.Error()
		case !ok:
			return "nobody"
		}
		return strings.Join(append([]string{resp.User.GetName()}, resp.User.GetGroups()...), " ")
	}
	good := i.token(nil)
	const ada = "ada@example.com oidc:data"
	forged := good[:len(good)-4] + "AAAA"
	none := strings.Join([]string{"eyJhbGciOiJub25lIn0", strings.Split(good, ".")[1], ""}, ".")
	for name, tt := range map[string]struct{ token, want string }{
		"a token":                      {good, ada},
		"one group":                    {i.token(map[string]any{"groups": "data"}), ada},
		"no groups":                    {i.token(map[string]any{"groups": nil}), "ada@example.com"},
		"several audiences":            {i.token(map[string]any{"aud": []string{"x", "horae"}}), ada},
		"expired, within the skew":     {i.token(map[string]any{"exp": now.Add(-30 * time.Second).Unix()}), ada},
		"expired":                      {i.token(map[string]any{"exp": now.Add(-2 * time.Minute).Unix()}), "error: OIDC: oidc: token is expired"},
		"not yet":                      {i.token(map[string]any{"nbf": now.Add(time.Hour).Unix()}), "error: OIDC"},
		"for another client":           {i.token(map[string]any{"aud": "x"}), "error: OIDC: the token is for"},
		"of another issuer":            {i.token(map[string]any{"iss": "https://other"}), "nobody"},
		"forged":                       {forged, "error: OIDC"},
		"without a signature":          {none, "error: OIDC"},
		"no token":                     {"horae_abc", "nobody"},
		"nonsense":                     {"a.b.c", "nobody"},
		"without the user":             {i.token(map[string]any{"email": nil}), "error: OIDC: the token has no claim email"},
		"an email that is not checked": {i.token(map[string]any{"email_verified": false}), "error: OIDC: the email is not verified"},
		"a claim that is required":     {i.token(map[string]any{"hd": "other"}), `error: OIDC: the claim hd must be "example.com"`},
		"a name of ours":               {i.token(map[string]any{"email": "system:admin"}), "error: OIDC"},
		"groups of another form":       {i.token(map[string]any{"groups": []int{1}}), "error: OIDC: the claim groups"},
	} {
		if got := ask(tt.token); got != tt.want && (tt.want == ada || !strings.HasPrefix(got, tt.want)) {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
	asked := i.asks.Load()
	i.rotate("two")
	if got := ask(i.token(nil)); got != ada {
		t.Errorf("after the keys were rotated: %q", got)
	}
	if i.asks.Load() == asked {
		t.Error("the new key was not asked for: the test proves nothing")
	}
}

func TestAProviderThatDoesNotAnswerIsAskedAgainLater(t *testing.T) {
	p := newOIDC(OIDCConfig{URL: "https://127.0.0.1:1", Audiences: []string{"horae"}}, nil, time.Now)
	if _, err := p.verify(t.Context()); err == nil {
		t.Fatal("nobody answers, and all is well")
	}
	first := p.failed
	if _, err := p.verify(t.Context()); err != first { //nolint:errorlint // the very same: nobody was asked
		t.Errorf("it was asked again at once: %v", err)
	}
}

// FuzzTokens: whatever comes as a token, and as its claims, costs an error at most.
func FuzzTokens(f *testing.F) {
	for _, seed := range []string{"", "horae_x", "a.b.c", "e30.e30.e30", "..", strings.Repeat(".", 100)} {
		f.Add(seed)
	}
	p := newOIDC(OIDCConfig{URL: "https://127.0.0.1:1", Username: ClaimConfig{Claim: "sub"}, Groups: ClaimConfig{Claim: "groups"}}, nil, time.Now)
	f.Fuzz(func(t *testing.T, token string) {
		if p.issued(token) {
			t.Skip("it names the issuer")
		}
		claims := map[string]any{}
		if json.Unmarshal([]byte(token), &claims) == nil {
			if u, err := p.cfg.user(claims); err == nil && (u.Name == "" || strings.HasPrefix(u.Name, "system:")) {
				t.Errorf("%s makes %+v", token, u)
			}
		}
	})
}
