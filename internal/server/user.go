package server

import (
	"bytes"
	"fmt"
	"net/http"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"horae/api"
	v1 "horae/api/v1"
	"horae/internal/store"
)

// user is the name of who sends the request; "" where nobody has to say.
func (r *request) user() string {
	if c := callerOf(r.Context()); c != nil && c.user != nil {
		return c.user.GetName()
	}
	return ""
}

// UserOf is who sends a request that the server answers, for Config.Client; "" where nobody has to say.
func UserOf(r *http.Request) string {
	if c := callerOf(r.Context()); c != nil && c.user != nil {
		return "user:" + c.user.GetName()
	}
	return ""
}

// recordCreator notes in a new object who made it, and in a Run who asked for it. What a client has written there does
// not count.
func recordCreator(o object, user string) {
	if user == "" {
		return
	}
	annotate(o, v1.AnnotationCreatedBy, user)
	if run, ok := o.(*v1.Run); ok {
		run.Spec.RequestedBy = user
	}
}

// recordCanceller notes in a Run that is being cancelled who does that. Nothing else of who did what changes.
func recordCanceller(before, next object, user string) {
	if user == "" {
		return
	}
	for _, name := range []string{v1.AnnotationCreatedBy, v1.AnnotationCancelledBy} {
		annotate(next, name, before.GetAnnotations()[name])
	}
	was, ok1 := before.(*v1.Run)
	is, ok2 := next.(*v1.Run)
	if ok1 && ok2 && !was.Spec.Cancel && is.Spec.Cancel {
		annotate(is, v1.AnnotationCancelledBy, user)
	}
}

// annotate sets an annotation; "" removes it.
func annotate(o object, name, value string) {
	notes := map[string]string{}
	for k, v := range o.GetAnnotations() {
		notes[k] = v
	}
	if notes[name] = value; value == "" {
		delete(notes, name)
	}
	if len(notes) == 0 {
		notes = nil
	}
	o.SetAnnotations(notes)
}

// checkSwitch refuses a change of more than the fields by which an object is stopped and goes on, from a caller who may
// change these only.
func (s *Server) checkSwitch(r *request, cur store.AnyEntry, next object) error {
	c := callerOf(r.Context())
	if c == nil || !c.switching {
		return nil
	}
	before, rest := cur.GetObject(), next.DeepCopyObject().(object)
	switch o := rest.(type) {
	case *v1.Job:
		o.Spec.Suspend = before.(*v1.Job).Spec.Suspend
		annotate(o, v1.AnnotationResumedAt, before.GetAnnotations()[v1.AnnotationResumedAt])
	case *v1.Run:
		o.Spec.Cancel = before.(*v1.Run).Spec.Cancel
		annotate(o, v1.AnnotationCancelledBy, before.GetAnnotations()[v1.AnnotationCancelledBy])
	case *v1.Backfill:
		o.Spec.Suspend = before.(*v1.Backfill).Spec.Suspend
	}
	rest.SetManagedFields(before.GetManagedFields()) // who owns which field follows from what changes
	was, err := api.EncodeSpec(before)
	if err != nil {
		return err
	}
	is, err := api.EncodeSpec(rest)
	if err != nil {
		return err
	}
	if cur.GetErr() == nil && bytes.Equal(was, is) {
		return nil
	}
	c.decision, c.reason = "forbid", "more than a switch"
	return apierrors.NewForbidden(r.kind.resource(), r.name, fmt.Errorf("the user %q may %s it, and change nothing else",
		c.user.GetName(), s.cfg.Access.Switch(string(r.kind.kind))))
}
