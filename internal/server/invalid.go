package server

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "horae/api/v1"
)

// markNotAccepted sets the condition Accepted, unless it reports this generation as invalid already. A kind
// without conditions has no place to say so.
func (k *kind) markNotAccepted(o object, err error) {
	if k.Conditions == nil {
		return
	}
	conditions := k.Conditions(o)
	for i := range *conditions {
		c := &(*conditions)[i]
		if c.Type != v1.JobAccepted {
			continue
		}
		if c.Status != metav1.ConditionFalse || c.ObservedGeneration != o.GetGeneration() {
			c.Status, c.Reason, c.Message, c.ObservedGeneration = metav1.ConditionFalse, v1.ReasonInvalid, err.Error(), o.GetGeneration()
		}
		return
	}
	*conditions = append(*conditions, metav1.Condition{
		Type: v1.JobAccepted, Status: metav1.ConditionFalse, Reason: v1.ReasonInvalid, Message: err.Error(),
		ObservedGeneration: o.GetGeneration(), LastTransitionTime: o.GetCreationTimestamp(),
	})
}

func markInvalidRun(o object, err error) {
	r := o.(*v1.Run)
	if !r.Status.Phase.Terminal() {
		r.Status.Reason, r.Status.Message = "Invalid", err.Error()
	}
}
