package run

import (
	"strconv"
	"strings"

	"horae/internal/store"
)

// TaskID names one attempt. Its text is namespace.run.createRevision.attempt (I4): the create revision of the
// Run's spec key differs from that of an earlier Run of the same name, and each attempt has its own number; so none is
// ever used twice.
type TaskID struct {
	Namespace string
	Run       string
	// Incarnation is the create revision of the Run's spec key.
	Incarnation int64
	// Attempt counts from 1.
	Attempt int
}

// String is the task's id on Mesos. Namespaces and the names of Runs hold no dot, so that it can be read back.
func (id TaskID) String() string {
	b := make([]byte, 0, len(id.Namespace)+len(id.Run)+24)
	b = append(b, id.Namespace...)
	b = append(b, '.')
	b = append(b, id.Run...)
	b = append(b, '.')
	b = strconv.AppendInt(b, id.Incarnation, 10)
	b = append(b, '.')
	return string(strconv.AppendInt(b, int64(id.Attempt), 10))
}

// Key of the Run that the task is an attempt of.
func (id TaskID) Key() store.Key { return store.RunKey(id.Namespace, id.Run) }

// ParseTaskID reads a task's id back. It returns false for any text that String does not make.
func ParseTaskID(s string) (TaskID, bool) {
	namespace, rest, ok1 := strings.Cut(s, ".")
	run, rest, ok2 := strings.Cut(rest, ".")
	incarnation, attempt, ok3 := strings.Cut(rest, ".")
	if !ok1 || !ok2 || !ok3 || namespace == "" || run == "" {
		return TaskID{}, false
	}
	id := TaskID{Namespace: namespace, Run: run}
	var err1, err2 error
	id.Incarnation, err1 = strconv.ParseInt(incarnation, 10, 64)
	id.Attempt, err2 = strconv.Atoi(attempt)
	if err1 != nil || err2 != nil || id.Incarnation <= 0 || id.Attempt <= 0 || id.String() != s {
		return TaskID{}, false
	}
	return id, true
}
