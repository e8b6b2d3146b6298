package server

import (
	"context"
	"iter"

	corev1 "k8s.io/api/core/v1"

	"horae/api"
	"horae/internal/store"
)

// derived makes the objects of a kind that is not stored, from those that are. They are functions of the stored
// documents, so that every manager answers the same, and nothing is written for them.
type derived interface {
	// sources are the kinds that the objects are made from.
	sources() []store.Kind
	// get returns an object; nil when there is none.
	get(namespace, name string) object
	// list returns the selected objects, and the revision as of which they are.
	list(namespace string, sel selection) (iter.Seq[object], int64)
	// translator makes events of the changes after a revision.
	translator(ctx context.Context, from int64) (translator, error)
}

// newCoreKinds makes the kinds of core/v1 that clients of Kubernetes look for: Events and Namespaces.
func (s *Server) newCoreKinds() []*kind {
	events := &kind{
		Kind: &api.Kind{
			Name: "Event", Plural: "events", Singular: "event", ShortNames: []string{"ev"},
			New: func() api.Object { return &corev1.Event{} },
		},
		kind: "events", version: corev1.SchemeGroupVersion,
		view: view{fields: eventFields, columns: eventColumns},
	}
	events.derived = &eventSource{s: s, kind: events, kept: newStories()}
	namespaces := &kind{
		Kind: &api.Kind{
			Name: "Namespace", Plural: string(namespacesPlural), Singular: "namespace", ShortNames: []string{"ns"},
			New: func() api.Object { return &corev1.Namespace{} },
		},
		kind: namespacesPlural, version: corev1.SchemeGroupVersion, clusterScoped: true,
		view: view{fields: namespaceFields, columns: namespaceColumns},
	}
	namespaces.derived = &namespaceSource{s: s, kind: namespaces}
	return []*kind{events, namespaces}
}

// storedKinds are the kinds of the table for which something holds.
func (s *Server) storedKinds(holds func(*kind) bool) []store.Kind {
	var kinds []store.Kind
	for _, k := range s.kinds {
		if holds(k) {
			kinds = append(kinds, k.kind)
		}
	}
	return kinds
}
