package run

import (
	"slices"

	v1 "horae/api/v1"
)

// sameStatus and sameAttempt compare by value. They run at each update, so they are written out; a test checks
// that they compare all fields.
func sameStatus(a, b *v1.RunStatus) bool {
	return a.Phase == b.Phase && a.Reason == b.Reason && a.Message == b.Message &&
		sameTime(a.StartTime, b.StartTime) && sameTime(a.FinishTime, b.FinishTime) && sameTime(a.RetryTime, b.RetryTime) &&
		samePtr(a.Progress, b.Progress) &&
		slices.EqualFunc(a.Attempts, b.Attempts, func(x, y v1.Attempt) bool { return sameAttempt(&x, &y) })
}

func sameAttempt(a, b *v1.Attempt) bool {
	return a.TaskID == b.TaskID && a.AgentID == b.AgentID && a.Hostname == b.Hostname && a.AgentURL == b.AgentURL &&
		a.State == b.State && a.LaunchTime.Equal(b.LaunchTime.Time) &&
		sameTime(a.StartTime, b.StartTime) && sameTime(a.FinishTime, b.FinishTime) &&
		sameTime(a.UnreachableTime, b.UnreachableTime) && sameTime(a.TaskFinishTime, b.TaskFinishTime) &&
		sameOutcome(a.Callback, b.Callback) &&
		a.NotStarted == b.NotStarted && samePtr(a.ExitCode, b.ExitCode) && a.Reason == b.Reason && a.Message == b.Message &&
		a.ContainerID == b.ContainerID && a.Sandbox == b.Sandbox && slices.Equal(a.Ports, b.Ports)
}

func sameOutcome(a, b *v1.CallbackOutcome) bool {
	return a == b || a != nil && b != nil && a.Phase == b.Phase && a.Message == b.Message && a.Time.Equal(b.Time.Time) && a.ID == b.ID
}

func sameTime(a, b *v1.Time) bool {
	return a == b || a != nil && b != nil && a.Equal(b.Time)
}

func samePtr[T comparable](a, b *T) bool {
	return a == b || a != nil && b != nil && *a == *b
}
