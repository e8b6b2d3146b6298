package api

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	v1 "horae/api/v1"
)

// Object is an object of any kind: a pointer to a type of api/v1.
type Object interface {
	runtime.Object
	metav1.Object
}

// Row describes a kind whose objects are of type T, with a status of type S. Register makes a Kind of it.
type Row[T, S any] struct {
	// GroupVersion of the documents; empty: horae/v1.
	GroupVersion schema.GroupVersion
	// ClusterScoped objects are in no namespace.
	ClusterScoped bool
	// Name as a document's kind field has it, and its forms in URLs, etcd keys and on the command line.
	Name, Plural, Singular string
	ShortNames             []string
	// SetDefaults fills in what the user left open; nil: nothing is.
	SetDefaults func(*T)
	// Validate reports what is wrong with an object, as far as package v1 can check it.
	Validate func(*T) field.ErrorList
	// ValidateUpdate reports what is wrong with replacing an object by another: Validate, and fields that never
	// change.
	ValidateUpdate func(after, before *T) field.ErrorList
	// Warnings reports what in a valid object is perhaps not meant; nil: there are none.
	Warnings func(*T) []string
	// Status of an object; nil: the kind has none, and S is struct{}.
	Status func(*T) *S
	// Conditions of an object's status; nil: it has none.
	Conditions func(*T) *[]metav1.Condition
}

// The kinds of horae/v1. Those of who may do what are in rbac.go.
var (
	Jobs = Register(Row[v1.Job, v1.JobStatus]{
		Name: v1.KindJob, Plural: "jobs", Singular: "job",
		SetDefaults: v1.SetDefaultsJob, Validate: v1.ValidateJob, ValidateUpdate: v1.ValidateJobUpdate,
		Warnings:   v1.WarningsJob,
		Status:     func(j *v1.Job) *v1.JobStatus { return &j.Status },
		Conditions: func(j *v1.Job) *[]metav1.Condition { return &j.Status.Conditions },
	})
	Runs = Register(Row[v1.Run, v1.RunStatus]{
		Name: v1.KindRun, Plural: "runs", Singular: "run",
		SetDefaults: v1.SetDefaultsRun, Validate: v1.ValidateRun, ValidateUpdate: v1.ValidateRunUpdate,
		Warnings: v1.WarningsRun,
		Status:   func(r *v1.Run) *v1.RunStatus { return &r.Status },
	})
	Calendars = Register(Row[v1.Calendar, v1.CalendarStatus]{
		Name: v1.KindCalendar, Plural: "calendars", Singular: "calendar",
		SetDefaults: v1.SetDefaultsCalendar, Validate: v1.ValidateCalendar, ValidateUpdate: v1.ValidateCalendarUpdate,
		Status:     func(c *v1.Calendar) *v1.CalendarStatus { return &c.Status },
		Conditions: func(c *v1.Calendar) *[]metav1.Condition { return &c.Status.Conditions },
	})
	Backfills = Register(Row[v1.Backfill, v1.BackfillStatus]{
		Name: v1.KindBackfill, Plural: "backfills", Singular: "backfill",
		SetDefaults: v1.SetDefaultsBackfill, Validate: v1.ValidateBackfill, ValidateUpdate: v1.ValidateBackfillUpdate,
		Status:     func(b *v1.Backfill) *v1.BackfillStatus { return &b.Status },
		Conditions: func(b *v1.Backfill) *[]metav1.Condition { return &b.Status.Conditions },
	})
	Tokens = Register(Row[v1.Token, v1.TokenStatus]{
		ClusterScoped: true, Name: v1.KindToken, Plural: "tokens", Singular: "token",
		Validate: v1.ValidateToken, ValidateUpdate: v1.ValidateTokenUpdate,
		Status: func(t *v1.Token) *v1.TokenStatus { return &t.Status },
	})
)

// Kind is a registered kind: a row that no longer depends on the Go types. Objects given to its functions must be
// of the kind.
type Kind struct {
	GroupVersion           schema.GroupVersion
	Namespaced             bool
	Name, Plural, Singular string
	ShortNames             []string
	// HasStatus is false for a kind that is all of the user's: there is nothing to observe.
	HasStatus bool

	// New returns an empty object.
	New func() Object
	// SetDefaults fills in what the user left open, in place.
	SetDefaults    func(Object)
	Validate       func(Object) field.ErrorList
	ValidateUpdate func(after, before Object) field.ErrorList
	// Warnings reports what in a valid object is perhaps not meant.
	Warnings func(Object) []string
	// Status points to the object's status.
	Status func(Object) any
	// SetStatus copies what a pointer to a status points to into an object; nil empties the object's status.
	SetStatus func(o Object, status any)
	// NewStatus returns a pointer to an empty status.
	NewStatus func() any
	// Conditions points to the conditions of the object's status; nil for a kind that has none.
	Conditions func(Object) *[]metav1.Condition

	// withoutStatus returns a copy that shares the spec and has the given metadata.
	withoutStatus func(Object, metav1.ObjectMeta) Object
}

// kinds in the order in which they were registered. They are registered while packages are initialised, and only
// read then.
var (
	kinds  []*Kind
	byType = map[reflect.Type]*Kind{}
	byName = map[typeMeta]*Kind{}
)

// Register adds a kind to the table. It is called while packages are initialised, before anything reads the table.
func Register[T, S any, P interface {
	*T
	Object
}](row Row[T, S]) *Kind {
	if row.GroupVersion.Empty() {
		row.GroupVersion = v1.GroupVersion
	}
	named := typeMeta{row.GroupVersion.String(), row.Name}
	if byName[named] != nil || KindOfPlural(row.Plural) != nil {
		panic(fmt.Sprintf("api: the kind %s (%s) is registered twice", row.Name, row.Plural))
	}
	of := func(o Object) *T { return (*T)(o.(P)) }
	hasStatus := row.Status != nil
	if !hasStatus {
		row.Status = func(*T) *S { return new(S) }
	}
	k := &Kind{
		GroupVersion: row.GroupVersion, Namespaced: !row.ClusterScoped, HasStatus: hasStatus,
		Name: row.Name, Plural: row.Plural, Singular: row.Singular, ShortNames: row.ShortNames,
		New: func() Object { return P(new(T)) },
		SetDefaults: func(o Object) {
			if row.SetDefaults != nil {
				row.SetDefaults(of(o))
			}
		},
		Validate:       func(o Object) field.ErrorList { return row.Validate(of(o)) },
		ValidateUpdate: func(after, before Object) field.ErrorList { return row.ValidateUpdate(of(after), of(before)) },
		Warnings: func(o Object) []string {
			if row.Warnings == nil {
				return nil
			}
			return row.Warnings(of(o))
		},
		Status:    func(o Object) any { return row.Status(of(o)) },
		NewStatus: func() any { return new(S) },
		SetStatus: func(o Object, status any) {
			if status == nil {
				status = new(S)
			}
			*row.Status(of(o)) = *status.(*S)
		},
		withoutStatus: func(o Object, m metav1.ObjectMeta) Object {
			shared := *of(o)
			*row.Status(&shared) = *new(S)
			*metaOf(P(&shared)) = m
			return P(&shared)
		},
	}
	if row.Conditions != nil {
		k.Conditions = func(o Object) *[]metav1.Condition { return row.Conditions(of(o)) }
	}
	kinds, byName[named], byType[reflect.TypeFor[P]()] = append(kinds, k), k, k
	return k
}

// Kinds returns the kinds in the order in which they are listed to users.
func Kinds() []*Kind { return slices.Clone(kinds) }

// KindNamed returns the kind of horae/v1 of a document's kind field; nil when there is none.
func KindNamed(name string) *Kind { return byName[typeMeta{apiVersion, name}] }

// KindFor returns the kind of a document's apiVersion and kind; nil when there is none.
func KindFor(apiVersion, name string) *Kind { return byName[typeMeta{apiVersion, name}] }

// KindOf returns the kind of an object; nil when its type is of none.
func KindOf(obj runtime.Object) *Kind { return byType[reflect.TypeOf(obj)] }

// KindOfPlural returns the kind of a URL's or key's plural; nil when there is none.
func KindOfPlural(plural string) *Kind {
	for _, k := range kinds {
		if k.Plural == plural {
			return k
		}
	}
	return nil
}

// TypeMeta of the kind's documents.
func (k *Kind) TypeMeta() metav1.TypeMeta {
	return metav1.TypeMeta{APIVersion: k.GroupVersion.String(), Kind: k.Name}
}

// SetType sets apiVersion and kind of an object.
func (k *Kind) SetType(o Object) { *o.GetObjectKind().(*metav1.TypeMeta) = k.TypeMeta() }

// KindNames lists the names of the kinds that people work with, those of horae/v1 in namespaces, for a message: "Job, Run
// and Calendar" with "and" as the conjunction.
func KindNames(conjunction string) string {
	return enumerate(conjunction, func(k *Kind) string { return k.Name })
}

// KindPlurals lists the plurals of the kinds that people work with for a message: "jobs, runs and calendars" with "and" as the
// conjunction, and "jobs, runs, calendars" without one.
func KindPlurals(conjunction string) string {
	return enumerate(conjunction, func(k *Kind) string { return k.Plural })
}

func enumerate(conjunction string, name func(*Kind) string) string {
	var names []string
	for _, k := range kinds {
		if k.GroupVersion == v1.GroupVersion && k.Namespaced {
			names = append(names, name(k))
		}
	}
	if conjunction == "" {
		return strings.Join(names, ", ")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " " + conjunction + " " + names[last]
}

// metaOf returns the metadata of an object. Every type of api/v1 embeds it.
func metaOf(o Object) *metav1.ObjectMeta {
	return o.(metav1.ObjectMetaAccessor).GetObjectMeta().(*metav1.ObjectMeta)
}
