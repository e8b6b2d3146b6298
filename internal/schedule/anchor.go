package schedule

import (
	"strings"
	"time"
)

// Instant is the grain of occurrences: t less an Instant is just before t.
const Instant = time.Microsecond

// Anchor is all that a Job's schedule depends on: the text, and what places it in time.
type Anchor struct {
	// Expression and TimeZone are the Job's; an empty TimeZone means that none was given.
	Expression, TimeZone string
	// Since is when the schedule took effect: the start of R//period and @every.
	Since time.Time
	// HashKey seeds H: what the function HashKey makes of the Job.
	HashKey string
}

// Parse reads the schedule as of its anchor.
func (a Anchor) Parse() (*Schedule, error) {
	location, err := LoadLocation(a.TimeZone)
	if err != nil {
		return nil, err
	}
	return Parse(a.Expression, Options{Location: location, Created: a.Since, HashKey: a.HashKey})
}

// OccursAtAnchor reports whether Since itself may be an occurrence: R//period. Every other schedule begins after
// Since.
func (a Anchor) OccursAtAnchor() bool { return strings.Contains(a.Expression, "//") }

// Begin is the instant after which occurrences are sought.
func (a Anchor) Begin() time.Time {
	if a.OccursAtAnchor() {
		return a.Since.Add(-Instant)
	}
	return a.Since
}

// shared is the anchor with only those parts that can matter to the schedule, so that schedules that mean the same
// are kept once: only intervals, macros and H may depend on Since or on HashKey.
func (a Anchor) shared() Anchor {
	if strings.ContainsAny(a.Expression, "RP@H") {
		a.Since = a.Since.UTC().Truncate(time.Second)
		return a
	}
	return Anchor{Expression: a.Expression, TimeZone: a.TimeZone}
}
