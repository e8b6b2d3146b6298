package v1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Graph is the answer to GET graph and GET jobs/NAME/graph: which Jobs follow which, and how they are. Jobs that neither
// depend on one nor have dependents are left out, unless one is asked for by name.
type Graph struct {
	metav1.TypeMeta `json:",inline"`
	// Jobs, those that others depend on first.
	Jobs []GraphJob `json:"jobs"`
	// Edges from parents to the Jobs that depend on them.
	Edges []GraphEdge `json:"edges"`
	// Truncated: there are more Jobs or edges than an answer holds.
	Truncated bool `json:"truncated,omitempty"`
}

// GraphJob is a Job of a Graph.
type GraphJob struct {
	Namespace string     `json:"namespace"`
	Name      string     `json:"name"`
	State     GraphState `json:"state"`
	// Schedule of a Job that has one.
	Schedule string `json:"schedule,omitempty"`
	// Policy by which it joins the Runs of the Jobs that it depends on.
	Policy DependencyPolicy `json:"policy,omitempty"`
	// Active is how many of its Runs have not ended.
	Active int64 `json:"active,omitempty"`
}

// GraphEdge is that a Job follows another one.
type GraphEdge struct {
	Namespace string `json:"namespace"`
	// From is the parent, To the Job that depends on it.
	From string            `json:"from"`
	To   string            `json:"to"`
	On   DependencyOutcome `json:"on"`
	// Banked is how many ends of the parent have led to no Run of the other yet.
	Banked int64 `json:"banked,omitempty"`
}

// GraphState is how a Job is, in one word. The first that applies holds.
type GraphState string

// Values of GraphState.
const (
	GraphMissing     GraphState = "Missing"     // it does not exist
	GraphNotAccepted GraphState = "NotAccepted" // its spec is not valid
	GraphCycle       GraphState = "Cycle"       // it depends on itself
	GraphSuspended   GraphState = "Suspended"   // by a person, or after failures
	GraphRunning     GraphState = "Running"     // a Run is active
	GraphFailed      GraphState = "Failed"      // the last Run that ended has failed
	GraphSucceeded   GraphState = "Succeeded"   // it has succeeded
	GraphIdle        GraphState = "Idle"        // it has never run
)
