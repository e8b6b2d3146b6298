package statistics

import "time"

// Outcome of a Run, as far as the success rate depends on it.
type Outcome byte

// Outcomes.
const (
	// NoOutcome: the Run counts neither as a success nor as a failure. It was killed.
	NoOutcome Outcome = iota
	Succeeded
	Failed
)

// Sample is what one Run contributes.
type Sample struct {
	// Finish is when the Run ended. It decides to which hour and day the Run belongs.
	Finish  time.Time
	Outcome Outcome
	// Duration of the Run and Waiting, from when it was due to when it was running. Negative: there is none.
	Duration, Waiting time.Duration
}

// None stands for a length of time that a Run does not have.
const None time.Duration = -1
