package job

import (
	"horae/api"
	v1 "horae/api/v1"
	"horae/internal/store"
)

// A decision is one transaction, which must stay within what etcd accepts: it touches at most maxRuns Runs and writes
// at most maxRunBytes of them. The next plan, which follows at once, does the rest. Half a megabyte is left for the
// status.
const (
	maxRuns     = 32
	maxRunBytes = store.MaxChangeBytes - 512<<10
	// maxOneRun is the size of the largest Run. It leaves room for the status, whose lists are all bounded, and for the
	// statistics.
	maxOneRun = store.MaxChangeBytes - 160<<10
	// roomForParents is what the status and the Runs of a Job with dependsOn may take in addition.
	roomForParents = 512 << 10
)

// budget is what a plan has used of both. Most plans touch one Run, which is not measured: maxOneRun bounds it.
type budget struct {
	runs, bytes int
	first       *v1.Run // touched, and not measured yet
}

// spend takes a Run from the budget and reports whether there was room for it; if not, another plan follows at once.
// run is nil for a Run that is touched but not written.
func (p *planner) spend(run *v1.Run) bool {
	b := &p.budget
	bytes := b.bytes
	if b.runs > 0 && run != nil {
		bytes += sizeOf(b.first) + sizeOf(run)
	}
	if b.runs == maxRuns || b.runs == 1 && p.in.OneRun || bytes > maxRunBytes {
		p.spent = true
		p.wake.At(p.now)
		return false
	}
	switch {
	case run == nil:
	case b.runs == 0:
		b.first = run
	default:
		b.first, b.bytes = nil, bytes
	}
	b.runs++
	return true
}

// sizeOf is how many bytes a Run takes as it is stored.
func sizeOf(run *v1.Run) int {
	if run == nil {
		return 0
	}
	document, err := api.EncodeSpec(run)
	if err != nil {
		return 0 // Making the transaction fails with the same error.
	}
	return len(document)
}

// maxRunOf is the size of the largest Run of a Job, without the names of those that it follows.
func maxRunOf(spec *v1.JobSpec) int {
	if len(spec.DependsOn) > 0 {
		return maxOneRun - roomForParents
	}
	return maxOneRun
}
