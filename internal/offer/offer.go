package offer

import "time"

// Offer is what one agent offers to one role.
type Offer struct {
	ID       string
	AgentID  string
	Hostname string
	// AgentURL is where the agent's API answers: http://host:port/slave(1).
	AgentURL string
	// Role that the offer is allocated to.
	Role       string
	Resources  []Resource
	Attributes []Attribute
	Region     string
	Zone       string
	// Unavailable is the agent's next maintenance window, if one is scheduled.
	Unavailable *Window
}

// Window is a span of time; a zero Duration has no end.
type Window struct {
	Start    time.Time
	Duration time.Duration
}

// InverseOffer asks us to give back what we use of an agent before a maintenance window. Accepting it says that we
// shall have left by then.
type InverseOffer struct {
	ID string
	// AgentID is empty if everything that we use is asked for.
	AgentID     string
	Unavailable Window
}

// ResourceType says which field of a Resource or an Attribute holds its value.
type ResourceType int

// The types that Mesos knows.
const (
	Scalar ResourceType = iota
	Ranges
	Set
	Text
)

// Resource is a part of an agent, exactly as it must be named again when it is accepted.
type Resource struct {
	// Name: cpus, mem (MB), disk (MB), gpus, ports, or an operator's own.
	Name   string
	Type   ResourceType
	Scalar float64
	Ranges []Range
	Set    []string
	// AllocatedRole is the role, one of ours, to which the resource was offered.
	AllocatedRole string
	// Reservations from the outermost to the innermost; none: unreserved.
	Reservations []Reservation
	Revocable    bool
	Shared       bool
	ProviderID   string
}

// Range of whole numbers, both ends included.
type Range struct{ Begin, End uint64 }

// Reservation of a resource for a role.
type Reservation struct {
	Dynamic   bool
	Role      string
	Principal string
	Labels    map[string]string
}

// Attribute of an agent.
type Attribute struct {
	Name   string
	Type   ResourceType
	Text   string
	Scalar float64
	Ranges []Range
	Set    []string
}
