package api

import (
	"fmt"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/validate/content"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	utilvalidation "k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// The kinds that say who may do what: Kubernetes' own, so that its tools read and write them.
var (
	Roles = Register(Row[rbacv1.Role, struct{}]{
		GroupVersion: rbacv1.SchemeGroupVersion, Name: "Role", Plural: "roles", Singular: "role",
		Validate: func(r *rbacv1.Role) field.ErrorList { return validateRules(&r.ObjectMeta, r.Rules, true) },
		ValidateUpdate: func(after, _ *rbacv1.Role) field.ErrorList {
			return validateRules(&after.ObjectMeta, after.Rules, true)
		},
	})
	ClusterRoles = Register(Row[rbacv1.ClusterRole, struct{}]{
		GroupVersion: rbacv1.SchemeGroupVersion, ClusterScoped: true, Name: "ClusterRole", Plural: "clusterroles", Singular: "clusterrole",
		Validate:       validateClusterRole,
		ValidateUpdate: func(after, _ *rbacv1.ClusterRole) field.ErrorList { return validateClusterRole(after) },
	})
	RoleBindings = Register(Row[rbacv1.RoleBinding, struct{}]{
		GroupVersion: rbacv1.SchemeGroupVersion, Name: "RoleBinding", Plural: "rolebindings", Singular: "rolebinding",
		SetDefaults: func(b *rbacv1.RoleBinding) { setBindingDefaults(&b.RoleRef, b.Subjects) },
		Validate: func(b *rbacv1.RoleBinding) field.ErrorList {
			return validateBinding(&b.ObjectMeta, b.RoleRef, b.Subjects, "Role", "ClusterRole")
		},
		ValidateUpdate: func(after, before *rbacv1.RoleBinding) field.ErrorList {
			errs := validateBinding(&after.ObjectMeta, after.RoleRef, after.Subjects, "Role", "ClusterRole")
			return append(errs, sameRoleRef(after.RoleRef, before.RoleRef)...)
		},
	})
	ClusterRoleBindings = Register(Row[rbacv1.ClusterRoleBinding, struct{}]{
		GroupVersion: rbacv1.SchemeGroupVersion, ClusterScoped: true,
		Name: "ClusterRoleBinding", Plural: "clusterrolebindings", Singular: "clusterrolebinding",
		SetDefaults: func(b *rbacv1.ClusterRoleBinding) { setBindingDefaults(&b.RoleRef, b.Subjects) },
		Validate: func(b *rbacv1.ClusterRoleBinding) field.ErrorList {
			return validateBinding(&b.ObjectMeta, b.RoleRef, b.Subjects, "ClusterRole")
		},
		ValidateUpdate: func(after, before *rbacv1.ClusterRoleBinding) field.ErrorList {
			errs := validateBinding(&after.ObjectMeta, after.RoleRef, after.Subjects, "ClusterRole")
			return append(errs, sameRoleRef(after.RoleRef, before.RoleRef)...)
		},
	})
)

// Bounds of a role and a binding. What the rules of a role stand for, one by one, is what it takes to check that
// nobody gives more than he has.
const (
	maxRules    = 256
	maxRuleList = 1_000
	maxAtoms    = 5_000
	maxSubjects = 1_000
	maxRuleText = 256
)

func validateClusterRole(r *rbacv1.ClusterRole) field.ErrorList {
	errs := validateRules(&r.ObjectMeta, r.Rules, false)
	if r.AggregationRule != nil {
		errs = append(errs, field.Forbidden(field.NewPath("aggregationRule"), "is not supported: write the rules out"))
	}
	return errs
}

func validateRules(meta *metav1.ObjectMeta, rules []rbacv1.PolicyRule, namespaced bool) field.ErrorList {
	errs := validateRBACMeta(meta)
	at := field.NewPath("rules")
	if len(rules) > maxRules {
		return append(errs, field.TooMany(at, len(rules), maxRules))
	}
	atoms := 0
	for i, r := range rules {
		if n := max(len(r.Verbs), len(r.APIGroups), len(r.Resources), len(r.ResourceNames), len(r.NonResourceURLs)); n > maxRuleList {
			return append(errs, field.TooMany(at.Index(i), n, maxRuleList)) // and no product below overflows
		}
		errs = append(errs, validateRule(at.Index(i), r, namespaced)...)
		atoms += len(r.Verbs) * (len(r.APIGroups)*len(r.Resources)*max(1, len(r.ResourceNames)) + len(r.NonResourceURLs))
		if atoms > maxAtoms {
			return append(errs, field.Invalid(at, fmt.Sprintf("%d rules", len(rules)),
				fmt.Sprintf("stand for more than %d combinations of verb, group, resource and name", maxAtoms)))
		}
	}
	return errs
}

func validateRule(at *field.Path, r rbacv1.PolicyRule, namespaced bool) field.ErrorList {
	var errs field.ErrorList
	if len(r.Verbs) == 0 {
		errs = append(errs, field.Required(at.Child("verbs"), "verbs must contain at least one value"))
	}
	for _, list := range []struct {
		name   string
		values []string
	}{
		{"verbs", r.Verbs}, {"apiGroups", r.APIGroups}, {"resources", r.Resources}, {"resourceNames", r.ResourceNames},
		{"nonResourceURLs", r.NonResourceURLs},
	} {
		for i, v := range list.values {
			if len(v) > maxRuleText {
				errs = append(errs, field.TooLong(at.Child(list.name).Index(i), "", maxRuleText))
			}
		}
	}
	if len(r.NonResourceURLs) > 0 {
		if namespaced {
			errs = append(errs, field.Forbidden(at.Child("nonResourceURLs"), "namespaced rules cannot apply to non-resource URLs"))
		}
		if len(r.APIGroups) > 0 || len(r.Resources) > 0 || len(r.ResourceNames) > 0 {
			errs = append(errs, field.Forbidden(at.Child("nonResourceURLs"),
				"rules cannot apply to both regular resources and non-resource URLs"))
		}
		return errs
	}
	if len(r.APIGroups) == 0 {
		errs = append(errs, field.Required(at.Child("apiGroups"), `resource rules must supply at least one api group, such as "horae"`))
	}
	if len(r.Resources) == 0 {
		errs = append(errs, field.Required(at.Child("resources"), `resource rules must supply at least one resource, such as "jobs"`))
	}
	return errs
}

// setBindingDefaults fills in what kubectl leaves open, as Kubernetes does.
func setBindingDefaults(ref *rbacv1.RoleRef, subjects []rbacv1.Subject) {
	if ref.APIGroup == "" {
		ref.APIGroup = rbacv1.GroupName
	}
	for i := range subjects {
		if s := &subjects[i]; s.APIGroup == "" && (s.Kind == rbacv1.UserKind || s.Kind == rbacv1.GroupKind) {
			s.APIGroup = rbacv1.GroupName
		}
	}
}

func validateBinding(meta *metav1.ObjectMeta, ref rbacv1.RoleRef, subjects []rbacv1.Subject, kinds ...string) field.ErrorList {
	errs := validateRBACMeta(meta)
	at := field.NewPath("roleRef")
	if ref.APIGroup != rbacv1.GroupName {
		errs = append(errs, field.NotSupported(at.Child("apiGroup"), ref.APIGroup, []string{rbacv1.GroupName}))
	}
	if !contains(kinds, ref.Kind) {
		errs = append(errs, field.NotSupported(at.Child("kind"), ref.Kind, kinds))
	}
	if ref.Name == "" {
		errs = append(errs, field.Required(at.Child("name"), "the name of a role"))
	} else if msgs := content.IsPathSegmentName(ref.Name); len(msgs) > 0 {
		errs = append(errs, field.Invalid(at.Child("name"), ref.Name, msgs[0]))
	}
	at = field.NewPath("subjects")
	if len(subjects) > maxSubjects {
		return append(errs, field.TooMany(at, len(subjects), maxSubjects))
	}
	for i, s := range subjects {
		errs = append(errs, validateSubject(at.Index(i), s)...)
	}
	return errs
}

func validateSubject(at *field.Path, s rbacv1.Subject) field.ErrorList {
	var errs field.ErrorList
	if s.Name == "" {
		errs = append(errs, field.Required(at.Child("name"), "the name of a user or a group"))
	}
	switch s.Kind {
	case rbacv1.UserKind, rbacv1.GroupKind:
		if s.APIGroup != rbacv1.GroupName {
			errs = append(errs, field.NotSupported(at.Child("apiGroup"), s.APIGroup, []string{rbacv1.GroupName}))
		}
	case rbacv1.ServiceAccountKind:
		errs = append(errs, field.Invalid(at.Child("kind"), s.Kind, "there are no service accounts here: make a Token for a user"))
	default:
		errs = append(errs, field.NotSupported(at.Child("kind"), s.Kind, []string{rbacv1.UserKind, rbacv1.GroupKind}))
	}
	return errs
}

func sameRoleRef(after, before rbacv1.RoleRef) field.ErrorList {
	if after == before {
		return nil
	}
	return field.ErrorList{field.Invalid(field.NewPath("roleRef"), after.Name,
		"cannot change roleRef: delete the binding and make it anew")}
}

// validateRBACMeta checks names, which may have capitals and colons here, labels and annotations.
func validateRBACMeta(meta *metav1.ObjectMeta) field.ErrorList {
	at := field.NewPath("metadata")
	var errs field.ErrorList
	switch msgs := content.IsPathSegmentName(meta.Name); {
	case meta.Name == "":
		errs = append(errs, field.Required(at.Child("name"), "an object needs a name"))
	case len(meta.Name) > utilvalidation.DNS1123SubdomainMaxLength:
		errs = append(errs, field.TooLong(at.Child("name"), "", utilvalidation.DNS1123SubdomainMaxLength))
	case len(msgs) > 0:
		errs = append(errs, field.Invalid(at.Child("name"), meta.Name, msgs[0]))
	case strings.ContainsFunc(meta.Name, func(r rune) bool { return r <= ' ' || r == 0x7f }):
		errs = append(errs, field.Invalid(at.Child("name"), meta.Name, "must not have spaces or control characters"))
	}
	errs = append(errs, validation.ValidateLabels(meta.Labels, at.Child("labels"))...)
	return append(errs, apivalidation.ValidateAnnotations(meta.Annotations, at.Child("annotations"))...)
}

func contains(list []string, s string) bool {
	for _, v := range list {
		if v == s {
			return true
		}
	}
	return false
}
