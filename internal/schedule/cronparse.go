package schedule

import (
	"fmt"
	"strings"
)

// A fieldSpec is what may stand in one field of a cron expression.
type fieldSpec struct {
	name     string
	min, max int // of what is written
	top      int // the last value that "*" covers: Saturday, not Sunday again
	hashTop  int // the last value that H chooses: the 28th, since not every month has more
	names    string
	hint     string // what to write
}

// names are three letters each.
const (
	monthNames   = "JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC"
	weekdayNames = "SUNMONTUEWEDTHUFRISAT"
)

var fieldSpecs = [6]fieldSpec{
	{name: "second", max: 59, top: 59, hashTop: 59, hint: "0-59"},
	{name: "minute", max: 59, top: 59, hashTop: 59, hint: "0-59"},
	{name: "hour", max: 23, top: 23, hashTop: 23, hint: "0-23"},
	{name: "day of month", min: 1, max: 31, top: 31, hashTop: 28, hint: "1-31, L, LW or a day with W, such as 15W"},
	{name: "month", min: 1, max: 12, top: 12, hashTop: 12, names: monthNames, hint: "1-12 or JAN-DEC"},
	{name: "day of week", max: 7, top: 6, hashTop: 6, names: weekdayNames,
		hint: "0-7 or SUN-SAT (0 and 7 are Sunday), or one with L or #, such as FRIL or FRI#2"},
}

const (
	domField = 3
	dowField = 5
)

var macros = map[string]string{
	"@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0",
	"@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@hourly": "0 * * * *",
}

// A fieldParser reads the fields of one expression.
type fieldParser struct {
	*parser
	spec *fieldSpec
	cron *cron
	any  bool // the field being read does not restrict: "*", "?" or "*/1"
}

func (p *parser) parseCron(text string) (*cron, error) {
	fields := strings.Fields(text)
	if err := p.crontabLine(text, fields); err != nil {
		return nil, err
	}
	switch n := len(fields); {
	case n == 5:
		fields = append([]string{"0"}, fields...)
	case n == 7:
		return nil, errorf("cron expression", text, "has 7 fields; a year is not supported: use R1/start/P, or @at, for once")
	case n != 6:
		return nil, errorf("cron expression", text,
			"must have 5 fields (minute, hour, day of month, month, day of week), or 6 with seconds first; this has %d", n)
	}
	c := &cron{zone: p.zone}
	c.clock = fields[2][0] == '*'
	f := &fieldParser{parser: p, cron: c}
	for i, field := range fields {
		f.spec = &fieldSpecs[i]
		f.any = false
		mask, err := f.parse(field)
		if err != nil {
			if n := len(strings.Fields(text)); n == 5 {
				i--
			}
			err.Place = fmt.Sprintf("field %d of %s", i+1, quote(text))
			return nil, err
		}
		switch i {
		case 0:
			c.second = mask
		case 1:
			c.minute = mask
		case 2:
			c.hour = uint32(mask)
		case domField:
			c.dom, c.domAny = uint32(mask), f.any
		case 4:
			c.months = uint32(mask)
		case dowField:
			c.dow, c.dowAny = uint8(mask|mask>>7)&0x7f, f.any
		}
	}
	p.warnOfStepDays(fields[domField], fields[dowField], c)
	c.compile()
	if _, ok := c.daySet.next(dayNumber(date{2000, 1, 1})); !ok {
		return nil, errorf("cron expression", text, "never fires: no such day in any year")
	}
	return c, nil
}

// crontabLine refuses a line of a crontab that still has its command: five valid fields, and then something that is
// not a field.
func (p *parser) crontabLine(text string, fields []string) error {
	noField := func(r rune) bool { return !strings.ContainsRune(fieldRunes, r) }
	if len(fields) < 6 || !strings.ContainsFunc(strings.Join(fields[5:], ""), noField) {
		return nil
	}
	alone := *p // Its warnings are not of interest.
	five := strings.Join(fields[:5], " ")
	if _, err := alone.parseCron(five); err != nil {
		return nil //nolint:nilerr // no line of a crontab: the caller reports what is wrong with it
	}
	return errorf("cron expression", text,
		"looks like a line of a crontab with its command: the schedule is %q; a command goes into spec.task.shell", five)
}

// fieldRunes are the characters of numbers, ranges, steps and lists, and of the names and letters of the day of week,
// which is the only field that may be the sixth.
const fieldRunes = "0123456789*?,-/()#HLSUNMOTEWDRFIAsunmotewdrfia"

// warnOfStepDays warns that other crons read a star with a step in a day field differently: Vixie cron and its
// descendants treat the field as unrestricted, so that both fields must match.
func (p *parser) warnOfStepDays(dom, dow string, c *cron) {
	if c.domAny || c.dowAny || dom[0] != '*' && dow[0] != '*' {
		return
	}
	p.warn("day of month %q or day of week %q: either counts here; "+
		"Vixie cron and its descendants want both to match, since one begins with *", dom, dow)
}

func (f *fieldParser) errorf(value, format string, args ...any) *Error {
	return errorf(f.spec.name, value, format, args...)
}

// parse reads a whole field: a list.
func (f *fieldParser) parse(field string) (mask uint64, err *Error) {
	for _, item := range strings.Split(field, ",") {
		if item == "" {
			return 0, f.errorf(field, "has an empty item")
		}
		m, err := f.parseItem(item)
		if err != nil {
			return 0, err
		}
		mask |= m
	}
	return mask, nil
}

// parseItem reads one item of a list. What is not a mask of values (L, W, #) goes into the cron right away.
func (f *fieldParser) parseItem(item string) (uint64, *Error) {
	switch done, err := f.parseDayItem(item); {
	case err != nil:
		return 0, err
	case done:
		return 0, nil
	}
	base, stepText, stepped := strings.Cut(item, "/")
	step := 1
	if stepped {
		count := f.spec.top - f.spec.min + 1
		n, ok := smallNumber(stepText)
		if !ok || n < 1 {
			return 0, f.errorf(item, "the step must be 1-%d", count)
		}
		if n > count {
			return 0, f.errorf(item, "the step must be 1-%d, since the field starts anew after that; for other "+
				"periods use @every or R//PT%dM", count, n)
		}
		step = n
	}
	low, high, err := f.parseBase(item, base, step, stepped)
	if err != nil {
		return 0, err
	}
	var mask uint64
	for v := low; v <= high; v += step {
		mask |= 1 << v
	}
	return mask, nil
}

// parseBase reads what stands before the step.
func (f *fieldParser) parseBase(item, base string, step int, stepped bool) (low, high int, err *Error) {
	s := f.spec
	isDay := s == &fieldSpecs[domField] || s == &fieldSpecs[dowField]
	switch {
	case base == "*", base == "?" && isDay:
		f.any = f.any || step == 1
		return s.min, s.top, nil
	case base == "?":
		return 0, 0, f.errorf(item, "only the day fields may be ?: must be %s", s.hint)
	case base == "H" || strings.HasPrefix(base, "H("):
		return f.parseHash(item, base, step, stepped)
	}
	from, to, isRange := strings.Cut(base, "-")
	if low, err = f.value(from); err != nil {
		return 0, 0, err
	}
	switch {
	case isRange:
		if high, err = f.value(to); err != nil {
			return 0, 0, err
		}
		if s.max == 7 && high == 0 && low > 0 {
			high = 7 // FRI-SUN
		}
		if high < low {
			return 0, 0, f.errorf(item, "the range runs backwards; write two, such as %s-%s,%s-%s", from, f.show(s.top, from),
				f.show(s.min, to), to)
		}
	case stepped:
		high = max(low, s.top)
	default:
		high = low
	}
	return low, high, nil
}

// show writes a value the way that another one was written: as a name or a number.
func (f *fieldParser) show(value int, like string) string {
	if _, isNumber := smallNumber(like); f.spec.names != "" && !isNumber {
		at := (value - f.spec.min) * 3
		return f.spec.names[at : at+3]
	}
	return fmt.Sprint(value)
}

// parseHash reads H, H(a-b), H/n and H(a-b)/n.
func (f *fieldParser) parseHash(item, base string, step int, stepped bool) (low, high int, err *Error) {
	low, high = f.spec.min, f.spec.hashTop
	if base != "H" {
		inner, closed := strings.CutSuffix(base[2:], ")")
		from, to, isRange := strings.Cut(inner, "-")
		if !closed || !isRange {
			return 0, 0, f.errorf(item, "must be H, H(a-b), H/n or H(a-b)/n")
		}
		if low, err = f.value(from); err != nil {
			return 0, 0, err
		}
		if high, err = f.value(to); err != nil {
			return 0, 0, err
		}
		if high < low {
			return 0, 0, f.errorf(item, "the range runs backwards")
		}
	}
	if f.hashKey == "" {
		f.warn("H in %s %q depends on the Job's namespace and name, and there is none here", f.spec.name, item)
	}
	if !stepped {
		low += hashOf(f.hashKey, f.spec.name, high-low+1)
		return low, low, nil
	}
	if base == "H" {
		high = f.spec.top
	}
	if step > high-low+1 {
		return 0, 0, f.errorf(item, "the step must be 1-%d, the size of the range", high-low+1)
	}
	return low + hashOf(f.hashKey, f.spec.name, step), high, nil
}

// parseDayItem reads the items that only the day fields have. done is false if it is not one.
func (f *fieldParser) parseDayItem(item string) (done bool, err *Error) {
	switch f.spec {
	case &fieldSpecs[domField]:
		return f.parseMonthday(item)
	case &fieldSpecs[dowField]:
		return f.parseWeekday(item)
	}
	return false, nil
}

func (f *fieldParser) parseMonthday(item string) (bool, *Error) {
	switch upper := strings.ToUpper(item); {
	case upper == "L":
		f.cron.lastDay = true
	case upper == "LW":
		f.cron.lastWeekday = true
	case strings.HasPrefix(upper, "L-"):
		return true, f.errorf(item, "must be %s", f.spec.hint)
	case strings.HasSuffix(upper, "W"):
		day, ok := smallNumber(item[:len(item)-1])
		if !ok || day < 1 || day > 31 {
			return true, f.errorf(item, "must be a day with W, from 1W to 31W, or LW")
		}
		f.cron.nearest |= 1 << day
	default:
		return false, nil
	}
	return true, nil
}

func (f *fieldParser) parseWeekday(item string) (bool, *Error) {
	upper := strings.ToUpper(item)
	if upper == "L" {
		f.warn("L alone in the day of week is Saturday, as in Quartz; write SAT, or FRIL for the last Friday of the month")
		f.cron.nth[6] = 0x3e // 1 to 5: all of them
		return true, nil
	}
	if day, nText, found := strings.Cut(item, "#"); found {
		w, err := f.value(day)
		if err != nil {
			return true, err
		}
		n, ok := smallNumber(nText)
		if !ok || n < 1 || n > 5 {
			return true, f.errorf(item, "the number after # must be 1-5")
		}
		f.cron.nth[w%7] |= 1 << n
		return true, nil
	}
	if day, found := strings.CutSuffix(upper, "L"); found {
		w, err := f.value(day)
		if err != nil {
			return true, err
		}
		f.cron.lastDow |= 1 << (w % 7)
		return true, nil
	}
	return false, nil
}

// value reads a number or a name.
func (f *fieldParser) value(text string) (int, *Error) {
	s := f.spec
	n, ok := smallNumber(text)
	if !ok && len(text) == 3 && s.names != "" {
		if at := strings.Index(s.names, strings.ToUpper(text)); at >= 0 && at%3 == 0 {
			return s.min + at/3, nil
		}
	}
	if !ok || n < s.min || n > s.max {
		return 0, f.errorf(text, "must be %s", s.hint)
	}
	return n, nil
}

// smallNumber reads a number of at most four digits.
func smallNumber(text string) (int, bool) {
	if !digits(text) || len(text) > 4 {
		return 0, false
	}
	return int(number(text)), true
}
