package placement

import (
	"time"

	"horae/internal/store"
)

// This file decides when the status of a Run reports why the Run waits. A reason that holds for a moment is not
// worth a write, and numbers change all the time.

const (
	// explainEvery is how often the reasons of those who wait are looked at.
	explainEvery = time.Second
	// explainAtATime bounds how many different requests are looked at then, and how many explanations are returned.
	explainAtATime = 1000
	// explainAfter is how long a Run waits before its status reports why.
	explainAfter = time.Second
	// reasonEvery is the least time between two reports of a Run that differ in their reason.
	reasonEvery = 10 * time.Second
	// numbersEvery is the least time between two reports of a Run that differ in their message alone.
	numbersEvery = 5 * time.Minute
)

// Why says why a Run waits for a place.
type Why struct {
	// Reason in one word: it changes only when the meaning does, unlike the numbers in Message.
	Reason  string
	Message string
}

// Explanation is why a Run waits, when its status is to report that.
type Explanation struct {
	Run store.Key
	Why Why
}

// reported is the last explanation of a request.
type reported struct {
	Why
	at time.Time
}

// Explain returns the explanations that are due, and when to call it again; zero: when something waits. The
// number of explanations is bounded; the Runs that it has not looked at for longest come first. closed is why
// no placement is made at all; its zero value: placements are made.
func (q *Queue) Explain(closed Why, now time.Time) (due []Explanation, next time.Time) {
	if len(q.waiting) == 0 {
		return nil, time.Time{}
	}
	if now.Before(q.explainAt) {
		return nil, q.explainAt
	}
	for _, ps := range q.backlog.unexplained(explainAtATime) {
		if due = q.explain(ps, closed, now, due); len(due) == explainAtATime {
			break
		}
		ps.explained = now
	}
	q.explainAt = now.Add(explainEvery)
	return due, q.explainAt
}

// explain appends the explanations of peers that are due, as long as there are not too many.
func (q *Queue) explain(ps *peers, closed Why, now time.Time, due []Explanation) []Explanation {
	for _, r := range ps.waiting {
		if now.Before(r.Since.Add(explainAfter)) && q.knows(r) { // No time changes an unknown role.
			continue
		}
		if why := q.why(ps, r, closed); r.reported.outdated(why, now) {
			r.reported = reported{why, now}
			if due = append(due, Explanation{r.Run.Key, why}); len(due) == explainAtATime {
				break
			}
		}
	}
	return due
}

// outdated reports whether another explanation is to replace the last one now.
func (last *reported) outdated(why Why, now time.Time) bool {
	switch {
	case last.Why == why:
		return false
	case last.Reason != why.Reason:
		return !now.Before(last.at.Add(reasonEvery))
	}
	return !now.Before(last.at.Add(numbersEvery))
}

func (q *Queue) why(ps *peers, r *Request, closed Why) Why {
	switch {
	case !q.knows(r):
		return unknownRole(r.shape.role, q.cfg.Roles)
	case closed != Why{}:
		return closed
	case ps.failed == nil:
		return Why{waitNoOffers, "Mesos has offered nothing yet"}
	}
	return ps.failed.Why(r)
}
