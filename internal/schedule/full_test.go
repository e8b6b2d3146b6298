package schedule

import (
	"flag"
	"os"
	"testing"
)

// full makes the properties that hold over all time zones and years look at all of them: minutes rather than seconds.
var full = flag.Bool("schedule.full", false, "check properties over every zone and ten years (minutes)")

func TestMain(m *testing.M) {
	flag.Parse()
	if *full {
		if err := flag.Set("rapid.checks", "2000"); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

// samples is how often to sample: a few times, or often with -schedule.full.
func samples(few, many int) int {
	if *full {
		return many
	}
	return few
}
