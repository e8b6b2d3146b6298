// Package calendar reports whether Calendars are valid, and which days come next. It is the only owner of a Calendar's
// status (I5).
//
// No decision depends on that status: the job controller reads the specs of Calendars. The status reports a mistake
// in a Calendar to its author, even if the Calendar was written directly to etcd, and shows which days the Calendar
// has. Plan decides and is pure; Reconciler gathers and writes. A Calendar is reconciled when its spec changes and
// when a new day begins in UTC. The package writes no other object.
package calendar
