package schedule

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A localTime is a date and time as it was written. hasOffset distinguishes "2026-01-01T00:00Z" from
// "2026-01-01T00:00".
type localTime struct {
	date      date
	second    int64 // after midnight
	micro     int64
	hasOffset bool
	offset    int64 // seconds east
}

// seconds of the local clock from 1970.
func (l localTime) seconds() int64 {
	return (dayNumber(l.date)-epochDays)*secondsPerDay + l.second
}

// parseISO reads R[n]/[start]/period and R[n]/[start]/end.
func (p *parser) parseISO(text string) (*repeat, error) {
	parts := strings.Split(text, "/")
	if len(parts) != 3 {
		return nil, errorf("repeating interval", text,
			"must be R[n]/[start]/period or R[n]/[start]/end, such as R/2026-01-31T06:00/P1M; this has %d parts", len(parts))
	}
	count, err := parseRepetitions(parts[0])
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(parts[1], "P") {
		return nil, errorf("start", parts[1], "is a period; R[n]/period/end is not supported: write R[n]/start/period")
	}
	r := &repeat{zone: p.zone}
	if err := p.setStart(r, parts[1]); err != nil {
		return nil, err
	}
	if strings.HasPrefix(parts[2], "P") || strings.HasPrefix(parts[2], "-P") {
		r.period, err = parsePeriod("period", parts[2])
	} else {
		r.period, err = p.periodUntil(r, parts[2])
	}
	if err != nil {
		return nil, err
	}
	switch {
	case r.zero() && (count < 0 || count > 1):
		return nil, errorf("period", parts[2], "is zero: must be at least 1 second, except with R1, which runs once")
	case !r.zero() && r.months == 0 && r.days == 0 && r.elapsed < microsPerSec:
		return nil, errorf("period", parts[2], "must be at least 1 second")
	}
	r.bound(count)
	r.words = describeRepeat(r, count, parts[1] == "")
	return r, nil
}

// parseRepetitions gives -1 for "R".
func parseRepetitions(text string) (int64, error) {
	digits, ok := strings.CutPrefix(text, "R")
	if !ok || strings.Trim(digits, "0123456789") != "" {
		return 0, errorf("repetitions", text, "must be R, or R and the number of runs in total, such as R5")
	}
	if digits == "" {
		return -1, nil
	}
	n, err := strconv.ParseInt(digits, 10, 32)
	if err != nil {
		return 0, errorf("repetitions", text, "must be at most R2147483647")
	}
	return n, nil
}

// setStart sets anchor, date, second, micro and, for a start with an offset of its own, zone.
func (p *parser) setStart(r *repeat, text string) error {
	if text == "" {
		p.startAtCreation(r)
		return nil
	}
	l, err := parseLocalTime("start", text)
	if err != nil {
		return err
	}
	r.date, r.second, r.micro = l.date, l.second, l.micro
	if !l.hasOffset {
		return r.setAnchor("start", text, p.zone.resolve(l.seconds()))
	}
	instant := l.seconds() - l.offset
	if p.zone.utc() {
		if l.offset != 0 {
			r.zone = fixedTable(l.offset)
			if p.zoneGiven {
				p.warn("start %q has an offset of its own, which is used rather than the time zone %s", text, p.zone.name)
			}
		}
		return r.setAnchor("start", text, instant)
	}
	// A given zone takes precedence over the offset: the fields are kept, as in Chronos. The offset still selects one
	// of the two instants of a repeated hour.
	if p.zone.offset(instant) != l.offset {
		kept := p.zone.resolve(l.seconds())
		if kept != instant {
			p.warn("start %q has another offset than the time zone %s, which wins: it is read as %s there",
				text, p.zone.name, text[:len(text)-len(offsetOf(text))])
		}
		instant = kept
	}
	return r.setAnchor("start", text, instant)
}

func (p *parser) startAtCreation(r *repeat) {
	created := min(max(p.created, minSecond), maxSecond)
	local := created + p.zone.offset(created) + epochShift
	day, sec := split(local)
	r.date, r.second, r.micro = civil(day), sec, 0
	r.anchor = created * microsPerSec
}

func (r *repeat) setAnchor(field, text string, second int64) error {
	if second < minSecond || second > maxSecond {
		return errorf(field, text, "must be in the years 0001-9999")
	}
	r.anchor = second*microsPerSec + r.micro
	return nil
}

// periodUntil gives the period from r's start to an end: whole local days, and the elapsed time that is left, so that
// occurrence 1 is the end exactly.
func (p *parser) periodUntil(r *repeat, text string) (period, error) {
	l, err := parseLocalTime("end", text)
	if err != nil {
		return period{}, err
	}
	second := l.seconds() - l.offset
	if !l.hasOffset {
		second = r.zone.resolve(l.seconds())
	} else if !p.zone.utc() && p.zone.offset(second) != l.offset {
		second = p.zone.resolve(l.seconds()) // as for the start
	}
	if second < minSecond || second > maxSecond {
		return period{}, errorf("end", text, "must be in the years 0001-9999")
	}
	end := second*microsPerSec + l.micro
	if end <= r.anchor {
		return period{}, errorf("end", text, "must be after the start")
	}
	start := dayNumber(r.date)
	endDay, _ := split(second + r.zone.offset(second) + epochShift)
	for days := endDay - start; days > 0; days-- {
		from := r.zone.resolve((start+days-epochDays)*secondsPerDay+r.second)*microsPerSec + r.micro
		if from <= end {
			return period{days: days, elapsed: end - from}, nil
		}
	}
	return period{elapsed: end - r.anchor}, nil
}

// parseAt reads the instant of "@at": one occurrence. Its offset, if it has one, counts: it is an instant, not a
// local time.
func (p *parser) parseAt(text string) (*repeat, error) {
	r := &repeat{zone: p.zone}
	l, err := parseLocalTime("instant", text)
	if err != nil {
		return nil, err
	}
	second := l.seconds() - l.offset
	if !l.hasOffset {
		second = p.zone.resolve(l.seconds())
	}
	r.micro = l.micro
	if err := r.setAnchor("instant", text, second); err != nil {
		return nil, err
	}
	r.words = "once, at " + r.describeInstant()
	return r, nil
}

// parseEvery reads the duration of "@every": elapsed time from the creation of the Job, first one period after it.
func (p *parser) parseEvery(text string) (*repeat, error) {
	r := &repeat{zone: p.zone, first: 1}
	p.startAtCreation(r)
	if strings.HasPrefix(text, "P") || strings.HasPrefix(text, "-P") {
		var err error
		if r.period, err = parsePeriod("duration", text); err != nil {
			return nil, err
		}
		if r.months != 0 || r.days != 0 {
			return nil, errorf("duration", text, "must be hours, minutes and seconds; days and more are local time: write R//%s", text)
		}
	} else {
		d, err := time.ParseDuration(text)
		switch {
		case err != nil:
			return nil, errorf("duration", text, "must be a duration, such as 90s, 1h30m or PT90S")
		case d < 0:
			return nil, errorf("duration", text, "must not be negative")
		case d%time.Microsecond != 0:
			return nil, errorf("duration", text, "must be whole microseconds")
		}
		r.elapsed = d.Microseconds()
	}
	if r.elapsed < microsPerSec {
		return nil, errorf("duration", text, "must be at least 1 second")
	}
	r.bound(-1)
	r.words = describePeriod(r.period) + " from the Job's creation"
	return r, nil
}

// parsePeriod reads an ISO 8601 duration. Only seconds may have a fraction, of up to six digits.
func parsePeriod(field, text string) (period, error) {
	wrong := errorf(field, text, "must be an ISO 8601 duration, such as P1D, PT1H30M or P1M15D")
	if strings.Contains(text, "-") {
		return period{}, errorf(field, text, "must not be negative")
	}
	var p period
	rest := text[1:]
	units, inTime := "YMWD", false
	if rest == "" {
		return p, nil
	}
	for rest != "" {
		if rest[0] == 'T' && !inTime {
			units, inTime = "HMS", true
			if rest = rest[1:]; rest == "" {
				return p, wrong
			}
		}
		size := strings.IndexFunc(rest, func(r rune) bool { return (r < '0' || r > '9') && r != '.' && r != ',' })
		if size <= 0 {
			return p, wrong
		}
		number, unit := rest[:size], rest[size]
		rest = rest[size+1:]
		at := strings.IndexByte(units, unit)
		if at < 0 {
			return p, wrong
		}
		units = units[at+1:]
		fraction := ""
		if dot := strings.IndexAny(number, ".,"); dot >= 0 && inTime && unit == 'S' {
			number, fraction = number[:dot], number[dot+1:]
			if fraction == "" {
				return p, wrong
			}
		}
		if err := p.add(number, fraction, unit, inTime); err != "" {
			return p, errorf(field, text, "%s", err)
		}
	}
	return p, nil
}

// add adds a component; what it returns says what is wrong with it.
func (p *period) add(number, fraction string, unit byte, inTime bool) string {
	n, err := strconv.ParseInt(number, 10, 64)
	if strings.ContainsAny(number, ".,") {
		return "only seconds may have a fraction"
	}
	if err != nil || n > maxSecond-minSecond {
		return fmt.Sprintf("%s%c is longer than 9999 years", number, unit)
	}
	micros, ok := parseFraction(fraction)
	if !ok {
		return "must be whole microseconds"
	}
	switch {
	case inTime:
		seconds := map[byte]int64{'H': 3600, 'M': 60, 'S': 1}[unit]
		if n > (maxSecond-minSecond)/seconds {
			return fmt.Sprintf("%s%c is longer than 9999 years", number, unit)
		}
		p.elapsed += n*seconds*microsPerSec + micros
	case unit == 'Y' || unit == 'M':
		months := map[byte]int64{'Y': 12, 'M': 1}[unit]
		p.months += min(n, 10000*12) * months
	default:
		days := map[byte]int64{'W': 7, 'D': 1}[unit]
		p.days += min(n, 10000*366) * days
	}
	if p.months > 9999*12 || p.days > 9999*366 || p.elapsed > (maxSecond-minSecond)*microsPerSec {
		return "is longer than 9999 years"
	}
	return ""
}

// parseFraction reads the digits after the decimal point as microseconds.
func parseFraction(digits string) (int64, bool) {
	trimmed := strings.TrimRight(digits, "0")
	if len(trimmed) > 6 {
		return 0, false
	}
	n, err := strconv.ParseInt("0"+trimmed+strings.Repeat("0", 6-len(trimmed)), 10, 64)
	return n, err == nil
}
