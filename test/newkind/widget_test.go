package newkind

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"horae/api"
	"horae/internal/store"
)

// Widget is the kind that is made up here.
type Widget struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
	Spec              WidgetSpec   `json:"spec"`
	Status            WidgetStatus `json:"status,omitempty,omitzero"`
}

// WidgetSpec is what users write.
type WidgetSpec struct {
	Colour string `json:"colour,omitempty"`
	Wheels int    `json:"wheels,omitempty"`
}

// WidgetStatus is what a controller writes.
type WidgetStatus struct {
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	Turns      int                `json:"turns,omitempty"`
}

// DeepCopyObject is what `make generate` writes for the types of api/v1.
func (w *Widget) DeepCopyObject() runtime.Object {
	next := *w
	next.ObjectMeta = *w.ObjectMeta.DeepCopy()
	next.Status.Conditions = append([]metav1.Condition(nil), w.Status.Conditions...)
	return &next
}

var widgets = api.Register(api.Row[Widget, WidgetStatus]{
	Name: "Widget", Plural: "widgets", Singular: "widget", ShortNames: []string{"wd"},
	SetDefaults: func(w *Widget) {
		if w.Spec.Wheels == 0 {
			w.Spec.Wheels = 4
		}
	},
	Validate: func(w *Widget) field.ErrorList {
		if w.Spec.Wheels < 0 {
			return field.ErrorList{field.Invalid(field.NewPath("spec", "wheels"), w.Spec.Wheels, "must not be negative")}
		}
		return nil
	},
	ValidateUpdate: func(after, before *Widget) field.ErrorList {
		if after.Spec.Colour != before.Spec.Colour {
			return field.ErrorList{field.Forbidden(field.NewPath("spec", "colour"), "cannot be changed")}
		}
		return nil
	},
	Status:     func(w *Widget) *WidgetStatus { return &w.Status },
	Conditions: func(w *Widget) *[]metav1.Condition { return &w.Status.Conditions },
})

const plural store.Kind = "widgets"

func init() { store.Register[Widget](plural) }
