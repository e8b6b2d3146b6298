package openapi

import (
	"reflect"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/kube-openapi/pkg/validation/spec"
)

// resource is what the operations of a resource share.
type resource struct {
	metav1.APIResource
	gvk schema.GroupVersionKind
	// object, list, status, patch and options name schemas.
	object, list, status, patch, options string
	// strategic: the kind is one of Kubernetes' own, whose clients send strategic merge patches.
	strategic bool
}

// root of the paths of a group and version.
func root(gv schema.GroupVersion) string {
	if gv.Group == "" {
		return "/api/" + gv.Version
	}
	return "/apis/" + gv.String()
}

// paths adds the paths of a resource: of its collection, of its objects, and of their subresources.
func (r *resource) paths(to map[string]spec.PathItem) {
	base := root(r.gvk.GroupVersion())
	plural, sub, _ := strings.Cut(r.Name, "/")
	collection, scope := base+"/"+plural, ""
	if r.Namespaced {
		if sub == "" {
			to[collection] = spec.PathItem{PathItemProps: spec.PathItemProps{
				Get: r.operation("list", "list"+r.Kind+"ForAllNamespaces", "list objects of kind "+r.Kind, r.list, listParams()),
			}}
		}
		collection, scope = base+"/namespaces/{namespace}/"+plural, "Namespaced"
	}
	shared := []spec.Parameter{pathParam("namespace", "object name and auth scope, such as for teams and projects")}
	if !r.Namespaced {
		shared = nil
	}
	if sub != "" {
		r.subresource(to, collection+"/{name}/"+sub, sub, scope, shared)
		return
	}
	var all, one spec.PathItemProps
	name, a := scope+r.Kind, "the specified "+r.Kind
	for _, verb := range r.Verbs {
		switch verb {
		case "list":
			all.Get = r.operation("list", "list"+name, "list or watch objects of kind "+r.Kind, r.list, listParams())
		case "create":
			all.Post = r.operation("post", "create"+name, "create a "+r.Kind, r.object, writeParams(false), r.body(r.object))
		case "deletecollection":
			all.Delete = r.operation("deletecollection", "deletecollection"+name, "delete collection of "+r.Kind, r.status,
				append(listParams(), deleteParams()...), r.body(r.options))
		case "get":
			one.Get = r.operation("get", "read"+name, "read "+a, r.object, nil)
		case "update":
			one.Put = r.operation("put", "replace"+name, "replace "+a, r.object, writeParams(false), r.body(r.object))
		case "patch":
			one.Patch = r.operation("patch", "patch"+name, "partially update "+a, r.object, writeParams(true), r.body(r.patch))
			one.Patch.Consumes = []string{string(types.JSONPatchType), string(types.MergePatchType), string(types.ApplyPatchType)}
			if r.strategic {
				one.Patch.Consumes = append(one.Patch.Consumes, string(types.StrategicMergePatchType))
			}
		case "delete":
			one.Delete = r.operation("delete", "delete"+name, "delete a "+r.Kind, r.status, deleteParams(), r.body(r.options))
		}
	}
	one.Parameters = append(slices.Clone(shared), pathParam("name", "name of the "+r.Kind), pretty())
	all.Parameters = append(shared, pretty())
	to[collection] = spec.PathItem{PathItemProps: all}
	to[collection+"/{name}"] = spec.PathItem{PathItemProps: one}
}

// subresource adds the one operation that there is on a subresource.
func (r *resource) subresource(to map[string]spec.PathItem, path, sub, scope string, shared []spec.Parameter) {
	title := strings.ToUpper(sub[:1]) + sub[1:]
	item := spec.PathItemProps{Parameters: append(slices.Clone(shared), pathParam("name", "name of the "+r.Kind), pretty())}
	answer := r.object
	if sub != "status" {
		answer = "" // of a form of its own: docs/http.md
	}
	if slices.Contains(r.Verbs, "create") {
		item.Post = r.operation("post", "create"+scope+r.Kind+title, sub+" of the specified "+r.Kind, answer, nil, r.body(""))
	} else {
		item.Get = r.operation("get", "read"+scope+r.Kind+title, "read "+sub+" of the specified "+r.Kind, answer, nil)
	}
	to[path] = spec.PathItem{PathItemProps: item}
}

func (r *resource) operation(action, id, description, answer string, params []spec.Parameter, body ...spec.Parameter) *spec.Operation {
	op := &spec.Operation{}
	op.ID = id
	op.Description = description
	op.Tags = []string{strings.Trim(strings.ReplaceAll(r.gvk.GroupVersion().String(), "/", "_"), "_")}
	op.Consumes, op.Produces = []string{"application/json", "application/yaml"}, []string{"application/json", "application/yaml"}
	op.Parameters = append(params, body...)
	response := &spec.Response{}
	response.Description = "OK"
	if answer != "" {
		response.Schema = ref(answer)
	}
	codes := map[int]spec.Response{200: *response}
	if action == "post" {
		created := *response
		created.Description = "Created"
		codes[201] = created
	}
	op.Responses = &spec.Responses{ResponsesProps: spec.ResponsesProps{StatusCodeResponses: codes}}
	op.Extensions = spec.Extensions{
		extensionAction: action,
		extensionGVK:    map[string]any{"group": r.gvk.Group, "version": r.gvk.Version, "kind": r.gvk.Kind},
	}
	return op
}

// body is the parameter of a request's body; the empty name stands for any object.
func (r *resource) body(name string) spec.Parameter {
	s := new(spec.Schema).Typed("object", "")
	if name != "" {
		s = ref(name)
	}
	p := spec.Parameter{ParamProps: spec.ParamProps{Name: "body", In: "body", Schema: s}}
	p.Required = name == r.object || name == r.patch
	return p
}

func pathParam(name, description string) spec.Parameter {
	return spec.Parameter{
		SimpleSchema: spec.SimpleSchema{Type: "string"}, CommonValidations: spec.CommonValidations{UniqueItems: true},
		ParamProps: spec.ParamProps{Name: name, In: "path", Description: description, Required: true},
	}
}

func queryParam(name, typ, description string) spec.Parameter {
	return spec.Parameter{
		SimpleSchema: spec.SimpleSchema{Type: typ}, CommonValidations: spec.CommonValidations{UniqueItems: true},
		ParamProps: spec.ParamProps{Name: name, In: "query", Description: description},
	}
}

func pretty() spec.Parameter {
	return queryParam("pretty", "string", "If 'true', the output is pretty printed.")
}

// optionParams are query parameters named after the fields of Kubernetes' options, with their documentation.
func optionParams(t reflect.Type, names ...string) []spec.Parameter {
	docs := docsOf(t)
	var list []spec.Parameter
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !slices.Contains(names, name) {
			continue
		}
		typ := "string"
		switch kind := f.Type; {
		case kind.Kind() == reflect.Bool, kind.Kind() == reflect.Pointer && kind.Elem().Kind() == reflect.Bool:
			typ = "boolean"
		case kind.Kind() == reflect.Int64, kind.Kind() == reflect.Pointer && kind.Elem().Kind() == reflect.Int64:
			typ = "integer"
		}
		list = append(list, queryParam(name, typ, docs[name]))
	}
	return list
}

func listParams() []spec.Parameter {
	return optionParams(reflect.TypeFor[metav1.ListOptions](), "labelSelector", "fieldSelector", "limit", "continue", "resourceVersion",
		"resourceVersionMatch", "timeoutSeconds", "watch", "allowWatchBookmarks", "sendInitialEvents")
}

func writeParams(patch bool) []spec.Parameter {
	if patch {
		return optionParams(reflect.TypeFor[metav1.PatchOptions](), "dryRun", "fieldManager", "fieldValidation", "force")
	}
	return optionParams(reflect.TypeFor[metav1.CreateOptions](), "dryRun", "fieldManager", "fieldValidation")
}

func deleteParams() []spec.Parameter {
	return optionParams(reflect.TypeFor[metav1.DeleteOptions](), "dryRun", "propagationPolicy")
}
