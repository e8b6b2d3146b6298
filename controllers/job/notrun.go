package job

import (
	"fmt"
	"time"

	v1 "horae/api/v1"
)

// recordEach calls recordOne for each of a list.
func (p *planner) recordEach(list []Occasion, outcome v1.RunPhase, reason string) {
	for _, o := range list {
		p.recordOne(o, outcome, reason)
	}
}

// recordOne records that an occasion does not become a Run.
func (p *planner) recordOne(o Occasion, outcome v1.RunPhase, reason string) {
	p.record(p.schedule, o.ScheduledTime, o.ScheduledTime, 1, outcome, reason)
}

// recordRange records the occurrences of the schedule after from and up to to, which is the last of them. There may
// be none.
func (p *planner) recordRange(s Occurrences, from, to time.Time, outcome v1.RunPhase, reason string) {
	if n := s.Count(from, to); n > 0 {
		first, _ := s.Next(from)
		p.record(s, first, to, n, outcome, reason)
	}
}

// maxNotRun bounds status.notRun.
const maxNotRun = 10

// record counts n occurrences that did not become Runs, and lists them in status.notRun (I10). If they have the
// reason of the latest entry and no occurrence of s lies between, they are added to that entry. A nil s adds a new
// entry.
func (p *planner) record(s Occurrences, first, through time.Time, n int, outcome v1.RunPhase, reason string) {
	if outcome == v1.RunMissed {
		p.next.Missed += int64(n)
	} else {
		p.next.Skipped += int64(n)
	}
	entry := v1.NotRun{
		ScheduledTime: v1.NewTime(first), Count: int64(n), Outcome: outcome, Reason: reason, Message: p.explain(reason),
	}
	p.list(entry, through, func(latest *v1.NotRun) bool {
		if s == nil {
			return false
		}
		end := latest.ScheduledTime
		if latest.Through != nil {
			end = *latest.Through
		}
		before, ok := s.Prev(first.Add(-instant))
		return ok && before.Equal(end.Time)
	})
}

// list puts an entry at the head of status.notRun. It takes in the latest one if that has the same outcome and reason,
// and follows says that they belong together. through is the last instant that the entry is about.
func (p *planner) list(entry v1.NotRun, through time.Time, follows func(latest *v1.NotRun) bool) {
	list := p.next.NotRun
	if len(list) > 0 && list[0].Outcome == entry.Outcome && list[0].Reason == entry.Reason && follows(&list[0]) {
		entry.ScheduledTime = list[0].ScheduledTime
		entry.Count += list[0].Count
		list = list[1:]
	}
	if entry.Count > 1 {
		entry.Through = v1.NewTimePtr(through)
	}
	p.next.NotRun = append([]v1.NotRun{entry}, list[:min(len(list), maxNotRun-1)]...)
}

// explain returns the message for a reason.
func (p *planner) explain(reason string) string {
	switch reason {
	case v1.ReasonDowntime:
		return fmt.Sprintf("no controller was running; missedRuns is %s", p.spec.MissedRuns)
	case v1.ReasonTooManyMissed:
		return fmt.Sprintf("more than %d occurrences were missed", p.in.Settings.MissedLimit)
	case v1.ReasonStartingDeadline:
		return fmt.Sprintf("could not start within %s", p.spec.StartingDeadline)
	case v1.ReasonOverlap, v1.ReasonQueueFull:
		if len(p.next.Active) > 0 {
			return v1.Short(p.next.Active[0] + " was active")
		}
		return "an earlier occurrence was about to start"
	case v1.ReasonReplaced:
		return "the next occurrence took its place"
	case v1.ReasonScheduleChanged:
		return "the schedule was changed before it started"
	case v1.ReasonNameTaken:
		return "another Run has its name"
	case v1.ReasonSuspended:
		return "the Job was suspended"
	case v1.ReasonTooManyFailures:
		return "the Job was suspended after failures"
	case v1.ReasonNotAccepted:
		return "the Job's spec was not valid"
	case v1.ReasonCalendar:
		return p.explainCalendars()
	case v1.ReasonTooManyMoved:
		return "there is no later day to move it to, or more were to be moved than are kept"
	}
	return ""
}
