package v1

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// ValidateCalendar returns everything that is wrong with a Calendar, except for its ics: that needs a parser that this
// package does not import (internal/calendar.Validate adds it).
func ValidateCalendar(c *Calendar) field.ErrorList {
	errs := validateMeta(&c.ObjectMeta, validation.IsDNS1123Label)
	spec := field.NewPath("spec")
	if len(c.Spec.Dates) == 0 && len(c.Spec.Weekdays) == 0 && strings.TrimSpace(c.Spec.ICS) == "" {
		errs = append(errs, field.Required(spec, "say which days: dates, weekdays or ics"))
	}
	for i, date := range c.Spec.Dates {
		if _, err := ParseDateRange(date); err != nil {
			errs = append(errs, field.Invalid(spec.Child("dates").Index(i), date, err.Error()))
		}
	}
	seen := repeats(c.Spec.Weekdays)
	for i, day := range c.Spec.Weekdays {
		at := spec.Child("weekdays").Index(i)
		switch {
		case !slices.Contains(Weekdays[:], day):
			errs = append(errs, field.NotSupported(at, day, append(Weekdays[1:len(Weekdays):len(Weekdays)], Weekdays[0])))
		case seen[i]:
			errs = append(errs, field.Duplicate(at, day))
		}
	}
	return errs
}

// ValidateCalendarUpdate returns what is wrong with replacing old by c: all of a Calendar except its identity may
// change.
func ValidateCalendarUpdate(c, old *Calendar) field.ErrorList {
	return append(validateSameObject(&c.ObjectMeta, &old.ObjectMeta), ValidateCalendar(c)...)
}

// validateJobCalendars checks names only: a Calendar may be created after its Jobs, and deleted before them.
func validateJobCalendars(s *JobSpec, path *field.Path) field.ErrorList {
	c := s.Calendars
	if c == nil {
		return nil
	}
	var errs field.ErrorList
	if strings.TrimSpace(s.Schedule) == "" {
		errs = append(errs, field.Forbidden(path, "means nothing without a schedule"))
	}
	for _, list := range []struct {
		name  string
		names []string
	}{{"exclude", c.Exclude}, {"only", c.Only}} {
		seen := repeats(list.names)
		for i, name := range list.names {
			at := path.Child(list.name).Index(i)
			errs = append(errs, invalid(at, name, validation.IsDNS1123Label(name))...)
			if seen[i] {
				errs = append(errs, field.Duplicate(at, name))
			}
		}
	}
	excluded := sets.New(c.Exclude...)
	for i, name := range c.Only {
		if excluded.Has(name) {
			errs = append(errs, field.Invalid(path.Child("only").Index(i), name, "is under exclude as well: no day is left of it"))
		}
	}
	if c.OnExcluded != "" && len(c.Exclude)+len(c.Only) == 0 {
		errs = append(errs, field.Forbidden(path.Child("onExcluded"), "means nothing without exclude or only"))
	}
	return append(errs, oneOf(path.Child("onExcluded"), c.OnExcluded, OnExcludedSkip, OnExcludedNextDay)...)
}
