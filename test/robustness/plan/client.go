package plan

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	v1 "horae/api/v1"
	"horae/test/robustness/history"
)

// Client decides what one of the clients does. Its decisions depend on the seed and on nothing that happens.
type Client struct {
	profile Profile
	rng     *rand.Rand
	number  int
	room    int // Jobs that it may still add; negative: any number
	added   int
	jobs    []*owned // those that it has not deleted
}

// owned is a Job that the client has added, whatever came of it.
type owned struct {
	name      string
	follows   bool // other Jobs
	suspended bool
	edits     int
	backfills int
}

// Step is what a client does next.
type Step struct {
	// Wait before it.
	Wait time.Duration
	Kind history.OpKind
	// Job, of which an addition holds all but the start.
	Job history.Job
	// Edit is the number that an edit writes.
	Edit int
	// Backfill is the number of the Job's Backfill; the other three are fields of it.
	Backfill   int
	Runs       v1.BackfillRuns
	Parallel   int32
	Dependents bool
	// Manager is which one to ask, modulo their number.
	Manager int
}

// NewClient makes the client of that number, from 0.
func NewClient(p Profile, seed uint64, number int) *Client {
	c := &Client{profile: p, rng: rand.New(rand.NewPCG(seed, uint64(number))), number: number, room: -1}
	if p.MaxJobs > 0 {
		c.room = p.MaxJobs / p.Clients
		if number < p.MaxJobs%p.Clients {
			c.room++
		}
	}
	return c
}

// Next decides on the next step; false: it has nothing more to do.
func (c *Client) Next() (Step, bool) {
	s := Step{Wait: c.profile.AddDelay, Manager: c.rng.IntN(1 << 16)}
	if stagger := 2 * c.profile.AddStagger; stagger > 0 {
		s.Wait += upTo(c.rng, stagger)
	}
	switch {
	case c.profile.Vary && len(c.jobs) > 0 && (c.room == 0 || c.rng.IntN(2) == 0):
		c.operate(&s, c.rng.IntN(len(c.jobs)))
	case c.room == 0:
		return Step{}, false
	default:
		c.room--
		c.added++
		s.Kind, s.Job = history.Add, c.draw()
		c.jobs = append(c.jobs, &owned{name: s.Job.Name, follows: len(s.Job.Parents) > 0})
	}
	return s, true
}

// upTo draws a duration from 0 to below, which it never is.
func upTo(rng *rand.Rand, below time.Duration) time.Duration {
	return time.Duration(rng.Int64N(int64(below)))
}

// operate draws an operation on one of the client's Jobs.
func (c *Client) operate(s *Step, i int) {
	j := c.jobs[i]
	s.Job.Name = j.name
	switch n := c.rng.IntN(20); {
	case j.suspended && n < 12:
		s.Kind, j.suspended = history.Resume, false
	case n < 5:
		s.Kind, j.suspended = history.Suspend, true
	case n < 10:
		j.edits++
		s.Kind, s.Edit = history.Edit, j.edits
	case n < 14 || n < 18 && j.follows:
		s.Kind = history.Trigger
	case n < 18:
		j.backfills++
		s.Kind, s.Backfill = history.Repeat, j.backfills
		s.Runs = draw(c.rng, v1.BackfillAll, v1.BackfillAll, v1.BackfillAll, v1.BackfillMissing, v1.BackfillFailed)
		s.Parallel, s.Dependents = int32(1+c.rng.IntN(3)), c.rng.IntN(2) == 0
	default:
		s.Kind = history.Delete
		c.jobs = slices.Delete(c.jobs, i, i+1)
	}
}

// draw draws a Job. Its numbers are Jepsen's.
func (c *Client) draw() history.Job {
	p := c.profile
	units := func(n int) time.Duration { return time.Duration(n) * p.Unit }
	duration, epsilon := c.rng.IntN(p.Durations), p.MinEpsilon+c.rng.IntN(p.Epsilons)
	j := history.Job{
		Name:     fmt.Sprintf("c%d-j%d", c.number+1, c.added),
		Duration: units(duration),
		Epsilon:  units(epsilon),
		Interval: units(1 + duration + epsilon + p.Slack + c.rng.IntN(p.Intervals)),
		Count:    1 + c.rng.IntN(p.Counts),
		// Without variation nothing keeps an occurrence from running, however late.
		Concurrency: v1.ConcurrencyAllow, MissedRuns: v1.MissedRunsAll, Retries: 20,
	}
	if p.Vary {
		j.Concurrency = draw(c.rng, v1.ConcurrencyAllow, v1.ConcurrencyAllow, v1.ConcurrencyForbid, v1.ConcurrencyForbid,
			v1.ConcurrencyQueue, v1.ConcurrencyReplace)
		j.MissedRuns = draw(c.rng, v1.MissedRunsAll, v1.MissedRunsAll, v1.MissedRunsLatest, v1.MissedRunsNone)
		j.Deadline = c.rng.IntN(3) == 0
		j.Retries = draw(c.rng, 20, 20, 20, 0)
		j.Flaky = j.Retries > 0 && c.rng.IntN(4) == 0
		// The end of a Run that replaces, or that fails by itself, is judged by its task alone.
		j.Async = c.rng.IntN(4) == 0 && !j.Flaky && j.Concurrency != v1.ConcurrencyReplace
		if len(c.jobs) > 0 && c.rng.IntN(3) == 0 {
			c.follow(&j)
		}
	}
	return j
}

// follow makes a Job one that follows one or two of the client's others, which may follow others themselves. Its policies
// are such that it can be said of each end what must become of it.
func (c *Client) follow(j *history.Job) {
	for _, i := range c.rng.Perm(len(c.jobs))[:1+c.rng.IntN(min(2, len(c.jobs)))] {
		j.Parents = append(j.Parents, c.jobs[i].name)
	}
	j.Start, j.Interval, j.Count, j.Deadline = time.Time{}, 0, 0, false
	j.On = draw(c.rng, v1.OnSucceeded, v1.OnSucceeded, v1.OnFinished)
	j.Policy = draw(c.rng, v1.DependencyAllSinceLastRun, v1.DependencyEachOnce)
	j.Concurrency, j.MissedRuns = draw(c.rng, v1.ConcurrencyQueue, v1.ConcurrencyQueue, v1.ConcurrencyAllow), v1.MissedRunsAll
	if j.Policy == v1.DependencyAllSinceLastRun {
		// Ends come while a Run is active, so that the next one must wait for it, and follow all of them.
		j.Duration += time.Duration(10+c.rng.IntN(20)) * c.profile.Unit
	}
	if j.Policy == v1.DependencyEachOnce && c.rng.IntN(3) == 0 {
		j.Concurrency, j.MissedRuns = v1.ConcurrencyForbid, v1.MissedRunsLatest
	}
}

func draw[T any](rng *rand.Rand, of ...T) T { return of[rng.IntN(len(of))] }
