package openapi

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"reflect"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/kube-openapi/pkg/validation/spec"
	"sigs.k8s.io/yaml"

	"horae/config/crd"
)

// crdSchemas reads the schemas of the kinds, by kind.
func crdSchemas() (map[string]spec.Schema, error) {
	files, err := fs.Glob(crd.Files, "*.yaml")
	if err != nil {
		return nil, err
	}
	schemas := map[string]spec.Schema{}
	for _, file := range files {
		data, err := crd.Files.ReadFile(file)
		if err != nil {
			return nil, err
		}
		var doc struct {
			Spec struct {
				Names    struct{ Kind string }
				Versions []struct {
					Schema struct {
						OpenAPIV3Schema json.RawMessage `json:"openAPIV3Schema"`
					}
				}
			}
		}
		if err := yaml.Unmarshal(data, &doc); err != nil {
			return nil, fmt.Errorf("read the schema in %s: %w", file, err)
		}
		var s spec.Schema
		if err := json.Unmarshal(doc.Spec.Versions[0].Schema.OpenAPIV3Schema, &s); err != nil {
			return nil, fmt.Errorf("read the schema in %s: %w", file, err)
		}
		schemas[doc.Spec.Names.Kind] = scalars(s)
	}
	return schemas, nil
}

// scalars gives a type to what may be a number or a string, in a copy: as in Kubernetes' own types it is a string of a
// format that numbers have, too.
func scalars(s spec.Schema) spec.Schema {
	if s.Extensions["x-kubernetes-int-or-string"] == true {
		s.Type, s.Format, s.AnyOf = []string{"string"}, "int-or-string", nil
	}
	return below(s, scalars)
}

// below changes all schemas in a schema, in a copy.
func below(s spec.Schema, change func(spec.Schema) spec.Schema) spec.Schema {
	if s.Properties != nil {
		properties := make(map[string]spec.Schema, len(s.Properties))
		for name, p := range s.Properties {
			properties[name] = change(p)
		}
		s.Properties = properties
	}
	if s.Items != nil && s.Items.Schema != nil {
		items := change(*s.Items.Schema)
		s.Items = &spec.SchemaOrArray{Schema: &items}
	}
	if s.AdditionalProperties != nil && s.AdditionalProperties.Schema != nil {
		values := change(*s.AdditionalProperties.Schema)
		s.AdditionalProperties = &spec.SchemaOrBool{Allows: true, Schema: &values}
	}
	return s
}

// define adds the schemas of a kind and of its list, and returns their names.
func (d definitions) define(gvk schema.GroupVersionKind, t reflect.Type, kinds map[string]spec.Schema) (object, list string) {
	if isKubernetes(t) {
		object = d.add(t)
	} else {
		object = strings.Join([]string{gvk.Group, gvk.Version, gvk.Kind}, ".")
		d[object] = d.native(gvk, kinds)
	}
	list = object + "List"
	d[list] = d.listOf(gvk, object)
	for name, kind := range map[string]string{object: gvk.Kind, list: gvk.Kind + "List"} {
		s := d[name]
		extensions := gvkExtension(gvk.GroupVersion().WithKind(kind))
		maps.Copy(extensions, s.Extensions)
		s.Extensions = extensions
		d[name] = s
	}
	return object, list
}

// native is the schema of a kind of Horae's, with Kubernetes' metadata.
func (d definitions) native(gvk schema.GroupVersionKind, kinds map[string]spec.Schema) spec.Schema {
	s, ok := kinds[gvk.Kind]
	if !ok {
		// A kind without a schema may have any field.
		s = *new(spec.Schema).Typed("object", "")
		s.AddExtension("x-kubernetes-preserve-unknown-fields", true)
	}
	properties := map[string]spec.Schema{}
	for name, p := range s.Properties {
		properties[name] = p
	}
	types := metav1.TypeMeta{}.SwaggerDoc()
	properties["apiVersion"] = *spec.StringProperty().WithDescription(types["apiVersion"])
	properties["kind"] = *spec.StringProperty().WithDescription(types["kind"])
	properties["metadata"] = *ref(d.add(reflect.TypeFor[metav1.ObjectMeta]())).WithDescription("Standard object's metadata.")
	s.Properties = properties
	return s
}

func (d definitions) listOf(gvk schema.GroupVersionKind, object string) spec.Schema {
	s := *new(spec.Schema).Typed("object", "").WithDescription(gvk.Kind + "List is a list of " + gvk.Kind)
	types := metav1.TypeMeta{}.SwaggerDoc()
	s.Properties = map[string]spec.Schema{
		"apiVersion": *spec.StringProperty().WithDescription(types["apiVersion"]),
		"kind":       *spec.StringProperty().WithDescription(types["kind"]),
		"metadata":   *ref(d.add(reflect.TypeFor[metav1.ListMeta]())).WithDescription("Standard list metadata."),
		"items":      *spec.ArrayProperty(ref(object)).WithDescription("The objects."),
	}
	s.Required = []string{"items"}
	return s
}

func gvkExtension(gvks ...schema.GroupVersionKind) spec.Extensions {
	var list []any
	for _, gvk := range gvks {
		list = append(list, map[string]any{"group": gvk.Group, "version": gvk.Version, "kind": gvk.Kind})
	}
	return spec.Extensions{extensionGVK: list}
}

const (
	extensionGVK    = "x-kubernetes-group-version-kind"
	extensionAction = "x-kubernetes-action"
)

// forV2 leaves out what version 2 has no words for, in a copy.
func forV2(s spec.Schema) spec.Schema {
	s.AnyOf, s.OneOf, s.Not, s.Nullable = nil, nil, nil, false
	return below(s, forV2)
}
