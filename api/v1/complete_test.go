package v1_test

import (
	"encoding/json"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/runtime"

	"horae/api"
	v1 "horae/api/v1"
)

// free are the fields in which any value of the right type is right.
var free = map[string]string{
	"spec.description":                      "any text",
	"spec.schedule":                         "read by internal/schedule; controllers/job.Validate refuses what it refuses",
	"spec.timeZone":                         "read by internal/schedule; controllers/job.Validate refuses what it refuses",
	"spec.suspend":                          "true or false",
	"spec.softError":                        "true or false",
	"spec.jitter":                           "a negative duration cannot be decoded",
	"spec.retries.delay":                    "a negative duration cannot be decoded",
	"spec.retries.jitter":                   "true or false",
	"spec.retries.onLost":                   "true or false",
	"spec.ics":                              "read by internal/calendar; controllers/calendar.Validate refuses what it refuses",
	"spec.startBy":                          "any time",
	"spec.noDependents":                     "true or false",
	"spec.dependents":                       "true or false",
	"spec.cancel":                           "true or false; ValidateRunUpdate sees that it stays true",
	"spec.task.env[].secret.key":            "any text",
	"spec.env[].secret.name":                "as in spec.task.env",
	"spec.env[].secret.key":                 "any text",
	"spec.task.fetch[].extract":             "true or false",
	"spec.task.fetch[].executable":          "true or false",
	"spec.task.killGracePeriod":             "a negative duration cannot be decoded",
	"spec.task.resources.revocable":         "true or false",
	"spec.task.executor.data":               "any text",
	"spec.task.executor.fetch[].extract":    "true or false",
	"spec.task.executor.fetch[].executable": "true or false",
	"spec.task.executor.fetch[].cache":      "as in spec.task.fetch",
	"spec.task.executor.fetch[].outputFile": "as in spec.task.fetch",
	"spec.task.healthCheck.gracePeriod":     "a negative duration cannot be decoded",
}

// TestEveryFieldIsCheckedOrFree: a field that is added to the types must get its rule and a row in the table of invalid
// documents, or a reason for having none.
func TestEveryFieldIsCheckedOrFree(t *testing.T) {
	checked := map[string]bool{}
	for _, tc := range invalid {
		for _, err := range supportedOnly(validate(decode(t, tc.input))) {
			checked[index.ReplaceAllString(err.Field, "[]")] = true
		}
	}
	known := map[string]bool{}
	for _, spec := range []reflect.Type{reflect.TypeFor[v1.JobSpec](), reflect.TypeFor[v1.RunSpec](), reflect.TypeFor[v1.CalendarSpec](),
		reflect.TypeFor[v1.BackfillSpec]()} {
		for _, path := range leaves(spec, "spec") {
			known[path] = true
			element := strings.TrimSuffix(path, "[]")
			switch {
			case free[path] == "" && !checked[path] && !checked[element]:
				t.Errorf("%s has no rule with a row in the table of invalid documents, and no reason for that", path)
			case free[path] != "" && checked[path]:
				t.Errorf("%s is checked and doesn't need a reason for not being so", path)
			}
		}
	}
	for path := range free {
		if !known[path] {
			t.Errorf("%s doesn't exist", path)
		}
	}
}

// leaves are the paths of all fields below a struct that hold no struct themselves.
func leaves(t reflect.Type, path string) []string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	_, scalar := reflect.New(t).Interface().(json.Unmarshaler)
	switch {
	case t.Kind() == reflect.Slice:
		return leaves(t.Elem(), path+"[]")
	case t.Kind() != reflect.Struct || scalar:
		return []string{path}
	}
	var all []string
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" {
			all = append(all, leaves(f.Type, path)...)
		} else {
			all = append(all, leaves(f.Type, path+"."+name)...)
		}
	}
	return all
}

// TestTheExamplesAreRefusedForWhatIsNotSupportedYet: the examples show every field there is. They also show alternatives side by
// side, which no single Job can have.
func TestTheExamplesAreRefusedForWhatIsNotSupportedYet(t *testing.T) {
	for _, tc := range []struct {
		file string
		want []string
	}{
		{"full-job.yaml", []string{
			"spec.dependsOn: Forbidden: a Job has a schedule or dependsOn, not both: remove one of them; to run both after other Jobs and at certain times, use two Jobs with the same task",
			"spec.task.executor: Forbidden: give one of shell, command and executor, not shell and executor",
			"spec.task.env[1].secret: Forbidden: Mesos resolves no secrets for Docker containers; use container type Mesos",
			"spec.task.healthCheck: Forbidden: a custom executor checks for itself",

			"spec.notify: Forbidden: not supported yet",
		}},
		{"full-run.yaml", nil},
		{"full-calendar.yaml", nil},
		{"full-backfill.yaml", nil},
	} {
		t.Run(tc.file, func(t *testing.T) {
			obj := readExample(t, tc.file)
			if diff := cmp.Diff(tc.want, texts(validate(obj))); diff != "" {
				t.Error(diff)
			}
			stripUnsupported(obj)
			if got := texts(validate(obj)); len(got) > 0 {
				t.Errorf("without those it is still refused: %s", strings.Join(got, "\n"))
			}
		})
	}
}

// TestTheExamplesShowEveryField: so that the tests that read them speak of every field.
func TestTheExamplesShowEveryField(t *testing.T) {
	// Alternatives of what is shown.
	missing := []string{
		"spec.retries.exitCodes.only[]", "spec.retries.jitter", "spec.task.command[]", "spec.task.args[]",
		"spec.task.healthCheck.http.port", "spec.task.healthCheck.http.portIndex", "spec.task.healthCheck.tcp.portIndex", "spec.task.healthCheck.http.path", "spec.task.healthCheck.http.scheme", "spec.task.healthCheck.tcp.port",
		"spec.task.executor.fetch[].uri", "spec.task.executor.fetch[].extract", "spec.task.executor.fetch[].executable",
		"spec.task.executor.fetch[].cache", "spec.task.executor.fetch[].outputFile",
	}
	var raw map[string]any
	if err := yaml.Unmarshal([]byte(readText(t, "full-job.yaml")), &raw); err != nil {
		t.Fatal(err)
	}
	shown := map[string]bool{}
	for _, path := range shapes(raw["spec"], "spec") {
		shown[path] = true
	}
	for _, path := range leaves(reflect.TypeFor[v1.JobSpec](), "spec") {
		if !shown[path] && !shown[strings.TrimSuffix(path, "[]")] && !slices.Contains(missing, path) {
			t.Errorf("%s isn't shown", path)
		}
	}
}

// shapes are the paths in a document, with [] for the elements of lists.
func shapes(v any, path string) []string {
	all := []string{path}
	switch v := v.(type) {
	case map[string]any:
		for k, below := range v {
			all = append(all, shapes(below, path+"."+k)...)
		}
	case []any:
		for _, below := range v {
			all = append(all, shapes(below, path+"[]")...)
		}
	}
	return all
}

// stripUnsupported takes away what is refused, by hand: the table under test isn't asked.
func stripUnsupported(obj runtime.Object) {
	switch o := obj.(type) {
	case *v1.Job:
		s := &o.Spec
		s.DependsOn, s.DependencyPolicy, s.Notify = nil, "", nil
		s.Task.Env, s.Task.Executor = s.Task.Env[:1], nil // alternatives of what else is shown
	}
}

func readText(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile("../testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func readExample(t *testing.T, name string) runtime.Object {
	t.Helper()
	obj, err := api.DecodeOne([]byte(readText(t, name)))
	if err != nil {
		t.Fatal(err)
	}
	return obj
}
