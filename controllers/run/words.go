package run

import (
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"time"

	v1 "horae/api/v1"
)

// failed says how an attempt ended, and which one it was.
func (p *plan) failed(a *v1.Attempt, e ending) string {
	what := "failed"
	switch e.class {
	case lost:
		what = "was lost"
	case unstarted:
		what = "did not start"
	}
	number := len(p.status.Attempts)
	if id, ok := ParseTaskID(a.TaskID); ok {
		number = id.Attempt
	}
	return join(fmt.Sprintf("attempt %d %s", number, what), e.text)
}

// allFailed says that no attempt is left.
func (p *plan) allFailed(e ending) string {
	if n := p.counted(); n > 1 {
		return join(fmt.Sprintf("%d attempts failed, the last one", n), e.text)
	}
	return e.text
}

// lastWords is what the last attempt left to say, to be put behind another message.
func (p *plan) lastWords() string {
	n := len(p.status.Attempts)
	if n == 0 {
		if w := p.in.Why.Message; w != "" {
			return ": " + w
		}
		return ""
	}
	if m := p.status.Attempts[n-1].Message; m != "" {
		return "; the last attempt: " + m
	}
	return ""
}

func format(t time.Time) string {
	return t.UTC().Truncate(time.Millisecond).Format("2006-01-02T15:04:05.999Z07:00")
}

// join puts what is not empty behind each other.
func join(a, b string) string {
	switch {
	case a == "":
		return b
	case b == "":
		return a
	}
	return a + ": " + b
}

// longestMessage is how much of Mesos's own words is kept, in bytes: an agent may send a whole log.
const longestMessage = 1024

// shorten keeps the beginning of a long text, and valid UTF-8.
func shorten(text string) string {
	if len(text) <= longestMessage {
		return text
	}
	return strings.ToValidUTF8(text[:longestMessage], "") + "..."
}

// fraction spreads texts evenly over [0, 1), always in the same way.
func fraction(text string) float64 {
	h := fnv.New64a()
	h.Write([]byte(text))
	x := h.Sum64()
	// FNV's low bits carry the last bytes: mix them into the high ones.
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	return float64(x>>11) / (1 << 53)
}

// sameStatus and sameAttempt compare by value. They are written out because they are asked at each update: a test holds them to
// all the fields there are.
func sameStatus(a, b *v1.RunStatus) bool {
	return a.Phase == b.Phase && a.Reason == b.Reason && a.Message == b.Message &&
		sameTime(a.StartTime, b.StartTime) && sameTime(a.FinishTime, b.FinishTime) && sameTime(a.RetryTime, b.RetryTime) &&
		slices.EqualFunc(a.Attempts, b.Attempts, func(x, y v1.Attempt) bool { return sameAttempt(&x, &y) })
}

func sameAttempt(a, b *v1.Attempt) bool {
	return a.TaskID == b.TaskID && a.AgentID == b.AgentID && a.Hostname == b.Hostname && a.AgentURL == b.AgentURL &&
		a.State == b.State && a.LaunchTime.Equal(b.LaunchTime.Time) &&
		sameTime(a.StartTime, b.StartTime) && sameTime(a.FinishTime, b.FinishTime) && sameTime(a.UnreachableTime, b.UnreachableTime) &&
		a.NotStarted == b.NotStarted && samePtr(a.ExitCode, b.ExitCode) && a.Reason == b.Reason && a.Message == b.Message &&
		a.ContainerID == b.ContainerID && a.Sandbox == b.Sandbox && slices.Equal(a.Ports, b.Ports)
}

func sameTime(a, b *v1.Time) bool {
	return a == b || a != nil && b != nil && a.Equal(b.Time)
}

func samePtr[T comparable](a, b *T) bool {
	return a == b || a != nil && b != nil && *a == *b
}
