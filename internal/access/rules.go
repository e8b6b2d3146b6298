package access

import (
	"sync"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"

	"horae/internal/cache"
	"horae/internal/store"
)

// subject is a user or a group, as a binding of a namespace names it; "" stands for a ClusterRoleBinding.
type subject struct{ namespace, kind, name string }

// bound is a binding: the role that it gives.
type bound struct {
	role     store.Key
	subjects []subject
}

// rules are the Roles, and the bindings by subject. A request looks up its user and his groups: what others may do
// costs it nothing.
type rules struct {
	mu        sync.RWMutex
	roles     map[store.Key][]rbacv1.PolicyRule // guarded by mu, like all the rest
	bindings  map[store.Key]bound
	bySubject map[subject]map[store.Key]store.Key // the roles of a subject, by binding
	builtIn   map[string][]rbacv1.PolicyRule      // ClusterRoles, where etcd has none of the name; never changes
}

func newRules(builtIn []*rbacv1.ClusterRole) *rules {
	r := &rules{
		roles: map[store.Key][]rbacv1.PolicyRule{}, bindings: map[store.Key]bound{},
		bySubject: map[subject]map[store.Key]store.Key{}, builtIn: map[string][]rbacv1.PolicyRule{},
	}
	for _, role := range builtIn {
		r.builtIn[role.Name] = role.Rules
	}
	for name, group := range builtInBindings {
		r.bind(store.Key{Kind: "built-in", Name: name}, "", rbacv1.RoleRef{Kind: "ClusterRole", Name: name},
			[]rbacv1.Subject{{Kind: rbacv1.GroupKind, Name: group}})
	}
	return r
}

// see keeps up with the cache: it is called for every change, in order.
func (r *rules) see(e cache.Event) {
	switch e.Key.Kind {
	case store.Roles, store.ClusterRoles, store.RoleBindings, store.ClusterRoleBindings:
	default:
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forget(e.Key)
	if e.New == nil || e.New.GetErr() != nil || e.New.GetRevisions().Deleted() {
		return // a document that cannot be read grants nothing
	}
	switch o := e.New.GetObject().(type) {
	case *rbacv1.Role:
		r.roles[e.Key] = o.Rules
	case *rbacv1.ClusterRole:
		r.roles[e.Key] = o.Rules
	case *rbacv1.RoleBinding:
		r.bind(e.Key, e.Key.Namespace, o.RoleRef, o.Subjects)
	case *rbacv1.ClusterRoleBinding:
		if o.RoleRef.Kind == "ClusterRole" {
			r.bind(e.Key, "", o.RoleRef, o.Subjects)
		}
	}
}

// forget removes a role or a binding.
func (r *rules) forget(key store.Key) {
	delete(r.roles, key)
	for _, s := range r.bindings[key].subjects {
		if delete(r.bySubject[s], key); len(r.bySubject[s]) == 0 {
			delete(r.bySubject, s)
		}
	}
	delete(r.bindings, key)
}

// bind adds a binding of a namespace; "" is all of them.
func (r *rules) bind(key store.Key, namespace string, ref rbacv1.RoleRef, subjects []rbacv1.Subject) {
	b := bound{role: store.Key{Kind: store.ClusterRoles, Name: ref.Name}}
	switch ref.Kind {
	case "Role":
		b.role = store.Key{Kind: store.Roles, Namespace: namespace, Name: ref.Name}
	case "ClusterRole":
	default:
		return // as it may stand in a document that nobody has validated
	}
	for _, s := range subjects {
		if s.Kind != rbacv1.UserKind && s.Kind != rbacv1.GroupKind {
			continue
		}
		at := subject{namespace, s.Kind, s.Name}
		if r.bySubject[at] == nil {
			r.bySubject[at] = map[store.Key]store.Key{}
		}
		r.bySubject[at][key] = b.role
		b.subjects = append(b.subjects, at)
	}
	r.bindings[key] = b
}

// roleRules returns the rules of a role; none for one that does not exist. The lock must be held.
func (r *rules) roleRulesLocked(role store.Key) []rbacv1.PolicyRule {
	found, ok := r.roles[role]
	if !ok && role.Kind == store.ClusterRoles {
		return r.builtIn[role.Name]
	}
	return found
}

// visit calls f with the rules of a user in a namespace, those of all namespaces first, until it returns false.
func (r *rules) visit(u user.Info, namespace string, f func(binding store.Key, role store.Key, rules []rbacv1.PolicyRule) bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	in := func(namespace string) bool {
		for binding, role := range r.bySubject[subject{namespace, rbacv1.UserKind, u.GetName()}] {
			if !f(binding, role, r.roleRulesLocked(role)) {
				return false
			}
		}
		for _, group := range u.GetGroups() {
			for binding, role := range r.bySubject[subject{namespace, rbacv1.GroupKind, group}] {
				if !f(binding, role, r.roleRulesLocked(role)) {
					return false
				}
			}
		}
		return true
	}
	if in("") && namespace != "" {
		in(namespace)
	}
}

// allow reports whether a request is allowed, and by which binding.
func (r *rules) allow(a *authorizer.AttributesRecord) (allowed bool, reason string) {
	r.visit(a.User, a.Namespace, func(binding, role store.Key, rules []rbacv1.PolicyRule) bool {
		for i := range rules {
			if allows(&rules[i], a) {
				allowed, reason = true, "RBAC: allowed by "+binding.String()+" of "+role.String()
				return false
			}
		}
		return true
	})
	return allowed, reason
}

// of returns all rules of a user in a namespace.
func (r *rules) of(u user.Info, namespace string) []rbacv1.PolicyRule {
	var all []rbacv1.PolicyRule
	r.visit(u, namespace, func(_, _ store.Key, rules []rbacv1.PolicyRule) bool {
		all = append(all, rules...)
		return true
	})
	return all
}

// ofRole returns the rules of a role, and whether there is one.
func (r *rules) ofRole(role store.Key) ([]rbacv1.PolicyRule, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if _, ok := r.roles[role]; !ok && (role.Kind != store.ClusterRoles || r.builtIn[role.Name] == nil) {
		return nil, false
	}
	return r.roleRulesLocked(role), true
}
