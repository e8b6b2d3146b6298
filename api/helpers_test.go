package api

import (
	"os"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"

	v1 "horae/api/v1"
)

// head begins a Job whose spec follows.
const head = `apiVersion: horae/v1
kind: Job
metadata:
  name: hello
spec:
`

const smallJob = head + `  schedule: "*/5 * * * *"
  task:
    shell: echo hello
`

func mustParse(t testing.TB, text string) runtime.Object {
	t.Helper()
	obj, err := ParseOne([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return obj
}

func mustDecodeJob(t testing.TB, text string) *v1.Job {
	t.Helper()
	obj, err := DecodeOne([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return obj.(*v1.Job)
}

func readFile(t testing.TB, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// decodeAll is Parse with the defaults set.
func decodeAll(data []byte) ([]runtime.Object, error) {
	objs, err := Parse(data)
	for _, obj := range objs {
		SetDefaults(obj)
	}
	return objs, err
}
