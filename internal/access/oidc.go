package access

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"k8s.io/apiserver/pkg/authentication/authenticator"
	"k8s.io/apiserver/pkg/authentication/user"
)

// OIDCConfig is an OpenID Connect provider, with the names of Kubernetes' structured authentication configuration.
type OIDCConfig struct {
	// URL of the issuer; its keys are found below it.
	URL string `json:"url"`
	// Audiences, one of which a token must be for.
	Audiences []string `json:"audiences"`
	// CertificateAuthorityFile has the CA of the issuer's certificate; empty: the system's.
	CertificateAuthorityFile string `json:"certificateAuthorityFile"`
	// Username and Groups are the claims that say who the user is.
	Username ClaimConfig `json:"username"`
	Groups   ClaimConfig `json:"groups"`
	// RequiredClaims are claims that must have these values.
	RequiredClaims map[string]string `json:"requiredClaims"`
}

// ClaimConfig is a claim, and what is put before its value.
type ClaimConfig struct {
	Claim  string `json:"claim"`
	Prefix string `json:"prefix"`
}

func (c OIDCConfig) validate(bad func(field, format string, args ...any)) {
	if u, err := url.Parse(c.URL); err != nil || u.Scheme != "https" || u.Host == "" {
		bad("url", "%q: must be an https address, the issuer as it stands in the tokens", c.URL)
	}
	if len(c.Audiences) == 0 {
		bad("audiences", "must name the client that the tokens are for: another client's tokens are not for this server")
	}
	if c.Username.Claim == "" {
		bad("username.claim", "must name the claim with the user, such as sub or email")
	}
	if strings.HasPrefix(c.Username.Prefix, "system:") || strings.HasPrefix(c.Groups.Prefix, "system:") {
		bad("username.prefix, groups.prefix", "must not begin with system:")
	}
}

const (
	// skew is how far the clocks of a provider and of this machine may be apart.
	skew = time.Minute
	// providerTimeout bounds a request to the provider, and a token's wait for it.
	providerTimeout = 10 * time.Second
	// tryAgainAfter is the pause after the provider did not answer.
	tryAgainAfter = 5 * time.Second
)

// provider verifies the ID tokens of an issuer. Its keys are fetched when the first token comes, and again when one is
// signed with a key that is not known.
type provider struct {
	cfg    OIDCConfig
	client *http.Client
	now    func() time.Time

	mu       sync.Mutex
	verifier *oidc.IDTokenVerifier // guarded by mu; nil until the issuer has answered
	failed   error                 // guarded by mu
	again    time.Time             // guarded by mu: not before
}

func newOIDC(cfg OIDCConfig, roots func() *x509.CertPool, now func() time.Time) *provider {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	if roots != nil {
		transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots()}
	}
	return &provider{cfg: cfg, client: &http.Client{Timeout: providerTimeout, Transport: transport}, now: now}
}

// algorithms are asymmetric ones: a provider's secret is not known here.
var algorithms = []string{
	oidc.RS256, oidc.RS384, oidc.RS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.EdDSA,
}

// AuthenticateToken implements authenticator.Token.
func (p *provider) AuthenticateToken(ctx context.Context, token string) (*authenticator.Response, bool, error) {
	if !p.issued(token) {
		return nil, false, nil
	}
	verifier, err := p.verify(ctx)
	if err != nil {
		return nil, false, err
	}
	id, err := verifier.Verify(oidc.ClientContext(ctx, p.client), token)
	if err != nil {
		return nil, false, fmt.Errorf("OIDC: %w", err)
	}
	if !slices.ContainsFunc(id.Audience, func(a string) bool { return slices.Contains(p.cfg.Audiences, a) }) {
		return nil, false, fmt.Errorf("OIDC: the token is for %q, not for %q", id.Audience, p.cfg.Audiences)
	}
	claims := map[string]any{}
	if err := id.Claims(&claims); err != nil {
		return nil, false, fmt.Errorf("OIDC: read the claims: %w", err)
	}
	info, err := p.cfg.user(claims)
	if err != nil {
		return nil, false, fmt.Errorf("OIDC: %w", err)
	}
	return &authenticator.Response{User: info}, true, nil
}

// issued reports whether a token says that it is of this issuer, so that those of others cost nothing.
func (p *provider) issued(token string) bool {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return false
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return false
	}
	var claims struct {
		Issuer string `json:"iss"`
	}
	return json.Unmarshal(payload, &claims) == nil && claims.Issuer == p.cfg.URL
}

// verify returns the verifier, once the issuer has said where its keys are.
func (p *provider) verify(ctx context.Context) (*oidc.IDTokenVerifier, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.verifier != nil {
		return p.verifier, nil
	}
	if p.failed != nil && time.Now().Before(p.again) {
		return nil, p.failed
	}
	// The keys are used for longer than this request.
	found, err := oidc.NewProvider(oidc.ClientContext(context.WithoutCancel(ctx), p.client), p.cfg.URL)
	if err != nil {
		p.failed, p.again = fmt.Errorf("OIDC: ask %s for its keys: %w", p.cfg.URL, err), time.Now().Add(tryAgainAfter)
		return nil, p.failed
	}
	p.verifier = found.VerifierContext(oidc.ClientContext(context.WithoutCancel(ctx), p.client), &oidc.Config{
		SkipClientIDCheck:    true, // one of several audiences: see above
		SupportedSigningAlgs: algorithms,
		Now:                  func() time.Time { return p.now().Add(-skew) },
	})
	return p.verifier, nil
}

// user reads the claims of a token that was verified.
func (c OIDCConfig) user(claims map[string]any) (*user.DefaultInfo, error) {
	for name, want := range c.RequiredClaims {
		if got, ok := claims[name].(string); !ok || got != want {
			return nil, fmt.Errorf("the claim %s must be %q", name, want)
		}
	}
	name, _ := claims[c.Username.Claim].(string)
	if name == "" {
		return nil, fmt.Errorf("the token has no claim %s, which would be the user", c.Username.Claim)
	}
	if c.Username.Claim == "email" {
		if verified, ok := claims["email_verified"]; ok && verified != true {
			return nil, errors.New("the email is not verified")
		}
	}
	info := &user.DefaultInfo{Name: c.Username.Prefix + name}
	if c.Groups.Claim != "" {
		groups, err := textOrList(claims[c.Groups.Claim])
		if err != nil {
			return nil, fmt.Errorf("the claim %s: %w", c.Groups.Claim, err)
		}
		for _, g := range groups {
			info.Groups = append(info.Groups, c.Groups.Prefix+g)
		}
	}
	for _, name := range append([]string{info.Name}, info.Groups...) {
		if strings.HasPrefix(name, "system:") {
			return nil, fmt.Errorf("%q: names that begin with system: are not a provider's to give", name)
		}
	}
	return info, nil
}

func textOrList(v any) ([]string, error) {
	switch v := v.(type) {
	case nil:
		return nil, nil
	case string:
		return []string{v}, nil
	case []any:
		all := make([]string, len(v))
		for i, e := range v {
			s, ok := e.(string)
			if !ok {
				return nil, errors.New("must be text or a list of texts")
			}
			all[i] = s
		}
		return all, nil
	}
	return nil, errors.New("must be text or a list of texts")
}
