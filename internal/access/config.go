package access

import (
	"context"
	"crypto/x509"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/go-logr/logr"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apiserver/pkg/authentication/authenticator"
	"k8s.io/apiserver/pkg/authentication/request/bearertoken"
	tokenunion "k8s.io/apiserver/pkg/authentication/token/union"

	"horae/internal/certificate"
	"horae/internal/filewatch"
	"horae/internal/store"
)

// Values of Config.Mode.
const (
	// Open: everybody who reaches the API may do everything.
	Open = "open"
	// RBAC: everybody has to say who he is, and may do what Roles and their bindings allow.
	RBAC = "rbac"
)

// Config says who may do what through the API, as it stands in the manager's configuration.
type Config struct {
	// Mode is open or rbac; empty: open on loopback, and an error on other addresses.
	Mode string `json:"mode"`
	// Anonymous lets requests that say nothing of who sends them do what system:anonymous and system:unauthenticated may.
	Anonymous bool `json:"anonymous"`
	// TokenFile is a list of hashes of tokens, each with its user.
	TokenFile string `json:"tokenFile"`
	// Proxy authenticates users and names them in headers.
	Proxy ProxyConfig `json:"proxy"`
	// OIDC are the providers whose ID tokens are taken.
	OIDC []OIDCConfig `json:"oidc"`
	// Bindings give roles to users and groups, beside those in etcd.
	Bindings []Binding `json:"bindings"`
}

// ProxyConfig is an authenticating proxy.
type ProxyConfig struct {
	CAFile              string   `json:"caFile"`
	AllowedNames        []string `json:"allowedNames"`
	UserHeaders         []string `json:"userHeaders"`
	GroupHeaders        []string `json:"groupHeaders"`
	ExtraHeaderPrefixes []string `json:"extraHeaderPrefixes"`
}

// Binding gives a ClusterRole to users and groups, in a namespace or in all.
type Binding struct {
	Role      string   `json:"role"`
	Users     []string `json:"users"`
	Groups    []string `json:"groups"`
	Namespace string   `json:"namespace"`
}

// Default is the configuration of a manager without options.
func Default() Config {
	return Config{
		Proxy: ProxyConfig{
			AllowedNames: []string{}, UserHeaders: []string{"X-Remote-User"}, GroupHeaders: []string{"X-Remote-Group"},
			ExtraHeaderPrefixes: []string{"X-Remote-Extra-"},
		},
		OIDC: []OIDCConfig{}, Bindings: []Binding{},
	}
}

// Validate reports what is wrong with the configuration. tls is whether the API speaks TLS.
func (c *Config) Validate(tls bool, bad func(field, format string, args ...any)) {
	switch c.Mode {
	case "", Open, RBAC:
	default:
		bad("access.mode", "%q: must be open or rbac", c.Mode)
	}
	if c.Proxy.CAFile != "" {
		if !tls {
			bad("access.proxy.caFile", "a proxy shows its certificate over TLS only: give tls.certFile and tls.keyFile, too")
		}
		if len(c.Proxy.UserHeaders) == 0 {
			bad("access.proxy.userHeaders", "must name the header with the user, such as X-Remote-User")
		}
	}
	for i, o := range c.OIDC {
		o.validate(func(field, format string, args ...any) {
			bad(fmt.Sprintf("access.oidc[%d].%s", i, field), format, args...)
		})
	}
	for i, b := range c.Bindings {
		at := fmt.Sprintf("access.bindings[%d]", i)
		if b.Role == "" {
			bad(at+".role", "must name a ClusterRole, such as view or edit")
		}
		if len(b.Users)+len(b.Groups) == 0 {
			bad(at, "must name users or groups")
		}
	}
}

// Needs is what an Access is made of besides its Config.
type Needs struct {
	Files *filewatch.Watcher
	// ClientCAFile has the CA of users' certificates; empty: certificates say nothing of users.
	ClientCAFile string
	// Discovered are the resources of horae/v1: the built-in roles are about them.
	Discovered []metav1.APIResource
	Now        func() time.Time
	Log        logr.Logger
}

// New makes an Access. Files that are missing or wrong are errors now. Start begins what it writes.
func New(cfg Config, n Needs) (*Access, error) {
	a := &Access{
		anonymous: cfg.Anonymous, open: cfg.Mode != RBAC, rules: newRules(BuiltInRoles(n.Discovered)), tokens: newTokens(n.Now),
		lastUsed: newLastUsed(n.Now, n.Log),
	}
	a.tokens.used = a.lastUsed.use
	for i, b := range cfg.Bindings {
		a.rules.bind(store.Key{Kind: "configured", Name: fmt.Sprintf("access.bindings[%d]", i)}, b.Namespace,
			rbacv1.RoleRef{Kind: "ClusterRole", Name: b.Role}, b.subjects())
	}
	if path := cfg.Proxy.CAFile; path != "" {
		pool, err := certificate.Pool(n.Files, "access.proxy.caFile", path)
		if err != nil {
			return nil, err
		}
		a.authenticators = append(a.authenticators, &proxy{
			roots: pool.Get, now: n.Now, names: cfg.Proxy.AllowedNames, users: cfg.Proxy.UserHeaders, groups: cfg.Proxy.GroupHeaders,
			extraPrefixes: cfg.Proxy.ExtraHeaderPrefixes,
		})
	}
	if n.ClientCAFile != "" {
		pool, err := certificate.Pool(n.Files, "tls.clientCAFile", n.ClientCAFile)
		if err != nil {
			return nil, err
		}
		a.authenticators = append(a.authenticators, &certificates{roots: pool.Get, now: n.Now})
	}
	bearers, err := bearers(cfg, n, a.tokens)
	if err != nil {
		return nil, err
	}
	a.authenticators = append(a.authenticators, bearertoken.New(tokenunion.New(bearers...)))
	return a, nil
}

// bearers are those who know tokens, in order.
func bearers(cfg Config, n Needs, inEtcd *tokens) ([]authenticator.Token, error) {
	all := []authenticator.Token{inEtcd}
	if path := cfg.TokenFile; path != "" {
		file, err := filewatch.Follow(n.Files, "access.tokenFile", func() (map[string]fileToken, error) {
			return readTokens("access.tokenFile", path)
		}, path)
		if err != nil {
			return nil, err
		}
		all = append(all, &fileTokens{get: file.Get, now: n.Now})
	}
	for i, c := range cfg.OIDC {
		var roots func() *x509.CertPool
		if path := c.CertificateAuthorityFile; path != "" {
			pool, err := certificate.Pool(n.Files, fmt.Sprintf("access.oidc[%d].certificateAuthorityFile", i), path)
			if err != nil {
				return nil, err
			}
			roots = pool.Get
		}
		all = append(all, newOIDC(c, roots, n.Now))
	}
	return all, nil
}

func (b Binding) subjects() []rbacv1.Subject {
	var all []rbacv1.Subject
	for _, u := range b.Users {
		all = append(all, rbacv1.Subject{Kind: rbacv1.UserKind, Name: u})
	}
	for _, g := range b.Groups {
		all = append(all, rbacv1.Subject{Kind: rbacv1.GroupKind, Name: g})
	}
	return all
}

// Start begins to write when tokens were used last; it ends with ctx, and the function returned waits for that.
func (a *Access) Start(ctx context.Context, s Store) (wait func()) {
	var running sync.WaitGroup
	running.Go(func() { a.lastUsed.run(ctx, s) })
	return running.Wait
}

// Users lists how users are known, for the log.
func (c *Config) Users(clientCA bool) string {
	how := []string{"tokens"}
	if clientCA {
		how = append(how, "certificates")
	}
	if c.Proxy.CAFile != "" {
		how = append(how, "a proxy")
	}
	if len(c.OIDC) > 0 {
		how = append(how, "OIDC")
	}
	if c.Anonymous {
		how = append(how, "anonymous")
	}
	return strings.Join(how, ", ")
}
