package store

import (
	"fmt"

	v1 "horae/api/v1"
)

// MaxCount is more than anything that is counted in a status can come to. Sums of two such numbers do not overflow.
const MaxCount = 1 << 53

// checkStatus returns what in a decoded status cannot be: numbers that controllers count on, and use as indexes, and
// fields that are written together. Only the leader writes statuses, but whoever may write to etcd can put one. status
// points to a kind's status. The error begins with the path of the field.
func checkStatus(status any) error {
	c := &statusCheck{}
	switch s := status.(type) {
	case *v1.JobStatus:
		c.job(s)
	case *v1.BackfillStatus:
		c.backfill(s)
	}
	return c.err
}

// statusCheck keeps the first mistake.
type statusCheck struct{ err error }

func (c *statusCheck) fail(path, format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf("%s: "+format, append([]any{path}, args...)...)
	}
}

func (c *statusCheck) count(path string, n int64) {
	if n < 0 || n > MaxCount {
		c.fail(path, "is %d, must be between 0 and %d", n, int64(MaxCount))
	}
}

func (c *statusCheck) job(s *v1.JobStatus) {
	c.count("status.observedGeneration", s.ObservedGeneration)
	c.count("status.occurrences", s.Occurrences)
	c.count("status.missed", s.Missed)
	c.count("status.skipped", s.Skipped)
	c.count("status.activeCount", s.ActiveCount)
	c.count("status.succeeded", s.Succeeded)
	c.count("status.failed", s.Failed)
	c.count("status.consecutiveFailures", s.ConsecutiveFailures)
	for i := range s.NotRun {
		c.count(fmt.Sprintf("status.notRun[%d].count", i), s.NotRun[i].Count)
	}
	if e := s.Completions; e != nil {
		c.count("status.completions.last", e.Last)
		if e.Last < int64(len(e.Ends)) {
			c.fail("status.completions.last", "is %d, but %d ends are listed, and the last of them has this number", e.Last, len(e.Ends))
		}
	}
	for i := range s.Parents {
		p, path := &s.Parents[i], fmt.Sprintf("status.parents[%d]", i)
		c.count(path+".seen", p.Seen)
		c.count(path+".omitted", p.Omitted)
		c.count(path+".consumed", p.Consumed)
	}
	if s.Duration != nil {
		c.count("status.duration.count", s.Duration.Count)
	}
}

func (c *statusCheck) backfill(s *v1.BackfillStatus) {
	c.count("status.observedGeneration", s.ObservedGeneration)
	c.count("status.total", s.Total)
	c.count("status.done", s.Done)
	c.count("status.succeeded", s.Succeeded)
	c.count("status.failed", s.Failed)
	c.count("status.skipped", s.Skipped)
	c.count("status.activeCount", s.ActiveCount)
	for i := range s.SkippedFor {
		c.count(fmt.Sprintf("status.skippedFor[%d].count", i), s.SkippedFor[i].Count)
	}
	if s.JobUID != "" && s.Schedule == nil {
		c.fail("status.schedule", "is missing, must be there because status.jobUID is")
	}
}
