package v1_test

import (
	"strings"
	"testing"

	v1 "horae/api/v1"
)

func TestVariablesThatHideOthersAreWarnedOf(t *testing.T) {
	twice := []v1.EnvVar{{Name: "A", Value: "1"}, {Name: "B"}, {Name: "A", Value: "2"}, {Name: "A"}}
	job, run := &v1.Job{}, &v1.Run{}
	job.Spec.Task.Env, run.Spec.Env = twice, twice
	run.Spec.Task.Env = []v1.EnvVar{{Name: "A"}}
	want := "env[2].name: hides the value of %env[0], which has the same name, A\n%env[3].name: hides the value of %env[0], which has the same name, A"
	for path, got := range map[string][]string{"spec.task.": v1.WarningsJob(job), "spec.": v1.WarningsRun(run)} {
		if text := strings.Join(got, "\n"); text != strings.ReplaceAll("%"+want, "%", path) {
			t.Errorf("%s: %s", path, text)
		}
	}
	job.Spec.Task.Env = make([]v1.EnvVar, 100_000)
	if got := v1.WarningsJob(job); len(got) != 11 {
		t.Errorf("%d warnings of very many", len(got))
	}
}
