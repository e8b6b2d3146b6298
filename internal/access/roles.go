package access

import (
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apiserver/pkg/authentication/user"

	v1 "horae/api/v1"
)

// Names of the roles that are built in. The first five are for people.
const (
	RoleClusterAdmin = "cluster-admin"
	RoleAdmin        = "admin"
	RoleEdit         = "edit"
	RoleOperate      = "operate"
	RoleView         = "view"
	RoleCallback     = "callback"

	roleDiscovery  = "system:discovery"
	roleBasicUser  = "system:basic-user"
	roleMonitoring = "system:monitoring"
)

// builtInBindings are the groups that have a role without anybody's doing, by role.
var builtInBindings = map[string]string{
	RoleClusterAdmin: user.SystemPrivilegedGroup,
	roleDiscovery:    user.AllAuthenticated,
	roleBasicUser:    user.AllAuthenticated,
	roleMonitoring:   user.MonitoringGroup,
}

// Switches stand for the fields of a spec by which a thing is stopped and goes on: whoever may update the subresource
// may change these fields of the object, and no others. They are no paths of the API.
var Switches = map[string]string{"jobs": "suspend", "runs": "cancel", "backfills": "suspend"}

// work sorts the resources of the group, in namespaces, by what is done with them. A new kind or subresource is in one
// of the lists by itself: what is read can be viewed, what is asked for beside it operated.
func work(discovered []metav1.APIResource) (kinds, readable, actions, switches []string) {
	for _, r := range discovered {
		if !r.Namespaced {
			continue
		}
		kind, sub, ok := strings.Cut(r.Name, "/")
		switch {
		case !ok:
			kinds = append(kinds, kind)
			if s := Switches[kind]; s != "" {
				switches = append(switches, kind+"/"+s)
			}
		case slices.Contains(r.Verbs, "get"):
			readable = append(readable, r.Name)
		case sub != callback:
			actions = append(actions, r.Name)
		}
	}
	return kinds, readable, actions, switches
}

// callback is the subresource to which tasks report: no person needs it.
const callback = "callback"

// BuiltInRoles are the ClusterRoles that every installation has. discovered are the resources of horae/v1.
func BuiltInRoles(discovered []metav1.APIResource) []*rbacv1.ClusterRole {
	kinds, readable, actions, switches := work(discovered)
	read, change := []string{"get", "list", "watch"}, []string{"create", "delete", "deletecollection", "patch", "update"}
	horae := func(verbs []string, resources ...string) rbacv1.PolicyRule {
		return rbacv1.PolicyRule{APIGroups: []string{v1.GroupVersion.Group}, Resources: resources, Verbs: verbs}
	}
	view := []rbacv1.PolicyRule{
		horae(read, slices.Concat(kinds, readable)...),
		{APIGroups: []string{""}, Resources: []string{"events", "namespaces"}, Verbs: read},
	}
	operate := append(slices.Clip(view),
		horae([]string{"create"}, actions...),
		horae([]string{"patch", "update"}, switches...),
	)
	edit := append(slices.Clip(operate), horae(change, kinds...))
	admin := append(slices.Clip(edit),
		rbacv1.PolicyRule{APIGroups: []string{rbacv1.GroupName}, Resources: []string{"roles", "rolebindings"},
			Verbs: append(slices.Clip(read), change...)})
	return []*rbacv1.ClusterRole{
		builtIn(RoleClusterAdmin, "everything",
			rbacv1.PolicyRule{APIGroups: []string{"*"}, Resources: []string{"*"}, Verbs: []string{"*"}},
			rbacv1.PolicyRule{NonResourceURLs: []string{"*"}, Verbs: []string{"*"}}),
		builtIn(RoleAdmin, "edit, and who may do what in a namespace", admin...),
		builtIn(RoleEdit, "operate, and write objects", edit...),
		builtIn(RoleOperate, "view, trigger, retry, cancel, suspend and resume", operate...),
		builtIn(RoleView, "read objects, events and the output of tasks", view...),
		builtIn(RoleCallback, "report the progress and the end of a Run", horae([]string{"create"}, "runs/"+callback)),
		builtIn(roleDiscovery, "read what the API offers",
			rbacv1.PolicyRule{Verbs: []string{"get"}, NonResourceURLs: []string{
				"/", "/api", "/api/*", "/apis", "/apis/*", "/healthz", "/livez", "/openapi", "/openapi/*", "/readyz",
				"/version", "/version/",
			}}),
		builtIn(roleBasicUser, "ask who one is and what one may do",
			rbacv1.PolicyRule{APIGroups: []string{"authorization.k8s.io"}, Verbs: []string{"create"},
				Resources: []string{"selfsubjectaccessreviews", "selfsubjectrulesreviews"}},
			rbacv1.PolicyRule{APIGroups: []string{"authentication.k8s.io"}, Verbs: []string{"create"},
				Resources: []string{"selfsubjectreviews"}}),
		builtIn(roleMonitoring, "read metrics and the checks of readiness",
			rbacv1.PolicyRule{Verbs: []string{"get"}, NonResourceURLs: []string{
				"/healthz", "/livez", "/metrics", "/readyz", "/readyz/*", "/strays",
			}}),
	}
}

// builtIn makes a role. A manager keeps it as it is here unless the annotation is set to false.
func builtIn(name, description string, rules ...rbacv1.PolicyRule) *rbacv1.ClusterRole {
	return &rbacv1.ClusterRole{
		TypeMeta: metav1.TypeMeta{APIVersion: rbacv1.SchemeGroupVersion.String(), Kind: "ClusterRole"},
		ObjectMeta: metav1.ObjectMeta{
			Name:        name,
			Annotations: map[string]string{rbacv1.AutoUpdateAnnotationKey: "true", "horae/description": description},
		},
		Rules: rules,
	}
}
