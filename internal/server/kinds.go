package server

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	v1 "horae/api/v1"
	"horae/internal/cache"
	"horae/internal/store"
)

// object is what every kind is.
type object interface {
	runtime.Object
	metav1.Object
}

// entry is a store.Entry without its kind. Its object is shared and never modified (I8).
type entry struct {
	key store.Key
	rev store.Revisions
	obj object
	// err: the spec cannot be used; obj holds metadata and status only.
	err error
}

// kind is all that differs between the kinds.
type kind struct {
	kind     store.Kind
	name     string
	singular string
	verbs    []string
	// subresources by name, with the verbs that discovery tells of.
	subresources map[string][]string

	empty  func() object
	get    func(c Cache, namespace, name string) *entry
	list   func(c Cache, namespace string) ([]*entry, int64)
	change func(e cache.Event) (before, after *entry)
	// update checks what only a pair of objects can show: fields that never change.
	update func(after, before runtime.Object) field.ErrorList
	// clearStatus empties what users never write.
	clearStatus func(object)
	// markInvalid says in a copy's status why its spec cannot be used, unless its controller has said so already.
	markInvalid func(o object, err error)
	// fields that a field selector may name, besides metadata.name and metadata.namespace.
	fields  func(object) fields.Set
	columns []column
}

// usable reports whether the spec can be used.
func (e *entry) usable() bool { return e.err == nil }

func (k *kind) resource() schema.GroupResource {
	return schema.GroupResource{Group: v1.GroupVersion.Group, Resource: string(k.kind)}
}

func (k *kind) groupKind() schema.GroupKind {
	return schema.GroupKind{Group: v1.GroupVersion.Group, Kind: k.name}
}

// key of an object of this kind.
func (k *kind) key(namespace, name string) store.Key {
	return store.Key{Kind: k.kind, Namespace: namespace, Name: name}
}

var objectVerbs = []string{"create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"}

// kinds are the resources of the API by their plural, in the order of discovery.
var kinds = []*kind{jobs, runs, calendars}

var jobs = &kind{
	kind: store.Jobs, name: v1.KindJob, singular: "job", verbs: objectVerbs,
	subresources: map[string][]string{"status": {"get"}, "trigger": {"create"}, "schedule": {"get"}},
	empty:        func() object { return &v1.Job{} },
	get:          func(c Cache, ns, name string) *entry { return jobEntry(c.Job(ns, name)) },
	list:         func(c Cache, ns string) ([]*entry, int64) { return entries(jobEntry)(c.ListJobs(ns)) },
	change:       func(e cache.Event) (*entry, *entry) { return both(jobEntry)(cache.Of[v1.Job](e)) },
	update: func(after, before runtime.Object) field.ErrorList {
		return v1.ValidateJobUpdate(after.(*v1.Job), before.(*v1.Job))
	},
	clearStatus: func(o object) { o.(*v1.Job).Status = v1.JobStatus{} },
	markInvalid: markInvalidJob,
	fields: func(o object) fields.Set {
		return fields.Set{"spec.suspend": boolString(o.(*v1.Job).Spec.Suspend)}
	},
	columns: jobColumns,
}

var runs = &kind{
	kind: store.Runs, name: v1.KindRun, singular: "run", verbs: objectVerbs,
	subresources: map[string][]string{"status": {"get"}, "log": {"get"}},
	empty:        func() object { return &v1.Run{} },
	get:          func(c Cache, ns, name string) *entry { return runEntry(c.Run(ns, name)) },
	list:         func(c Cache, ns string) ([]*entry, int64) { return entries(runEntry)(c.ListRuns(ns)) },
	change:       func(e cache.Event) (*entry, *entry) { return both(runEntry)(cache.Of[v1.Run](e)) },
	update: func(after, before runtime.Object) field.ErrorList {
		return v1.ValidateRunUpdate(after.(*v1.Run), before.(*v1.Run))
	},
	clearStatus: func(o object) { o.(*v1.Run).Status = v1.RunStatus{} },
	markInvalid: markInvalidRun,
	fields: func(o object) fields.Set {
		r := o.(*v1.Run)
		return fields.Set{"spec.job": r.Spec.Job, "spec.reason": string(r.Spec.Reason), "status.phase": string(phase(r))}
	},
	columns: runColumns,
}

var calendars = &kind{
	kind: store.Calendars, name: v1.KindCalendar, singular: "calendar", verbs: objectVerbs,
	subresources: map[string][]string{"status": {"get"}},
	empty:        func() object { return &v1.Calendar{} },
	get:          func(c Cache, ns, name string) *entry { return calendarEntry(c.Calendar(ns, name)) },
	list:         func(c Cache, ns string) ([]*entry, int64) { return entries(calendarEntry)(c.ListCalendars(ns)) },
	change:       func(e cache.Event) (*entry, *entry) { return both(calendarEntry)(cache.Of[v1.Calendar](e)) },
	update: func(after, before runtime.Object) field.ErrorList {
		return v1.ValidateCalendarUpdate(after.(*v1.Calendar), before.(*v1.Calendar))
	},
	clearStatus: func(o object) { o.(*v1.Calendar).Status = v1.CalendarStatus{} },
	markInvalid: markInvalidCalendar,
	fields:      func(object) fields.Set { return fields.Set{} },
	columns:     calendarColumns,
}

// kindOf finds a kind by the plural that stands in a URL.
func kindOf(plural string) *kind {
	for _, k := range kinds {
		if string(k.kind) == plural {
			return k
		}
	}
	return nil
}

// jobEntry and its siblings answer nil for an object whose spec is gone: it is not there any more for users, while its status
// waits for its tasks to die.
func jobEntry(e *store.Job) *entry {
	if e == nil || e.Rev.Deleted() {
		return nil
	}
	return &entry{e.Key, e.Rev, e.Object, e.Err}
}

func runEntry(e *store.Run) *entry {
	if e == nil || e.Rev.Deleted() {
		return nil
	}
	return &entry{e.Key, e.Rev, e.Object, e.Err}
}

func calendarEntry(e *store.Calendar) *entry {
	if e == nil || e.Rev.Deleted() {
		return nil
	}
	return &entry{e.Key, e.Rev, e.Object, e.Err}
}

// entries makes a view of each entry of a list.
func entries[T any](view func(*store.Entry[T]) *entry) func([]*store.Entry[T], int64) ([]*entry, int64) {
	return func(list []*store.Entry[T], revision int64) ([]*entry, int64) {
		out := make([]*entry, 0, len(list))
		for _, e := range list {
			if v := view(e); v != nil {
				out = append(out, v)
			}
		}
		return out, revision
	}
}

// both makes a view of an object before and after a change.
func both[T any](view func(*store.Entry[T]) *entry) func(before, after *store.Entry[T]) (*entry, *entry) {
	return func(before, after *store.Entry[T]) (*entry, *entry) { return view(before), view(after) }
}

// shown is the object as readers see it: itself, or, with a spec that cannot be used, a copy that says so.
func (k *kind) shown(e *entry) object {
	if e.err == nil {
		return e.obj
	}
	o := e.obj.DeepCopyObject().(object)
	k.markInvalid(o, e.err)
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

func markInvalidJob(o object, err error) {
	j := o.(*v1.Job)
	j.Status.Conditions = notAccepted(j.Status.Conditions, &j.ObjectMeta, err)
}

func markInvalidCalendar(o object, err error) {
	c := o.(*v1.Calendar)
	c.Status.Conditions = notAccepted(c.Status.Conditions, &c.ObjectMeta, err)
}

// notAccepted sets the condition Accepted, unless it says so of this generation already.
func notAccepted(conditions []metav1.Condition, m *metav1.ObjectMeta, err error) []metav1.Condition {
	for i := range conditions {
		c := &conditions[i]
		if c.Type != v1.JobAccepted {
			continue
		}
		if c.Status != metav1.ConditionFalse || c.ObservedGeneration != m.Generation {
			c.Status, c.Reason, c.Message, c.ObservedGeneration = metav1.ConditionFalse, v1.ReasonInvalid, err.Error(), m.Generation
		}
		return conditions
	}
	return append(conditions, metav1.Condition{
		Type: v1.JobAccepted, Status: metav1.ConditionFalse, Reason: v1.ReasonInvalid, Message: err.Error(), ObservedGeneration: m.Generation,
		LastTransitionTime: m.CreationTimestamp,
	})
}

func markInvalidRun(o object, err error) {
	r := o.(*v1.Run)
	if !r.Status.Phase.Terminal() {
		r.Status.Reason, r.Status.Message = "Invalid", err.Error()
	}
}
