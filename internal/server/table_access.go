package server

import (
	"strings"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"

	v1 "horae/api/v1"
)

// The columns of the kinds that say who may do what. Those of bindings are kubectl's.

var tokenColumns = []column{
	nameColumn,
	text("User", "The user that it stands for", token(func(t *v1.Token, _ time.Time) any { return t.Spec.User })),
	text("Groups", "Groups of the user", token(func(t *v1.Token, _ time.Time) any { return orNone(strings.Join(t.Spec.Groups, ",")) })),
	text("Expires", "When it ends", token(tokenExpires)),
	text("Last used", "When it was used last, to the hour", token(func(t *v1.Token, now time.Time) any {
		if t.Status.LastUsed == nil {
			return "<never>"
		}
		return ago(t.Status.LastUsed.Time, now)
	})),
	ageColumn,
}

func token(cell func(*v1.Token, time.Time) any) func(object, time.Time) any {
	return func(o object, now time.Time) any { return cell(o.(*v1.Token), now) }
}

func tokenExpires(t *v1.Token, now time.Time) any {
	switch {
	case t.Spec.Expires == nil:
		return "<never>"
	case t.Expired(now):
		return "expired"
	}
	return t.Spec.Expires.UTC().Format(time.RFC3339)
}

var bindingColumns = []column{
	nameColumn,
	text("Role", "What is allowed", binding(func(ref rbacv1.RoleRef, _ []rbacv1.Subject) any { return ref.Kind + "/" + ref.Name })),
	ageColumn,
	wide(text("Users", "To which users", binding(func(_ rbacv1.RoleRef, s []rbacv1.Subject) any { return namesOf(s, rbacv1.UserKind) }))),
	wide(text("Groups", "To which groups",
		binding(func(_ rbacv1.RoleRef, s []rbacv1.Subject) any { return namesOf(s, rbacv1.GroupKind) }))),
}

func binding(cell func(rbacv1.RoleRef, []rbacv1.Subject) any) func(object, time.Time) any {
	return func(o object, _ time.Time) any {
		switch b := o.(type) {
		case *rbacv1.RoleBinding:
			return cell(b.RoleRef, b.Subjects)
		case *rbacv1.ClusterRoleBinding:
			return cell(b.RoleRef, b.Subjects)
		}
		return ""
	}
}

func namesOf(subjects []rbacv1.Subject, kind string) string {
	var names []string
	for _, s := range subjects {
		if s.Kind == kind {
			names = append(names, s.Name)
		}
	}
	return strings.Join(names, ", ")
}
