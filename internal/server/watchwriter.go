package server

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"

	"horae/internal/cache"
	"horae/internal/store"
)

// watchEvent is an event as a watcher gets it.
type watchEvent struct {
	typ watch.EventType
	obj object
}

// translator returns the events of one change for a watcher with a selection. It gets the changes in order.
type translator func(e cache.Event, sel selection) []watchEvent

// translate returns the events of one change for a watcher with this selection. An object that enters the
// selection is ADDED, one that leaves it is DELETED, and one that was deleted and created again is both.
func (k *kind) translate(e cache.Event, sel selection) []watchEvent {
	before, after := present(e.Old), present(e.New)
	if before != nil && after != nil && before.GetRevisions().SpecCreate != after.GetRevisions().SpecCreate {
		return append(k.translateOne(before, nil, e.Revision, sel), k.translateOne(nil, after, e.Revision, sel)...)
	}
	return k.translateOne(before, after, e.Revision, sel)
}

func (k *kind) translateOne(before, after store.AnyEntry, revision int64, sel selection) []watchEvent {
	var was, is object
	if before != nil {
		if o := k.shown(before); sel.matches(k, o) {
			was = o
		}
	}
	if after != nil {
		if o := k.shown(after); sel.matches(k, o) {
			is = o
		}
	}
	switch {
	case was == nil && is == nil:
		return nil
	case was == nil:
		return []watchEvent{{watch.Added, is}}
	case is != nil:
		return []watchEvent{{watch.Modified, is}}
	}
	// A deleted object is shown as it last was. One that only left the selection is shown as it is now.
	if after != nil {
		was = k.shown(after)
	}
	return []watchEvent{deleted(was, revision)}
}

// deleted is the event of an object that is gone. It carries the revision of the change.
func deleted(last object, revision int64) watchEvent {
	last = last.DeepCopyObject().(object)
	last.SetResourceVersion(strconv.FormatInt(revision, 10))
	return watchEvent{watch.Deleted, last}
}

// watchWriter gathers what is to be sent, and sends it when it is asked to. Gathering never waits for the client.
type watchWriter struct {
	s  *Server
	r  *request
	w  http.ResponseWriter
	rc *http.ResponseController
	// parts are to be sent. Objects among them are shared with other watches of theirs.
	parts [][]byte
	size  int   // of parts
	err   error // of the first write that failed; nothing is written after it
	// headers: the next table carries the column definitions.
	headers bool
	// translate makes events of changes.
	translate translator
}

func (o *watchWriter) begin() {
	o.w.Header().Set("Content-Type", jsonType)
	o.w.WriteHeader(http.StatusOK)
}

// event writes one event in the form asked for.
func (o *watchWriter) event(typ watch.EventType, obj object) {
	if o.r.form.as == "" {
		data, err := o.s.encoded.of(obj)
		if err != nil {
			o.fail(err)
			return
		}
		o.line(typ, data)
		return
	}
	v, err := o.s.transform(o.r, obj, o.headers)
	if err != nil {
		o.fail(err)
		return
	}
	o.headers = false
	o.value(typ, v)
}

// again writes the events of the transaction after which the watch began, if there are several: the client may
// have had some of them only. If there is one, the client has had it, since it knows the revision.
func (o *watchWriter) again(events []cache.Event, sel selection) {
	var all []watchEvent
	for _, e := range events {
		all = append(all, o.translate(e, sel)...)
	}
	if len(all) < 2 {
		return
	}
	for _, t := range all {
		o.event(t.typ, t.obj)
	}
}

func (o *watchWriter) value(typ watch.EventType, v any) {
	data, err := json.Marshal(v)
	if err != nil {
		o.fail(fmt.Errorf("encode a watch event: %w", err))
		return
	}
	o.line(typ, data)
}

func (o *watchWriter) line(typ watch.EventType, object []byte) {
	o.parts = append(o.parts, lineBegins[typ], object, lineEnd)
	o.size += len(lineBegins[typ]) + len(object) + len(lineEnd)
}

// The parts of a line around its object. They are shared, so nothing is allocated for each event of each watch.
var (
	lineBegins = func() map[watch.EventType][]byte {
		begins := map[watch.EventType][]byte{}
		for _, typ := range []watch.EventType{watch.Added, watch.Modified, watch.Deleted, watch.Bookmark, watch.Error} {
			begins[typ] = []byte(`{"type":"` + string(typ) + `","object":`)
		}
		return begins
	}()
	lineEnd = []byte("}\n")
)

// full reports whether it is time to send.
func (o *watchWriter) full() bool { return o.size >= maxBuffer }

// fail sends an error; the client then lists again.
func (o *watchWriter) fail(err error) { o.value(watch.Error, o.s.statusOf(o.r.Request, err)) }

// bookmark sends the revision that the watch has come to.
func (o *watchWriter) bookmark(revision int64, initialEnd bool) {
	b := o.r.kind.New()
	b.GetObjectKind().SetGroupVersionKind(o.r.kind.groupKind().WithVersion("v1"))
	b.SetResourceVersion(strconv.FormatInt(revision, 10))
	if initialEnd {
		b.SetAnnotations(map[string]string{metav1.InitialEventsAnnotationKey: "true"})
	}
	if o.r.form.as == asTable {
		t, err := o.s.transform(o.r, b, o.headers)
		if err != nil {
			o.fail(err)
			return
		}
		t.(*metav1.Table).Rows = []metav1.TableRow{}
		o.headers = false
		o.value(watch.Bookmark, t)
		return
	}
	o.value(watch.Bookmark, b)
}

// flush sends what is written. An error means that the client is gone, or does not read.
func (o *watchWriter) flush() error {
	parts := o.parts
	defer func() {
		clear(o.parts) // a watch that is quiet keeps no objects
		o.parts, o.size = o.parts[:0], 0
	}()
	if o.err != nil {
		return o.err
	}
	_ = o.rc.SetWriteDeadline(time.Now().Add(o.s.limits.streamWrite))
	for _, part := range parts {
		if _, o.err = o.w.Write(part); o.err != nil {
			return o.err
		}
	}
	o.err = o.rc.Flush()
	return o.err
}

// encodings keeps the JSON of the objects that were sent to watchers last, so that the watchers of a change share
// one encoding. Objects of the cache never change (I8), so the pointer is the key.
type encodings struct {
	mu    sync.Mutex
	data  map[object][]byte // guarded by mu
	ring  []object          // guarded by mu: in the order in which they came
	next  int               // guarded by mu
	bytes int               // guarded by mu: of data
}

// Bounds of what is kept: so many objects, and so many bytes but for the last one.
const (
	keptEncodings = 1024
	keptBytes     = 16 << 20
)

func newEncodings() *encodings {
	return &encodings{data: make(map[object][]byte, keptEncodings), ring: make([]object, keptEncodings)}
}

func (e *encodings) of(o object) ([]byte, error) {
	e.mu.Lock()
	data, ok := e.data[o]
	e.mu.Unlock()
	if ok {
		return data, nil
	}
	data, err := json.Marshal(o)
	if err != nil {
		return nil, fmt.Errorf("encode %s/%s: %w", o.GetNamespace(), o.GetName(), err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, ok := e.data[o]; !ok {
		e.forgetLocked(e.next)
		e.data[o], e.ring[e.next] = data, o
		e.bytes += len(data)
		e.next = (e.next + 1) % len(e.ring)
		for oldest := e.next; e.bytes > keptBytes && e.ring[oldest] != o; oldest = (oldest + 1) % len(e.ring) {
			e.forgetLocked(oldest)
		}
	}
	return data, nil
}

func (e *encodings) forgetLocked(i int) {
	if o := e.ring[i]; o != nil {
		e.bytes -= len(e.data[o])
		delete(e.data, o)
		e.ring[i] = nil
	}
}
