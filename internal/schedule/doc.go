// Package schedule turns what a user writes in spec.schedule and spec.timeZone into instants: cron expressions, ISO
// 8601 repeating intervals, @every and @at, and unions of them. docs/schedule.md has the language.
//
// It is a leaf and it is pure: it imports nothing of ours, looks at no clock and writes nowhere. The only state is the
// tables of time zones, which are built once for each zone and never change. The job controller calls it to plan, the
// API to validate, and `horae schedule` to explain. It does not know of starting deadlines, missed runs, jitter or
// calendars: those are policies of the job controller's plan.
//
// # What a schedule is
//
// A set of instants. [Schedule.Next], [Schedule.Prev] and [Schedule.Count] do not depend on earlier calls, so a
// schedule has no state of its own: the controller keeps one cursor, the last instant it handled. Occurrence k of a
// repeating interval is start + k × period, from the start each time. Chronos instead rewrote the start at each
// launch, and so lost the 31st of the month, the 29th of February and the hour of each daylight-saving gap.
//
// Instants lie in the years 0001 to 9999, which RFC 3339 can write; after that a schedule is exhausted. They are
// whole microseconds; cron expressions fire at whole seconds. Options.Created is taken in whole seconds, so the first
// occurrence of "R//P1D" is Created itself without its fraction: a cursor that is to see it must begin before that.
//
// Two occurrences that fall on the same instant are one: of two expressions, of the local times 02:30 and 03:30 on
// the day on which 02:30 does not exist, and of two successive days of which a zone left the first one out. Rn counts
// periods: in that last case, which happened to four groups of islands, it fires n-1 times.
//
// # The daylight-saving rule
//
// One rule for cron and for periods of days and more, that of RFC 5545 3.3.5: a local time that does not exist is
// read with the offset before the gap, one that exists twice is its first instant. So each local time that an
// expression names fires once a day: nothing is skipped and nothing doubled, which is what people expect of "every
// night at 02:30" (and what neither robfig/cron nor hashicorp/cronexpr does). A cron expression whose hour field
// begins with "*" names no local time but follows the clock: "*/15 * * * *" fires every 15 minutes of real time,
// twice in the hour that comes twice and not in one that does not come. Hours, minutes and seconds of a period are
// elapsed time.
//
// The rule is decided in one place, newZoneTable: it cuts the time line into segments and notes for each with which
// offsets local times resolve to its instants: one mostly, none in a repeated hour, two after a gap. Everything else
// is arithmetic on int64 seconds.
//
// # Why tables of our own
//
// time.Time finds the offset anew in each operation, and has to interpret the zone's rule for each time after 2037;
// that was most of the cost of Next. A zoneTable is filled from time.Time.ZoneBounds up to the year 2500. From 2100
// on only rules are left, and those repeat every 400 years, which are a whole number of weeks; so an instant beyond
// the table is looked up 400, 800, ... years earlier. Tests compare the tables with the standard library's answers,
// for every zone, before and after.
//
// # Cost
//
// Next and Prev allocate nothing. A cron field is a bit mask, a month's days are one word, and the next value is a
// count of trailing zeros; rare expressions go from month to month, at most 400 years, since an expression that does
// not fire in 400 years never does and is refused. A repeating interval estimates k and corrects it by a step or two.
//
// Count is exact and does not walk. A cron expression costs a few operations for each month of the range (days that
// match × times of a day), a repeating interval a subtraction, a union of cron expressions a few for each day. An
// elapsed period beside other expressions costs the walk of one day for each phase that it can have against midnight;
// only if its period has a fraction of a second, or if more than four of them stand together, are its instants walked
// one by one.
//
// # Leap seconds
//
// They do not matter: POSIX time, Go and the zones have none. Every day has 86400 seconds, the system's clock is
// slewed or stepped by NTP over a leap second, and a start of 23:59:60 is refused.
//
// # Where things are
//
//   - schedule.go: parsing a schedule, and its union of expressions; cronparse.go: cron expressions; iso.go: repeating
//     intervals, @every and @at; localtime.go: ISO dates and times; hash.go: H in a cron expression; error.go:
//     mistakes with their place
//   - cron.go: the next instant of a cron expression; dayset.go: its days; repeat.go, tick.go: the next instant of a
//     repeating interval; count.go, countrepeat.go: how many there are in a range
//   - zone.go: names of time zones; zonetable.go: their offsets; civil.go: dates
//   - anchor.go: where a schedule without a start begins; cache.go: schedules parsed before
//   - describe.go: a schedule in English
package schedule
