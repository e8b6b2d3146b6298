package schedule

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// MaxExpressions is how many lines a schedule may have.
const MaxExpressions = 64

// Options give what an expression needs besides its text.
type Options struct {
	// Location is the time zone; nil means that none was given: UTC, and a start with an offset of its own keeps it.
	Location *time.Location
	// Created is the anchor of "R//P1D" and "@every": when the Job was created, or its schedule last changed. It is
	// used in whole seconds. Zero means 1970-01-01T00:00:00Z, which is good enough to see whether an expression is
	// right.
	Created time.Time
	// HashKey seeds H: what the function HashKey makes of the Job.
	HashKey string
}

// A Schedule is a set of instants. It never changes after Parse and is safe for concurrent use.
//
// Instants are of the years 0001 to 9999; after the last of them, and after n occurrences of Rn, a schedule is
// exhausted.
type Schedule struct {
	lines    []Expression
	warnings []string
	zone     *zoneTable

	// The same expressions by kind, for Count: even intervals are of elapsed time only.
	crons         []*cron
	evens, uneven []*repeat

	// The usual schedules have one line, and whole seconds: Next takes a shorter way with them.
	onlyCron *cron
	onlyTick *tick
}

// An expr is what stands behind one line. Times are microseconds from 1970.
type expr interface {
	next(after int64) (int64, bool) // the first instant later than after
	prev(at int64) (int64, bool)    // the last instant that is at or earlier
	count(after, upTo int64) int64  // the number of instants in (after, upTo]
	contains(at int64) bool         // whether at is an instant
	describe() string               // in words, without the time zone
}

// An Expression is one line of a Schedule.
type Expression struct {
	line int
	text string
	expr expr
	zone string
}

// Parse reads a schedule: expressions, one a line, whose union is meant. Empty lines mean nothing. An error is an
// *Error, the first in the text.
func Parse(text string, o Options) (*Schedule, error) {
	p := newParser(o)
	s := &Schedule{zone: p.zone}
	several := strings.Contains(strings.TrimSpace(text), "\n")
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		if len(s.lines) == MaxExpressions {
			return nil, errorf("schedule", line, "must have at most %d expressions", MaxExpressions)
		}
		x, err := p.parseLine(line)
		if err != nil {
			var e *Error
			if several && errors.As(err, &e) {
				e.Line = i + 1
			}
			return nil, err
		}
		s.lines = append(s.lines, Expression{line: i + 1, text: line, expr: x, zone: p.zone.name})
	}
	if len(s.lines) == 0 {
		return nil, errorf("schedule", text, "must have an expression: cron, R[n]/[start]/period, @every or @at")
	}
	s.warnings = p.warnings
	s.sortByKind()
	return s, nil
}

func (s *Schedule) sortByKind() {
	for _, line := range s.lines {
		switch x := line.expr.(type) {
		case *cron:
			s.crons = append(s.crons, x)
		case *repeat:
			if x.even() {
				s.evens = append(s.evens, x)
			} else {
				s.uneven = append(s.uneven, x)
			}
		}
	}
	if len(s.lines) > 1 {
		return
	}
	if len(s.crons) > 0 {
		s.onlyCron = s.crons[0]
	} else if len(s.evens) > 0 {
		s.onlyTick = newTick(s.evens[0])
	}
}

// A parser holds what all lines of a schedule share.
type parser struct {
	zone      *zoneTable
	zoneGiven bool
	created   int64 // seconds from 1970
	hashKey   string
	warnings  []string
}

func newParser(o Options) *parser {
	p := &parser{zone: tableOf(o.Location), zoneGiven: o.Location != nil, hashKey: o.HashKey}
	if !o.Created.IsZero() {
		p.created = o.Created.Unix()
	}
	return p
}

func (p *parser) warn(format string, args ...any) {
	if w := fmt.Sprintf(format, args...); !slices.Contains(p.warnings, w) {
		p.warnings = append(p.warnings, w)
	}
}

// parseLine reads one expression, whichever kind it is.
func (p *parser) parseLine(text string) (expr, error) {
	word, rest, _ := strings.Cut(text, " ")
	rest = strings.TrimSpace(rest)
	switch {
	case word == "@every":
		return asExpr(p.parseEvery(rest))
	case word == "@at":
		return asExpr(p.parseAt(rest))
	case word == "@reboot":
		return nil, errorf("macro", text, "has no meaning here: there is no machine that boots; for once use R1//P")
	case word[0] == '@':
		fields, ok := macros[text]
		if !ok {
			return nil, errorf("macro", text, "must be @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly, @every or @at")
		}
		return asExpr(p.parseCron(fields))
	case strings.Contains(word, "="):
		return nil, errorf("cron expression", text, "has a setting before it; the time zone is given by timeZone")
	case word[0] == 'R' || strings.Contains(word, "/P"):
		return asExpr(p.parseISO(text))
	}
	return asExpr(p.parseCron(text))
}

// asExpr keeps a nil pointer from becoming an expr that is not nil.
func asExpr[T expr](x T, err error) (expr, error) {
	if err != nil {
		return nil, err
	}
	return x, nil
}

// Next gives the first instant after after, in UTC. ok is false if there is none: the schedule is exhausted.
func (s *Schedule) Next(after time.Time) (t time.Time, ok bool) {
	switch {
	case s.onlyTick != nil:
		return s.onlyTick.next(after.Unix())
	case s.onlyCron != nil:
		u, ok := s.onlyCron.nextSecond(min(after.Unix(), maxSecond) + 1)
		if !ok {
			return time.Time{}, false
		}
		return time.Unix(u, 0).UTC(), true
	}
	from := microsOf(after)
	best := int64(maxMicro + 1)
	for i := range s.lines {
		if at, ok := s.lines[i].expr.next(from); ok {
			best = min(best, at)
		}
	}
	return timeIf(best, best <= maxMicro)
}

// Prev gives the last instant that is atOrBefore or earlier, in UTC. ok is false if there is none.
func (s *Schedule) Prev(atOrBefore time.Time) (t time.Time, ok bool) {
	if len(s.lines) == 1 {
		return s.lines[0].Prev(atOrBefore)
	}
	from := microsOf(atOrBefore)
	best := int64(minMicro - 1)
	for i := range s.lines {
		if at, ok := s.lines[i].expr.prev(from); ok {
			best = max(best, at)
		}
	}
	return timeIf(best, best >= minMicro)
}

// Contains reports whether t is an instant of the schedule.
func (s *Schedule) Contains(t time.Time) bool {
	at := microsOf(t)
	return t.Nanosecond()%1000 == 0 && slices.ContainsFunc(s.lines, func(x Expression) bool { return x.expr.contains(at) })
}

// Expressions gives the lines of the schedule, in order.
func (s *Schedule) Expressions() []Expression { return slices.Clone(s.lines) }

// Warnings returns what is legal and perhaps not meant, such as a start whose offset is not that of the time zone.
func (s *Schedule) Warnings() []string { return slices.Clone(s.warnings) }

// Line is the 1-based number of the line.
func (x Expression) Line() int { return x.line }

// Text is the expression as it was written.
func (x Expression) Text() string { return x.text }

// Next is Schedule.Next for this line alone.
func (x Expression) Next(after time.Time) (time.Time, bool) {
	return timeIf(x.expr.next(microsOf(after)))
}

// Prev is Schedule.Prev for this line alone.
func (x Expression) Prev(atOrBefore time.Time) (time.Time, bool) {
	return timeIf(x.expr.prev(microsOf(atOrBefore)))
}

// Count is Schedule.Count for this line alone.
func (x Expression) Count(after, upTo time.Time) int {
	return int(x.expr.count(microsOf(after), microsOf(upTo)))
}

// Contains is Schedule.Contains for this line alone.
func (x Expression) Contains(t time.Time) bool {
	return t.Nanosecond()%1000 == 0 && x.expr.contains(microsOf(t))
}

// microsOf rounds down to microseconds: an instant of a schedule is after t if and only if it is after that. A time
// outside of the supported years is moved to just outside.
func microsOf(t time.Time) int64 {
	s := t.Unix()
	if s < minSecond {
		return minMicro - 1
	}
	if s > maxSecond {
		return maxMicro
	}
	return s*microsPerSec + int64(t.Nanosecond()/1000)
}

// timeIf gives micros as a time in UTC, the zero time if there is none.
func timeIf(micros int64, ok bool) (time.Time, bool) {
	if !ok {
		return time.Time{}, false
	}
	s := floorDiv(micros, microsPerSec)
	return time.Unix(s, (micros-s*microsPerSec)*1000).UTC(), true
}
