package v1

import (
	"fmt"
	"math"
	"regexp"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Bounds of numbers in a Job.
const (
	// MaxRetryLimit keeps a Run's document, which lists every attempt, well under what etcd takes.
	MaxRetryLimit = 1000
	// MaxRetryFactor is more than any delay grows by in practice.
	MaxRetryFactor = 100
	// MaxHistory bounds the ended Runs kept of one Job.
	MaxHistory = 10000
	// MaxParents bounds the Jobs that one depends on, and the Runs that spec.parents of a Run names.
	MaxParents = 1000
	// MinPriority and MaxPriority leave room for ageing on both sides. Chronos's highPriority is 1000.
	MinPriority, MaxPriority = -1_000_000, 1_000_000
)

func validateJobSpec(s *JobSpec, name string, path *field.Path) field.ErrorList {
	errs := validateOwner(s.Owner, path.Child("owner"))
	if strings.TrimSpace(s.Schedule) != "" && len(s.DependsOn) > 0 {
		errs = append(errs, field.Forbidden(path.Child("dependsOn"), "a Job has a schedule or dependsOn, not both: remove one of them; "+
			"to run both after other Jobs and at certain times, use two Jobs with the same task"))
	}
	errs = append(errs, validateJobCalendars(s, path.Child("calendars"))...)
	errs = append(errs, positive(path.Child("startingDeadline"), s.StartingDeadline)...)
	errs = append(errs, oneOf(path.Child("missedRuns"), s.MissedRuns, MissedRunsLatest, MissedRunsAll, MissedRunsNone)...)
	errs = append(errs, notNegative(path.Child("jitter"), s.Jitter)...)
	errs = append(errs, validateDependencies(s, name, path)...)
	errs = append(errs, oneOf(path.Child("concurrencyPolicy"), s.ConcurrencyPolicy,
		ConcurrencyForbid, ConcurrencyAllow, ConcurrencyReplace, ConcurrencyQueue)...)
	if n := s.SuspendAfterFailures; n != nil {
		errs = append(errs, inRange(path.Child("suspendAfterFailures"), *n, 1, math.MaxInt32)...)
	}
	errs = append(errs, validateRunPolicy(&s.RunPolicy, path)...)
	errs = append(errs, validateHistory(&s.History, path.Child("history"))...)
	errs = append(errs, validateTask(&s.Task, path.Child("task"))...)
	errs = append(errs, validateExecution(&s.Task, nil, nil, path.Child("task"))...)
	return append(errs, validateNotify(s.Notify, path.Child("notify"))...)
}

func validateRunSpec(s *RunSpec, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if s.Job == "" {
		errs = append(errs, field.Required(path.Child("job"), ""))
	} else {
		errs = append(errs, invalid(path.Child("job"), s.Job, validateJobName(s.Job))...)
	}
	if s.Reason == "" {
		errs = append(errs, field.Required(path.Child("reason"), ""))
	}
	errs = append(errs, oneOf(path.Child("reason"), s.Reason, ReasonSchedule, ReasonDependency, ReasonManual, ReasonBackfill)...)
	if s.ScheduledTime == nil && (s.Reason == ReasonSchedule || s.Reason == ReasonBackfill) {
		errs = append(errs, field.Required(path.Child("scheduledTime"), fmt.Sprintf("with reason %s", s.Reason)))
	}
	if n := len(s.Parents); n > MaxParents {
		errs = append(errs, field.TooMany(path.Child("parents"), n, MaxParents))
	}
	if s.OmittedParents < 0 {
		errs = append(errs, field.Invalid(path.Child("omittedParents"), s.OmittedParents, "must not be negative"))
	}
	for i, parent := range s.Parents {
		errs = append(errs, invalid(path.Child("parents").Index(i), parent, validateRunName(parent))...)
	}
	errs = append(errs, validateManual(s, path)...)
	errs = append(errs, validateRunBackfill(s, path)...)
	for i, arg := range s.Args {
		at := path.Child("args").Index(i)
		errs = append(errs, noNUL(at, arg)...)
		errs = append(errs, argument(at, len(arg))...)
	}
	errs = append(errs, validateShellLine(s.Task.Shell, s.Args, path.Child("args"))...)
	errs = append(errs, validateExecution(&s.Task, s.Args, s.Env, path)...)
	if len(s.Args) > 0 && s.Task.Executor != nil {
		errs = append(errs, field.Forbidden(path.Child("args"), "a custom executor takes no args"))
	}
	errs = append(errs, validateEnv(s.Env, path.Child("env"))...)
	if c := s.Task.Container; c != nil && c.Type == ContainerDocker {
		errs = append(errs, noSecrets(s.Env, path.Child("env"))...)
	}
	errs = append(errs, validateOwner(s.Owner, path.Child("owner"))...)
	errs = append(errs, validateRunPolicy(&s.RunPolicy, path)...)
	return append(errs, validateTask(&s.Task, path.Child("task"))...)
}

// Bounds of what a person's request leaves in a Run, in bytes.
const (
	MaxNote        = 1024
	MaxRequestedBy = 256
)

// validateManual checks the fields that a person's request sets.
func validateManual(s *RunSpec, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if s.RetryOf != "" {
		errs = append(errs, invalid(path.Child("retryOf"), s.RetryOf, validateRunName(s.RetryOf))...)
	}
	errs = append(errs, plainText(path.Child("requestedBy"), s.RequestedBy, MaxRequestedBy)...)
	errs = append(errs, plainText(path.Child("note"), s.Note, MaxNote)...)
	if s.Reason == ReasonManual || s.Reason == "" {
		return errs
	}
	for _, f := range []struct {
		name string
		set  bool
	}{{"retryOf", s.RetryOf != ""}, {"markSucceeded", s.MarkSucceeded}} {
		if f.set {
			errs = append(errs, field.Forbidden(path.Child(f.name), fmt.Sprintf("needs reason %s", ReasonManual)))
		}
	}
	return errs
}

var mailAddress = regexp.MustCompile(`^[^\s@,;<>"]+@[^\s@,;<>"]+$`)

func validateOwner(owner string, path *field.Path) field.ErrorList {
	if owner == "" {
		return nil
	}
	for address := range strings.SplitSeq(owner, ",") {
		if !mailAddress.MatchString(strings.TrimSpace(address)) {
			return field.ErrorList{field.Invalid(path, owner, "must be mail addresses such as ops@example.com, separated by commas")}
		}
	}
	return nil
}

func validateDependencies(s *JobSpec, name string, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if n := len(s.DependsOn); n > MaxParents {
		return append(errs, field.TooMany(path.Child("dependsOn"), n, MaxParents))
	}
	seen := map[string]bool{}
	for i, d := range s.DependsOn {
		at := path.Child("dependsOn").Index(i)
		switch {
		case d.Job == "":
			errs = append(errs, field.Required(at.Child("job"), ""))
		case d.Job == name:
			errs = append(errs, field.Invalid(at.Child("job"), d.Job, "a Job cannot depend on itself"))
		case seen[d.Job]:
			errs = append(errs, field.Duplicate(at.Child("job"), d.Job))
		default:
			errs = append(errs, invalid(at.Child("job"), d.Job, validateJobName(d.Job))...)
		}
		seen[d.Job] = true
		errs = append(errs, oneOf(at.Child("on"), d.On, OnSucceeded, OnFailed, OnFinished)...)
	}
	if s.DependencyPolicy != "" && len(s.DependsOn) == 0 {
		errs = append(errs, field.Forbidden(path.Child("dependencyPolicy"), "means nothing without dependsOn"))
	}
	return append(errs, oneOf(path.Child("dependencyPolicy"), s.DependencyPolicy,
		DependencyAllSinceLastRun, DependencyEachOnce, DependencyAny, DependencySameScheduledTime)...)
}

func validateRunPolicy(p *RunPolicy, path *field.Path) field.ErrorList {
	errs := validateRetries(&p.Retries, path.Child("retries"))
	errs = append(errs, positive(path.Child("timeout"), p.Timeout)...)
	errs = append(errs, positive(path.Child("queueTimeout"), p.QueueTimeout)...)
	errs = append(errs, positive(path.Child("deadline"), p.Deadline)...)
	if p.Async != nil {
		errs = append(errs, positive(path.Child("async", "timeout"), p.Async.Timeout)...)
	}
	errs = append(errs, inRange(path.Child("priority"), p.Priority, MinPriority, MaxPriority)...)
	if u := p.Unreachable; u != nil {
		at := path.Child("unreachable")
		errs = append(errs, positive(at.Child("after"), u.After)...)
		errs = append(errs, oneOf(at.Child("then"), u.Then, UnreachableWait, UnreachableReplace)...)
		if u.After != nil && u.Then != UnreachableReplace {
			errs = append(errs, field.Forbidden(at.Child("after"), "means nothing without then: Replace; Wait has no end"))
		}
	}
	return errs
}

func validateRetries(r *Retries, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if r.Limit != nil {
		errs = append(errs, inRange(path.Child("limit"), *r.Limit, 0, MaxRetryLimit)...)
	}
	errs = append(errs, notNegative(path.Child("delay"), r.Delay)...)
	if f := r.Factor; f != nil && !(*f >= 1 && *f <= MaxRetryFactor) {
		errs = append(errs, field.Invalid(path.Child("factor"), *f, fmt.Sprintf("must be between 1 and %d", MaxRetryFactor)))
	}
	errs = append(errs, positive(path.Child("maxDelay"), r.MaxDelay)...)
	if r.Delay != nil && r.MaxDelay != nil && r.MaxDelay.Duration > 0 && r.MaxDelay.Duration < r.Delay.Duration {
		errs = append(errs, field.Invalid(path.Child("maxDelay"), r.MaxDelay.String(),
			fmt.Sprintf("must not be less than the delay, %s", r.Delay)))
	}
	if c := r.ExitCodes; c != nil {
		errs = append(errs, validateExitCodes(c, path.Child("exitCodes"))...)
	}
	return errs
}

func validateExitCodes(c *RetryExitCodes, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if len(c.Never) > 0 && len(c.Only) > 0 {
		errs = append(errs, field.Forbidden(path.Child("only"), "give never or only, not both"))
	}
	for _, list := range []struct {
		name  string
		codes []int32
	}{{"never", c.Never}, {"only", c.Only}} {
		seen := repeats(list.codes)
		for i, code := range list.codes {
			at := path.Child(list.name).Index(i)
			errs = append(errs, inRange(at, code, 1, 255)...)
			if seen[i] {
				errs = append(errs, field.Duplicate(at, code))
			}
		}
	}
	return errs
}

func validateHistory(h *History, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if h.Succeeded != nil {
		errs = append(errs, inRange(path.Child("succeeded"), *h.Succeeded, 0, MaxHistory)...)
	}
	if h.Failed != nil {
		errs = append(errs, inRange(path.Child("failed"), *h.Failed, 0, MaxHistory)...)
	}
	return append(errs, positive(path.Child("ttl"), h.TTL)...)
}

func validateNotify(routes []NotifyRoute, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for i, r := range routes {
		at := path.Index(i)
		if r.To == "" {
			errs = append(errs, field.Required(at.Child("to"), "such as slack:#data"))
		}
		for j, on := range r.On {
			errs = append(errs, invalid(at.Child("on").Index(j), on, isTransition(on))...)
		}
	}
	return errs
}

var transition = regexp.MustCompile(`^[A-Z][A-Za-z]*$`)

// isTransition checks the form only; which transitions there are comes with notifications.
func isTransition(s string) []string {
	if !transition.MatchString(s) {
		return []string{"must be a word such as Failed, Recovered or Late"}
	}
	return nil
}
