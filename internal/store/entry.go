package store

import v1 "horae/api/v1"

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
	// Object is decoded and defaulted; metadata carries generation, resourceVersion, uid and creationTimestamp. When Err is
	// set, or the spec is deleted, its spec is empty and only metadata and status mean something.
	Object *T
	// Err says why the spec cannot be used: undecodable or invalid, with the path.
	Err error
}

// Job and Run are the entries of the two kinds.
type (
	Job = Entry[v1.Job]
	Run = Entry[v1.Run]
)
