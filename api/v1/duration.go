package v1

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// isoDuration matches the ISO 8601 durations that have one length: no years, no months.
var isoDuration = regexp.MustCompile(`^P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:[.,](\d{1,9}))?S)?)?$`)

// maxDuration is longer than any duration needs to be written.
const maxDuration = 100

// ParseDuration reads a Go duration or an ISO 8601 duration of weeks, days (24 h), hours, minutes and seconds, to the
// nanosecond and up to 292 years. It refuses negative ones, and years and months, whose length depends on the date.
func ParseDuration(s string) (time.Duration, error) {
	if len(s) > maxDuration {
		return 0, fmt.Errorf("must be a duration such as 90s, 1h30m or PT90S, of at most %d characters", maxDuration)
	}
	if strings.HasPrefix(s, "P") {
		return parseISODuration(s)
	}
	d, err := time.ParseDuration(s)
	switch {
	case err != nil:
		return 0, fmt.Errorf("%q: must be a duration such as 90s, 1h30m or PT90S", s)
	case d < 0:
		return 0, fmt.Errorf("%q: must not be negative", s)
	}
	return d, nil
}

func parseISODuration(s string) (time.Duration, error) {
	m := isoDuration.FindStringSubmatch(s)
	if m == nil || strings.Join(m[1:], "") == "" || strings.HasSuffix(s, "T") {
		date, _, _ := strings.Cut(s, "T")
		if strings.ContainsAny(date, "YM") {
			return 0, fmt.Errorf("%q: years and months have no fixed length here; use days (P30D) or hours", s)
		}
		return 0, fmt.Errorf("%q: must be an ISO 8601 duration such as PT90S, PT1H30M or P1D", s)
	}
	fraction := m[6] + strings.Repeat("0", 9-len(m[6]))
	total := time.Duration(0)
	for i, unit := range []time.Duration{7 * 24 * time.Hour, 24 * time.Hour, time.Hour, time.Minute, time.Second, time.Nanosecond} {
		digits := append(m[1:6:6], fraction)[i]
		if digits == "" {
			continue
		}
		n, err := strconv.ParseInt(digits, 10, 64)
		if err != nil || n > int64((math.MaxInt64-total)/unit) {
			return 0, fmt.Errorf("%q: must be less than 292 years", s)
		}
		total += time.Duration(n) * unit
	}
	return total, nil
}

// String is the Go form without trailing zero units: "1h" rather than "1h0m0s".
func (d Duration) String() string {
	s := d.Duration.String()
	if strings.HasSuffix(s, "m0s") {
		s = s[:len(s)-2]
	}
	if strings.HasSuffix(s, "h0m") {
		s = s[:len(s)-2]
	}
	return s
}
