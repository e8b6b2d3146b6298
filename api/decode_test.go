package api

import (
	"strings"
	"testing"

	v1 "horae/api/v1"
)

const smallYAML = `apiVersion: horae/v1
kind: Job
metadata: {name: hello}
spec:
  dependsOn:
  - {job: x, on: Finished}
  task: {shell: echo hello}
`

func TestDecodeKeepsTheKeyOnAsText(t *testing.T) {
	obj, err := DecodeOne([]byte(smallYAML))
	if err != nil {
		t.Fatal(err)
	}
	if got := obj.(*v1.Job).Spec.DependsOn[0].On; got != v1.OnFinished {
		t.Errorf("on = %q", got)
	}
}

func TestDecodeCommandAsText(t *testing.T) {
	_, err := Decode([]byte(strings.Replace(smallYAML, "shell: echo hello", "command: echo hello", 1)))
	if want := "spec.task.command: must be a list; a shell command line goes into spec.task.shell"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
