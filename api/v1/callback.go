package v1

// CallbackDocument is what the callbacks of one attempt have reported so far, as etcd keeps it beside the Run
// (docs/etcd.md). Managers write it when a callback comes; the run controller reads it, and removes it with the end
// of the attempt.
type CallbackDocument struct {
	// TaskID is the attempt's.
	TaskID string `json:"taskID"`
	// Outcome is how the attempt ended, once a callback has reported that.
	Outcome *CallbackOutcome `json:"outcome,omitempty"`
	// Progress is the number of elements processed so far.
	Progress *int64 `json:"progress,omitempty"`
	// IDs are those of the latest callbacks that reported progress, oldest first.
	IDs []string `json:"ids,omitempty"`
}
