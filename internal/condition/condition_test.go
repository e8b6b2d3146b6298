package condition

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func at(second int) metav1.Time { return metav1.NewTime(time.Unix(int64(second), 0).UTC()) }

func condition(kind string, status metav1.ConditionStatus, reason string, since int) metav1.Condition {
	return metav1.Condition{Type: kind, Status: status, Reason: reason, LastTransitionTime: at(since)}
}

func TestSetLeavesWhatIsShared(t *testing.T) {
	now := at(9).Time
	shared := make([]metav1.Condition, 0, 8) // What lies in a slice's spare room is shared as well.
	shared = append(shared, condition("A", "True", "Valid", 1), condition("B", "False", "Late", 2))
	for _, tt := range []struct {
		name string
		set  metav1.Condition
		want []metav1.Condition
	}{
		{"another status: since now", condition("A", "False", "Invalid", 0), []metav1.Condition{condition("A", "False", "Invalid", 9), condition("B", "False", "Late", 2)}},
		{"another reason: since then", condition("B", "False", "Later", 0), []metav1.Condition{condition("A", "True", "Valid", 1), condition("B", "False", "Later", 2)}},
		{"the same", condition("B", "False", "Late", 0), []metav1.Condition{condition("A", "True", "Valid", 1), condition("B", "False", "Late", 2)}},
		{"a new one", condition("C", "True", "New", 0), []metav1.Condition{condition("A", "True", "Valid", 1), condition("B", "False", "Late", 2), condition("C", "True", "New", 9)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, Set(shared, tt.set, now)); diff != "" {
				t.Error(diff)
			}
			before := []metav1.Condition{condition("A", "True", "Valid", 1), condition("B", "False", "Late", 2), {}}
			if diff := cmp.Diff(before, shared[:3]); diff != "" {
				t.Errorf("the given list changed: %s", diff)
			}
		})
	}
	if list := Drop(shared, "A"); len(list) != 1 || list[0].Type != "B" || len(shared) != 2 || shared[0].Type != "A" {
		t.Errorf("without A: %v; given: %v", list, shared)
	}
	if list := Drop(shared, "C"); len(list) != 2 {
		t.Errorf("without C: %v", list)
	}
}

func TestEqual(t *testing.T) {
	a, b := condition("A", "True", "Valid", 1), condition("A", "True", "Valid", 1)
	if !Equal(&a, &b) || !Equal(nil, nil) || Equal(&a, nil) || Equal(nil, &b) {
		t.Error("not equal to itself, or equal to nil")
	}
	for name, change := range map[string]func(*metav1.Condition){
		"type": func(c *metav1.Condition) { c.Type = "B" }, "status": func(c *metav1.Condition) { c.Status = "False" },
		"reason": func(c *metav1.Condition) { c.Reason = "x" }, "message": func(c *metav1.Condition) { c.Message = "x" },
		"generation": func(c *metav1.Condition) { c.ObservedGeneration = 2 }, "time": func(c *metav1.Condition) { c.LastTransitionTime = at(2) },
	} {
		other := b
		change(&other)
		if Equal(&a, &other) {
			t.Errorf("another %s makes no difference", name)
		}
	}
}
