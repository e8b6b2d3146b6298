package v1

import (
	"unicode/utf8"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupVersion is the group and version of every type in this package: "horae/v1".
var GroupVersion = schema.GroupVersion{Group: "horae", Version: "v1"}

// Kinds of this package, as they stand in a document's kind field.
const (
	KindJob      = "Job"
	KindRun      = "Run"
	KindCalendar = "Calendar"
	KindBackfill = "Backfill"
	// KindJobStatistics is no kind of object: what the API returns about a Job.
	KindJobStatistics = "JobStatistics"
	KindToken         = "Token"
)

// LabelJob is the label that every Run carries: the name of its Job.
const LabelJob = "horae/job"

// AnnotationResumedAt says when a Job was resumed last. It makes resuming a write of the spec even if nothing else
// changes, and that lifts what spec.suspendAfterFailures has stopped.
const AnnotationResumedAt = "horae/resumed-at"

// AnnotationCreatedBy is the user who made an object, if that is known. The server writes it.
const AnnotationCreatedBy = "horae/created-by"

// AnnotationCancelledBy is the user who cancelled a Run, if that is known.
const AnnotationCancelledBy = "horae/cancelled-by"

// DefaultNamespace is the namespace of an object that names none. Namespaces are implicit: there are no objects for
// them.
const DefaultNamespace = "default"

// AddToScheme registers the types of this package. It serves programs that use client-go or controller-runtime;
// Horae does not call it.
func AddToScheme(s *runtime.Scheme) error {
	s.AddKnownTypes(GroupVersion, &Job{}, &JobList{}, &Run{}, &RunList{}, &Calendar{}, &CalendarList{}, &Backfill{}, &BackfillList{},
		&Token{}, &TokenList{})
	metav1.AddToGroupVersion(s, GroupVersion)
	return nil
}

// maxMessage bounds the messages of a status, in bytes.
const maxMessage = 512

// Short cuts a text to the length that a message in a status has at most, 512 bytes, and ends what it cut with "…".
func Short(text string) string {
	if len(text) <= maxMessage {
		return text
	}
	cut := maxMessage - len("…")
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + "…"
}
