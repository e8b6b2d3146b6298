package access

import (
	"fmt"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/component-helpers/auth/rbac/validation"

	"horae/api"
	v1 "horae/api/v1"
	"horae/internal/store"
)

// MayWrite returns why a user may not write an object though he may write objects of its kind: he would give more than
// he has. It is Kubernetes' rule: who writes a role needs what is in it, or the verb escalate; who binds one needs
// what is in it, or the verb bind; who makes a Token needs to be allowed to impersonate its user.
func (a *Access) MayWrite(u user.Info, o api.Object) error {
	switch o := o.(type) {
	case *rbacv1.Role:
		return a.mayGive(u, "escalate", store.Key{Kind: store.Roles, Namespace: o.Namespace, Name: o.Name}, o.Namespace, o.Rules)
	case *rbacv1.ClusterRole:
		return a.mayGive(u, "escalate", store.Key{Kind: store.ClusterRoles, Name: o.Name}, "", o.Rules)
	case *rbacv1.RoleBinding:
		return a.mayBind(u, o.RoleRef, o.Namespace)
	case *rbacv1.ClusterRoleBinding:
		return a.mayBind(u, o.RoleRef, "")
	case *v1.Token:
		return a.MayBe(u, o.Spec.User, o.Spec.Groups)
	}
	return nil
}

func (a *Access) mayBind(u user.Info, ref rbacv1.RoleRef, namespace string) error {
	role := store.Key{Kind: store.ClusterRoles, Name: ref.Name}
	if ref.Kind == "Role" {
		role = store.Key{Kind: store.Roles, Namespace: namespace, Name: ref.Name}
	}
	if a.may(u, "bind", role, namespace) {
		return nil
	}
	given, ok := a.rules.ofRole(role)
	if !ok {
		return fmt.Errorf("%s %q not found: it takes the verb bind to bind a role that is not there yet", ref.Kind, ref.Name)
	}
	return a.mayGive(u, "", role, namespace, given)
}

// mayGive checks that a user has all of some rules himself.
func (a *Access) mayGive(u user.Info, verb string, role store.Key, namespace string, given []rbacv1.PolicyRule) error {
	if isMaster(u) || verb != "" && a.may(u, verb, role, namespace) {
		return nil
	}
	ok, missing := validation.Covers(a.rules.of(u, namespace), given)
	if ok {
		return nil
	}
	const most = 5
	var lines []string
	for _, r := range missing[:min(most, len(missing))] {
		lines = append(lines, rbacLine(r))
	}
	if n := len(missing) - most; n > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", n))
	}
	return fmt.Errorf("user %q (groups=%q) is attempting to grant RBAC permissions not currently held:\n%s",
		u.GetName(), u.GetGroups(), strings.Join(lines, "\n"))
}

// rbacLine is a rule as Kubernetes prints it.
func rbacLine(r rbacv1.PolicyRule) string {
	var parts []string
	for _, list := range []struct {
		name   string
		values []string
	}{{"APIGroups", r.APIGroups}, {"Resources", r.Resources}, {"ResourceNames", r.ResourceNames}, {"NonResourceURLs",
		r.NonResourceURLs}, {"Verbs", r.Verbs}} {
		if len(list.values) > 0 {
			parts = append(parts, fmt.Sprintf("%s:%q", list.name, list.values))
		}
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// may reports whether a user has a verb on a role.
func (a *Access) may(u user.Info, verb string, role store.Key, namespace string) bool {
	ok, _ := a.Authorize(&authorizer.AttributesRecord{
		User: u, Verb: verb, APIGroup: rbacv1.GroupName, APIVersion: "v1", Resource: string(role.Kind), Namespace: namespace,
		Name: role.Name, ResourceRequest: true,
	})
	return ok
}

// MayBe returns why a user may not act as another one, in groups.
func (a *Access) MayBe(u user.Info, name string, groups []string) error {
	impersonate := func(resource, name string) error {
		ok, _ := a.Authorize(&authorizer.AttributesRecord{
			User: u, Verb: "impersonate", APIVersion: "v1", Resource: resource, Name: name, ResourceRequest: true,
		})
		if !ok {
			return fmt.Errorf("user %q cannot impersonate resource %q in API group \"\" at the cluster scope (%s)",
				u.GetName(), resource, name)
		}
		return nil
	}
	if err := impersonate("users", name); err != nil {
		return err
	}
	for _, g := range groups {
		if err := impersonate("groups", g); err != nil {
			return err
		}
	}
	return nil
}
