package job

import (
	"slices"

	"horae/internal/store"
)

// remove plans for a Job that is gone: its Runs are cancelled, deleted once they have ended, and its status goes last.
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

// earlier reports whether the Run was made before this incarnation of the Job.
func (p *planner) earlier(run *store.Run) bool {
	return !run.Rev.Deleted() && run.Rev.SpecCreate < p.in.Job.Rev.SpecCreate
}

// dispose does the next thing to be done to a Run that must go: cancel it; delete it when it has ended. The run
// controller does the rest.
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
