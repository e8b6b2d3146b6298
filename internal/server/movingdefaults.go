package server

import (
	v1 "horae/api/v1"
)

// Three fields of a Job have defaults that depend on other fields: concurrencyPolicy and dependencyPolicy on whether the
// Job has dependsOn, retries.maxDelay on retries.delay. A client that changes those sends the former default along,
// because it has read it. As far as nobody has written these fields they are to get the default that now applies.

// clearMovingDefaults returns next without the fields that the client sends as they were and nobody has written, as far as
// their defaults may move.
func clearMovingDefaults(stored, shown, next object) object {
	was, ok := shown.(*v1.Job)
	if !ok {
		return next
	}
	written, cleared := &stored.(*v1.Job).Spec, next.DeepCopyObject().(*v1.Job)
	is := &cleared.Spec
	if (len(was.Spec.DependsOn) > 0) != (len(is.DependsOn) > 0) {
		if written.ConcurrencyPolicy == "" && is.ConcurrencyPolicy == was.Spec.ConcurrencyPolicy {
			is.ConcurrencyPolicy = ""
		}
		if written.DependencyPolicy == "" && is.DependencyPolicy == was.Spec.DependencyPolicy {
			is.DependencyPolicy = ""
		}
	}
	if written.Retries.MaxDelay == nil && is.Retries.MaxDelay != nil && *is.Retries.MaxDelay == *was.Spec.Retries.MaxDelay {
		is.Retries.MaxDelay = nil
	}
	return cleared
}
