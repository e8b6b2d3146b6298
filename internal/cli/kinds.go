package cli

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"horae/api"
	v1 "horae/api/v1"
)

// kind is a resource of the API with the words for it on the command line.
type kind struct {
	gv                     schema.GroupVersion
	plural, singular, name string
	short                  []string
	// core is of a kind of Kubernetes' core group, which is read only; clusterScoped: it is in no namespace.
	core, clusterScoped bool
}

var (
	kinds        = newKinds()
	jobKind      = mustKind(api.Jobs)
	runKind      = mustKind(api.Runs)
	calendarKind = mustKind(api.Calendars)
	backfillKind = mustKind(api.Backfills)

	eventKind     = &kind{plural: "events", singular: "event", name: "Event", short: []string{"ev"}, core: true}
	namespaceKind = &kind{
		plural: "namespaces", singular: "namespace", name: "Namespace", short: []string{"ns"}, core: true, clusterScoped: true,
	}
)

func newKinds() []*kind {
	var kinds []*kind
	for _, k := range api.Kinds() {
		kinds = append(kinds, &kind{
			gv: k.GroupVersion, plural: k.Plural, singular: k.Singular, name: k.Name, short: k.ShortNames, clusterScoped: !k.Namespaced,
		})
	}
	return kinds
}

// mustKind returns a kind that is in the table.
func mustKind(row *api.Kind) *kind {
	return kinds[slices.IndexFunc(kinds, func(k *kind) bool { return k.name == row.Name })]
}

// String is how kubectl names a resource in its messages: job.horae.
func (k *kind) String() string {
	if k.core {
		return k.singular
	}
	return k.singular + "." + k.gv.Group
}

// is reports whether a word of the command line stands for the kind.
func (k *kind) is(word string) bool {
	return word == k.plural || word == k.singular || slices.Contains(k.short, word)
}

// readableKind finds a kind that can be read, perhaps nothing else.
func readableKind(word string) (*kind, error) {
	for _, k := range []*kind{eventKind, namespaceKind} {
		if k.is(strings.ToLower(word)) {
			return k, nil
		}
	}
	return kindNamed(word)
}

// inAll reports whether "all" stands for the kind, too: who may do what is asked for by name.
func (k *kind) inAll() bool { return k.gv == v1.GroupVersion && !k.clusterScoped }

// kindNamed finds a kind by a word of the command line.
func kindNamed(word string) (*kind, error) {
	w := strings.ToLower(word)
	for _, k := range kinds {
		if k.is(strings.TrimSuffix(strings.TrimSuffix(w, "."+k.gv.Group), "."+k.gv.Version+"."+k.gv.Group)) {
			return k, nil
		}
	}
	return nil, usagef("there is no resource type %q: there are %s", word, api.KindPlurals("and"))
}

// kindOf finds a kind by the type of a document.
func kindOf(apiVersion, name string) (*kind, error) {
	for _, k := range kinds {
		if k.name == name && apiVersion == k.gv.String() {
			return k, nil
		}
	}
	return nil, fmt.Errorf("no kind %q in version %q: there are %s of %s", name, apiVersion, api.KindNames("and"), v1.GroupVersion)
}
