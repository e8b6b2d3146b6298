package calendar

import (
	"k8s.io/apimachinery/pkg/util/validation/field"

	v1 "horae/api/v1"
)

// Validate returns what is wrong with a Calendar: what v1.ValidateCalendar returns, and mistakes in the ics.
func Validate(c *v1.Calendar) field.ErrorList {
	errs := v1.ValidateCalendar(c)
	if c.Spec.ICS == "" {
		return errs
	}
	if _, err := Compile(&v1.CalendarSpec{ICS: c.Spec.ICS}); err != nil {
		// The value is omitted: the text is long, and the message has the line.
		errs = append(errs, field.Invalid(field.NewPath("spec", "ics"), field.OmitValueType{}, err.Error()))
	}
	return errs
}

// Read returns the days of a Calendar, or why it has none. decodeErr is the error of decoding its spec, if there was
// one.
func Read(c *v1.Calendar, decodeErr error) (*Set, error) {
	if decodeErr != nil {
		return nil, decodeErr
	}
	if errs := Validate(c); len(errs) > 0 {
		return nil, v1.AsError(errs)
	}
	return Compile(&c.Spec)
}
