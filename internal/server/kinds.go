package server

import (
	"net/http"
	"slices"

	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"horae/api"
	v1 "horae/api/v1"
	"horae/internal/store"
)

// object is an object of any kind. Those of the cache are shared and never modified (I8).
type object = api.Object

// kind is a row of the table of kinds with what the server adds to it.
type kind struct {
	*api.Kind
	// kind is the plural, as in keys and URLs.
	kind store.Kind
	view
	// version is the group and version of the documents.
	version schema.GroupVersion
	// derived makes the objects of a kind that is not stored; nil: it is stored.
	derived derived
	// clusterScoped objects are in no namespace.
	clusterScoped bool
}

// view is what the server knows of a kind besides its row. The zero value will do: a kind without subresources,
// whose table has names and ages.
type view struct {
	// subresources by name, besides status.
	subresources map[string]subresource
	// fields that a field selector may name, besides metadata.name and metadata.namespace.
	fields func(object) fields.Set
	// parent is the object without which a new one cannot be, and the path of the field that names it; nil: there
	// is none.
	parent func(object) (store.Key, *field.Path)
	// admitted: a new object is checked against those that it refers to (Config.Admit).
	admitted bool
	// columns of the table.
	columns []column
	// markInvalid records in a copy's status why its spec cannot be used, unless its controller has done so already.
	// Nil: the kind's condition Accepted reports it.
	markInvalid func(o object, err error)
	// strategic: the kind is one of Kubernetes' own, whose clients send strategic merge patches.
	strategic bool
}

// subresource is what may be asked of one object besides itself.
type subresource struct {
	// verb that discovery lists: get or create.
	verb string
	do   func(*Server, http.ResponseWriter, *request) error
}

// summary is a resource about the objects of a kind in a namespace, or in all. It is read only. Its request is a list of
// the kind's subresource.
type summary struct {
	kind        store.Kind
	subresource string
	do          func(*Server, http.ResponseWriter, *request) error
}

// summaries by what stands in URLs in place of a kind.
var summaries = map[store.Kind]summary{
	"jobstatistics": {store.Jobs, "stats", (*Server).slowestJobs},
	"graph":         {store.Jobs, "graph", (*Server).graph},
}

// views by kind.
var views = map[*api.Kind]view{
	api.Jobs: {
		subresources: map[string]subresource{
			"trigger": {"create", (*Server).trigger}, "succeed": {"create", (*Server).succeed},
			"schedule": {"get", (*Server).schedule}, "stats": {"get", (*Server).statistics},
			"backfill": {"get", (*Server).previewBackfill},
			"graph":    {"get", (*Server).jobGraph},
		},
		fields: func(o object) fields.Set {
			return fields.Set{"spec.suspend": boolString(o.(*v1.Job).Spec.Suspend)}
		},
		columns: jobColumns,
	},
	api.Runs: {
		subresources: map[string]subresource{
			"log": {"get", (*Server).log}, "retry": {"create", (*Server).retry}, callbackName: {"create", (*Server).callback},
		},
		fields: func(o object) fields.Set {
			r := o.(*v1.Run)
			return fields.Set{"spec.job": r.Spec.Job, "spec.reason": string(r.Spec.Reason), "status.phase": string(phase(r))}
		},
		parent: func(o object) (store.Key, *field.Path) {
			return store.JobKey(o.GetNamespace(), o.(*v1.Run).Spec.Job), field.NewPath("spec", "job")
		},
		columns:     runColumns,
		markInvalid: markInvalidRun,
	},
	api.Calendars:           {columns: calendarColumns},
	api.Tokens:              {columns: tokenColumns},
	api.Roles:               {strategic: true},
	api.ClusterRoles:        {strategic: true},
	api.RoleBindings:        {strategic: true, columns: bindingColumns},
	api.ClusterRoleBindings: {strategic: true, columns: bindingColumns},
	api.Backfills: {
		fields: func(o object) fields.Set { return fields.Set{"spec.job": o.(*v1.Backfill).Spec.Job} },
		parent: func(o object) (store.Key, *field.Path) {
			return store.JobKey(o.GetNamespace(), o.(*v1.Backfill).Spec.Job), field.NewPath("spec", "job")
		},
		admitted: true,
		columns:  backfillColumns,
	},
}

// newKinds makes the kinds of the table, in the order in which discovery lists them.
func newKinds() []*kind {
	var kinds []*kind
	for _, row := range api.Kinds() {
		k := &kind{Kind: row, kind: store.Kind(row.Plural), view: views[row], version: row.GroupVersion, clusterScoped: !row.Namespaced}
		if k.columns == nil {
			k.columns = []column{nameColumn, ageColumn}
		}
		if k.fields == nil {
			k.fields = func(object) fields.Set { return fields.Set{} }
		}
		if k.markInvalid == nil {
			k.markInvalid = k.markNotAccepted
		}
		subresources := map[string]subresource{}
		if k.HasStatus {
			subresources["status"] = subresource{"get", (*Server).get}
		}
		for name, sub := range k.subresources {
			subresources[name] = sub
		}
		k.subresources = subresources
		kinds = append(kinds, k)
	}
	return kinds
}

// kindOf finds a stored kind by the plural that stands in URLs and keys; nil when there is none.
func (s *Server) kindOf(plural store.Kind) *kind { return findKind(s.kinds, plural) }

func findKind(kinds []*kind, plural store.Kind) *kind {
	for _, k := range kinds {
		if k.kind == plural {
			return k
		}
	}
	return nil
}

// group is the kinds of one group and version.
type group struct {
	schema.GroupVersion
	kinds []*kind
}

// groups of the stored kinds, in the order of the table.
func (s *Server) groups() []group {
	var all []group
	for _, k := range s.kinds {
		i := slices.IndexFunc(all, func(g group) bool { return g.GroupVersion == k.version })
		if i < 0 {
			i, all = len(all), append(all, group{GroupVersion: k.version})
		}
		all[i].kinds = append(all[i].kinds, k)
	}
	return all
}

func (k *kind) resource() schema.GroupResource {
	return schema.GroupResource{Group: k.version.Group, Resource: string(k.kind)}
}

func (k *kind) groupKind() schema.GroupKind {
	return schema.GroupKind{Group: k.version.Group, Kind: k.Name}
}

// key of an object of this kind.
func (k *kind) key(namespace, name string) store.Key {
	return store.Key{Kind: k.kind, Namespace: namespace, Name: name}
}

var (
	objectVerbs  = []string{"create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"}
	derivedVerbs = []string{"get", "list", "watch"}
)

// present is the entry, or nil when its spec is gone: the object is not there any more for users, while its status
// waits for its tasks to die.
func present(e store.AnyEntry) store.AnyEntry {
	if e == nil || e.GetRevisions().Deleted() {
		return nil
	}
	return e
}

// shown is the object as readers see it: itself, or, with a spec that cannot be used, a copy that says so.
func (k *kind) shown(e store.AnyEntry) object {
	if e.GetErr() == nil {
		return e.GetObject()
	}
	o := e.GetObject().DeepCopyObject().(object)
	k.markInvalid(o, e.GetErr())
	return o
}

// phase of a Run; an empty one means Pending.
func phase(r *v1.Run) v1.RunPhase {
	if r.Status.Phase == "" {
		return v1.RunPending
	}
	return r.Status.Phase
}

func boolString(b bool) string {
	if b {
		return "true"
	}
	return "false"
}
