package plan

import "time"

// Profile is the generator's constants.
type Profile struct {
	// Unit is what the numbers below count.
	Unit time.Duration
	// HeadStart is how long after it is added a Job's first occurrence is.
	HeadStart int
	// Durations: a task sleeps for 0 to Durations-1.
	Durations int
	// An occurrence may be MinEpsilon to MinEpsilon+Epsilons-1 late, and Forgiveness more.
	MinEpsilon, Epsilons, Forgiveness int
	// The interval is 1 + duration + epsilon + Slack + 0 to Intervals-1: windows are disjoint, and runs never overlap.
	Slack, Intervals int
	// Counts: a Job has 1 to Counts occurrences.
	Counts int

	// Clients add Jobs, each AddDelay plus up to twice AddStagger after the one before.
	Clients              int
	AddDelay, AddStagger time.Duration
	// MaxJobs bounds how many are added by all clients; 0: no bound.
	MaxJobs int
	// Vary draws policies for each Job, and has clients suspend, resume, edit, delete and trigger Jobs between additions.
	Vary bool
}

// Jepsen is the original test's.
func Jepsen() Profile {
	return Profile{
		Unit: time.Second, HeadStart: 10, Durations: 10, MinEpsilon: 10, Epsilons: 20, Forgiveness: 5, Slack: 5, Intervals: 30, Counts: 99,
		Clients: 5, AddDelay: 30 * time.Second, AddStagger: 30 * time.Second,
	}
}

// Compressed is p in n times the speed. Horae takes periods of a second and more, so that n is 16 at most for Jepsen's.
func (p Profile) Compressed(n int) Profile {
	p.Unit /= time.Duration(n)
	p.AddDelay /= time.Duration(n)
	p.AddStagger /= time.Duration(n)
	return p
}

// Forgive is by how much more than epsilon an occurrence may be late.
func (p Profile) Forgive() time.Duration { return time.Duration(p.Forgiveness) * p.Unit }
