package schedule

import "flag"

// full makes the properties that hold over all time zones and years look at all of them: minutes rather than seconds.
var full = flag.Bool("schedule.full", false, "check properties over every zone and ten years (minutes)")

// samples is how often to sample: a few times, or often with -schedule.full.
func samples(few, many int) int {
	if *full {
		return many
	}
	return few
}
