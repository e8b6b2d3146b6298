package server

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"

	v1 "horae/api/v1"
	"horae/internal/cache"
	"horae/internal/store"
)

const namespacesPlural store.Kind = "namespaces"

// namespaceSource derives Namespaces: those that hold objects, and default.
type namespaceSource struct {
	s    *Server
	kind *kind
}

func (d *namespaceSource) sources() []store.Kind {
	return d.s.storedKinds(func(k *kind) bool { return !k.clusterScoped })
}

func (d *namespaceSource) get(_, name string) object {
	if objects, _ := d.s.cfg.Cache.Namespaces(); objects[name] == 0 && name != v1.DefaultNamespace {
		return nil
	}
	return namespaceNamed(name)
}

func (d *namespaceSource) list(_ string, sel selection) (iter.Seq[object], int64) {
	objects, revision := d.s.cfg.Cache.Namespaces()
	objects[v1.DefaultNamespace]++
	return func(yield func(object) bool) {
		for _, name := range slices.Sorted(maps.Keys(objects)) {
			if o := namespaceNamed(name); sel.matches(d.kind, o) && !yield(o) {
				return
			}
		}
	}, revision
}

// translator counts the objects of each namespace: a Namespace comes with the first one, and goes with the last.
func (d *namespaceSource) translator(ctx context.Context, from int64) (translator, error) {
	objects, err := d.at(ctx, from)
	if err != nil {
		return nil, err
	}
	return func(e cache.Event, sel selection) []watchEvent {
		name, was := e.Key.Namespace, objects[e.Key.Namespace]
		switch {
		case e.Revision <= from: // it is counted already
			return nil
		case e.Old == nil:
			objects[name]++
		case e.New == nil:
			objects[name]--
		}
		o := namespaceNamed(name)
		o.ResourceVersion = strconv.FormatInt(e.Revision, 10)
		switch is := objects[name]; {
		case !sel.matches(d.kind, o):
		case was == 0 && is > 0:
			return []watchEvent{{watch.Added, o}}
		case was > 0 && is == 0:
			delete(objects, name)
			return []watchEvent{{watch.Deleted, o}}
		}
		return nil
	}, nil
}

// at returns how many objects each namespace held at a revision: as many as now, less what came since, and with what
// went.
func (d *namespaceSource) at(ctx context.Context, from int64) (map[string]int, error) {
	since, err := d.s.cfg.Cache.WatchKinds(ctx, d.sources(), "", from)
	if err != nil {
		return nil, fmt.Errorf("count the objects at revision %d: %w", from, err)
	}
	objects, now := d.s.cfg.Cache.Namespaces()
	for {
		e, err := since.Next(over)
		if err != nil || e.Revision > now {
			objects[v1.DefaultNamespace]++ // it is there without objects, too
			return objects, nil            //nolint:nilerr // there is nothing more yet; if it was too slow, the watch itself says so
		}
		switch {
		case e.Old == nil:
			objects[e.Key.Namespace]--
		case e.New == nil:
			objects[e.Key.Namespace]++
		}
	}
}

// namespaceSpace is the name space of the UIDs of Namespaces.
var namespaceSpace = uuid.NewSHA1(uuid.Nil, []byte("horae/namespaces"))

func typesUID(id uuid.UUID) types.UID { return types.UID(id.String()) }

// namespaceNamed makes a Namespace. Nobody has created it, and it does not change.
func namespaceNamed(name string) *corev1.Namespace {
	n := &corev1.Namespace{
		TypeMeta: metav1.TypeMeta{APIVersion: corev1.SchemeGroupVersion.String(), Kind: "Namespace"},
		Status:   corev1.NamespaceStatus{Phase: corev1.NamespaceActive},
	}
	n.Name, n.ResourceVersion, n.UID = name, "1", typesUID(uuid.NewSHA1(namespaceSpace, []byte(name)))
	n.Labels = map[string]string{corev1.LabelMetadataName: name}
	return n
}

func namespaceFields(o object) fields.Set {
	return fields.Set{"status.phase": string(o.(*corev1.Namespace).Status.Phase)}
}

var namespaceColumns = []column{
	nameColumn,
	text("Status", "Always Active", func(o object, _ time.Time) any { return string(o.(*corev1.Namespace).Status.Phase) }),
	ageColumn,
}
