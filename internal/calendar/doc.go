// Package calendar turns Calendars into sets of days, and time zones into days.
//
// Compile reads a Calendar's spec: dates, weekdays, and the all-day events of an iCalendar text. It returns a Set,
// which finds quickly whether it has a day and which day is next. A Rule combines the Sets that a Job names into the
// days on which the Job runs. Start, At and In convert between days of a time zone and instants.
//
// The package is a leaf: it knows no Jobs and no schedules, does no I/O and keeps no state. The job controller uses
// it to find which occurrences run, the calendar controller and the server to validate Calendars.
//
// # iCalendar
//
// Of RFC 5545 it reads what names days: VEVENTs whose DTSTART is a DATE, with DTEND or DURATION in days or weeks,
// RRULE, RDATE, EXDATE, and single occurrences that another VEVENT of the same UID replaces (RECURRENCE-ID). A
// cancelled event has no days. What does not change the days (names, alarms, time zones, TRANSP) is ignored. What
// would change them and is not supported is refused with its line, never left out: events with a time of day, to-dos,
// EXRULE, and the parts of an RRULE except FREQ (from DAILY on), INTERVAL, COUNT, UNTIL, BYMONTH, BYMONTHDAY, BYDAY
// and WKST.
//
// A recurrence without an end is known up to the end of the year 2199.
//
// # Where things are
//
//   - validate.go: validating and reading a Calendar; set.go: its set of days; rule.go: the days of several Calendars
//     together; split.go: occurrences on those days and on others; day.go: days and instants
//   - ics.go: events of an iCalendar text; icslines.go: its lines; recurrence.go: RRULE
package calendar
