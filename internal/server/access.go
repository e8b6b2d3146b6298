package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	apirequest "k8s.io/apiserver/pkg/endpoints/request"

	"horae/api"
	v1 "horae/api/v1"
	"horae/internal/store"
)

// Access decides who may do what: *access.Access.
type Access interface {
	// Authenticate finds out who sends a request. An error: nobody is known. A nil user: everybody is let in.
	Authenticate(*http.Request) (user.Info, error)
	// As is the user that somebody acts as, who may: MayBe.
	As(name string, groups []string) user.Info
	// MayBe returns why a user may not act as another one, in groups.
	MayBe(u user.Info, name string, groups []string) error
	// Authorize reports whether a request is allowed, and by what.
	Authorize(*authorizer.AttributesRecord) (allowed bool, reason string)
	// RulesFor returns everything that a user may do in a namespace.
	RulesFor(u user.Info, namespace string) []rbacv1.PolicyRule
	// MayWrite returns why a user may not write an object though he may write objects of its kind.
	MayWrite(u user.Info, o api.Object) error
	// Switch is the subresource that stands for those fields of a resource by which it is stopped and goes on; "": none.
	Switch(resource string) string
	// NewSecret draws the secret of a Token, and its hash.
	NewSecret() (secret, hash string, err error)
}

// caller is who sends a request, and what it asks for, as far as method and path say it.
type caller struct {
	info *apirequest.RequestInfo
	// user is nil where everybody is let in.
	user user.Info
	// by is who acts as the user, if somebody else does.
	by user.Info
	// decision and reason of the authorization, for the audit log.
	decision, reason string
	// switching: only the fields by which the object is stopped and goes on may change.
	switching bool
}

type callerKey struct{}

func callerOf(ctx context.Context) *caller {
	c, _ := ctx.Value(callerKey{}).(*caller)
	return c
}

var requestInfos = &apirequest.RequestInfoFactory{APIPrefixes: sets.NewString("apis", "api"), GrouplessAPIPrefixes: sets.NewString("api")}

// identify finds out who sends a request and what it asks for. It is around every request: what is not known here is
// not served.
func (s *Server) identify(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := &caller{}
		r = r.WithContext(context.WithValue(r.Context(), callerKey{}, c))
		if rec, ok := w.(*recorder); ok {
			rec.caller = c
		}
		err := s.know(c, r)
		if err == nil {
			next.ServeHTTP(w, r)
			return
		}
		s.limit(s.handle(func(w http.ResponseWriter, _ *http.Request) error {
			if apierrors.IsUnauthorized(err) {
				w.Header().Set("WWW-Authenticate", `Bearer realm="horae"`)
			}
			return err
		})).ServeHTTP(w, r)
	})
}

// know fills in who sends a request.
func (s *Server) know(c *caller, r *http.Request) error {
	// A slash in a name would make of one resource another.
	if strings.Contains(strings.ToLower(r.URL.EscapedPath()), "%2f") {
		return badRequest("the path must not have an escaped slash")
	}
	var err error
	if c.info, err = requestInfos.NewRequestInfo(r); err != nil {
		return badRequest("%v", err)
	}
	if i := c.info; i.IsResourceRequest && i.APIGroup == v1.GroupVersion.Group && i.Subresource == "" && i.Name == "" {
		if found, ok := summaries[store.Kind(i.Resource)]; ok { // It is authorized as what it is about.
			i.Resource, i.Subresource = string(found.kind), found.subresource
		}
	}
	if s.cfg.Access == nil || s.needsNobody(c.info) {
		return nil
	}
	if c.user, err = s.cfg.Access.Authenticate(r); err != nil {
		s.cfg.Log.V(1).Info("Request of nobody who is known", "path", r.URL.Path, "from", r.RemoteAddr, "error", err.Error())
		return apierrors.NewUnauthorized("Unauthorized")
	}
	r.Header.Del("Authorization") // nothing behind this needs it
	return s.impersonate(c, r)
}

// needsNobody reports whether a request is for everybody: probes, and what tasks report, who show that they may in a
// way of their own.
func (s *Server) needsNobody(info *apirequest.RequestInfo) bool {
	switch info.Path {
	case "/livez", "/readyz", "/healthz":
		return info.Verb == "get" || info.Verb == "head"
	}
	return info.IsResourceRequest && info.Verb == "create" && info.APIGroup == "horae" && info.Resource == "runs" &&
		info.Subresource == "callback"
}

// impersonate has a user act as another one, with the headers of kubectl --as.
func (s *Server) impersonate(c *caller, r *http.Request) error {
	name, groups := r.Header.Get("Impersonate-User"), r.Header.Values("Impersonate-Group")
	for header := range r.Header {
		if strings.HasPrefix(header, "Impersonate-Uid") || strings.HasPrefix(header, "Impersonate-Extra-") {
			return badRequest("%s is not supported: there are Impersonate-User and Impersonate-Group", header)
		}
	}
	if c.user == nil || name == "" && len(groups) == 0 {
		return nil
	}
	if name == "" {
		return badRequest("requested groups without impersonating a user")
	}
	if err := s.cfg.Access.MayBe(c.user, name, groups); err != nil {
		return apierrors.NewForbidden(schema.GroupResource{Resource: "users"}, name, err)
	}
	c.by, c.user = c.user, s.cfg.Access.As(name, groups)
	return nil
}

// authorize lets through what the caller may do.
func (s *Server) authorize(next http.Handler) http.Handler {
	return s.handle(func(w http.ResponseWriter, r *http.Request) error {
		c := callerOf(r.Context())
		if s.cfg.Access == nil || s.needsNobody(c.info) {
			hideDetails(s, c, r)
			next.ServeHTTP(w, r)
			return nil
		}
		a := attributesOf(c)
		allowed, reason := s.cfg.Access.Authorize(a)
		if !allowed && (a.Verb == "update" || a.Verb == "patch") && a.Subresource == "" {
			if a.Subresource = s.cfg.Access.Switch(a.Resource); a.Subresource != "" {
				c.switching, reason = s.cfg.Access.Authorize(a)
				allowed, a.Subresource = c.switching, ""
			}
		}
		c.decision, c.reason = map[bool]string{true: "allow", false: "forbid"}[allowed], reason
		if !allowed {
			return forbidden(a)
		}
		next.ServeHTTP(w, r)
		return nil
	})
}

// hideDetails leaves the reasons of a probe out for those who are not known.
func hideDetails(s *Server, c *caller, r *http.Request) {
	if s.cfg.Access == nil || c.info.IsResourceRequest {
		return
	}
	if u, err := s.cfg.Access.Authenticate(r); err == nil {
		c.user = u
		if ok, _ := s.cfg.Access.Authorize(
			attributesOf(&caller{info: &apirequest.RequestInfo{Path: "/readyz/etcd", Verb: "get"}, user: u})); ok {
			return
		}
	}
	q := r.URL.Query()
	q.Del("verbose")
	r.URL.RawQuery = q.Encode()
}

func attributesOf(c *caller) *authorizer.AttributesRecord {
	i := c.info
	return &authorizer.AttributesRecord{
		User: c.user, Verb: i.Verb, Namespace: i.Namespace, APIGroup: i.APIGroup, APIVersion: i.APIVersion, Resource: i.Resource,
		Subresource: i.Subresource, Name: i.Name, ResourceRequest: i.IsResourceRequest, Path: i.Path,
	}
}

// forbidden says as Kubernetes does what is not allowed.
func forbidden(a *authorizer.AttributesRecord) error {
	name := ""
	if a.User != nil {
		name = a.User.GetName()
	}
	if !a.ResourceRequest {
		return apierrors.NewForbidden(schema.GroupResource{}, "",
			fmt.Errorf("User %q cannot %s path %q", name, a.Verb, a.Path)) //nolint:staticcheck // Kubernetes' text
	}
	resource, where := a.Resource, "at the cluster scope"
	if a.Subresource != "" {
		resource += "/" + a.Subresource
	}
	if a.Namespace != "" {
		where = fmt.Sprintf("in the namespace %q", a.Namespace)
	}
	err := fmt.Errorf("User %q cannot %s resource %q in API group %q %s", //nolint:staticcheck // Kubernetes' text
		name, a.Verb, resource, a.APIGroup, where)
	return apierrors.NewForbidden(schema.GroupResource{Group: a.APIGroup, Resource: a.Resource}, a.Name, err)
}

// sameAsAuthorized refuses a request that the router has understood in another way than the authorization.
func (r *request) sameAsAuthorized() error {
	c := callerOf(r.Context())
	if c == nil {
		return errors.New("a request came around the authorization")
	}
	i := c.info
	namespace := i.Namespace
	if i.APIGroup == "" && i.Resource == "namespaces" {
		namespace = ""
	}
	name := i.Name
	if i.Verb == "list" || i.Verb == "watch" || i.Verb == "deletecollection" {
		name = "" // of a field selector
	}
	if i.Verb != r.verb || namespace != r.namespace || i.Resource != string(r.kind.kind) || name != r.name ||
		i.Subresource != r.subresource ||
		i.APIGroup != r.kind.version.Group {
		return badRequest("%s %s can be understood in two ways", r.Method, r.URL.Path)
	}
	return nil
}

// mayCreate checks that a request which was authorized for another verb, an apply patch, may make an object as well.
func (s *Server) mayCreate(r *request) error {
	c := callerOf(r.Context())
	if s.cfg.Access == nil || r.verb == "create" {
		return nil
	}
	a := attributesOf(c)
	a.Verb = "create"
	if allowed, _ := s.cfg.Access.Authorize(a); !allowed {
		c.decision = "forbid"
		return forbidden(a)
	}
	return nil
}

// mayWrite checks what an object says, beyond its kind: nobody gives more than he has.
func (s *Server) mayWrite(r *request, o object) error {
	c := callerOf(r.Context())
	if s.cfg.Access == nil || c.user == nil {
		return nil
	}
	if err := s.cfg.Access.MayWrite(c.user, o); err != nil {
		c.decision, c.reason = "forbid", "escalation"
		return apierrors.NewForbidden(r.kind.resource(), o.GetName(), err)
	}
	return nil
}
