package store

import (
	"errors"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"horae/api"
	v1 "horae/api/v1"
)

// Revisions are the etcd revisions of an object's two keys; 0 if the key does not exist.
type Revisions struct {
	// SpecCreate is the object's incarnation: another create revision is another object of the same name.
	SpecCreate int64
	// SpecMod guards writes of the spec.
	SpecMod int64
	// SpecVersion is the number of writes of the spec since it was created: metadata.generation.
	SpecVersion int64
	// StatusMod guards writes of the status.
	StatusMod int64
}

// Deleted reports whether the spec is gone. The status stays until the controller has cleaned up.
func (r Revisions) Deleted() bool { return r.SpecMod == 0 }

// Resource returns the later of the two modification revisions: metadata.resourceVersion.
func (r Revisions) Resource() int64 { return max(r.SpecMod, r.StatusMod) }

// Entry is an object as etcd holds it: its two documents made one, with the revisions that guard its next write.
// It is shared by all who read it and never modified (I8).
type Entry[T any] struct {
	Key Key
	Rev Revisions
	// Object is decoded and defaulted, not validated; metadata has generation, resourceVersion, uid and
	// creationTimestamp. If Err is set, or the spec is deleted, only metadata and status are meaningful. It is never
	// nil.
	Object *T
	// Err is why the object cannot be used: its spec, or (see StatusErr) its status, cannot be decoded.
	Err error
	// Earlier is not nil if the status document belongs to an earlier incarnation of the name, which was deleted and
	// created again before the controller had cleaned up. It holds that incarnation's metadata (name, namespace, uid,
	// creationTimestamp) and status; its tasks must be killed. Object's status is empty then.
	Earlier *T

	specSize    int // in bytes, and so below
	statusSize  int
	uid         types.UID // of the spec's incarnation; empty when there is none
	specErr     error
	specCreated metav1.Time // as the spec document has it
	status      statusDoc   // the status document without the status itself, which is in Object or Earlier
}

// StatusErr returns the part of Err that is about the status: it exists but cannot be decoded, so what the object has
// already done is not known. Object's status is empty.
func (e *Entry[T]) StatusErr() error { return e.status.err }

// Statistics returns the statistics that stand in a Job's status document beside the status, encoded; empty if there
// are none, or those of an earlier incarnation. They are kept out of the status because they mean nothing to people.
func (e *Entry[T]) Statistics() string {
	if e.Earlier != nil || e.Rev.StatusMod == 0 {
		return ""
	}
	return e.status.statistics
}

// Job, Run, Calendar and the others are the entries of the kinds.
type (
	Job      = Entry[v1.Job]
	Run      = Entry[v1.Run]
	Calendar = Entry[v1.Calendar]
	Backfill = Entry[v1.Backfill]
	Token    = Entry[v1.Token]

	Role               = Entry[rbacv1.Role]
	ClusterRole        = Entry[rbacv1.ClusterRole]
	RoleBinding        = Entry[rbacv1.RoleBinding]
	ClusterRoleBinding = Entry[rbacv1.ClusterRoleBinding]
)

// newEntry makes the entries of each kind of api.Kinds. Register adds to it while packages are initialised; it is
// only read then.
var newEntry = map[Kind]func(key Key, spec, status *KeyValue) AnyEntry{
	Jobs: newEntryOf[v1.Job], Runs: newEntryOf[v1.Run], Calendars: newEntryOf[v1.Calendar],
	Backfills: newEntryOf[v1.Backfill],
	Tokens:    newEntryOf[v1.Token],
	Roles:     newEntryOf[rbacv1.Role], ClusterRoles: newEntryOf[rbacv1.ClusterRole],
	RoleBindings: newEntryOf[rbacv1.RoleBinding], ClusterRoleBindings: newEntryOf[rbacv1.ClusterRoleBinding],
}

func newEntryOf[T any](key Key, spec, status *KeyValue) AnyEntry {
	return NewEntry[T](key, spec, status)
}

// Register has the entries of a kind, which is registered with package api, hold objects of type T.
func Register[T any](kind Kind) { newEntry[kind] = newEntryOf[T] }

// SpecErr returns the part of Err that is about the spec.
func (e *Entry[T]) SpecErr() error {
	if e.Err != nil && !errors.Is(e.Err, e.status.err) {
		return e.Err
	}
	return nil
}

// AnyEntry is an entry of whichever kind: *Job, *Run, *Calendar. As returns the entry itself.
type AnyEntry interface {
	GetKey() Key
	GetRevisions() Revisions
	GetObject() api.Object
	GetErr() error
	// Size is that of its documents in etcd, in bytes: what it takes in memory is some multiple of it.
	Size() int
	after(side Side, kv *KeyValue) AnyEntry
}

// As returns the entry when it is one of T, and nil otherwise.
func As[T any](e AnyEntry) *Entry[T] {
	typed, _ := e.(*Entry[T])
	return typed
}

// GetKey and its siblings make an entry an AnyEntry.
func (e *Entry[T]) GetKey() Key { return e.Key }

// GetRevisions returns Rev.
func (e *Entry[T]) GetRevisions() Revisions { return e.Rev }

// GetObject returns Object.
func (e *Entry[T]) GetObject() api.Object { return objectOf(e.Object) }

// Size of its documents in etcd.
func (e *Entry[T]) Size() int { return e.specSize + e.statusSize }

// GetErr returns Err.
func (e *Entry[T]) GetErr() error { return e.Err }

// After returns an entry after a change of one of its etcd keys; kv is nil if the key was deleted. A nil entry is an
// object that has neither key. The key's kind must be registered.
func After(e AnyEntry, key Key, side Side, kv *KeyValue) AnyEntry {
	switch {
	case e != nil:
		return e.after(side, kv)
	case kv == nil:
		return nil
	case side == SpecSide:
		return newEntry[key.Kind](key, kv, nil)
	}
	return newEntry[key.Kind](key, nil, kv)
}

func (e *Entry[T]) after(side Side, kv *KeyValue) AnyEntry {
	switch {
	case side == SpecSide && kv != nil:
		return e.WithSpec(kv)
	case side == StatusSide && kv != nil:
		return e.WithStatus(kv)
	case side == SpecSide && e.Rev.StatusMod == 0, side == StatusSide && e.Rev.Deleted():
		return nil
	case side == SpecSide:
		return e.WithoutSpec()
	}
	return e.WithoutStatus()
}

// statusDoc is what a status document has besides the status.
type statusDoc struct {
	uid     types.UID
	created metav1.Time
	err     error
	// statistics as they are stored. If the document has something else than a text there, it is that, and not valid.
	statistics string
}
