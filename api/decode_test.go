package api

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "horae/api/v1"
)

const smallJSON = `{"apiVersion":"horae/v1","kind":"Job","metadata":{"name":"hello"},"spec":{"schedule":"*/5 * * * *","task":{"shell":"echo hello"}}}`

func TestDecodeTakesEveryFormOfADocument(t *testing.T) {
	utf16 := []byte("\xff\xfe")
	for _, b := range []byte(smallJob) {
		utf16 = append(utf16, b, 0)
	}
	for _, tc := range []struct {
		name, input string
		want        int
	}{
		{name: "YAML", input: smallJob, want: 1},
		{name: "JSON as Horae writes it", input: smallJSON, want: 1},
		{name: "JSON with its type at the end, behind brackets and escapes in texts",
			input: `{"spec":{"schedule":"]}\"*/5 * * * *","task":{"shell":"x"}},"metadata":{"name":"hello"},"kind":"Job","apiVersion":"horae/v1"}`, want: 1},
		{name: "JSON whose type is written with escapes", input: strings.Replace(smallJSON, `"Job"`, `"\u004aob"`, 1), want: 1},
		{name: "JSON with white space around", input: "\n\t " + smallJSON + "\r\n", want: 1},
		{name: "JSON after a byte order mark", input: "\ufeff" + smallJSON, want: 1},
		{name: "YAML after a byte order mark", input: "\ufeff" + smallJob, want: 1},
		{name: "YAML in UTF-16, as PowerShell redirects it", input: string(utf16), want: 1},
		{name: "YAML with Windows line ends", input: strings.ReplaceAll(smallJob, "\n", "\r\n"), want: 1},
		{name: "YAML with Windows line ends and several documents", input: strings.ReplaceAll(smallJob+"---\n"+smallJob, "\n", "\r\n"), want: 2},
		{name: "YAML in flow style", input: "{apiVersion: horae/v1, kind: Job, metadata: {name: a}, spec: {task: {shell: x}}}", want: 1},
		{name: "several documents, some of them empty or only comments", input: "# first\n---\n" + smallJob + "---\n---\n# nothing\n---\n" + smallJob + "...\n---\n", want: 2},
		{name: "JSON documents between YAML separators", input: smallJSON + "\n---\n" + smallJSON + "\n---\n" + smallJob, want: 3},
		{name: "JSON documents one after the other", input: smallJSON + smallJSON + "\n" + smallJSON, want: 3},
		{name: "a List of Kubernetes's", input: `{"apiVersion":"v1","kind":"List","metadata":{},"items":[` + smallJSON + `,` + smallJSON + `]}`, want: 2},
		{name: "a JobList, whose items need no type", input: "apiVersion: horae/v1\nkind: JobList\nitems:\n- {metadata: {name: a}, spec: {task: {shell: x}}}\n", want: 1},
		{name: "an empty List", input: `{"apiVersion":"v1","kind":"List","items":[]}`, want: 0},
		{name: "anchors, aliases and merges",
			input: "apiVersion: horae/v1\nkind: Job\nmetadata: {name: a, labels: &l {x: y}, annotations: {<<: *l, z: w}}\nspec: {task: {shell: x, labels: *l}}\n", want: 1},
		{name: "a status, as get -o yaml prints it", input: smallJob + "status: {succeeded: 3, conditions: []}\n", want: 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			objs, err := decodeAll([]byte(tc.input))
			if err != nil {
				t.Fatal(err)
			}
			if len(objs) != tc.want {
				t.Fatalf("got %d objects, want %d", len(objs), tc.want)
			}
			for _, obj := range objs {
				if job := obj.(*v1.Job); job.Kind != "Job" || job.APIVersion != "horae/v1" || job.Name == "" || job.Spec.Task.Shell == "" {
					t.Errorf("got %+v", job)
				}
			}
		})
	}
}

func TestDecodeOfNothingIsErrEmpty(t *testing.T) {
	for _, input := range []string{"", " \n", "\ufeff", "---\n", "# nothing\n", "---\n# nothing\n---\nnull\n---\n"} {
		if _, err := decodeAll([]byte(input)); !errors.Is(err, ErrEmpty) {
			t.Errorf("%q: got %v", input, err)
		}
	}
}

func TestDecodeOneRefusesSeveral(t *testing.T) {
	if _, err := DecodeOne([]byte(smallJob + "---\n" + smallJob)); err == nil || err.Error() != "want one object, got 2" {
		t.Errorf("got %v", err)
	}
}

// White space around a YAML document belongs to it.
func TestYAMLIsNotTrimmed(t *testing.T) {
	job := mustDecodeJob(t, "  "+strings.ReplaceAll(strings.TrimSpace(smallJob), "\n", "\n  ")+"\n    description: |+\n      two empty lines:\n\n\n")
	if want := "two empty lines:\n\n\n"; job.Spec.Description != want {
		t.Errorf("got %q, want %q", job.Spec.Description, want)
	}
}

// YAML 1.1 reads on, yes and the like as booleans, and 12:30 as a number; here they are what they look like.
func TestYAMLPlainTextStaysText(t *testing.T) {
	job := mustDecodeJob(t, head+`  description: yes
  owner: ~
  schedule: 2026-11-22
  dependsOn:
  - {job: extract, on: Finished}
  - job: no
    on: Failed
  suspend: true
  task:
    shell: off
    args: [y, n, on, 12:30, 1.2.3, 0x, "8080", !!str 8080]
    resources: {cpus: .5, memory: 1_048_576, disk: 0x100000}
    labels: {on: off, 8080: a, true: b}
`)
	want := v1.JobSpec{
		Description: "yes", Schedule: "2026-11-22", Suspend: true,
		DependsOn: []v1.Dependency{{Job: "extract", On: v1.OnFinished}, {Job: "no", On: v1.OnFailed}},
		Task: v1.TaskSpec{
			Shell: "off", Args: []string{"y", "n", "on", "12:30", "1.2.3", "0x", "8080", "8080"},
			Labels: map[string]string{"on": "off", "8080": "a", "true": "b"},
		},
	}
	got := job.Spec
	for name, text := range map[string]string{
		got.Task.Resources.CPUs.String(): "500m", got.Task.Resources.Memory.String(): "1048576", got.Task.Resources.Disk.String(): "1048576",
	} {
		if name != text {
			t.Errorf("got quantity %s, want %s", name, text)
		}
	}
	filled := &v1.Job{Spec: want}
	SetDefaults(filled)
	filled.Spec.Task.Resources = got.Task.Resources
	if diff := cmp.Diff(filled.Spec, got); diff != "" {
		t.Error(diff)
	}
}

func TestParseKeepsWhatTheUserWroteAndDecodeAddsDefaults(t *testing.T) {
	parsed := mustParse(t, smallJob).(*v1.Job)
	want := &v1.Job{
		TypeMeta:   metav1.TypeMeta{APIVersion: "horae/v1", Kind: "Job"},
		ObjectMeta: metav1.ObjectMeta{Name: "hello"},
		Spec:       v1.JobSpec{Schedule: "*/5 * * * *", Task: v1.TaskSpec{Shell: "echo hello"}},
	}
	if diff := cmp.Diff(want, parsed); diff != "" {
		t.Error(diff)
	}
	v1.SetDefaultsJob(want)
	if diff := cmp.Diff(want, mustDecodeJob(t, smallJob)); diff != "" {
		t.Error(diff)
	}
}

func TestDecodedObjectsShareNoMemoryWithTheInput(t *testing.T) {
	data := []byte(smallJSON)
	obj, err := DecodeOne(data)
	if err != nil {
		t.Fatal(err)
	}
	clear(data)
	if job := obj.(*v1.Job); job.Spec.Task.Shell != "echo hello" || job.Kind != "Job" {
		t.Errorf("changed with the input: %+v", job)
	}
}

func TestYAMLToJSONReadsAsDecodeDoes(t *testing.T) {
	for _, tt := range []struct{ name, in, want, err string }{
		{name: "on, yes and no are text", in: "on: yes\nno: off\n", want: `{"on":"yes","no":"off"}`},
		{name: "JSON stays what it is", in: `{"a":[1,true,null]}`, want: `{"a":[1,true,null]}`},
		{name: "a key twice: the error has its line", in: "a: 1\na: 2\n", err: "a: is given twice, first in line 1 (line 2)"},
		{name: "several documents are refused", in: "a: 1\n---\nb: 2\n", err: "want one document, got 2"},
		{name: "no document is an error", in: "# nothing\n", err: ErrEmpty.Error()},
		{name: "a list is no document", in: "- a\n", err: "a document must be a mapping with apiVersion, kind, metadata and spec"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := YAMLToJSON([]byte(tt.in))
			if text := fmt.Sprint(err); tt.err != "" && text != tt.err || tt.err == "" && err != nil || string(got) != tt.want {
				t.Errorf("got %s, %v", got, err)
			}
		})
	}
}
