package schedule

import (
	"strconv"
	"strings"
)

// parseLocalTime reads an ISO 8601 date or date and time in the extended format, with or without an offset: calendar
// dates (2026-03-01, 2026-03, 2026), ordinal dates (2026-060), week dates (2026-W09-7, 2026-W09); times 13, 13:00,
// 13:00:00 and 13:00:00.123456; offsets Z, +01, +0100 and +01:00.
func parseLocalTime(field, text string) (localTime, error) {
	var l localTime
	datePart, timePart, hasTime := strings.Cut(text, "T")
	if datePart == "" {
		return l, errorf(field, text, "must begin with a date, such as 2026-01-31T06:00")
	}
	message := l.readDate(datePart)
	if message == "" && hasTime {
		message = l.readTime(timePart)
	}
	if message != "" {
		return l, errorf(field, text, "%s", message)
	}
	return l, nil
}

const wantDate = "must be an ISO 8601 date and time, such as 2026-01-31T06:00 or 2026-01-31T06:00:00+01:00"

// readDate returns what is wrong with the date, if anything.
func (l *localTime) readDate(text string) string {
	if len(text) < 4 || !digits(text[:4]) || len(text) > 4 && text[4] != '-' {
		return wantDate
	}
	year := number(text[:4])
	l.date = date{year, 1, 1}
	if year == 0 {
		return "must be in the years 0001-9999"
	}
	if len(text) == 4 {
		return ""
	}
	rest := text[5:]
	switch {
	case strings.HasPrefix(rest, "W"):
		return l.readWeek(rest[1:])
	case len(rest) == 3 && digits(rest):
		day, length := number(rest), int64(365)
		if leap(year) {
			length = 366
		}
		if day < 1 || day > length {
			return "the day of the year must be 001-" + strconv.FormatInt(length, 10)
		}
		l.date = civil(dayNumber(l.date) + day - 1)
		return ""
	case len(rest) == 2 && digits(rest), len(rest) == 5 && digits(rest[:2]) && rest[2] == '-' && digits(rest[3:]):
		if l.date.month = number(rest[:2]); l.date.month < 1 || l.date.month > 12 {
			return "the month must be 01-12"
		}
		if len(rest) == 2 {
			return ""
		}
		l.date.day = number(rest[3:])
		if length := monthLength(year, l.date.month); l.date.day < 1 || l.date.day > length {
			return text[:7] + " has the days 01-" + strconv.FormatInt(length, 10)
		}
		return ""
	}
	return wantDate
}

// readWeek reads "09" or "09-7": week 1 is the one with January 4th, day 1 is Monday.
func (l *localTime) readWeek(text string) string {
	day := int64(1)
	switch {
	case len(text) == 2 && digits(text):
	case len(text) == 4 && digits(text[:2]) && text[2] == '-' && digits(text[3:]):
		day = number(text[3:])
	default:
		return wantDate
	}
	week := number(text[:2])
	monday := mondayOfWeek1(l.date.year)
	if weeks := (mondayOfWeek1(l.date.year+1) - monday) / 7; week < 1 || week > weeks {
		return "the week must be 01-" + strconv.FormatInt(weeks, 10)
	}
	if day < 1 || day > 7 {
		return "the day of the week must be 1-7, Monday is 1"
	}
	if l.date = civil(monday + (week-1)*7 + day - 1); l.date.year < 1 || l.date.year > 9999 {
		return "must be in the years 0001-9999"
	}
	return ""
}

func mondayOfWeek1(year int64) int64 {
	fourth := dayNumber(date{year, 1, 4})
	return fourth - int64(weekday(fourth)+6)%7
}

// offsetOf gives the offset at the end of a date and time, "" if it has none.
func offsetOf(text string) string {
	at := strings.IndexByte(text, 'T')
	if at < 0 {
		return ""
	}
	if sign := strings.IndexAny(text[at:], "Z+-"); sign >= 0 {
		return text[at+sign:]
	}
	return ""
}

// readTime reads what follows the T.
func (l *localTime) readTime(text string) string {
	offset := offsetOf("T" + text)
	clock := text[:len(text)-len(offset)]
	parts := strings.Split(clock, ":")
	fraction := ""
	if len(parts) == 3 {
		if dot := strings.IndexAny(parts[2], ".,"); dot >= 0 {
			parts[2], fraction = parts[2][:dot], parts[2][dot+1:]
			if !digits(fraction) {
				return wantDate
			}
		}
	}
	if len(parts) > 3 {
		return wantDate
	}
	var fields [3]int64
	for i, part := range parts {
		if len(part) != 2 || !digits(part) {
			return wantDate
		}
		fields[i] = number(part)
	}
	micro, ok := parseFraction(fraction)
	switch {
	case fields[0] > 23:
		return "the hour must be 00-23"
	case fields[1] > 59:
		return "the minute must be 00-59"
	case fields[2] > 59:
		return "the second must be 00-59; there are no leap seconds here"
	case !ok:
		return "must be whole microseconds"
	}
	l.second, l.micro = fields[0]*3600+fields[1]*60+fields[2], micro
	return l.readOffset(offset)
}

func (l *localTime) readOffset(text string) string {
	if text == "" {
		return ""
	}
	l.hasOffset = true
	if text == "Z" {
		return ""
	}
	hhmm := text[1:]
	if len(hhmm) == 5 && hhmm[2] == ':' {
		hhmm = hhmm[:2] + hhmm[3:]
	}
	if len(hhmm) == 2 {
		hhmm += "00"
	}
	if text[0] == 'Z' || len(hhmm) != 4 || !digits(hhmm) || number(hhmm[:2]) > 18 || number(hhmm[2:]) > 59 {
		return "the offset must be Z or ±hh:mm, at most 18 hours"
	}
	l.offset = number(hhmm[:2])*3600 + number(hhmm[2:])*60
	if text[0] == '-' {
		l.offset = -l.offset
	}
	return ""
}

func digits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// number reads a few digits.
func number(s string) (n int64) {
	for _, c := range []byte(s) {
		n = n*10 + int64(c-'0')
	}
	return n
}
