package v1_test

import (
	"os"
	"path/filepath"
	"testing"

	"horae/api"
	v1 "horae/api/v1"
)

func TestEveryManifestIsValid(t *testing.T) {
	files, err := filepath.Glob("../../manifests/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no manifests: %v", err)
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		objs, err := api.Decode(data)
		if err != nil {
			t.Errorf("%s: %v", f, err)
		}
		for _, obj := range objs {
			if errs := v1.ValidateJob(obj.(*v1.Job)); len(errs) > 0 {
				t.Errorf("%s: %v", f, errs.ToAggregate())
			}
		}
	}
}
