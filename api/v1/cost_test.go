package v1_test

import (
	"fmt"
	"strings"
	"testing"

	v1 "horae/api/v1"
	"horae/internal/costtest"
)

// many is a Job whose lists have n elements each; all of them are wrong, or the same.
func many(n int) *v1.Job {
	j := &v1.Job{}
	j.Name, j.Namespace, j.Labels, j.Annotations = "a", "default", map[string]string{}, map[string]string{}
	s := &j.Spec
	s.Schedule, s.Calendars, s.Retries.ExitCodes = "@daily", &v1.JobCalendars{}, &v1.RetryExitCodes{}
	t := &s.Task
	t.Container = &v1.Container{Type: v1.ContainerDocker, Image: "x", Network: &v1.Network{Mode: v1.NetworkBridge}}
	for i := range n {
		name := fmt.Sprintf("=%d", i)
		j.Labels[name+" "], j.Annotations[name+" "] = name, name
		s.Calendars.Exclude, s.Calendars.Only = append(s.Calendars.Exclude, name), append(s.Calendars.Only, name)
		s.Retries.ExitCodes.Never = append(s.Retries.ExitCodes.Never, int32(i))
		s.DependsOn = append(s.DependsOn, v1.Dependency{Job: name})
		s.Notify = append(s.Notify, v1.NotifyRoute{On: []string{name}})
		t.Env = append(t.Env, v1.EnvVar{Name: name})
		t.Args = append(t.Args, "\x00")
		t.Fetch = append(t.Fetch, v1.FetchURI{URI: name})
		t.Constraints = append(t.Constraints, v1.Constraint{Attribute: name, Operator: v1.OpLike, Value: "("})
		t.Container.Parameters = append(t.Container.Parameters, v1.Parameter{Key: name})
		t.Container.Volumes = append(t.Container.Volumes, v1.Volume{ContainerPath: name, HostPath: name})
		t.Container.Network.PortMappings = append(t.Container.Network.PortMappings, v1.PortMapping{ContainerPort: int32(i)})
	}
	return j
}

func TestValidationCostsWhatItsInputIsWorth(t *testing.T) {
	const n = 10_000
	job := many(n)
	calendar := &v1.Calendar{}
	for i := range n {
		calendar.Spec.Weekdays = append(calendar.Spec.Weekdays, v1.Weekdays[i%7])
		calendar.Spec.Dates = append(calendar.Spec.Dates, "x")
	}
	costtest.Check(t, 15*n*20, func() { // bytes that such a document has at least
		for _, text := range []string{v1.AsError(v1.ValidateJob(job)).Error(), v1.AsError(v1.ValidateCalendar(calendar)).Error()} {
			if len(text) > 50_000 || !strings.Contains(text, " more") {
				t.Errorf("the error has %d bytes", len(text))
			}
		}
		v1.WarningsJob(job)
	})
}

func TestTheFirstMistakesAreListed(t *testing.T) {
	j := &v1.Job{}
	j.Name = "a"
	j.Spec.Task.Shell = "true"
	for range 10_000 {
		j.Spec.Task.Env = append(j.Spec.Task.Env, v1.EnvVar{Name: "=" + strings.Repeat("x", 100)})
	}
	first, more := v1.Listed(v1.ValidateJob(j))
	if len(first) != 50 || more != 9_950 {
		t.Fatalf("%d are listed, and %d more", len(first), more)
	}
	if text := first[0].Error(); !strings.HasPrefix(text, "spec.task.env[0].name: ") || len(text) > 2000 {
		t.Errorf("the first has %d bytes: %.100s", len(text), text)
	}
	if text := v1.AsError(v1.ValidateJob(j)).Error(); !strings.HasSuffix(text, ", and 9,950 more") {
		t.Errorf("in one line it ends with %q", text[len(text)-50:])
	}
	if err := v1.AsError(nil); err != nil {
		t.Errorf("of nothing: %v", err)
	}
}

func TestQuantitiesThatHaveNoEnd(t *testing.T) {
	for text, want := range map[string]string{
		"1e-100000000": "between -99 and 99", "1E+2147483648": "between -99 and 99", "1e-2000000000": "between -99 and 99", "1E100": "between -99 and 99",
		strings.Repeat("9", 300_000): "at most 64 characters", "0." + strings.Repeat("0", 300_000) + "1": "at most 64 characters",
		"1e99": "", "1e-99": "", "2E": "", "2Ei": "", "100m": "", "1e30": "", "": "quantities must match", "e": "unable to parse",
	} {
		costtest.Check(t, len(text), func() {
			q, err := v1.ParseQuantity(text)
			if got := fmt.Sprint(err); (err != nil) != (want != "") || !strings.Contains(got, want) && err != nil {
				t.Errorf("%.20s: %s", text, got)
			}
			if err == nil {
				j := &v1.Job{}
				j.Spec.Task.Resources = v1.Resources{CPUs: &q, Memory: &q, Disk: &q}
				v1.ValidateJob(j)
			}
		})
	}
}

func FuzzQuantity(f *testing.F) {
	for _, seed := range []string{"1e-100000000", "1E+9", "128Mi", "-0.0001n", "1e99", strings.Repeat("9", 100)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		costtest.Check(t, len(text), func() {
			q, err := v1.ParseQuantity(text)
			if err != nil {
				return
			}
			j := &v1.Job{}
			j.Spec.Task.Resources = v1.Resources{CPUs: &q, Memory: &q, Disk: &q}
			v1.ValidateJob(j)
		})
	})
}

func FuzzDuration(f *testing.F) {
	for _, seed := range []string{"90s", "PT1H30M", "P1DT0.5S", "9999999999999h", "P99999999999999999999D", "1e9s", "PT0,000000001S"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		costtest.Check(t, len(text), func() {
			d, err := v1.ParseDuration(text)
			if err != nil {
				return
			}
			again, err := v1.ParseDuration(v1.Duration{Duration: d}.String())
			if err != nil || again != d {
				t.Fatalf("%q is %v, and read back %v, %v", text, d, again, err)
			}
		})
	})
}
