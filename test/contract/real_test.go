package contract

import (
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// realMaster is a Mesos master that was there before, with one agent. The commands do to the two what the recorder did, where they are
// given: doc.go says how they are called.
type realMaster struct {
	url           func() string
	master, agent string
}

func (m *realMaster) URL() string { return m.url() }

// against has a recording replayed against a real master.
func (r *replay) against(t testing.TB, s scenario, m *realMaster, scale float64) {
	t.Helper()
	r.target, r.real, r.scale, r.patience = m, true, scale, time.Minute
	if s.needs == "" {
		return
	}
	if m.master == "" || m.agent == "" {
		t.Skipf("against a real master this needs %s: give HORAE_TEST_MESOS_MASTER and HORAE_TEST_MESOS_AGENT", s.needs)
	}
	t.Cleanup(func() {
		if err := m.fresh(nil, nil); err != nil {
			t.Errorf("leave the cluster as it was: %v", err)
		}
	})
	if err := m.fresh(s.masterFlags, s.agentFlags); err != nil {
		t.Fatalf("prepare the cluster: %v", err)
	}
}

// fresh starts master and agent with these flags more than usual, and waits for them.
func (m *realMaster) fresh(masterFlags, agentFlags []string) error {
	if err := m.run(m.master, append([]string{"fresh"}, masterFlags...)...); err != nil {
		return err
	}
	if err := m.run(m.agent, append([]string{"fresh"}, agentFlags...)...); err != nil {
		return err
	}
	return m.await("the agent has registered", func() bool {
		agents, _ := at(m.operator(`{"type":"GET_AGENTS"}`), "get_agents", "agents").([]any)
		return len(agents) > 0
	})
}

// operator makes a call of the operator API; nil: it was not answered.
func (m *realMaster) operator(call string) any {
	got := post(http.MethodPost, m.URL()+"/api/v1", "application/json", "", []byte(call))
	if got.err != nil || got.status != http.StatusOK {
		return nil
	}
	return tree([]byte(got.body))
}

// await asks until it is so.
func (m *realMaster) await(what string, so func() bool) error {
	for deadline := time.Now().Add(time.Minute); !so(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			return fmt.Errorf("not within a minute: %s", what)
		}
	}
	return nil
}

// run executes a command with arguments.
func (m *realMaster) run(command string, args ...string) error {
	out, err := exec.Command("sh", append([]string{"-c", command + ` "$@"`, "sh"}, args...)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %s: %w: %s", command, strings.Join(args, " "), err, out)
	}
	return nil
}

// act does to the processes what the recorder did.
func (m *realMaster) act(note string, r *replay) (bool, error) {
	var err error
	r.pace(r.at)
	switch {
	case strings.HasPrefix(note, "the agent is stopped (SIGSTOP)"):
		err = m.run(m.agent, "stop")
	case strings.HasPrefix(note, "the agent goes on (SIGCONT)"):
		err = m.run(m.agent, "continue")
	case strings.HasPrefix(note, "the agent process is killed (SIGKILL) for 6 s"):
		err = m.run(m.agent, "kill")
		r.do(6000, func() error { return m.run(m.agent, "start") })
	case strings.HasPrefix(note, "the master is killed and started again"):
		err = m.run(m.master, "kill")
		r.do(1800, func() error {
			if err := m.run(m.master, "start"); err != nil {
				return err
			}
			return m.await("the master answers", func() bool {
				return m.operator(`{"type":"GET_VERSION"}`) != nil
			})
		})
	default:
		return false, nil
	}
	return true, err
}
