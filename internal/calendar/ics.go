package calendar

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// horizon is the last day of any event, and of a recurrence without an end.
var horizon = Date(2199, time.December, 31)

// earliest day of an event: RFC 5545's own examples go back to 1997, birthdays further.
var earliest = Date(1850, time.January, 1)

const (
	// maxEventDays bounds the ranges of days of one Calendar.
	maxEventDays = 200_000
	// maxSearch bounds the days that are tried for the recurrences of one Calendar: some hundred milliseconds.
	maxSearch = 10_000_000
)

// lineError is a mistake in an iCalendar text.
type lineError struct {
	line    int
	message string
}

func (e *lineError) Error() string { return fmt.Sprintf("line %d: %s", e.line, e.message) }

func errorAt(line int, format string, args ...any) error {
	return &lineError{line, fmt.Sprintf(format, args...)}
}

// event is what a VEVENT contains about days.
type event struct {
	line       int
	uid        string
	start      Day
	length     Day // in days, at least 1
	rule       *recurrence
	extra, not []Day // RDATE, EXDATE
	replaces   *Day  // RECURRENCE-ID
	cancelled  bool
}

// parseICS reads the days of all events.
func parseICS(text string) ([]span, error) {
	calendars, err := readComponents(text)
	if err != nil {
		return nil, err
	}
	var events []*event
	for _, c := range calendars {
		if c.name != "VCALENDAR" {
			return nil, errorAt(c.line, "must begin with BEGIN:VCALENDAR, not BEGIN:%s", c.name)
		}
		for _, p := range c.props {
			if p.name == "CALSCALE" && !strings.EqualFold(p.value, "GREGORIAN") {
				return nil, errorAt(p.line, "CALSCALE must be GREGORIAN")
			}
		}
		for _, below := range c.children {
			switch {
			case below.name == "VEVENT":
				e, err := readEvent(below)
				if err != nil {
					return nil, err
				}
				events = append(events, e)
			case below.name == "VTIMEZONE" || strings.HasPrefix(below.name, "X-"):
			default:
				return nil, errorAt(below.line, "a %s is no day; only all-day events (VEVENT) are read: take it out", below.name)
			}
		}
	}
	replace(events)
	return spansOf(events)
}

// replace removes from each recurring event the occurrences that other events of its UID replace.
func replace(events []*event) {
	byUID := map[string]*event{}
	for _, e := range events {
		if e.replaces == nil && e.uid != "" {
			byUID[e.uid] = e
		}
	}
	for _, e := range events {
		if of := byUID[e.uid]; e.replaces != nil && of != nil {
			of.not = append(of.not, *e.replaces)
		}
	}
}

func spansOf(events []*event) ([]span, error) {
	var spans []span
	search := maxSearch
	for _, e := range events {
		if e.cancelled {
			continue
		}
		starts := append([]Day{e.start}, e.extra...)
		if e.rule != nil {
			days, err := e.rule.days(e.start, maxEventDays-len(spans), &search)
			if err != nil {
				return nil, errorAt(e.rule.line, "%v", err)
			}
			starts = append(days, e.extra...)
		}
		not := make(map[Day]bool, len(e.not))
		for _, d := range e.not {
			not[d] = true
		}
		for _, d := range starts {
			if !not[d] {
				spans = append(spans, span{d, d + e.length - 1})
			}
		}
		if len(spans) > maxEventDays {
			return nil, errorAt(e.line, "the events have more than %d occurrences", maxEventDays)
		}
	}
	return spans, nil
}

// readEvent reads a VEVENT's properties.
func readEvent(c *component) (*event, error) {
	e := &event{line: c.line, length: 1}
	for _, below := range c.children {
		if below.name != "VALARM" && !strings.HasPrefix(below.name, "X-") {
			return nil, errorAt(below.line, "a %s cannot be in a VEVENT", below.name)
		}
	}
	seen := map[string]property{}
	for _, p := range c.props {
		if _, again := seen[p.name]; again &&
			slices.Contains([]string{"DTSTART", "DTEND", "DURATION", "RRULE", "UID", "RECURRENCE-ID", "STATUS"}, p.name) {
			return nil, errorAt(p.line, "%s is given twice in one event", p.name)
		}
		seen[p.name] = p
	}
	start, ok := seen["DTSTART"]
	if !ok {
		return nil, errorAt(c.line, "the event has no DTSTART")
	}
	var err error
	if e.start, err = start.day(); err != nil {
		return nil, err
	}
	e.uid = seen["UID"].value
	e.cancelled = strings.EqualFold(seen["STATUS"].value, "CANCELLED")
	if e.length, err = lengthOf(e.start, seen); err != nil {
		return nil, err
	}
	return e, e.readRecurrence(c.props)
}

// lengthOf returns an event's length in days.
func lengthOf(start Day, seen map[string]property) (Day, error) {
	end, hasEnd := seen["DTEND"]
	duration, hasDuration := seen["DURATION"]
	switch {
	case hasEnd && hasDuration:
		return 0, errorAt(duration.line, "an event has DTEND or DURATION, not both")
	case hasEnd:
		// DTEND is the day after the last one. Some programs repeat the first day for an event of one day.
		day, err := end.day()
		if err == nil && day < start {
			err = errorAt(end.line, "DTEND is before DTSTART")
		}
		return max(day-start, 1), err
	case hasDuration:
		days, ok := parseDays(duration.value)
		if !ok || start+days-1 > horizon {
			return 0, errorAt(duration.line,
				"DURATION %q must be whole days or weeks, such as P1D or P2W, up to the year 2199", duration.value)
		}
		return days, nil
	}
	return 1, nil
}

// parseDays reads P3D and P2W.
func parseDays(text string) (Day, bool) {
	digits, ok := strings.CutPrefix(strings.TrimPrefix(text, "+"), "P")
	if !ok || len(digits) < 2 || len(digits) > 6 {
		return 0, false
	}
	n, err := strconv.ParseUint(digits[:len(digits)-1], 10, 31)
	switch digits[len(digits)-1] {
	case 'W':
		n *= 7
	case 'D':
	default:
		return 0, false
	}
	return Day(n), err == nil && n > 0
}

func (e *event) readRecurrence(props []property) error {
	for _, p := range props {
		var err error
		switch p.name {
		case "RRULE":
			e.rule, err = parseRecurrence(p, e.start)
		case "RDATE":
			e.extra, err = p.days(e.extra)
		case "EXDATE":
			e.not, err = p.days(e.not)
		case "EXRULE":
			err = errorAt(p.line, "EXRULE is not supported, as RFC 5545 has done away with it; use EXDATE")
		case "RECURRENCE-ID":
			if _, ranged := p.params["RANGE"]; ranged {
				return errorAt(p.line, "RECURRENCE-ID with a RANGE is not supported: end the first event with UNTIL and write a second one")
			}
			var day Day
			day, err = p.day()
			e.replaces = &day
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// day reads the property's value as one date.
func (p property) day() (Day, error) {
	if kind := p.params["VALUE"]; kind != "" && !strings.EqualFold(kind, "DATE") || len(p.value) > 8 && p.value[8] == 'T' {
		return 0, errorAt(p.line, "%s %q has a time of day; a Calendar takes whole days only, such as %s;VALUE=DATE:20261225",
			p.name, p.value, p.name)
	}
	t, err := time.Parse("20060102", p.value)
	if err != nil {
		return 0, errorAt(p.line, "%s %q must be a date such as 20261225", p.name, p.value)
	}
	d := dayOf(t)
	if d < earliest || d > horizon {
		return 0, errorAt(p.line, "%s %q must be in the years 1850-2199", p.name, p.value)
	}
	return d, nil
}

// days adds the property's dates, separated by commas, to a list.
func (p property) days(list []Day) ([]Day, error) {
	for text := range strings.SplitSeq(p.value, ",") {
		one := p
		one.value = text
		d, err := one.day()
		if err != nil {
			return nil, err
		}
		list = append(list, d)
	}
	return list, nil
}
