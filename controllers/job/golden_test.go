package job

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "horae/api/v1"
	"horae/internal/store"
)

func TestGoldenStatuses(t *testing.T) {
	scenes := []struct {
		name string
		play func(*world)
	}{
		{"new", func(*world) {}},
		{"running", func(w *world) { w.to(at("10:00")) }},
		{"succeeded-then-failed", func(w *world) {
			w.to(at("10:00"))
			w.end("hello-20261122t100000z", v1.RunSucceeded)
			w.to(at("11:00"))
			w.update("hello-20261122t110000z", func(r *store.Run) { r.Object.Status.Message = "exit code 3" })
			w.now = at("11:05")
			w.end("hello-20261122t110000z", v1.RunFailed)
		}},
		{"skipped-and-missed", func(w *world) {
			w.to(at("10:00"))
			w.to(at("11:00"))
			w.to(at("12:00"))
			w.end("hello-20261122t100000z", v1.RunSucceeded)
			w.down(at("15:30"))
		}},
		{"waiting", func(w *world) {
			w.edit(func(s *v1.JobSpec) { s.ConcurrencyPolicy, s.MissedRuns = v1.ConcurrencyQueue, v1.MissedRunsAll })
			w.down(at("12:30"))
		}},
		{"suspended", func(w *world) { w.edit(func(s *v1.JobSpec) { s.Suspend = true }) }},
		{"suspended-after-failures", func(w *world) {
			one := int32(1)
			w.edit(func(s *v1.JobSpec) { s.SuspendAfterFailures = &one })
			w.to(at("10:00"))
			w.end("hello-20261122t100000z", v1.RunLost)
		}},
		{"not-accepted", func(w *world) {
			w.edit(func(s *v1.JobSpec) { s.Schedule, s.TimeZone = "61 * * * *", "Europe/Berlin" })
		}},
		{"exhausted", func(w *world) {
			w.edit(func(s *v1.JobSpec) { s.Schedule = "R1/2026-11-22T09:45:00Z/PT1H" })
			w.to(at("09:45"))
		}},
		{"triggered-only", func(w *world) {
			w.edit(func(s *v1.JobSpec) { s.Schedule = "" })
			w.manual("abcdefgh")
		}},
	}
	for _, scene := range scenes {
		t.Run(scene.name, func(t *testing.T) {
			w := newWorld(t, at("09:30"), nil)
			w.settle()
			scene.play(w)
			w.settle()
			got, err := json.MarshalIndent(w.status(), "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			golden(t, filepath.Join("testdata", "status-"+scene.name+".json"), append(got, '\n'))
		})
	}
}

func TestGoldenRun(t *testing.T) {
	job := newJob(at("09:30"), func(s *v1.JobSpec) {
		s.Owner = "ops@example.com"
		s.Priority = 7
		s.Timeout = duration(time.Hour)
		s.Task.Env = []v1.EnvVar{{Name: "A", Value: "b"}}
	})
	job.Labels = map[string]string{"team": "data"}
	run := NewRun(job, Scheduled(at("10:00:00.5")), RunOptions{StartBy: at("10:30")}, at("10:00:01.7"))
	got, err := json.MarshalIndent(run, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, filepath.Join("testdata", "run-scheduled.json"), append(got, '\n'))

	run.Labels["team"], run.Spec.Task.Env[0].Value = "other", "c"
	if job.Labels["team"] != "data" || job.Spec.Task.Env[0].Value != "b" {
		t.Error("the Run shares parts with its Job")
	}
	manual := NewRun(job, Manual(ManualID([5]byte{1, 2, 3, 4, 255})), RunOptions{Args: []string{"x"}}, at("10:00"))
	if manual.Name != "hello-maebagbh7" || manual.Spec.ScheduledTime != nil || manual.Spec.StartBy != nil || manual.Spec.Args[0] != "x" {
		t.Errorf("manual Run %+v", manual)
	}
}

func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (run the test with -update to write it)", err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s: -want +got:\n%s", path, diff)
	}
}

// TestEqualStatusSeesEveryField changes each field of a status, also within its lists: a field that is added and not compared
// would never be written.
func TestEqualStatusSeesEveryField(t *testing.T) {
	var base v1.JobStatus
	fill(reflect.ValueOf(&base).Elem())
	same := *base.DeepCopy()
	if !equalStatus(&base, &same) {
		t.Fatal("a status differs from its copy")
	}
	fields := 0
	visitLeaves(reflect.ValueOf(&same).Elem(), "status", func(path string, leaf reflect.Value) {
		old := reflect.New(leaf.Type()).Elem()
		old.Set(leaf)
		mutate(leaf)
		if equalStatus(&base, &same) {
			t.Errorf("a change of %s is not seen", path)
		}
		leaf.Set(old)
		fields++
	})
	if fields < 30 {
		t.Errorf("only %d fields were changed: the test has lost its subject", fields)
	}
}

var instants = map[reflect.Type]bool{reflect.TypeFor[v1.Time](): true, reflect.TypeFor[metav1.Time](): true}

// fill sets every field to something.
func fill(v reflect.Value) {
	switch {
	case instants[v.Type()]:
		v.FieldByName("Time").Set(reflect.ValueOf(at("10:00")))
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i))
		}
	case v.Kind() == reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	default:
		mutate(v)
	}
}

func visitLeaves(v reflect.Value, path string, visit func(string, reflect.Value)) {
	switch {
	case instants[v.Type()]:
		visit(path, v)
	case v.Kind() == reflect.Pointer:
		visitLeaves(v.Elem(), path, visit)
		visit(path, v)
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			visitLeaves(v.Field(i), path+"."+v.Type().Field(i).Name, visit)
		}
	case v.Kind() == reflect.Slice:
		visitLeaves(v.Index(0), path+"[0]", visit)
		visit(path, v)
	default:
		visit(path, v)
	}
}

func mutate(v reflect.Value) {
	switch {
	case instants[v.Type()]:
		v.FieldByName("Time").Set(reflect.ValueOf(at("11:00")))
	case v.Kind() == reflect.String:
		v.SetString(v.String() + "x")
	case v.Kind() == reflect.Int64:
		v.SetInt(v.Int() + 1)
	case v.Kind() == reflect.Pointer, v.Kind() == reflect.Slice:
		v.SetZero()
	default:
		panic(fmt.Sprintf("a %s: extend the test", v.Type()))
	}
}
