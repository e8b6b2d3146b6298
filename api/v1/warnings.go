package v1

import (
	"fmt"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

// maxWarnings of one object.
const maxWarnings = 10

// WarningsJob returns what in a valid Job is perhaps not meant.
func WarningsJob(j *Job) []string {
	return warningsEnv(j.Spec.Task.Env, field.NewPath("spec", "task", "env"))
}

// WarningsRun returns what in a valid Run is perhaps not meant. A Run's own variable may replace one of its task's.
func WarningsRun(r *Run) []string {
	spec := field.NewPath("spec")
	return append(warningsEnv(r.Spec.Task.Env, spec.Child("task", "env")), warningsEnv(r.Spec.Env, spec.Child("env"))...)
}

// warningsEnv: of two variables of one name a program sees the last, as in Kubernetes.
func warningsEnv(env []EnvVar, path *field.Path) []string {
	var warnings []string
	first := make(map[string]int, len(env))
	for i, v := range env {
		at, twice := first[v.Name]
		if !twice {
			first[v.Name] = i
			continue
		}
		if len(warnings) == maxWarnings {
			return append(warnings, fmt.Sprintf("%s: and more", path))
		}
		warnings = append(warnings, fmt.Sprintf("%s: hides the value of %s, which has the same name, %s",
			path.Index(i).Child("name"), path.Index(at), Shorten(v.Name, 64)))
	}
	return warnings
}
