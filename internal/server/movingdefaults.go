package server

import (
	"fmt"

	v1 "horae/api/v1"
)

// Two fields of a Job have defaults that depend on whether the Job has dependsOn: concurrencyPolicy and
// dependencyPolicy. A client that adds or removes dependsOn sends the former default along, because it has read it. As
// far as nobody has written these fields they are to get the default that now applies.

// movingDefaults returns a function that clears the fields of a Job that the client sends as they were and nobody has
// written; nil if there are none.
func (k *kind) movingDefaults(cur stored, next object) (func(object) object, error) {
	was, ok := cur.GetObject().(*v1.Job)
	if !ok {
		return nil, nil
	}
	is := next.(*v1.Job)
	if (len(was.Spec.DependsOn) > 0) == (len(is.Spec.DependsOn) > 0) {
		return nil, nil
	}
	written, err := k.parse(cur.raw)
	if err != nil {
		return nil, fmt.Errorf("decode the stored spec of %s: %w", cur.GetKey(), err)
	}
	spec := &written.(*v1.Job).Spec
	concurrency := spec.ConcurrencyPolicy == "" && is.Spec.ConcurrencyPolicy == was.Spec.ConcurrencyPolicy
	dependency := spec.DependencyPolicy == "" && is.Spec.DependencyPolicy == was.Spec.DependencyPolicy
	return func(o object) object {
		cleared := o.DeepCopyObject().(*v1.Job) // I8
		if concurrency {
			cleared.Spec.ConcurrencyPolicy = ""
		}
		if dependency {
			cleared.Spec.DependencyPolicy = ""
		}
		return cleared
	}, nil
}
