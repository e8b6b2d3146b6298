package calendar

import (
	"k8s.io/apimachinery/pkg/util/validation/field"

	v1 "horae/api/v1"
)

// Validate returns what is wrong with a Calendar: what v1.ValidateCalendar returns, and mistakes in the ics.
func Validate(c *v1.Calendar) field.ErrorList {
	_, errs := read(c)
	return errs
}

// Read returns the days of a Calendar, or why it has none. decodeErr is the error of decoding its spec, if there was
// one.
func Read(c *v1.Calendar, decodeErr error) (*Set, error) {
	if decodeErr != nil {
		return nil, decodeErr
	}
	days, errs := read(c)
	if len(errs) > 0 {
		return nil, v1.AsError(errs)
	}
	return days, nil
}

// read returns the days of a Calendar without mistakes, or its mistakes.
func read(c *v1.Calendar) (*Set, field.ErrorList) {
	errs := v1.ValidateCalendar(c)
	spec := c.Spec
	if len(errs) > 0 {
		spec = v1.CalendarSpec{ICS: c.Spec.ICS} // the rest cannot be compiled
	}
	days, err := Compile(&spec)
	if err != nil {
		// The value is omitted: the text is long, and the message has the line.
		errs = append(errs, field.Invalid(field.NewPath("spec", "ics"), field.OmitValueType{}, err.Error()))
	}
	return days, errs
}
