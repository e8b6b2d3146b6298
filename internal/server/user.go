package server

import v1 "horae/api/v1"

// user returns who makes the request, for documents that record it; "" if that is not known.
func (r *request) user() string { return "" }

// recordCreator notes in a new Run who asked for it. What a client has written there does not count.
func recordCreator(o object, user string) {
	if run, ok := o.(*v1.Run); ok && user != "" {
		run.Spec.RequestedBy = user
	}
}

// recordCanceller notes in a Run that is being cancelled who does that.
func recordCanceller(before, next object, user string) {
	was, ok1 := before.(*v1.Run)
	is, ok2 := next.(*v1.Run)
	if !ok1 || !ok2 || user == "" || was.Spec.Cancel || !is.Spec.Cancel {
		return
	}
	if is.Annotations == nil {
		is.Annotations = map[string]string{}
	}
	is.Annotations[v1.AnnotationCancelledBy] = user
}
