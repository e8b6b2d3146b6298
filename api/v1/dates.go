package v1

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// DateRange is one entry of a Calendar's dates; both ends are in it.
//
// +kubebuilder:object:generate=false
type DateRange struct {
	// From and Through are midnights in UTC. Of a yearly range only month and day count. If From is later than
	// Through, the range includes the turn of the year.
	From, Through time.Time
	Yearly        bool
}

var errDate = errors.New("must be a date such as 2026-12-25, a range such as 2026-12-24/2027-01-01 (both ends are " +
	"in it), or the same of every year: --12-25, --12-24/--01-01")

// ParseDateRange reads an entry of a Calendar's dates: ISO 8601 dates in the extended form, of the years 0001 to 9999.
func ParseDateRange(text string) (DateRange, error) {
	first, last, isRange := strings.Cut(text, "/")
	from, yearly, err := parseDate(first)
	if err != nil {
		return DateRange{}, err
	}
	if !isRange {
		return DateRange{from, from, yearly}, nil
	}
	through, alsoYearly, err := parseDate(last)
	switch {
	case err != nil:
		return DateRange{}, err
	case yearly != alsoYearly:
		return DateRange{}, errors.New("both ends must have a year, or neither")
	case !yearly && through.Before(from):
		return DateRange{}, fmt.Errorf("%s is before %s", last, first)
	}
	return DateRange{from, through, yearly}, nil
}

// parseDate reads 2026-12-25, or --12-25 as of the leap year 2000.
func parseDate(text string) (day time.Time, yearly bool, err error) {
	full := text
	if yearly = strings.HasPrefix(text, "--"); yearly {
		full = "2000" + text[1:]
	}
	day, err = time.Parse(time.DateOnly, full)
	var e *time.ParseError
	switch {
	case errors.As(err, &e) && strings.HasSuffix(e.Message, "out of range"):
		return day, yearly, fmt.Errorf("there is no day %s", text)
	case err != nil:
		return day, yearly, errDate
	case day.Year() < 1:
		return day, yearly, errors.New("must be in the years 0001-9999")
	}
	return day, yearly, nil
}
