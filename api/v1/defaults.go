package v1

import (
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
)

// Defaults of fields that a Job leaves open: those of Chronos, if it had one.
const (
	DefaultTimeZone         = "Etc/UTC"
	DefaultRetryLimit       = 2
	DefaultRetryDelay       = 60 * time.Second
	DefaultRetryFactor      = 1.0
	DefaultRetryMaxDelay    = 30 * time.Minute
	DefaultHistory          = 10
	DefaultUnreachableAfter = 15 * time.Minute
)

// Resources that a task gets when it names none: Chronos's --mesos_task_cpu, _mem and _disk.
var (
	defaultCPUs   = resource.MustParse("0.1")
	defaultMemory = resource.MustParse("128Mi")
	defaultDisk   = resource.MustParse("256Mi")
)

// SetDefaultsJob fills in what the user left open. It does so on every read; what is stored is what the user wrote.
// Applying it twice changes nothing. It leaves name and namespace alone: the reader of a document sets them.
func SetDefaultsJob(j *Job) {
	s := &j.Spec
	setDefault(&s.TimeZone, DefaultTimeZone)
	setDefault(&s.MissedRuns, MissedRunsLatest)
	if len(s.DependsOn) > 0 {
		setDefault(&s.ConcurrencyPolicy, ConcurrencyQueue) // The end of a parent is not lost because a Run is active.
	}
	setDefault(&s.ConcurrencyPolicy, ConcurrencyForbid)
	if c := s.Calendars; c != nil && len(c.Exclude)+len(c.Only) > 0 {
		setDefault(&c.OnExcluded, OnExcludedSkip)
	}
	if len(s.DependsOn) > 0 {
		setDefault(&s.DependencyPolicy, DependencyAllSinceLastRun)
	}
	for i := range s.DependsOn {
		setDefault(&s.DependsOn[i].On, OnSucceeded)
	}
	setDefaultPtr(&s.History.Succeeded, DefaultHistory)
	setDefaultPtr(&s.History.Failed, DefaultHistory)
	setDefaultsRunPolicy(&s.RunPolicy)
	setDefaultsTask(&s.Task)
}

// SetDefaultsRun fills in what is left open: nothing in a Run that Horae made of a Job.
func SetDefaultsRun(r *Run) {
	setDefaultsRunPolicy(&r.Spec.RunPolicy)
	setDefaultsTask(&r.Spec.Task)
}

// SetDefaultsCalendar fills in what is left open: nothing, so far.
func SetDefaultsCalendar(*Calendar) {}

// SetDefaultsBackfill fills in what the user left open. The default of the priority depends on the Job.
func SetDefaultsBackfill(b *Backfill) {
	setDefaultPtr(&b.Spec.Parallel, 1)
	setDefault(&b.Spec.Order, BackfillOldestFirst)
	setDefault(&b.Spec.Runs, BackfillMissing)
}

func setDefaultsRunPolicy(p *RunPolicy) {
	r := &p.Retries
	setDefaultPtr(&r.Limit, DefaultRetryLimit)
	setDefaultPtr(&r.Delay, Duration{DefaultRetryDelay})
	setDefaultPtr(&r.Factor, DefaultRetryFactor)
	// A delay above the default bound raises the bound: the user set the delay, but not the bound.
	setDefaultPtr(&r.MaxDelay, Duration{max(DefaultRetryMaxDelay, r.Delay.Duration)})
	setDefaultPtr(&r.OnLost, true)
	if u := p.Unreachable; u != nil {
		setDefault(&u.Then, UnreachableWait)
		if u.Then == UnreachableReplace {
			setDefaultPtr(&u.After, Duration{DefaultUnreachableAfter})
		}
	}
}

func setDefaultsTask(t *TaskSpec) {
	for i := range t.Fetch {
		setDefaultPtr(&t.Fetch[i].Extract, true)
	}
	setDefaultsResources(&t.Resources)
	setDefault(&t.Placement, PlacementPack)
	if c := t.Container; c != nil {
		setDefaultsContainer(c)
	}
	if e := t.Executor; e != nil {
		for i := range e.Fetch {
			setDefaultPtr(&e.Fetch[i].Extract, true)
		}
	}
	if h := t.HealthCheck; h != nil {
		setDefaultPtr(&h.Interval, Duration{10 * time.Second})
		setDefaultPtr(&h.Timeout, Duration{20 * time.Second})
		setDefaultPtr(&h.GracePeriod, Duration{10 * time.Second})
		setDefaultPtr(&h.MaxFailures, 3)
		if h.HTTP != nil {
			setDefault(&h.HTTP.Scheme, "http")
			setDefault(&h.HTTP.Path, "/")
		}
	}
}

// setDefaultsResources also has each quantity store its text. Otherwise Quantity.String would store it at its first
// call, which would be a write to a shared object (I8).
func setDefaultsResources(r *Resources) {
	for _, q := range []struct {
		value **resource.Quantity
		or    resource.Quantity
	}{{&r.CPUs, defaultCPUs}, {&r.Memory, defaultMemory}, {&r.Disk, defaultDisk}} {
		if *q.value == nil {
			or := q.or.DeepCopy()
			*q.value = &or
		}
		_ = (*q.value).String()
	}
}

func setDefaultsContainer(c *Container) {
	if n := c.Network; n != nil {
		setDefault(&n.Mode, NetworkHost)
		for i := range n.PortMappings {
			setDefault(&n.PortMappings[i].Protocol, ProtocolTCP)
		}
	}
	for i := range c.Volumes {
		setDefault(&c.Volumes[i].Mode, VolumeReadWrite)
	}
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

func setDefaultPtr[T any](field **T, value T) {
	if *field == nil {
		*field = &value
	}
}
