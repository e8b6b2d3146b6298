package schedule

import (
	"fmt"
	"math/bits"
	"strings"
	"time"
)

// Describe returns what the schedule means, e.g. "at 02:00 on Monday to Friday, Europe/Berlin".
func (s *Schedule) Describe() string {
	parts := make([]string, len(s.lines))
	for i, x := range s.lines {
		parts[i] = x.expr.describe()
	}
	return strings.Join(parts, "; and ") + ", " + zoneWords(s.zone.name)
}

// Describe returns what the expression means.
func (x Expression) Describe() string { return x.expr.describe() + ", " + zoneWords(x.zone) }

func zoneWords(name string) string {
	if name == "Etc/UTC" {
		return "UTC"
	}
	return name
}

func (c *cron) describe() string { return c.timeWords() + c.dayWords() }

// maxTimes is how many times of day are listed one by one.
const maxTimes = 6

func (c *cron) timeWords() string {
	_, steps := stepOf(uint64(c.hour), 24)
	if c.perMinute == 1 && c.perDay <= maxTimes && !(c.clock && steps) {
		words := "at " + list(c.timesOfDay())
		if c.domAny && c.dowAny {
			words += " every day"
		}
		return words
	}
	words, inner := "", "minute"
	if c.second != 1 {
		words = valueWords(c.second, 60, "second")
		if inner = "hour"; c.perHour != 60*c.perMinute || strings.HasPrefix(words, "at") {
			words += ofWords(c.minute, 60, "minute")
		}
	} else {
		words = valueWords(c.minute, 60, "minute")
	}
	whole := strings.HasPrefix(words, "every") && (inner == "minute" || c.perHour == 60*c.perMinute)
	switch low, high, contiguous := span(uint64(c.hour)); {
	case c.hour == 1<<24-1 && (whole || strings.HasSuffix(words, " of every minute")):
	case whole && contiguous:
		words += fmt.Sprintf(" from %02d:00 to %02d:59", low, high)
	default:
		words += ofWords(uint64(c.hour), 24, "hour")
	}
	return words
}

func (c *cron) timesOfDay() (times []string) {
	second := bits.TrailingZeros64(c.second)
	for _, h := range valuesOf(uint64(c.hour)) {
		for _, m := range valuesOf(c.minute) {
			text := fmt.Sprintf("%02d:%02d", h, m)
			if second != 0 {
				text += fmt.Sprintf(":%02d", second)
			}
			times = append(times, text)
		}
	}
	return times
}

// valueWords describes the values of a field that fires by itself: "every minute", "every 5 minutes", "at minute 5".
func valueWords(mask uint64, size int, unit string) string {
	step, steps := stepOf(mask, size)
	switch {
	case steps && step == 1:
		return "every " + unit
	case steps:
		return fmt.Sprintf("every %d %ss", step, unit)
	}
	return "at " + numbers(mask, unit)
}

// ofWords describes the values of a field that holds others: " of every hour", " of every 4th hour", " of hours 9 to
// 17".
func ofWords(mask uint64, size int, unit string) string {
	step, steps := stepOf(mask, size)
	switch {
	case steps && step == 1:
		return " of every " + unit
	case steps:
		return fmt.Sprintf(" of every %s %s", ordinal(step), unit)
	}
	return " of " + numbers(mask, unit)
}

func numbers(mask uint64, unit string) string {
	if bits.OnesCount64(mask) > 1 {
		unit += "s"
	}
	return unit + " " + ranges(mask, func(v int) string { return fmt.Sprint(v) })
}

// stepOf recognizes the masks 0, n, 2n... that continue evenly from one hour or day to the next.
func stepOf(mask uint64, size int) (step int, ok bool) {
	values := valuesOf(mask)
	if values[0] != 0 || len(values) < 2 || size%values[1] != 0 || len(values) != size/values[1] {
		return 0, false
	}
	for i, v := range values {
		if v != i*values[1] {
			return 0, false
		}
	}
	return values[1], true
}

func span(mask uint64) (low, high int, contiguous bool) {
	low, high = bits.TrailingZeros64(mask), bits.Len64(mask)-1
	return low, high, high-low+1 == bits.OnesCount64(mask)
}

func valuesOf(mask uint64) (values []int) {
	for ; mask != 0; mask &= mask - 1 {
		values = append(values, bits.TrailingZeros64(mask))
	}
	return values
}

// ranges lists values; three and more in a row become "a to c".
func ranges(mask uint64, show func(int) string) string {
	var parts []string
	for mask != 0 {
		low := bits.TrailingZeros64(mask)
		high := low
		for mask>>(high+1)&1 != 0 {
			high++
		}
		for v := low; v <= high; v++ {
			mask &^= 1 << v
		}
		switch high - low {
		case 0:
			parts = append(parts, show(low))
		case 1:
			parts = append(parts, show(low), show(high))
		default:
			parts = append(parts, show(low)+" to "+show(high))
		}
	}
	return list(parts)
}

// list joins with commas and "and".
func list(parts []string) string {
	if n := len(parts); n > 1 {
		return strings.Join(parts[:n-1], ", ") + " and " + parts[n-1]
	}
	return parts[0]
}

func ordinal(n int) string {
	names := [...]string{1: "1st", 2: "2nd", 3: "3rd"}
	if n < len(names) {
		return names[n]
	}
	return fmt.Sprintf("%dth", n)
}

func (c *cron) dayWords() string {
	months := "the month"
	restricted := c.months != 0x1ffe
	if restricted {
		months = ranges(uint64(c.months), func(v int) string { return time.Month(v).String() })
	}
	switch {
	case c.domAny && c.dowAny:
		if restricted {
			return " in " + months
		}
		return ""
	case c.dowAny:
		return " on " + c.monthdayWords() + " of " + months
	case c.domAny:
		words, inMonth := c.weekdayWords()
		if inMonth {
			return " on " + words + " of " + months
		} else if restricted {
			return " on " + words + " in " + months
		}
		return " on " + words
	}
	words, inMonth := c.weekdayWords()
	if inMonth {
		words += " of the month"
	}
	words = " on " + c.monthdayWords() + " of the month or on " + words
	if restricted {
		words += ", in " + months
	}
	return words
}

// monthdayWords says e.g. "day 15 and the last day".
func (c *cron) monthdayWords() string {
	var parts []string
	if c.dom != 0 {
		parts = append(parts, numbers(uint64(c.dom), "day"))
	}
	if c.nearest != 0 {
		parts = append(parts, "the weekday nearest to "+numbers(uint64(c.nearest), "day"))
	}
	if c.lastDay {
		parts = append(parts, "the last day")
	}
	if c.lastWeekday {
		parts = append(parts, "the last weekday")
	}
	return list(parts)
}

// weekdayWords says e.g. "Monday to Friday"; inMonth if it counts the days of the month, as in "the third Friday".
func (c *cron) weekdayWords() (words string, inMonth bool) {
	var parts []string
	if week := uint64(c.dow); week != 0 {
		// The week begins on Monday, so that a weekend is Saturday and Sunday.
		fromMonday := week>>1 | week<<6&0x40
		parts = append(parts, ranges(fromMonday, func(v int) string { return time.Weekday((v + 1) % 7).String() }))
	}
	for w := range 7 {
		day := time.Weekday(w).String()
		for _, n := range valuesOf(uint64(c.nth[w])) {
			name := [...]string{1: "first", 2: "second", 3: "third", 4: "fourth", 5: "fifth"}[n]
			parts, inMonth = append(parts, "the "+name+" "+day), true
		}
		if c.lastDow>>w&1 != 0 {
			parts, inMonth = append(parts, "the last "+day), true
		}
	}
	return list(parts), inMonth
}

func (r *repeat) describe() string { return r.words }

// describeRepeat says e.g. "every month from 2026-01-31 06:00, 5 times".
func describeRepeat(r *repeat, count int64, atCreation bool) string {
	start := r.describeInstant()
	if atCreation {
		start = "the Job's creation"
	}
	switch count {
	case 0:
		return "never (R0)"
	case 1:
		return "once, at " + start
	}
	words := describePeriod(r.period) + " from " + start
	if count > 0 {
		words += fmt.Sprintf(", %d times", count)
	}
	return words
}

func describePeriod(p period) string {
	var parts []string
	add := func(n int64, unit string) {
		if n > 1 {
			unit += "s"
		}
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, unit))
		}
	}
	add(p.months/12, "year")
	add(p.months%12, "month")
	if p.days%7 == 0 {
		add(p.days/7, "week")
	} else {
		add(p.days, "day")
	}
	seconds := p.elapsed / microsPerSec
	add(seconds/3600, "hour")
	add(seconds/60%60, "minute")
	if micro := p.elapsed % microsPerSec; micro != 0 {
		parts = append(parts, strings.TrimRight(fmt.Sprintf("%d.%06d", seconds%60, micro), "0")+" seconds")
	} else {
		add(seconds%60, "second")
	}
	if len(parts) == 1 {
		return "every " + strings.TrimPrefix(parts[0], "1 ")
	}
	return "every " + list(parts)
}

// describeInstant writes the first occurrence in the time of its zone; a zone that is not the schedule's is named.
func (r *repeat) describeInstant() string {
	second := floorDiv(r.anchor, microsPerSec)
	t := time.Unix(second+r.zone.offset(second), (r.anchor-second*microsPerSec)*1000).UTC()
	layout := "2006-01-02 15:04"
	if r.micro != 0 {
		layout += ":05.999999"
	} else if t.Second() != 0 {
		layout += ":05"
	}
	words := t.Format(layout)
	if strings.ContainsAny(r.zone.name[:1], "+-") {
		words += " (" + r.zone.name + ")"
	}
	return words
}
