package store

import (
	"strings"
	"testing"
)

func TestKeysThatAreNoObjects(t *testing.T) {
	for key, why := range map[string]string{
		"/horae/spec/jobs/default/a":                            "",
		"/horae/status/runs/default/a-20261122t020000z":         "",
		"/horae/spec/jobs/default/Not_A_Name":                   "", // its object says so, and can be deleted
		"/horae/system/framework-id":                            "",
		"/horae/other":                                          "",
		"/horae/spec/jobs/NAME":                                 "the namespace is missing",
		"/horae/spec/jobs":                                      "the namespace is missing",
		"/horae/spec/jobs/default/a/b":                          "too many slashes",
		"/horae/status/jobs/default/a/":                         "too many slashes",
		"/horae/spec/jobs/default/":                             "the name is missing",
		"/horae/spec/jobs//a":                                   `"" cannot be a namespace`,
		"/horae/spec/jobs/Team_A/x":                             `"Team_A" cannot be a namespace`,
		"/horae/spec/jobs/-a/x":                                 "cannot be a namespace",
		"/horae/spec/jobs/" + strings.Repeat("a", 64) + "/x":    "cannot be a namespace",
		"/horae/spec/job/default/a":                             `knows no kind "job"`,
		"/horae/spec/" + strings.Repeat("x", 1000) + "/default": "knows no kind",
	} {
		got := Stray(key)
		if !strings.Contains(got, why) || (got == "") != (why == "") || len(got) > 200 {
			t.Errorf("%s: %q, want %q", key, got, why)
		}
		if _, _, ok := ParseKey(key); ok && why != "" && !strings.Contains(why, "kind") {
			t.Errorf("%s is read as an object's", key)
		}
	}
}
