package server

import (
	"net/http"
	"reflect"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"horae/internal/openapi"
)

// allGroups are the groups of all kinds, the core group first.
func (s *Server) allGroups() []group {
	return append([]group{{schema.GroupVersion{Version: "v1"}, s.core}}, s.groups()...)
}

// newOpenAPI makes the OpenAPI documents of what discovery lists.
func (s *Server) newOpenAPI() (*openapi.Documents, error) {
	types := openapi.Types{}
	var lists []*metav1.APIResourceList
	for _, g := range s.allGroups() {
		lists = append(lists, resourcesOf(g.kinds))
		for _, k := range g.kinds {
			types[k.version.WithKind(k.Name)] = reflect.TypeOf(k.New()).Elem()
		}
	}
	return openapi.New(s.versionInfo().Version, types, lists...)
}

func (s *Server) openAPIV2(w http.ResponseWriter, r *http.Request) error {
	d, err := s.openAPI()
	if err == nil {
		d.ServeV2(w, r)
	}
	return err
}

func (s *Server) openAPIV3(w http.ResponseWriter, r *http.Request) error {
	d, err := s.openAPI()
	if err == nil && !d.ServeV3(w, r) {
		err = status(http.StatusNotFound, "NotFound",
			"the server could not find the requested resource: there is no OpenAPI document %s", r.URL.Path)
	}
	return err
}
