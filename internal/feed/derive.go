package feed

import (
	v1 "horae/api/v1"
	"horae/internal/cache"
	"horae/internal/store"
	"horae/internal/transition"
)

// derive returns what happened to the object that an event is about.
func derive(e cache.Event) []transition.Change {
	switch e.Key.Kind {
	case store.Jobs:
		before, after := cache.Of[v1.Job](e)
		return transition.OfJob(present(before), present(after))
	case store.Runs:
		return ofRun(cache.Of[v1.Run](e))
	}
	return nil
}

// present returns the object as users see it: nil once its spec is deleted.
func present[T any](e *store.Entry[T]) *T {
	if e == nil || e.Rev.Deleted() {
		return nil
	}
	return e.Object
}

// ofRun returns what happened to a Run. It is deleted when its spec is; what becomes of its task afterwards is still
// published.
func ofRun(before, after *store.Run) []transition.Change {
	was, is := present(before), present(after)
	switch {
	case was != nil && is != nil && before.Rev.SpecCreate != after.Rev.SpecCreate: // deleted, and created anew
		return append(transition.OfRun(was, nil), transition.OfRun(nil, is)...)
	case was != nil && is == nil:
		list := transition.OfRun(was, nil)
		if after != nil {
			list = append(list, transition.OfRun(was, after.Object)...)
		}
		return list
	case was == nil && is == nil && before != nil && after != nil:
		return transition.OfRun(before.Object, after.Object)
	}
	return transition.OfRun(was, is)
}
