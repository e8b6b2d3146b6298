package server

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	v1 "horae/api/v1"
)

// checkCycle refuses a Job that would depend on itself, through others. before is the Job as it is, nil for a new one.
// It reads up to date. Two managers may still accept the two halves of a cycle at the same moment: the job controller
// blocks those Jobs and reports it in their condition ParentsFound.
func (s *Server) checkCycle(ctx context.Context, k *kind, before, after object) error {
	job, ok := after.(*v1.Job)
	if !ok || len(job.Spec.DependsOn) == 0 {
		return nil
	}
	if was, ok := before.(*v1.Job); ok && was != nil && slices.EqualFunc(was.Spec.DependsOn, job.Spec.DependsOn,
		func(a, b v1.Dependency) bool { return a.Job == b.Job }) {
		return nil // A Job that etcdctl has put into a cycle can be suspended.
	}
	if err := s.cfg.Cache.CatchUp(ctx); err != nil {
		return fmt.Errorf("see whether %s would depend on itself: %w", job.Name, err)
	}
	if len(s.cfg.Cache.Dependents(job.Namespace, job.Name)) == 0 {
		return nil
	}
	index, cycle := s.findCycle(job)
	if cycle == nil {
		return nil
	}
	return k.invalid(job.Name, field.ErrorList{field.Invalid(field.NewPath("spec", "dependsOn").Index(index).Child("job"),
		job.Spec.DependsOn[index].Job, "these Jobs would depend on each other in a circle: "+shortCycle(cycle))})
}

// findCycle looks for a way from a Job up to itself, and returns the Jobs on it, each before those that depend on it,
// and which dependency of the Job it ends with. It looks at each Job once.
func (s *Server) findCycle(job *v1.Job) (int, []string) {
	below := map[string]string{} // the Job by which each was found
	for i, d := range job.Spec.DependsOn {
		if _, seen := below[d.Job]; seen {
			continue
		}
		below[d.Job] = job.Name
		for list := []string{d.Job}; len(list) > 0; list = list[1:] {
			parent := s.job(job.Namespace, list[0])
			if parent == nil {
				continue
			}
			for _, up := range parent.Object.Spec.DependsOn {
				if up.Job == job.Name {
					cycle := []string{job.Name}
					for at := list[0]; at != job.Name; at = below[at] {
						cycle = append(cycle, at)
					}
					return i, append(cycle, job.Name)
				}
				if _, seen := below[up.Job]; !seen {
					below[up.Job] = list[0]
					list = append(list, up.Job)
				}
			}
		}
	}
	return 0, nil
}

// shortCycle writes a cycle, and leaves out the middle of a long one.
func shortCycle(names []string) string {
	const most = 20
	if n := len(names); n > most {
		names = slices.Concat(names[:most/2], []string{fmt.Sprintf("(%d more)", n-most)}, names[n-most/2:])
	}
	return strings.Join(names, " -> ")
}
