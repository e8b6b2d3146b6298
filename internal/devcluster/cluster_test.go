package devcluster

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTaskRunsToItsEndInBothCodecs(t *testing.T) {
	for _, media := range []string{mediaJSON, mediaProtobuf} {
		t.Run(filepath.Base(media), func(t *testing.T) {
			c := start(t, Config{Attributes: "rack:r1;cores:16;vlans:[10-20]"})
			s := subscribe(t, c.URL(), media, frameworkInfo())
			o := s.offer()
			s.launch(o, shell(o, "hello", "echo hello; echo oops >&2; exit 3"))
			states, last := s.follow()
			if diff := cmp.Diff([]string{"TASK_STARTING", "TASK_RUNNING", "TASK_FAILED"}, states); diff != "" {
				t.Error(diff)
			}
			if got := last.GetMessage(); got != "Command exited with status 3" {
				t.Errorf("message: %q", got)
			}
			dir := filepath.Join(c.WorkDir(), "slaves", o.AgentID.Value, "frameworks", s.framework.Value, "executors", "hello",
				"runs", last.ContainerStatus.ContainerID.Value)
			if got := get(t, o, "/files/read?offset=0&path="+dir+"/stdout"); got != `{"data":"hello\n","offset":0}` {
				t.Errorf("stdout: %s", got)
			}
			if got := get(t, o, o.URL.GetPath()+"/state"); !strings.Contains(got, dir) {
				t.Errorf("/state does not lead to the sandbox: %s", got)
			}
		})
	}
}
