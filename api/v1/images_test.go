package v1

import (
	"strings"
	"testing"
)

func TestImageNames(t *testing.T) {
	for name, good := range map[string]bool{
		"busybox": true, "busybox:1.36": true, "library/busybox": true, "127.0.0.1:5000/no/image": true, "localhost/a": true, "[::1]:5000/a": true,
		"Repo.Example.com/data_lake/job-runner.x__y:V1.2_rc-3": true, "a@sha256:" + strings.Repeat("0f", 32): true, "sha256:" + strings.Repeat("0f", 32): true,
		"BusyBox": false, "a/B": false, "a:": false, "a:b:c": false, "a:.b": false, "-a": false, "a-": false, "a..b": false, "a//b": false, "/a": false,
		"a/": false, "a@sha256:0f": false, "https://a/b": false,
	} {
		if imageName.MatchString(name) != good {
			t.Errorf("%s: %v", name, !good)
		}
	}
}
