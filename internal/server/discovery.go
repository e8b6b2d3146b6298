package server

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

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
	return s.send(w, r, metav1.RootPaths{Paths: []string{
		"/api", "/api/v1", "/apis", "/apis/horae", "/apis/horae/v1", "/healthz", "/livez", "/metrics", "/readyz", "/version",
	}})
}

// apiVersions lists the versions of the core group.
func (s *Server) apiVersions(w http.ResponseWriter, r *http.Request) error {
	return s.send(w, r, &metav1.APIVersions{
		TypeMeta: metav1.TypeMeta{Kind: "APIVersions"}, Versions: []string{corev1.SchemeGroupVersion.Version},
		ServerAddressByClientCIDRs: []metav1.ServerAddressByClientCIDR{},
	})
}

func apiGroup() metav1.APIGroup {
	gv := metav1.GroupVersionForDiscovery{GroupVersion: v1.GroupVersion.String(), Version: v1.GroupVersion.Version}
	return metav1.APIGroup{
		TypeMeta: metav1.TypeMeta{Kind: "APIGroup", APIVersion: "v1"},
		Name:     v1.GroupVersion.Group, Versions: []metav1.GroupVersionForDiscovery{gv}, PreferredVersion: gv,
	}
}

func (s *Server) groups(w http.ResponseWriter, r *http.Request) error {
	g := apiGroup()
	g.TypeMeta = metav1.TypeMeta{}
	return s.send(w, r, &metav1.APIGroupList{TypeMeta: metav1.TypeMeta{Kind: "APIGroupList", APIVersion: "v1"},
		Groups: []metav1.APIGroup{g}})
}

func (s *Server) group(w http.ResponseWriter, r *http.Request) error {
	g := apiGroup()
	return s.send(w, r, &g)
}

// resources lists the kinds and their subresources.
func (s *Server) resources(w http.ResponseWriter, r *http.Request) error {
	return s.send(w, r, resourcesOf(s.kinds))
}

// coreResources lists the kinds of core/v1.
func (s *Server) coreResources(w http.ResponseWriter, r *http.Request) error {
	return s.send(w, r, resourcesOf(s.core))
}

func resourcesOf(kinds []*kind) *metav1.APIResourceList {
	list := &metav1.APIResourceList{
		TypeMeta: metav1.TypeMeta{Kind: "APIResourceList", APIVersion: "v1"}, GroupVersion: kinds[0].version.String(),
	}
	for _, k := range kinds {
		resource := metav1.APIResource{
			Name: string(k.kind), SingularName: k.Singular, Namespaced: !k.clusterScoped, Kind: k.Name, Verbs: objectVerbs,
			ShortNames: k.ShortNames, Categories: []string{"all"},
		}
		if k.derived != nil {
			resource.Verbs, resource.Categories = derivedVerbs, nil
		}
		list.APIResources = append(list.APIResources, resource)
		for _, sub := range sortedKeys(k.subresources) {
			list.APIResources = append(list.APIResources, metav1.APIResource{
				Name: string(k.kind) + "/" + sub, Namespaced: true, Kind: k.Name, Verbs: []string{k.subresources[sub].verb},
			})
		}
	}
	return list
}

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
}

func (s *Server) version(w http.ResponseWriter, r *http.Request) error {
	info := versionInfo{Info: version.Get(), Major: "0", Minor: "0"}
	if s.cfg.Version != "" {
		info.Version = s.cfg.Version
	}
	parts := strings.SplitN(strings.TrimPrefix(info.Version, "v"), ".", 3)
	if len(parts) >= 2 && isNumber(parts[0]) && isNumber(parts[1]) {
		info.Major, info.Minor = parts[0], parts[1]
	}
	return s.send(w, r, info)
}

func isNumber(s string) bool {
	_, err := strconv.ParseUint(s, 10, 32)
	return err == nil
}
