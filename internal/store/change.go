package store

import "errors"

var (
	// ErrConflict: a guard did not hold, nothing of the change was written. Observe again and decide again.
	ErrConflict = errors.New("conflict: the object was changed by another writer")
	// ErrFenced: the fence did not hold: another leader has taken over. Stop working.
	ErrFenced = errors.New("fenced: this process is not the leader any more")
	// ErrUnknown: etcd did not answer, the change may or may not have been written. Observe again; never repeat it blindly.
	ErrUnknown = errors.New("unknown outcome: etcd did not answer")
	// ErrNotFound: no such object.
	ErrNotFound = errors.New("not found")
)

// Fence makes a write conditional on leadership: the leader's key must still have the create revision it had when the lead
// was won (I6).
type Fence struct {
	Key            string
	CreateRevision int64
}

// Change is a set of writes that happen together or not at all. Usually it touches one object's keys; a Run's creation with
// its Job's cursor touches two objects'. A change may write each etcd key at most once.
type Change struct {
	Guards []Guard
	Writes []Write
}

// Guard holds when the etcd key's modification revision is Revision; 0: the key does not exist.
type Guard struct {
	EtcdKey  string
	Revision int64
}

// Write puts Value under the etcd key, or deletes the key when Value is nil.
type Write struct {
	EtcdKey string
	Value   []byte
}
