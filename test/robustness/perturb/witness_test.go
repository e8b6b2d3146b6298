package perturb

import "sync"

// witness is what Mesos ran, by its own account.
type witness struct {
	changed func()

	mu    sync.Mutex
	tasks map[string]*ranTask // by id; guarded by mu
}

type ranTask struct {
	ran bool
	end string
}

// update is called with each update that the master forwards, under the cluster's lock.
func (r *witness) update(taskID, state string) bool {
	r.mu.Lock()
	if r.tasks == nil {
		r.tasks = map[string]*ranTask{}
	}
	t := r.tasks[taskID]
	if t == nil {
		t = &ranTask{}
		r.tasks[taskID] = t
	}
	switch state {
	case "TASK_STAGING", "TASK_STARTING", "TASK_KILLING", "TASK_UNREACHABLE":
	case "TASK_RUNNING":
		t.ran = true
	default:
		t.end = state
	}
	r.mu.Unlock()
	r.changed()
	return true
}

// of returns how a task fared; "" for one that never ran.
func (r *witness) of(taskID string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.tasks[taskID]
	switch {
	case t == nil || !t.ran:
		return ""
	case t.end == "":
		return "runs"
	}
	return t.end
}

// all are the ids of the tasks that ran.
func (r *witness) all() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var ids []string
	for id, t := range r.tasks {
		if t.ran {
			ids = append(ids, id)
		}
	}
	return ids
}
