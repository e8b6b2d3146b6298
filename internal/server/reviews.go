package server

import (
	"net/http"
	"strings"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
)

// reviews are questions of a user about himself: they answer and store nothing.
var reviews = []struct {
	gv           schema.GroupVersion
	plural, kind string
	answer       func(*Server, *caller, runtime.Object) (runtime.Object, error)
}{
	{authorizationv1.SchemeGroupVersion, "selfsubjectaccessreviews", "SelfSubjectAccessReview", (*Server).accessReview},
	{authorizationv1.SchemeGroupVersion, "selfsubjectrulesreviews", "SelfSubjectRulesReview", (*Server).rulesReview},
	{authenticationv1.SchemeGroupVersion, "selfsubjectreviews", "SelfSubjectReview", (*Server).selfReview},
}

// reviewRoutes adds their paths, and discovery of them.
func (s *Server) reviewRoutes(handle func(string, func(http.ResponseWriter, *http.Request) error)) {
	lists := map[string]*metav1.APIResourceList{}
	for _, v := range reviews {
		path := "/apis/" + v.gv.Group + "/" + v.gv.Version
		list := lists[path]
		if list == nil {
			list = &metav1.APIResourceList{
				TypeMeta:     metav1.TypeMeta{Kind: "APIResourceList", APIVersion: "v1"},
				GroupVersion: v.gv.Group + "/" + v.gv.Version,
			}
			lists[path] = list
			handle("GET "+path, func(w http.ResponseWriter, r *http.Request) error { return s.send(w, r, list) })
			handle("GET /apis/"+v.gv.Group, func(w http.ResponseWriter, r *http.Request) error {
				return s.send(w, r, apiGroup(v.gv))
			})
		}
		list.APIResources = append(list.APIResources, metav1.APIResource{
			Name: v.plural, SingularName: strings.ToLower(v.kind), Kind: v.kind, Verbs: []string{"create"},
		})
		handle("POST "+path+"/"+v.plural, func(w http.ResponseWriter, hr *http.Request) error { return s.review(w, hr, v.answer) })
	}
}

func (s *Server) review(w http.ResponseWriter, hr *http.Request,
	answer func(*Server, *caller, runtime.Object) (runtime.Object, error)) error {
	r := &request{Request: hr, client: s.client(hr)}
	release, err := s.share.reads.take(r.Context(), r.client)
	if err != nil {
		return err
	}
	defer release()
	if err := r.read(w, maxBody, s.limits.body); err != nil {
		return err
	}
	asked, gvk, err := builtIns.Decode(r.body, nil, nil)
	if err != nil {
		return badRequest("decode the review: %v", err)
	}
	out, err := answer(s, callerOf(hr.Context()), asked)
	if err != nil {
		return err
	}
	out.GetObjectKind().SetGroupVersionKind(*gvk)
	f, err := negotiate(hr)
	if err != nil {
		return err
	}
	f.as = ""
	return f.write(w, http.StatusCreated, out)
}

func (s *Server) accessReview(c *caller, asked runtime.Object) (runtime.Object, error) {
	review, ok := asked.(*authorizationv1.SelfSubjectAccessReview)
	if !ok {
		return nil, badRequest("the document is a %T, not a SelfSubjectAccessReview", asked)
	}
	a := &authorizer.AttributesRecord{User: c.user}
	switch res, other := review.Spec.ResourceAttributes, review.Spec.NonResourceAttributes; {
	case res != nil && other == nil:
		a.ResourceRequest = true
		a.Verb, a.Namespace, a.APIGroup, a.APIVersion = res.Verb, res.Namespace, res.Group, res.Version
		a.Resource, a.Subresource, a.Name = res.Resource, res.Subresource, res.Name
	case other != nil && res == nil:
		a.Verb, a.Path = other.Verb, other.Path
	default:
		return nil, badRequest("spec: exactly one of nonResourceAttributes or resourceAttributes must be specified")
	}
	review.Status = authorizationv1.SubjectAccessReviewStatus{Allowed: true, Reason: "access control is off"}
	if s.cfg.Access != nil {
		review.Status.Allowed, review.Status.Reason = s.cfg.Access.Authorize(a)
	}
	return review, nil
}

func (s *Server) rulesReview(c *caller, asked runtime.Object) (runtime.Object, error) {
	review, ok := asked.(*authorizationv1.SelfSubjectRulesReview)
	if !ok {
		return nil, badRequest("the document is a %T, not a SelfSubjectRulesReview", asked)
	}
	if review.Spec.Namespace == "" {
		return nil, badRequest("no namespace on request")
	}
	st := &review.Status
	st.ResourceRules, st.NonResourceRules = []authorizationv1.ResourceRule{}, []authorizationv1.NonResourceRule{}
	if s.cfg.Access == nil {
		all := []string{"*"}
		st.ResourceRules = append(st.ResourceRules, authorizationv1.ResourceRule{Verbs: all, APIGroups: all, Resources: all})
		st.NonResourceRules = append(st.NonResourceRules, authorizationv1.NonResourceRule{Verbs: all, NonResourceURLs: all})
		return review, nil
	}
	for _, r := range s.cfg.Access.RulesFor(c.user, review.Spec.Namespace) {
		if len(r.NonResourceURLs) > 0 {
			st.NonResourceRules = append(st.NonResourceRules,
				authorizationv1.NonResourceRule{Verbs: r.Verbs, NonResourceURLs: r.NonResourceURLs})
			continue
		}
		st.ResourceRules = append(st.ResourceRules, authorizationv1.ResourceRule{
			Verbs: r.Verbs, APIGroups: r.APIGroups, Resources: r.Resources, ResourceNames: r.ResourceNames,
		})
	}
	return review, nil
}

func (s *Server) selfReview(c *caller, asked runtime.Object) (runtime.Object, error) {
	review, ok := asked.(*authenticationv1.SelfSubjectReview)
	if !ok {
		return nil, badRequest("the document is a %T, not a SelfSubjectReview", asked)
	}
	u := c.user
	if u == nil {
		u = &user.DefaultInfo{Name: user.Anonymous, Groups: []string{user.AllUnauthenticated}}
	}
	review.Status.UserInfo = authenticationv1.UserInfo{Username: u.GetName(), UID: u.GetUID(), Groups: u.GetGroups()}
	for k, v := range u.GetExtra() {
		if review.Status.UserInfo.Extra == nil {
			review.Status.UserInfo.Extra = map[string]authenticationv1.ExtraValue{}
		}
		review.Status.UserInfo.Extra[k] = v
	}
	return review, nil
}
