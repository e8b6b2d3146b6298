package v1_test

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/runtime"

	"horae/api"
	v1 "horae/api/v1"
)

// TestDefaults shows each default beside what was written; docs/jobs.md names those of a Job.
func TestDefaults(t *testing.T) {
	const policy = `"retries":{"limit":2,"delay":"1m","factor":1,"maxDelay":"30m","onLost":true}`
	const resources = `"resources":{"cpus":"100m","memory":"128Mi","disk":"256Mi"},"placement":"Pack"`
	for _, tc := range []struct{ name, input, want string }{
		{
			name: "a Job that says no more than it must", input: jobHead + shell,
			want: `{"timeZone":"Etc/UTC","missedRuns":"Latest","concurrencyPolicy":"Forbid",` + policy +
				`,"history":{"succeeded":10,"failed":10},"task":{"shell":"x",` + resources + `}}`,
		},
		{
			name: "zeros are values",
			input: jobHead + "  retries: {limit: 0, delay: 0s, onLost: false}\n  history: {succeeded: 0, failed: 0}\n" +
				"  task: {shell: x, resources: {disk: 0}, fetch: [{uri: /a, extract: false}]}\n",
			want: `{"timeZone":"Etc/UTC","missedRuns":"Latest","concurrencyPolicy":"Forbid",` +
				`"retries":{"limit":0,"delay":"0s","factor":1,"maxDelay":"30m","onLost":false},"history":{"succeeded":0,"failed":0},` +
				`"task":{"shell":"x","fetch":[{"uri":"/a","extract":false}],"resources":{"cpus":"100m","memory":"128Mi","disk":"0"},"placement":"Pack"}}`,
		},
		{
			name:  "dependencies, and a delay above the usual bound",
			input: jobHead + "  dependsOn: [{job: a}, {job: b, on: Failed}]\n  retries: {delay: 2h}\n  unreachable: {then: Replace}\n" + shell,
			want: `{"timeZone":"Etc/UTC","missedRuns":"Latest","dependsOn":[{"job":"a","on":"Succeeded"},{"job":"b","on":"Failed"}],` +
				`"dependencyPolicy":"AllSinceLastRun","concurrencyPolicy":"Queue",` +
				`"retries":{"limit":2,"delay":"2h","factor":1,"maxDelay":"2h","onLost":true},"unreachable":{"after":"15m","then":"Replace"},` +
				`"history":{"succeeded":10,"failed":10},"task":{"shell":"x",` + resources + `}}`,
		},
		{
			name:  "calendars",
			input: jobHead + "  schedule: '@daily'\n  calendars: {exclude: [a]}\n" + shell,
			want: `{"schedule":"@daily","timeZone":"Etc/UTC","calendars":{"exclude":["a"],"onExcluded":"Skip"},"missedRuns":"Latest","concurrencyPolicy":"Forbid",` +
				policy + `,"history":{"succeeded":10,"failed":10},"task":{"shell":"x",` + resources + `}}`,
		},
		{
			name: "inside of a task",
			input: runHead + "  reason: Manual\n  unreachable: {}\n  task:\n    fetch: [{uri: /a}]\n    executor: {command: x, fetch: [{uri: /b}]}\n" +
				"    container: {type: Docker, image: i, network: {portMappings: [{containerPort: 80}]}, volumes: [{containerPath: /a}]}\n" +
				"    healthCheck: {http: {port: 80}}\n",
			want: `{"job":"hello","reason":"Manual",` + policy + `,"unreachable":{"then":"Wait"},"task":{"fetch":[{"uri":"/a","extract":true}],` + resources +
				`,"container":{"type":"Docker","image":"i","network":{"mode":"Host","portMappings":[{"containerPort":80,"protocol":"tcp"}]},` +
				`"volumes":[{"containerPath":"/a","mode":"RW"}]},"executor":{"command":"x","fetch":[{"uri":"/b","extract":true}]},` +
				`"healthCheck":{"http":{"port":80,"path":"/","scheme":"http"},"interval":"10s","timeout":"20s","gracePeriod":"10s","maxFailures":3}}}`,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			data, err := api.EncodeSpec(decode(t, tc.input))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, specOf(t, data)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func specOf(t *testing.T, document []byte) string {
	t.Helper()
	var doc struct{ Spec json.RawMessage }
	if err := json.Unmarshal(document, &doc); err != nil {
		t.Fatal(err)
	}
	return string(doc.Spec)
}

func BenchmarkValidateJob(b *testing.B) {
	data, err := os.ReadFile("../testdata/full-job.yaml")
	if err != nil {
		b.Fatal(err)
	}
	full, err := api.DecodeOne(data)
	if err != nil {
		b.Fatal(err)
	}
	small, err := api.DecodeOne([]byte(jobHead + shell))
	if err != nil {
		b.Fatal(err)
	}
	for name, obj := range map[string]runtime.Object{"small": small, "every field, eleven mistakes": full} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				v1.ValidateJob(obj.(*v1.Job))
			}
		})
	}
}
