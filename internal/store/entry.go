package store

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	v1 "horae/api/v1"
)

// Revisions are the etcd revisions of an object's two keys; 0 stands for a key that does not exist.
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

// Deleted reports whether the spec is gone; the status stays until the controller has cleaned up.
func (r Revisions) Deleted() bool { return r.SpecMod == 0 }

// Resource is the later of the two modification revisions: metadata.resourceVersion.
func (r Revisions) Resource() int64 { return max(r.SpecMod, r.StatusMod) }

// Entry is an object as etcd holds it: its two documents made one, with the revisions that guard its next write.
// It is shared by all who read it and never modified (I8).
type Entry[T any] struct {
	Key Key
	Rev Revisions
	// Object is decoded and defaulted, not validated; metadata carries generation, resourceVersion, uid and creationTimestamp.
	// When Err is set, or the spec is deleted, its spec means nothing: only metadata and status do. It is never nil.
	Object *T
	// Err says why the object cannot be acted upon: its spec, or (see StatusErr) its status, cannot be decoded.
	Err error
	// Earlier is not nil when the status document speaks of an earlier incarnation of the name, deleted and created again
	// before the controller had cleaned up. It holds that incarnation's metadata (name, namespace, uid, creationTimestamp) and
	// status; its tasks must die. Object's status is empty then.
	Earlier *T

	uid         types.UID // of the spec's incarnation; empty when there is none
	specErr     error
	specCreated metav1.Time // as the spec document says
	status      statusDoc   // what the status document says, but for the status itself, which is in Object or Earlier
}

// StatusErr is Err's part that speaks of the status: it is there but cannot be decoded, so that nothing is known of what the
// object has already done. Object's status is empty.
func (e *Entry[T]) StatusErr() error { return e.status.err }

// Object is any kind of object.
type Object interface{ v1.Job | v1.Run | v1.Calendar }

// Job, Run and Calendar are the entries of the kinds.
type (
	Job      = Entry[v1.Job]
	Run      = Entry[v1.Run]
	Calendar = Entry[v1.Calendar]
)

// AnyEntry is an entry of whichever kind: *Job, *Run, *Calendar. As returns the entry itself.
type AnyEntry interface {
	GetKey() Key
	GetRevisions() Revisions
	// GetObject returns the Object: a pointer to a type of api/v1.
	GetObject() any
	// GetErr returns Err.
	GetErr() error
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
func (e *Entry[T]) GetObject() any { return e.Object }

// GetErr returns Err.
func (e *Entry[T]) GetErr() error { return e.Err }

// statusDoc is what a status document says of itself.
type statusDoc struct {
	uid     types.UID
	created metav1.Time
	err     error
}
