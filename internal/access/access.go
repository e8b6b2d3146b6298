package access

import (
	"errors"
	"net/http"
	"slices"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apiserver/pkg/authentication/authenticator"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"

	"horae/internal/cache"
)

// Access is who may do what. It is safe for concurrent use. Make one with New; See is called for every change of the
// cache, from the first on.
type Access struct {
	authenticators []authenticator.Request
	anonymous      bool
	open           bool // everybody may do everything
	rules          *rules
	tokens         *tokens
	lastUsed       *lastUsed
}

// ErrUnauthenticated: the request does not say who sends it, or what it says is wrong.
var ErrUnauthenticated = errors.New("the request does not say who sends it")

// See keeps up with the cache.
func (a *Access) See(e cache.Event) {
	a.rules.see(e)
	a.tokens.see(e)
	a.lastUsed.see(e)
}

// Authenticate finds out who sends a request: the first authenticator that knows it decides. ErrUnauthenticated and
// other errors: nobody is known, and nothing may be done for him. Where access is open, a nil user is everybody.
func (a *Access) Authenticate(r *http.Request) (user.Info, error) {
	for _, auth := range a.authenticators {
		resp, ok, err := auth.AuthenticateRequest(r)
		if err != nil && !a.open {
			return nil, err
		}
		if ok && err == nil {
			return authenticated(resp.User), nil
		}
	}
	switch {
	case a.open:
		return nil, nil
	case a.anonymous:
		return &user.DefaultInfo{Name: user.Anonymous, Groups: []string{user.AllUnauthenticated}}, nil
	}
	return nil, ErrUnauthenticated
}

// authenticated adds the group that everybody is in who is known.
func authenticated(u user.Info) user.Info {
	if slices.Contains(u.GetGroups(), user.AllAuthenticated) {
		return u
	}
	return &user.DefaultInfo{Name: u.GetName(), UID: u.GetUID(), Extra: u.GetExtra(),
		Groups: append(slices.Clone(u.GetGroups()), user.AllAuthenticated)}
}

func as(name string, groups []string) user.Info {
	if name == user.Anonymous {
		return &user.DefaultInfo{Name: name, Groups: append(slices.Clone(groups), user.AllUnauthenticated)}
	}
	return authenticated(&user.DefaultInfo{Name: name, Groups: groups})
}

// Authorize reports whether a request is allowed, and by which binding.
func (a *Access) Authorize(attr *authorizer.AttributesRecord) (allowed bool, reason string) {
	switch {
	case a.open:
		return true, "access control is off"
	case attr.User == nil:
		return false, "nobody is known"
	case isMaster(attr.User):
		return true, "the group " + user.SystemPrivilegedGroup
	}
	return a.rules.allow(attr)
}

// RulesFor returns everything that a user may do in a namespace.
func (a *Access) RulesFor(u user.Info, namespace string) []rbacv1.PolicyRule {
	if a.open || isMaster(u) {
		return []rbacv1.PolicyRule{
			{APIGroups: []string{"*"}, Resources: []string{"*"}, Verbs: []string{"*"}}, {NonResourceURLs: []string{"*"},
				Verbs: []string{"*"}},
		}
	}
	return a.rules.of(u, namespace)
}

// Switch is the subresource that stands for those fields of a resource by which it is stopped and goes on; "": none.
func (a *Access) Switch(resource string) string { return Switches[resource] }

// NewSecret draws the secret of a Token, and its hash.
func (a *Access) NewSecret() (secret, hash string, err error) { return newSecret() }

// As is the user that somebody acts as, who may: MayBe.
func (a *Access) As(name string, groups []string) user.Info { return as(name, groups) }

// isMaster reports whether a user is above all rules, so that a mistake in them can be mended.
func isMaster(u user.Info) bool {
	return u != nil && slices.Contains(u.GetGroups(), user.SystemPrivilegedGroup)
}
