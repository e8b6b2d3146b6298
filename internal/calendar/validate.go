package calendar

import (
	"k8s.io/apimachinery/pkg/util/validation/field"

	v1 "horae/api/v1"
)

// Validate finds what is wrong with a Calendar: all that v1.ValidateCalendar finds, and the ics.
func Validate(c *v1.Calendar) field.ErrorList {
	errs := v1.ValidateCalendar(c)
	if c.Spec.ICS == "" {
		return errs
	}
	if _, err := Compile(&v1.CalendarSpec{ICS: c.Spec.ICS}); err != nil {
		// The text is long, and the message says the line.
		errs = append(errs, field.Invalid(field.NewPath("spec", "ics"), field.OmitValueType{}, err.Error()))
	}
	return errs
}

// Read is the days of a Calendar, or why it has none. decodeErr is what kept its spec from being decoded, if something did.
func Read(c *v1.Calendar, decodeErr error) (*Set, error) {
	if decodeErr != nil {
		return nil, decodeErr
	}
	if errs := Validate(c); len(errs) > 0 {
		return nil, v1.AsError(errs)
	}
	return Compile(&c.Spec)
}
