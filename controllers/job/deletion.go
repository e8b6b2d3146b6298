package job

import (
	"slices"

	"horae/internal/store"
)

// remove plans for a Job whose spec is gone. Its Runs are cancelled, and deleted once they have ended; its status is
// deleted last.
func (p *planner) remove() {
	for _, run := range p.in.Runs {
		p.dispose(run)
	}
	over := !slices.ContainsFunc(p.in.Runs, func(run *store.Run) bool { return !ended(run) }) && len(p.discard) == len(p.in.Runs)
	p.deleteStatus = over && p.in.Job != nil && p.in.Job.Rev.StatusMod != 0
}

// removeEarlier disposes of the Runs of an earlier Job of the same name.
func (p *planner) removeEarlier() {
	for _, run := range p.in.Runs {
		if p.earlier(run) {
			p.dispose(run)
		}
	}
}

// earlier reports whether the Run was created before this incarnation of the Job.
func (p *planner) earlier(run *store.Run) bool {
	return !run.Rev.Deleted() && run.Rev.SpecCreate < p.in.Job.Rev.SpecCreate
}

// dispose takes the next step towards deleting a Run: it cancels the Run, or deletes it if it has ended. The run
// controller cleans up.
func (p *planner) dispose(run *store.Run) {
	switch {
	case run.Rev.Deleted():
	case ended(run) || run.Err != nil:
		if p.spend(nil) {
			p.discard = append(p.discard, run)
		}
	case !cancelled(run):
		if p.spend(run.Object) {
			p.cancel = append(p.cancel, run)
		}
	}
}
