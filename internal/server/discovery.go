package server

import (
	"fmt"
	"net/http"
	"regexp"
	"runtime"
	"slices"
	"strings"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilversion "k8s.io/apimachinery/pkg/util/version"

	v1 "horae/api/v1"
	"horae/internal/version"
)

// send writes a document that is no object of ours, in the form that was asked for.
func (s *Server) send(w http.ResponseWriter, r *http.Request, v any) error {
	f, err := negotiate(r)
	if err != nil {
		return err
	}
	f.as = ""
	return f.write(w, http.StatusOK, v)
}

// root lists the paths, for people.
func (s *Server) root(w http.ResponseWriter, r *http.Request) error {
	paths := []string{"/api", "/api/v1", "/apis", "/healthz", "/livez", "/metrics", "/readyz", "/strays", "/version"}
	for _, g := range s.groups() {
		paths = append(paths, "/apis/"+g.Group, "/apis/"+g.String())
	}
	slices.Sort(paths)
	return s.send(w, r, metav1.RootPaths{Paths: paths})
}

// apiVersions lists the versions of the core group.
func (s *Server) apiVersions(w http.ResponseWriter, r *http.Request) error {
	return s.send(w, r, &metav1.APIVersions{
		TypeMeta: metav1.TypeMeta{Kind: "APIVersions"}, Versions: []string{corev1.SchemeGroupVersion.Version},
		ServerAddressByClientCIDRs: []metav1.ServerAddressByClientCIDR{},
	})
}

func apiGroup(of schema.GroupVersion) metav1.APIGroup {
	gv := metav1.GroupVersionForDiscovery{GroupVersion: of.String(), Version: of.Version}
	return metav1.APIGroup{
		TypeMeta: metav1.TypeMeta{Kind: "APIGroup", APIVersion: "v1"},
		Name:     of.Group, Versions: []metav1.GroupVersionForDiscovery{gv}, PreferredVersion: gv,
	}
}

func (s *Server) apiGroups(w http.ResponseWriter, r *http.Request) error {
	list := &metav1.APIGroupList{TypeMeta: metav1.TypeMeta{Kind: "APIGroupList", APIVersion: "v1"}}
	for _, of := range s.groups() {
		g := apiGroup(of.GroupVersion)
		g.TypeMeta = metav1.TypeMeta{}
		list.Groups = append(list.Groups, g)
	}
	for _, gv := range []schema.GroupVersion{authenticationv1.SchemeGroupVersion, authorizationv1.SchemeGroupVersion} {
		g := apiGroup(gv)
		g.TypeMeta = metav1.TypeMeta{}
		list.Groups = append(list.Groups, g)
	}
	return s.send(w, r, list)
}

// Resources lists the kinds of horae/v1 and their subresources, as discovery does.
func Resources() []metav1.APIResource {
	return resourcesOf(slices.DeleteFunc(newKinds(), func(k *kind) bool { return k.version != v1.GroupVersion })).APIResources
}

// resources lists the kinds of a group and their subresources.
func (s *Server) resources(kinds []*kind) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error { return s.send(w, r, resourcesOf(kinds)) }
}

func resourcesOf(kinds []*kind) *metav1.APIResourceList {
	list := &metav1.APIResourceList{
		TypeMeta: metav1.TypeMeta{Kind: "APIResourceList", APIVersion: "v1"}, GroupVersion: kinds[0].version.String(),
	}
	for _, k := range kinds {
		resource := metav1.APIResource{
			Name: string(k.kind), SingularName: k.Singular, Namespaced: !k.clusterScoped, Kind: k.Name, Verbs: objectVerbs,
			ShortNames: k.ShortNames,
		}
		if k.inAll() {
			resource.Categories = []string{"all"}
		}
		if k.derived != nil {
			resource.Verbs = derivedVerbs
		}
		list.APIResources = append(list.APIResources, resource)
		for _, sub := range sortedKeys(k.subresources) {
			list.APIResources = append(list.APIResources, metav1.APIResource{
				Name: string(k.kind) + "/" + sub, Namespaced: !k.clusterScoped, Kind: k.Name, Verbs: []string{k.subresources[sub].verb},
			})
		}
	}
	return list
}

// inAll reports whether "all" stands for the kind, too: who may do what is asked for by name.
func (k *kind) inAll() bool { return k.version == v1.GroupVersion && !k.clusterScoped }

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// versionInfo has the fields of Kubernetes's /version.
type versionInfo struct {
	Major string `json:"major"`
	Minor string `json:"minor"`
	version.Info
	GitTreeState string `json:"gitTreeState"`
	Compiler     string `json:"compiler"`
}

func (s *Server) version(w http.ResponseWriter, r *http.Request) error {
	return s.send(w, r, s.versionInfo())
}

// versionInfo describes the build. Its version is a semantic one, which clients parse: that of a build that has none is
// v0.0.0, with the version as its label.
func (s *Server) versionInfo() versionInfo {
	info := versionInfo{Info: version.Get(), Compiler: runtime.Compiler}
	if s.cfg.Version != "" {
		info.Version = s.cfg.Version
	}
	semantic, err := utilversion.ParseSemantic(info.Version)
	if err != nil {
		label := strings.Trim(notInLabel.ReplaceAllString(info.Version, "-"), "-.")
		semantic = utilversion.MustParseSemantic("0.0.0").WithPreRelease(label)
	}
	info.Version = "v" + semantic.String()
	info.Major, info.Minor = fmt.Sprint(semantic.Major()), fmt.Sprint(semantic.Minor())
	return info
}

// notInLabel are the characters that may not be in the label of a semantic version.
var notInLabel = regexp.MustCompile(`[^0-9A-Za-z-]+`)
