package job

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	v1 "horae/api/v1"
	"horae/internal/store"
)

// family is several Jobs, their Runs and the clock. It carries decisions out as the store would: with their guards.
type family struct {
	t         tester
	revision  int64
	now       time.Time
	jobs      map[string]*store.Job
	runs      []*store.Run
	schedules *compiler
	manual    int
	// ever counts how often each Run name was created; ends are those of Runs, in order.
	ever map[string]int
	// consumed counts how often each Run stands in the parents of another one, for each Job.
	consumed map[string]int
	// cyclic has each Job in a cycle.
	cyclic bool
	// all are the Runs that were created, of each Job.
	all map[string][]*v1.Run
}

func newFamily(t tester) *family {
	return &family{t: t, revision: 100, now: at("10:00"), jobs: map[string]*store.Job{}, schedules: &compiler{},
		ever: map[string]int{}, consumed: map[string]int{}, all: map[string][]*v1.Run{}}
}

// create makes a Job, possibly anew, and plans it.
func (f *family) create(name string, edit func(*v1.JobSpec)) {
	f.revision++
	job := newJob(f.now, func(s *v1.JobSpec) {
		s.Schedule = ""
		if edit != nil {
			edit(s)
		}
	})
	job.Name, job.Generation = name, 1
	f.jobs[name] = &store.Job{Key: store.JobKey("default", name), Object: job, Rev: store.Revisions{
		SpecCreate: f.revision, SpecMod: f.revision, SpecVersion: 1,
	}}
}

// parents makes Jobs without a schedule, and plans them.
func (f *family) parents(names ...string) {
	for _, name := range names {
		f.create(name, nil)
		f.settle(name)
	}
}

// child makes a Job that depends on others.
func (f *family) child(name string, edit func(*v1.JobSpec), on ...string) {
	f.create(name, func(s *v1.JobSpec) {
		for _, d := range on {
			s.DependsOn = append(s.DependsOn, dependency(d))
		}
		if edit != nil {
			edit(s)
		}
	})
	f.settle(name)
}

// dependency reads "a" or "a:Failed".
func dependency(text string) v1.Dependency {
	job, on, _ := strings.Cut(text, ":")
	return v1.Dependency{Job: job, On: v1.DependencyOutcome(on)}
}

func (f *family) edit(name string, change func(*v1.JobSpec)) {
	f.revision++
	next := *f.jobs[name]
	next.Object = next.Object.DeepCopy()
	change(&next.Object.Spec)
	v1.SetDefaultsJob(next.Object)
	next.Rev.SpecMod = f.revision
	next.Rev.SpecVersion++
	f.jobs[name] = &next
}

func (f *family) input(name string) Input {
	job := f.jobs[name]
	in := Input{
		Job: job, Runs: f.runsOf(name), UpSince: at("09:00"), Compile: f.schedules.compile,
		Lookup: func(run string) *store.Run {
			if i := f.find(run); i >= 0 {
				return f.runs[i]
			}
			return nil
		},
	}
	if job == nil {
		return in
	}
	for _, d := range job.Object.Spec.DependsOn {
		in.Parents = append(in.Parents, f.jobs[d.Job])
	}
	var dependents []*store.Job
	for _, other := range slices.Sorted(maps.Keys(f.jobs)) {
		if slices.ContainsFunc(f.jobs[other].Object.Spec.DependsOn, func(d v1.Dependency) bool { return d.Job == name }) {
			dependents = append(dependents, f.jobs[other])
		}
	}
	in.Dependents = func() []*store.Job { return dependents }
	if f.cyclic && len(in.Parents) > 0 {
		in.Cycle = []string{name, in.Job.Object.Spec.DependsOn[0].Job, name}
	}
	return in
}

func (f *family) runsOf(job string) []*store.Run {
	var list []*store.Run
	for _, run := range f.runs {
		if run.Object.Spec.Job == job {
			list = append(list, run)
		}
	}
	return list
}

func (f *family) find(run string) int {
	return slices.IndexFunc(f.runs, func(r *store.Run) bool { return r.Key.Name == run })
}

// plan plans a Job, and sees to it that nothing shared is written (I8).
func (f *family) plan(in Input) Decision {
	f.t.Helper()
	before := copyInput(in)
	d := Plan(in, f.now)
	if after := copyInput(in); !reflect.DeepEqual(before, after) {
		f.t.Errorf("I8: Plan modified its input")
	}
	return d
}

// apply carries a decision out if its guards hold, and reports whether they did.
func (f *family) apply(name string, in Input, d Decision) bool {
	f.t.Helper()
	change, err := changeOf(store.JobKey("default", name), in.Job, &d, store.StatisticsDocument{}, f.now)
	if err != nil {
		f.t.Fatalf("%v", err)
	}
	if n := change.Size(); n > store.MaxChangeBytes {
		f.t.Errorf("%d bytes in one transaction", n)
	}
	for _, g := range change.Guards {
		if f.revisionOf(g.EtcdKey) != g.Revision {
			return false
		}
	}
	f.revision++
	for _, run := range d.Create {
		if f.ever[run.Name]++; f.ever[run.Name] > 1 {
			f.t.Errorf("I3: %s was created %d times", run.Name, f.ever[run.Name])
		}
		f.all[name] = append(f.all[name], run)
		if errs := v1.ValidateRun(run); len(errs) > 0 {
			f.t.Errorf("%s is not valid: %v", run.Name, errs)
		}
		for _, parent := range run.Spec.Parents {
			if f.consumed[name+" "+parent]++; f.consumed[name+" "+parent] > 1 {
				f.t.Errorf("%s consumed %s twice", name, parent)
			}
		}
		f.runs = append(f.runs, &store.Run{Key: store.RunKey("default", run.Name), Object: run, Rev: store.Revisions{
			SpecCreate: f.revision, SpecMod: f.revision, SpecVersion: 1,
		}})
	}
	for _, run := range d.Cancel {
		f.update(run.Key.Name, func(next *store.Run) { next.Object.Spec.Cancel, next.Rev.SpecMod = true, f.revision })
	}
	for _, run := range d.Delete {
		f.runs = slices.Delete(f.runs, f.find(run.Key.Name), f.find(run.Key.Name)+1)
	}
	if d.WriteStatus {
		next := *f.jobs[name]
		next.Object = next.Object.DeepCopy()
		next.Object.Status = (&world{t: f.t, exact: true}).roundTrip(d.Status)
		next.Rev.StatusMod = f.revision
		f.jobs[name] = &next
	}
	return true
}

func (f *family) revisionOf(etcdKey string) int64 {
	key, side, _ := store.ParseKey(etcdKey)
	var rev store.Revisions
	if job := f.jobs[key.Name]; key.Kind == store.Jobs && job != nil {
		rev = job.Rev
	} else if i := f.find(key.Name); key.Kind == store.Runs && i >= 0 {
		rev = f.runs[i].Rev
	}
	if side == store.SpecSide {
		return rev.SpecMod
	}
	return rev.StatusMod
}

// settle plans a Job and carries that out until there is nothing to do. Planning once more must then give nothing.
func (f *family) settle(name string) {
	f.t.Helper()
	for range 200 {
		in := f.input(name)
		d := f.plan(in)
		if d.Idle() {
			return
		}
		if !f.apply(name, in, d) {
			f.t.Fatalf("a decision conflicts with the state that it was taken on")
		}
	}
	f.t.Fatalf("the plan of %s does not settle", name)
}

func (f *family) update(run string, change func(*store.Run)) {
	i := f.find(run)
	next := *f.runs[i]
	next.Object = next.Object.DeepCopy()
	change(&next)
	f.runs[i] = &next
}

// start makes a Run of a Job by hand.
func (f *family) start(job string, edit func(*v1.RunSpec)) string {
	f.manual++
	f.revision++
	run := NewRun(f.jobs[job].Object, Manual(fmt.Sprintf("%08d", f.manual)), RunOptions{}, f.now)
	if edit != nil {
		edit(&run.Spec)
	}
	f.runs = append(f.runs, &store.Run{Key: store.RunKey("default", run.Name), Object: run, Rev: store.Revisions{
		SpecCreate: f.revision, SpecMod: f.revision, SpecVersion: 1,
	}})
	return run.Name
}

// end brings a Run to its end, as the run controller would.
func (f *family) end(run string, phase v1.RunPhase) {
	f.revision++
	f.now = f.now.Add(time.Millisecond)
	f.update(run, func(next *store.Run) {
		next.Object.Status.Phase, next.Object.Status.FinishTime = phase, v1.NewTimePtr(f.now)
		next.Rev.StatusMod = f.revision
	})
}

// ran has a Run of a Job begin and end, and plans the Job. It returns the Run's name.
func (f *family) ran(job string, phase v1.RunPhase, edit func(*v1.RunSpec)) string {
	f.t.Helper()
	name := f.start(job, edit)
	f.end(name, phase)
	f.settle(job)
	return name
}

// active are the Runs of a Job that have not ended.
func (f *family) active(job string) []*store.Run {
	return slices.DeleteFunc(f.runsOf(job), ended)
}

// follow plans a child, and ends the Runs that this makes until there are no more. It returns how many there were.
func (f *family) follow(child string) int {
	f.t.Helper()
	n := 0
	for {
		f.settle(child)
		active := f.active(child)
		if len(active) == 0 {
			return n
		}
		for _, run := range active {
			n++
			f.end(run.Key.Name, v1.RunSucceeded)
		}
	}
}

func (f *family) status(job string) *v1.JobStatus { return &f.jobs[job].Object.Status }

// parentsOf are the Runs that the latest Run of a Job follows, as text.
func (f *family) parentsOf(job string) string {
	runs := f.runsOf(job)
	if len(runs) == 0 {
		return ""
	}
	return strings.Join(runs[len(runs)-1].Object.Spec.Parents, " ")
}
