package manager

import (
	"testing"
	"time"

	v1 "horae/api/v1"
)

func TestManualRunsAreNamedByTheIDOfTheirTrigger(t *testing.T) {
	j := &v1.Job{}
	j.Name = "hello"
	names := map[string]bool{}
	for _, id := range []string{"abc", "abc", "", ""} {
		run, err := newManualRun(j, v1.Trigger{ID: id}, time.Unix(0, 0))
		if err != nil {
			t.Fatal(err)
		}
		if id != "" && run.Name != "hello-m"+id {
			t.Errorf("ID %s makes the Run %s", id, run.Name)
		}
		names[run.Name] = true
	}
	if len(names) != 3 {
		t.Errorf("two triggers without an ID share a Run: %v", names)
	}
}
