// Package calendar turns Calendars into sets of days, and time zones into days.
//
// Compile reads a Calendar's spec: dates, weekdays, and the all-day events of an iCalendar text. The result is a Set, which answers
// quickly whether it has a day and which one comes next. A Rule joins the Sets that a Job names to the days on which the Job
// runs. Start, At and In say when a day of a time zone begins, and which day an instant is of.
//
// The package is a leaf: it knows no Jobs and no schedules, does no I/O and keeps no state. The job controller asks it which
// occurrences run, the calendar controller and the server whether a Calendar is valid.
//
// # iCalendar
//
// Of RFC 5545 it reads what names days: VEVENTs whose DTSTART is a DATE, with DTEND or DURATION in days or weeks, RRULE, RDATE,
// EXDATE, and single occurrences that another VEVENT of the same UID replaces (RECURRENCE-ID). A cancelled event has no days.
// What does not change the days (names, alarms, time zones, TRANSP) is not looked at. What would change them and cannot
// be done is refused with its line, never left out: events with a time of day, to-dos, EXRULE, and the parts of an RRULE that are not
// among FREQ (from DAILY on), INTERVAL, COUNT, UNTIL, BYMONTH, BYMONTHDAY, BYDAY and WKST.
//
// A recurrence without an end is known up to the end of the year 2199.
package calendar
