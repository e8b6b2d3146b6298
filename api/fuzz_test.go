package api

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// FuzzDecode: any bytes get an answer. What is accepted means the same when Horae has written it, and a document that is refused
// has an error that can be shown.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		smallJob, smallJSON, smallJSON + smallJSON, smallJob + "---\n" + smallJob, "{a: b}", "a: &a [*a]", "<<: {a: b}", "? [a]\n: b", "!!binary x",
		"apiVersion: v1\nkind: List\nitems: [" + smallJSON + "]", `{"apiVersion":"v1","kind":"List","items":[{}]}`, `{"kind":"JobList","apiVersion":"horae/v1","items":[{},null,3]}`,
		head + "  task: {command: x}\n", `{"apiVersion":"horae/v1","kind":"Job","spec":{"a":[`, "\xff\xfea\x00", "\ufeff", "%YAML 1.1\n---\na: b",
	} {
		f.Add([]byte(seed))
	}
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		objs, err := decodeAll(data)
		if err != nil {
			var e *Error
			if len(objs) > 0 || err.Error() == "" || errors.As(err, &e) && len(e.Fields) == 0 {
				t.Fatalf("refused with %d objects and %q", len(objs), err)
			}
			return
		}
		for _, obj := range objs {
			written, err := EncodeSpec(obj)
			if err != nil {
				t.Fatal(err)
			}
			read, err := DecodeOne(written)
			if err != nil {
				t.Fatalf("%v\n%s", err, written)
			}
			again, err := EncodeSpec(read)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(written, again) {
				t.Fatalf("written twice:\n%s\n%s", written, again)
			}
		}
	})
}
