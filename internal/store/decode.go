package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"strconv"

	"github.com/google/uuid"
	"go.etcd.io/etcd/api/v3/mvccpb"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"horae/api"
)

// KeyValue is a key as etcd holds it.
type KeyValue = mvccpb.KeyValue

// NewEntry makes an entry of an object's two keys; either may be nil. The kind of key must be the kind of T.
func NewEntry[T any](key Key, spec, status *KeyValue) *Entry[T] {
	e := &Entry[T]{Key: key}
	if spec != nil {
		e = e.WithSpec(spec)
	}
	if status != nil {
		e = e.WithStatus(status)
	}
	if e.Object == nil {
		e.Object = new(T)
		e.finish(e.Object)
	}
	return e
}

// WithSpec returns the entry after a write of the spec key. Like its siblings it does not change the receiver, decodes
// only the given document, and shares with the receiver what did not change.
func (e *Entry[T]) WithSpec(kv *KeyValue) *Entry[T] {
	next := e.next()
	if next.Rev.SpecCreate != kv.CreateRevision {
		next.uid = UID(next.Key, kv.CreateRevision)
	}
	next.Rev.SpecCreate, next.Rev.SpecMod, next.Rev.SpecVersion = kv.CreateRevision, kv.ModRevision, kv.Version
	obj, err := decodeSpec[T](next.Key, kv.Value)
	next.specErr, next.specSize = err, len(kv.Value)
	next.specCreated = metav1.Time{}
	if err != nil {
		obj = new(T)
	} else {
		next.specCreated = metaOf(obj).CreationTimestamp
	}
	next.assemble(obj, statusOf(e.statusHolder()))
	return next
}

// WithoutSpec returns the entry after the spec key was deleted.
func (e *Entry[T]) WithoutSpec() *Entry[T] {
	next := e.next()
	next.Rev.SpecCreate, next.Rev.SpecMod, next.Rev.SpecVersion = 0, 0, 0
	next.uid, next.specErr, next.specCreated, next.specSize = "", nil, metav1.Time{}, 0
	next.assemble(new(T), statusOf(e.statusHolder()))
	return next
}

// WithStatus returns the entry after a write of the status key.
func (e *Entry[T]) WithStatus(kv *KeyValue) *Entry[T] {
	next := e.next()
	next.Rev.StatusMod, next.statusSize = kv.ModRevision, len(kv.Value)
	var status any
	next.status, status = decodeStatus[T](next.Key, kv.Value)
	next.assemble(copySpec(e.Object), status)
	return next
}

// WithoutStatus returns the entry after the status key was deleted.
func (e *Entry[T]) WithoutStatus() *Entry[T] {
	next := e.next()
	next.Rev.StatusMod, next.status, next.statusSize = 0, statusDoc{}, 0
	next.assemble(copySpec(e.Object), nil)
	return next
}

// next returns a copy without the objects.
func (e *Entry[T]) next() *Entry[T] {
	next := *e
	next.Object, next.Earlier = nil, nil
	return &next
}

// statusHolder returns the object that has the decoded status; nil if there is none.
func (e *Entry[T]) statusHolder() *T {
	switch {
	case e.Rev.StatusMod == 0:
		return nil
	case e.Earlier != nil:
		return e.Earlier
	}
	return e.Object
}

// assemble completes an entry whose revisions and document facts are set: obj, which is not shared yet, gets the
// computed metadata and, unless it belongs to an earlier incarnation, the status.
func (e *Entry[T]) assemble(obj *T, status any) {
	switch {
	case status == nil || e.status.err != nil:
		setStatus(obj, nil)
	case e.Rev.Deleted() || e.statusIsCurrent():
		setStatus(obj, status)
	default:
		setStatus(obj, nil)
		e.Earlier = new(T)
		setStatus(e.Earlier, status)
		m := metaOf(e.Earlier)
		m.Name, m.Namespace, m.UID, m.CreationTimestamp = e.Key.Name, e.Key.Namespace, e.status.uid, e.status.created
		setType(e.Earlier)
	}
	e.finish(obj)
}

// statusIsCurrent reports whether the status document belongs to the spec's incarnation. A transaction that creates an
// object together with its status cannot know the uid, which follows from the transaction's own revision. So a status
// without a uid is judged by the revisions.
func (e *Entry[T]) statusIsCurrent() bool {
	return e.status.uid == e.uid || e.status.uid == "" && e.Rev.StatusMod >= e.Rev.SpecCreate
}

// finish sets what is computed from the key, the revisions and both documents.
func (e *Entry[T]) finish(obj *T) {
	e.Object = obj
	e.Err = e.specErr
	if e.Err == nil {
		e.Err = e.status.err
	}
	setType(obj)
	m := metaOf(obj)
	m.Name, m.Namespace = e.Key.Name, e.Key.Namespace
	m.ResourceVersion = strconv.FormatInt(e.Rev.Resource(), 10)
	m.Generation = e.Rev.SpecVersion
	if m.UID = e.uid; e.Rev.Deleted() {
		m.UID = e.status.uid
	}
	m.CreationTimestamp = e.specCreated
	if m.CreationTimestamp.IsZero() && e.Earlier == nil {
		m.CreationTimestamp = e.status.created
	}
}

// uidSpace makes Horae's uids differ from all others. It is part of the layout's contract (docs/etcd.md).
var uidSpace = uuid.MustParse("b9d9b2a4-6f0c-5c55-9c43-2d7f0a4e8e11")

// UID identifies an incarnation of an object: a version 5 UUID of "kind/namespace/name@create revision of the spec
// key".
func UID(key Key, specCreate int64) types.UID {
	return types.UID(uuid.NewSHA1(uidSpace, []byte(key.String()+"@"+strconv.FormatInt(specCreate, 10))).String())
}

// decodeSpec decodes a spec document, which anybody may have written, and keeps only what belongs into one.
func decodeSpec[T any](key Key, value []byte) (*T, error) {
	if len(value) > api.MaxDocument {
		return nil, mistake("", "the document has %d bytes: the limit is %d", len(value), api.MaxDocument)
	}
	var obj runtime.Object
	err := contained(func() (err error) {
		obj, err = api.DecodeOne(value)
		return err
	})
	if err != nil {
		return nil, err
	}
	typed, ok := any(obj).(*T)
	if !ok {
		return nil, mistake("kind", "is %s, but the key is one of %s", obj.GetObjectKind().GroupVersionKind().Kind, key.Kind)
	}
	m := metaOf(typed)
	if m.Name != "" && m.Name != key.Name {
		return nil, mistake("metadata.name", "is %q, but the key's is %q", m.Name, key.Name)
	}
	if m.Namespace != "" && m.Namespace != key.Namespace {
		return nil, mistake("metadata.namespace", "is %q, but the key's is %q", m.Namespace, key.Namespace)
	}
	setStatus(typed, nil)
	return typed, nil
}

// ErrPanicked: decoding a document panicked. Only its object is affected.
var ErrPanicked = errors.New("reading it panicked, which is a defect of Horae: please report it with the document")

// contained turns a panic into an error. No input is known that makes the decoder panic, and fuzzers search for one.
// But if there is one, anybody who may write one document could otherwise stop every manager, and again at every
// start.
func contained(decode func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v\n%s", ErrPanicked, p, debug.Stack())
		}
	}()
	return decode()
}

func mistake(path, format string, args ...any) error {
	return &api.Error{Fields: []api.FieldError{{Path: path, Message: fmt.Sprintf(format, args...)}}}
}

// document is a status document. Unlike what users write it is decoded leniently: a leader of a newer version may have
// written fields that this version does not have.
type document struct {
	Kind     string `json:"kind"`
	Metadata struct {
		UID               types.UID   `json:"uid"`
		CreationTimestamp metav1.Time `json:"creationTimestamp"`
	} `json:"metadata"`
	// Status points to the kind's status.
	Status any `json:"status"`
	// Statistics of a Job. They are decoded later: if they are damaged, nothing else must suffer.
	Statistics json.RawMessage `json:"statistics"`
}

// statisticsText is what the document has for statistics, decoded if it is a text.
func (d *document) statisticsText() string {
	if len(d.Statistics) == 0 {
		return ""
	}
	var text string
	if err := json.Unmarshal(d.Statistics, &text); err != nil {
		return string(d.Statistics)
	}
	return text
}

// maxStatusDepth is deeper than any status.
const maxStatusDepth = 32

// decodeStatus returns a pointer to the status and the other facts of the document; the pointer is nil after an error.
func decodeStatus[T any](key Key, value []byte) (statusDoc, any) {
	kind := kindOf[T]()
	status := kind.NewStatus()
	doc := document{Status: status}
	err := contained(func() error {
		if len(value) > api.MaxDocument {
			return fmt.Errorf("it has %d bytes: the limit is %d", len(value), api.MaxDocument)
		}
		if err := api.CheckJSON(value, maxStatusDepth); err != nil {
			return err
		}
		return json.Unmarshal(value, &doc)
	})
	if err != nil {
		return statusDoc{err: fmt.Errorf("status: decode %s: %w", key.Status(), err)}, nil
	}
	if doc.Kind != kind.Name {
		return statusDoc{err: fmt.Errorf("status: decode %s: kind is %q, want %s", key.Status(), doc.Kind, kind.Name)}, nil
	}
	if err := checkStatus(status); err != nil {
		return statusDoc{err: fmt.Errorf("status: %s cannot be: %w", key.Status(), err)}, nil
	}
	return statusDoc{uid: doc.Metadata.UID, created: doc.Metadata.CreationTimestamp, statistics: doc.statisticsText()}, status
}

// The functions below are what the kinds have in common without a Go interface for it.

func kindOf[T any]() *api.Kind { return api.KindOf(objectOf((*T)(nil))) }

// objectOf gives a pointer to a kind's type the methods of an object.
func objectOf[T any](obj *T) api.Object { return any(obj).(api.Object) }

func metaOf[T any](obj *T) *metav1.ObjectMeta {
	return any(obj).(metav1.ObjectMetaAccessor).GetObjectMeta().(*metav1.ObjectMeta)
}

func setType[T any](obj *T) { kindOf[T]().SetType(objectOf(obj)) }

// statusOf returns a pointer to the object's status; nil for no object.
func statusOf[T any](obj *T) any {
	if obj == nil {
		return nil
	}
	return kindOf[T]().Status(objectOf(obj))
}

// setStatus copies a status into an object; nil empties it.
func setStatus[T any](obj *T, status any) { kindOf[T]().SetStatus(objectOf(obj), status) }

// copySpec returns a new object that shares the old one's metadata and spec.
func copySpec[T any](obj *T) *T {
	next := new(T)
	if obj != nil {
		*next = *obj
	}
	return next
}
