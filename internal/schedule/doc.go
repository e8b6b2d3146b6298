// Package schedule turns expressions and a time zone into instants: cron, ISO 8601 repeating intervals, @every and @at.
// It is pure: it never looks at a clock and keeps no state but the tables of time zones.
package schedule
