package openapi

import (
	"bytes"
	"crypto/sha512"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"time"

	openapiv2 "github.com/google/gnostic-models/openapiv2"
	openapiv3 "github.com/google/gnostic-models/openapiv3"
	"github.com/munnerz/goautoneg"
	"google.golang.org/protobuf/proto"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/kube-openapi/pkg/openapiconv"
	"k8s.io/kube-openapi/pkg/validation/spec"
)

// Documents are the OpenAPI documents of an API.
type Documents struct {
	v2 *document
	// v3 are the documents of version 3 by the path of their group and version, as apis/horae/v1; list is the list of them.
	v3      map[string]*document
	list    *document
	schemas map[string]*spec.Schema
}

// Types are the Go types of the kinds: structs.
type Types map[schema.GroupVersionKind]reflect.Type

// New makes the documents of resources, which are listed as discovery lists them: one list for each group and version.
func New(version string, types Types, groups ...*metav1.APIResourceList) (*Documents, error) {
	kinds, err := crdSchemas()
	if err != nil {
		return nil, err
	}
	d := &Documents{v3: map[string]*document{}, schemas: map[string]*spec.Schema{}}
	whole := newSwagger(version)
	for _, group := range groups {
		gv, err := schema.ParseGroupVersion(group.GroupVersion)
		if err != nil {
			return nil, fmt.Errorf("describe %s: %w", group.GroupVersion, err)
		}
		one := describe(version, gv, group.APIResources, types, kinds)
		v3 := openapiconv.ConvertV2ToV3(one)
		if d.v3[strings.TrimPrefix(root(gv), "/")], err = newDocument(v3, protobufV3); err != nil {
			return nil, err
		}
		for name, s := range v3.Components.Schemas {
			d.schemas[name] = s
		}
		for path, item := range one.Paths.Paths {
			whole.Paths.Paths[path] = item
		}
		for name, s := range one.Definitions {
			whole.Definitions[name] = forV2(s)
		}
	}
	if d.v2, err = newDocument(whole, protobufV2); err != nil {
		return nil, err
	}
	d.list, err = listOf(d.v3)
	return d, err
}

// listOf is the list of documents. Its links name the hashes, so that clients can keep what they have read.
func listOf(documents map[string]*document) (*document, error) {
	paths := map[string]any{}
	for path, doc := range documents {
		link := url.URL{Path: prefixV3 + path, RawQuery: url.Values{"hash": {doc.hash}}.Encode()}
		paths[path] = map[string]string{"serverRelativeURL": link.String()}
	}
	return newDocument(map[string]any{"paths": paths}, nil)
}

// Schemas returns the schemas of all kinds, by name, as in the documents of version 3. They are not to be changed.
func (d *Documents) Schemas() map[string]*spec.Schema { return d.schemas }

// ServeV2 answers GET /openapi/v2.
func (d *Documents) ServeV2(w http.ResponseWriter, r *http.Request) { d.v2.serve(w, r) }

const prefixV3 = "/openapi/v3/"

// ServeV3 answers GET /openapi/v3, the list of the documents of version 3, and GET /openapi/v3/..., one of them. It returns
// false when there is no such document.
func (d *Documents) ServeV3(w http.ResponseWriter, r *http.Request) bool {
	path, one := strings.CutPrefix(r.URL.Path, prefixV3)
	if !one || path == "" {
		d.list.serve(w, r)
		return true
	}
	doc := d.v3[path]
	if doc == nil {
		return false
	}
	switch hash := r.URL.Query().Get("hash"); hash {
	case "":
	case doc.hash:
		// What such a link leads to never changes.
		w.Header().Set("Cache-Control", "public, immutable, max-age=31536000")
	default:
		link := url.URL{Path: prefixV3 + path, RawQuery: url.Values{"hash": {doc.hash}}.Encode()}
		http.Redirect(w, r, link.String(), http.StatusMovedPermanently)
		return true
	}
	doc.serve(w, r)
	return true
}

func newSwagger(version string) *spec.Swagger {
	return &spec.Swagger{SwaggerProps: spec.SwaggerProps{
		Swagger: "2.0", Info: &spec.Info{InfoProps: spec.InfoProps{Title: "Horae", Version: version}},
		Paths: &spec.Paths{Paths: map[string]spec.PathItem{}}, Definitions: spec.Definitions{},
	}}
}

// describe makes the document of one group and version, in the form of version 2 with the schemas of version 3.
func describe(
	version string, gv schema.GroupVersion, resources []metav1.APIResource, types Types, kinds map[string]spec.Schema,
) *spec.Swagger {
	doc := newSwagger(version)
	defs := definitions(doc.Definitions)
	status, patch, options := defs.add(reflect.TypeFor[metav1.Status]()), defs.add(reflect.TypeFor[metav1.Patch]()),
		defs.add(reflect.TypeFor[metav1.DeleteOptions]())
	for name, kind := range map[string]string{status: "Status", options: "DeleteOptions"} {
		s := defs[name]
		s.Extensions = gvkExtension(schema.GroupVersionKind{Version: "v1", Kind: kind}, gv.WithKind(kind))
		defs[name] = s
	}
	for _, r := range resources {
		gvk := gv.WithKind(r.Kind)
		one := &resource{APIResource: r, gvk: gvk, status: status, patch: patch, options: options, strategic: isKubernetes(types[gvk])}
		one.object, one.list = defs.define(gvk, types[gvk], kinds)
		one.paths(doc.Paths.Paths)
	}
	return doc
}

// document is a document in its encodings.
type document struct {
	json []byte
	hash string
	made time.Time
	// protobuf; nil: there is no such encoding. protobufType is its media type.
	protobuf     []byte
	protobufType string
}

// encoding makes protobuf of JSON.
type encoding struct {
	mediaType string
	encode    func(data []byte) (proto.Message, error)
}

var (
	protobufV2 = &encoding{
		"application/com.github.proto-openapi.spec.v2.v1.0+protobuf",
		func(data []byte) (proto.Message, error) { return openapiv2.ParseDocument(data) },
	}
	protobufV3 = &encoding{
		"application/com.github.proto-openapi.spec.v3.v1.0+protobuf",
		func(data []byte) (proto.Message, error) { return openapiv3.ParseDocument(data) },
	}
)

func newDocument(doc any, protobuf *encoding) (*document, error) {
	data, err := json.Marshal(doc)
	if err != nil {
		return nil, fmt.Errorf("encode an OpenAPI document: %w", err)
	}
	d := &document{json: data, hash: fmt.Sprintf("%X", sha512.Sum512(data)), made: time.Now()}
	if protobuf == nil {
		return d, nil
	}
	d.protobufType = protobuf.mediaType
	message, err := protobuf.encode(data)
	if err != nil {
		return nil, fmt.Errorf("encode an OpenAPI document as protobuf: %w", err)
	}
	if d.protobuf, err = proto.Marshal(message); err != nil {
		return nil, fmt.Errorf("encode an OpenAPI document as protobuf: %w", err)
	}
	return d, nil
}

const jsonType = "application/json"

// serve sends the document in the first encoding that the client accepts. An older spelling of protobuf's type has an @.
func (d *document) serve(w http.ResponseWriter, r *http.Request) {
	accept := r.Header.Get("Accept")
	if accept == "" {
		accept = "*/*"
	}
	w.Header().Set("Vary", "Accept")
	for _, clause := range goautoneg.ParseAccept(accept) {
		data, typ := d.json, clause.Type+"/"+strings.Replace(clause.SubType, "@", ".", 1)
		switch {
		case typ == jsonType || typ == "application/*" || typ == "*/*":
			typ = jsonType
		case typ == d.protobufType && d.protobuf != nil:
			data = d.protobuf
		default:
			continue
		}
		w.Header().Set("Content-Type", typ)
		w.Header().Set("Etag", strconv.Quote(d.hash))
		http.ServeContent(w, r, "", d.made, bytes.NewReader(data))
		return
	}
	w.WriteHeader(http.StatusNotAcceptable)
}
