package access

import (
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apiserver/pkg/authorization/authorizer"
)

// allows reports whether one rule allows a request.
func allows(r *rbacv1.PolicyRule, a *authorizer.AttributesRecord) bool {
	if !slices.Contains(r.Verbs, a.Verb) && !slices.Contains(r.Verbs, rbacv1.VerbAll) {
		return false
	}
	if !a.ResourceRequest {
		return slices.ContainsFunc(r.NonResourceURLs, func(url string) bool {
			prefix, all := strings.CutSuffix(url, "*")
			return url == a.Path || all && strings.HasPrefix(a.Path, prefix)
		})
	}
	return (slices.Contains(r.APIGroups, a.APIGroup) || slices.Contains(r.APIGroups, rbacv1.APIGroupAll)) &&
		slices.ContainsFunc(r.Resources, func(resource string) bool { return covers(resource, a.Resource, a.Subresource) }) &&
		(len(r.ResourceNames) == 0 || slices.Contains(r.ResourceNames, a.Name))
}

// covers reports whether the resource of a rule (jobs, jobs/trigger, */trigger, *) is the one of a request.
func covers(rule, resource, subresource string) bool {
	if rule == rbacv1.ResourceAll {
		return true
	}
	if subresource == "" {
		return rule == resource
	}
	head, sub, ok := strings.Cut(rule, "/")
	return ok && sub == subresource && (head == resource || head == "*")
}
