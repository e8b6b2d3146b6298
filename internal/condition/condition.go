// Package condition reads and sets conditions in shared lists: no function changes the list that it is given (I8); it
// returns another one. The controllers use it, and the server for specs that no controller has seen yet.
package condition

import (
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Find returns the condition of a type; nil if there is none.
func Find(list []metav1.Condition, kind string) *metav1.Condition {
	for i := range list {
		if list[i].Type == kind {
			return &list[i]
		}
	}
	return nil
}

// Set returns the list with a condition added, or in the place of the one of its type. It sets LastTransitionTime to
// now if the condition's Status changes, and otherwise keeps it.
func Set(list []metav1.Condition, c metav1.Condition, now time.Time) []metav1.Condition {
	c.LastTransitionTime = metav1.NewTime(now.UTC().Truncate(time.Second))
	present := Find(list, c.Type)
	if present == nil {
		return append(slices.Clip(list), c)
	}
	if present.Status == c.Status {
		c.LastTransitionTime = present.LastTransitionTime
		if Equal(present, &c) {
			return list
		}
	}
	list = slices.Clone(list)
	*Find(list, c.Type) = c
	return list
}

// Drop returns the list without the condition of a type.
func Drop(list []metav1.Condition, kind string) []metav1.Condition {
	if Find(list, kind) == nil {
		return list
	}
	return slices.DeleteFunc(slices.Clone(list), func(c metav1.Condition) bool { return c.Type == kind })
}

// Equal compares all fields of two conditions; either may be nil.
func Equal(a, b *metav1.Condition) bool {
	return a == b || a != nil && b != nil &&
		a.Type == b.Type && a.Status == b.Status && a.Reason == b.Reason && a.Message == b.Message &&
		a.ObservedGeneration == b.ObservedGeneration && a.LastTransitionTime.Equal(&b.LastTransitionTime)
}

// EqualLists compares two lists, order included.
func EqualLists(a, b []metav1.Condition) bool {
	return slices.EqualFunc(a, b, func(x, y metav1.Condition) bool { return Equal(&x, &y) })
}
