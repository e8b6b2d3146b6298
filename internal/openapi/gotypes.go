package openapi

import (
	"reflect"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/kube-openapi/pkg/validation/spec"
)

// definitions are schemas by their names.
type definitions map[string]spec.Schema

// documented is what Kubernetes generates for its types.
type documented interface {
	OpenAPIModelName() string
	SwaggerDoc() map[string]string
}

// special are types whose JSON is not what their Go fields say.
var special = map[reflect.Type]spec.Schema{
	reflect.TypeFor[metav1.Time]():      *new(spec.Schema).Typed("string", "date-time"),
	reflect.TypeFor[metav1.MicroTime](): *new(spec.Schema).Typed("string", "date-time"),
	reflect.TypeFor[metav1.FieldsV1]():  *new(spec.Schema).Typed("object", ""),
	reflect.TypeFor[metav1.Patch]():     *new(spec.Schema).Typed("object", ""),
}

// lists say how lists of Kubernetes' types are merged. The types themselves do not say it.
var lists = map[string]spec.Extensions{
	"ObjectMeta.finalizers":      {"x-kubernetes-list-type": "set", "x-kubernetes-patch-strategy": "merge"},
	"ObjectMeta.ownerReferences": {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": []any{"uid"}},
	"ObjectMeta.managedFields":   {"x-kubernetes-list-type": "atomic"},
}

// add adds the schemas of a type and of what it refers to, and returns the name of its own.
func (d definitions) add(t reflect.Type) string {
	name := reflect.Zero(t).Interface().(documented).OpenAPIModelName()
	if _, ok := d[name]; ok {
		return name
	}
	schema := spec.Schema{SchemaProps: spec.SchemaProps{Type: []string{"object"}, Properties: map[string]spec.Schema{}}}
	d[name] = schema // before its fields, which may refer to it
	docs := docsOf(t)
	schema.Description = docs[""]
	if s, ok := special[t]; ok {
		schema = s
		schema.Description = docs[""]
	} else {
		d.fields(&schema, t, docs)
	}
	d[name] = schema
	return name
}

func docsOf(t reflect.Type) map[string]string {
	if doc, ok := reflect.Zero(t).Interface().(interface{ SwaggerDoc() map[string]string }); ok {
		return doc.SwaggerDoc()
	}
	return nil
}

// fields adds the fields of a struct, with those of the structs that it embeds.
func (d definitions) fields(schema *spec.Schema, t reflect.Type, docs map[string]string) {
	for i := range t.NumField() {
		f := t.Field(i)
		tag, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case tag == "-" || !f.IsExported():
			continue
		case f.Anonymous && tag == "":
			d.fields(schema, f.Type, docsOf(f.Type))
			continue
		}
		property := d.of(f.Type)
		property.Description = docs[tag]
		for k, v := range lists[t.Name()+"."+tag] {
			property.AddExtension(k, v)
		}
		schema.Properties[tag] = property
		if !strings.Contains(options, "omit") && f.Type.Kind() != reflect.Pointer {
			schema.Required = append(schema.Required, tag)
		}
	}
}

// of is the schema of a value of a type.
func (d definitions) of(t reflect.Type) spec.Schema {
	if s, ok := special[t]; ok && t != reflect.TypeFor[metav1.FieldsV1]() {
		return s
	}
	if t.Kind() == reflect.Struct && isKubernetes(t) {
		return *ref(d.add(t))
	}
	switch t.Kind() {
	case reflect.Pointer:
		return d.of(t.Elem())
	case reflect.Bool:
		return *spec.BooleanProperty()
	case reflect.Int32:
		return *spec.Int32Property()
	case reflect.Int, reflect.Int64:
		return *spec.Int64Property()
	case reflect.Slice:
		items := d.of(t.Elem())
		return *spec.ArrayProperty(&items)
	case reflect.Map:
		values := d.of(t.Elem())
		return *spec.MapProperty(&values)
	case reflect.Struct:
		return *new(spec.Schema).Typed("object", "")
	}
	return *spec.StringProperty()
}

func ref(name string) *spec.Schema { return spec.RefSchema("#/definitions/" + name) }

// isKubernetes reports whether a type is one of Kubernetes' own.
func isKubernetes(t reflect.Type) bool {
	return t != nil && t.Implements(reflect.TypeFor[documented]())
}
