package server

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "horae/api/v1"
	"horae/internal/condition"
)

// annotationInvalid says of an object without conditions that its spec cannot be used, and why. It is not stored.
const annotationInvalid = "horae/invalid"

// markNotAccepted sets the condition Accepted, unless it reports this generation as invalid already. A kind without
// conditions reports it in an annotation. When the spec became invalid is not known: LastTransitionTime stays as it is, or is the
// object's creation.
func (k *kind) markNotAccepted(o object, err error) {
	if k.Conditions == nil {
		o.SetAnnotations(map[string]string{annotationInvalid: v1.Short(err.Error())})
		return
	}
	conditions := k.Conditions(o)
	since := o.GetCreationTimestamp()
	if present := condition.Find(*conditions, v1.JobAccepted); present != nil {
		if present.Status == metav1.ConditionFalse && present.ObservedGeneration == o.GetGeneration() {
			return
		}
		since = present.LastTransitionTime
	}
	*conditions = condition.Set(*conditions, metav1.Condition{
		Type: v1.JobAccepted, Status: metav1.ConditionFalse, Reason: v1.ReasonInvalid, Message: err.Error(),
		ObservedGeneration: o.GetGeneration(),
	}, since.Time)
}

func markInvalidRun(o object, err error) {
	r := o.(*v1.Run)
	if !r.Status.Phase.Terminal() {
		r.Status.Reason, r.Status.Message = "Invalid", err.Error()
	}
}
