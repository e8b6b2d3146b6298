// Package calendar says whether Calendars are valid, and which days come next. It is the only owner of a Calendar's status (I5).
//
// Nothing hangs on that status: the job controller reads the specs of Calendars themselves. It is there so that a mistake in a
// Calendar, whoever wrote it and however, is told where its author looks (I10's sense), and so that people see which days are
// meant. Plan decides and is pure; Reconciler gathers and writes. A Calendar is looked at when its spec changes and when a new day
// begins in UTC. The package writes no other object.
package calendar
