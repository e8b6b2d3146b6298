package server

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/watch"

	v1 "horae/api/v1"
	"horae/internal/cache"
	"horae/internal/store"
	"horae/internal/story"
)

// eventSource derives Events from the stored objects: what package story says of each. An Event has the
// resourceVersion of its object. A watch reports it when it comes, changes or goes, and not when only the rest of its
// object changes.
type eventSource struct {
	s    *Server
	kind *kind
	kept *stories
}

// sources are the kinds that people work with.
func (d *eventSource) sources() []store.Kind { return d.s.storedKinds((*kind).inAll) }

// get finds an Event by its name, which begins with that of its object.
func (d *eventSource) get(namespace, name string) object {
	dot := strings.LastIndexByte(name, '.')
	if dot < 0 {
		return nil
	}
	for _, k := range d.sources() {
		for _, e := range d.of(d.s.cfg.Cache.Get(store.Key{Kind: k, Namespace: namespace, Name: name[:dot]})) {
			if e.object.Name == name {
				return e.object
			}
		}
	}
	return nil
}

func (d *eventSource) list(namespace string, sel selection) (iter.Seq[object], int64) {
	entries, revision := d.candidates(namespace, sel)
	return func(yield func(object) bool) {
		for _, entry := range entries {
			for _, e := range d.make(entry) { // not kept: a long list would displace what watches share
				if sel.matches(d.kind, e.object) && !yield(e.object) {
					return
				}
			}
		}
	}, revision
}

// candidates are the entries of which the selected Events may be. What describes one object, or one Job with its Runs,
// costs no look at all others.
func (d *eventSource) candidates(namespace string, sel selection) ([]store.AnyEntry, int64) {
	c := d.s.cfg.Cache
	exact := func(field string) string {
		value, _ := sel.fields.RequiresExactMatch(field)
		return value
	}
	if namespace == "" {
		namespace = exact("involvedObject.namespace")
	}
	kinds := d.sources()
	if name := exact("involvedObject.kind"); name != "" {
		kinds = d.s.storedKinds(func(k *kind) bool { return k.inAll() && k.Name == name })
	}
	if name := exact("involvedObject.name"); name != "" && namespace != "" {
		revision := c.Revision() // before the look: a watch from it repeats at most what is seen here
		var entries []store.AnyEntry
		for _, k := range kinds {
			entries = append(entries, c.Get(store.Key{Kind: k, Namespace: namespace, Name: name}))
		}
		return entries, revision
	}
	if job, ok := sel.labels.RequiresExactMatch(v1.LabelJob); ok && namespace != "" {
		j, runs, revision := c.JobWithRuns(namespace, job)
		others := slices.DeleteFunc(d.sources(), func(k store.Kind) bool { return k == store.Jobs || k == store.Runs })
		entries, at := c.ListKinds(others, namespace)
		revision = min(revision, at)
		if j != nil {
			entries = append(entries, j)
		}
		for _, run := range runs {
			entries = append(entries, run)
		}
		return entries, revision
	}
	return c.ListKinds(kinds, namespace)
}

func (d *eventSource) translator(context.Context, int64) (translator, error) { return d.translate, nil }

// translate compares the Events of an object before a change with those afterwards.
func (d *eventSource) translate(e cache.Event, sel selection) []watchEvent {
	before, after := d.of(e.Old), d.of(e.New)
	var list []watchEvent
	for i := range before {
		if was := &before[i]; findServed(after, was.object.Name) == nil && sel.matches(d.kind, was.object) {
			list = append(list, deleted(was.object, e.Revision))
		}
	}
	for i := range after {
		is, was := &after[i], findServed(before, after[i].object.Name)
		if was != nil && was.event.Equal(&is.event) && maps.Equal(was.object.Labels, is.object.Labels) {
			continue
		}
		isSelected, wasSelected := sel.matches(d.kind, is.object), was != nil && sel.matches(d.kind, was.object)
		switch {
		case isSelected && wasSelected:
			list = append(list, watchEvent{watch.Modified, is.object})
		case isSelected:
			list = append(list, watchEvent{watch.Added, is.object})
		case wasSelected:
			list = append(list, deleted(is.object, e.Revision))
		}
	}
	return list
}

// served is an event with the Event that it is served as.
type served struct {
	event  story.Event
	object *corev1.Event
}

func findServed(list []served, name string) *served {
	for i := range list {
		if list[i].object.Name == name {
			return &list[i]
		}
	}
	return nil
}

// of returns the Events of an entry, which watchers share.
func (d *eventSource) of(entry store.AnyEntry) []served {
	if entry = present(entry); entry == nil {
		return nil
	}
	return d.kept.of(entry, d.make)
}

// make derives the Events of an entry; of none when its spec is gone.
func (d *eventSource) make(entry store.AnyEntry) []served {
	if entry = present(entry); entry == nil {
		return nil
	}
	k := d.s.kindOf(entry.GetKey().Kind)
	o := k.shown(entry)
	events := story.Of(o)
	list := make([]served, len(events))
	for i := range events {
		list[i] = served{events[i], eventOf(k, o, &events[i])}
	}
	return list
}

// eventSpace is the name space of the UIDs of Events.
var eventSpace = uuid.NewSHA1(uuid.Nil, []byte("horae/events"))

// eventOf is the Event of an object. Its name and UID are functions of the object and of what happened to it.
func eventOf(k *kind, o object, e *story.Event) *corev1.Event {
	id := uuid.NewSHA1(eventSpace, []byte(string(o.GetUID())+"/"+e.Key))
	out := &corev1.Event{
		TypeMeta: metav1.TypeMeta{APIVersion: corev1.SchemeGroupVersion.String(), Kind: "Event"},
		InvolvedObject: corev1.ObjectReference{
			APIVersion: k.version.String(), Kind: k.Name, Namespace: o.GetNamespace(), Name: o.GetName(), UID: o.GetUID(),
		},
		Type: string(e.Type), Reason: e.Reason, Message: e.Message,
		Count: int32(min(e.Count, math.MaxInt32)), //nolint:gosec // it is bounded

		FirstTimestamp: metav1.NewTime(e.Time), LastTimestamp: metav1.NewTime(e.Last), EventTime: metav1.NewMicroTime(e.Time),
		Source: corev1.EventSource{Component: "horae"}, ReportingController: "horae",
	}
	out.Name, out.Namespace = o.GetName()+"."+fmt.Sprintf("%x", id[:8]), o.GetNamespace()
	out.UID, out.ResourceVersion = typesUID(id), o.GetResourceVersion()
	out.CreationTimestamp = out.FirstTimestamp
	switch o := o.(type) {
	case *v1.Job:
		out.Labels = jobLabel(o.Name)
	case *v1.Run:
		out.Labels = jobLabel(o.Spec.Job)
	case *v1.Backfill:
		out.Labels = jobLabel(o.Spec.Job)
	}
	return out
}

// jobLabel is the label of what belongs to a Job. A spec that cannot be decoded names none.
func jobLabel(job string) map[string]string {
	if job == "" {
		return nil
	}
	return map[string]string{v1.LabelJob: job}
}

// eventFields are the fields by which Kubernetes selects Events.
func eventFields(o object) fields.Set {
	e := o.(*corev1.Event)
	about := &e.InvolvedObject
	return fields.Set{
		"involvedObject.kind": about.Kind, "involvedObject.namespace": about.Namespace, "involvedObject.name": about.Name,
		"involvedObject.uid": string(about.UID), "involvedObject.apiVersion": about.APIVersion,
		"involvedObject.resourceVersion": about.ResourceVersion, "involvedObject.fieldPath": about.FieldPath,
		"reason": e.Reason, "type": e.Type, "source": e.Source.Component, "reportingComponent": e.ReportingController,
	}
}

// eventColumns are those of Kubernetes.
var eventColumns = []column{
	text("Last Seen", "Time since it happened last", event(func(e *corev1.Event, now time.Time) any {
		return ago(e.LastTimestamp.Time, now)
	})),
	text("Type", "Normal or Warning", event(func(e *corev1.Event, _ time.Time) any { return e.Type })),
	text("Reason", "What happened, in one word", event(func(e *corev1.Event, _ time.Time) any { return e.Reason })),
	text("Object", "Object that it happened to", event(func(e *corev1.Event, _ time.Time) any {
		return strings.ToLower(e.InvolvedObject.Kind) + "/" + e.InvolvedObject.Name
	})),
	wide(text("Source", "What reports it", event(func(e *corev1.Event, _ time.Time) any { return e.Source.Component }))),
	text("Message", "What happened", event(func(e *corev1.Event, _ time.Time) any { return e.Message })),
	wide(text("First Seen", "Time since it happened first", event(func(e *corev1.Event, now time.Time) any {
		return ago(e.FirstTimestamp.Time, now)
	}))),
	wide(text("Count", "How often it happened", event(func(e *corev1.Event, _ time.Time) any { return fmt.Sprint(e.Count) }))),
	wide(nameColumn),
}

func event(cell func(*corev1.Event, time.Time) any) func(object, time.Time) any {
	return func(o object, now time.Time) any { return cell(o.(*corev1.Event), now) }
}

// stories keeps the Events of the entries that changed last, so that the watchers of a change share them. Entries never
// change (I8), so the entry is the key.
type stories struct {
	mu   sync.Mutex
	list map[store.AnyEntry][]served // guarded by mu
	ring []store.AnyEntry            // guarded by mu: in the order in which they came
	next int                         // guarded by mu
}

const keptStories = 512

func newStories() *stories {
	return &stories{list: make(map[store.AnyEntry][]served, keptStories), ring: make([]store.AnyEntry, keptStories)}
}

// of returns what is kept of an entry, and otherwise makes and keeps it.
func (k *stories) of(entry store.AnyEntry, make func(store.AnyEntry) []served) []served {
	k.mu.Lock()
	list, ok := k.list[entry]
	k.mu.Unlock()
	if ok {
		return list
	}
	list = make(entry)
	k.mu.Lock()
	defer k.mu.Unlock()
	if kept, ok := k.list[entry]; ok {
		return kept
	}
	delete(k.list, k.ring[k.next])
	k.list[entry], k.ring[k.next] = list, entry
	k.next = (k.next + 1) % len(k.ring)
	return list
}
