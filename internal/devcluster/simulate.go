package devcluster

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
)

// simLabel is the label that says how a simulated task ends.
const simLabel = "sim"

// outcome is how a simulated task ends, and when after TASK_RUNNING. A task whose outcome is never runs until it is
// killed.
type outcome struct {
	exit        int
	lost, never bool
	after       time.Duration
}

// parseOutcome reads the label sim: ok, exit:N, lost or never, then optionally a comma and a duration. Without the
// label a task succeeds at once.
func parseOutcome(info *mesos.TaskInfo) (outcome, error) {
	var o outcome
	text := ""
	for _, l := range info.GetLabels().GetLabels() {
		if l.Key == simLabel {
			text = l.GetValue()
		}
	}
	if text == "" {
		return o, nil
	}
	how, after, timed := strings.Cut(text, ",")
	if timed {
		d, err := time.ParseDuration(after)
		if err != nil || d < 0 {
			return o, fmt.Errorf("label %s: %q: %q is not a duration such as 1500ms", simLabel, text, after)
		}
		o.after = d
	}
	kind, code, _ := strings.Cut(how, ":")
	switch kind {
	case "ok":
	case "exit":
		n, err := strconv.Atoi(code)
		if err != nil || n < 0 || n > 255 {
			return o, fmt.Errorf("label %s: %q: %q is not an exit code from 0 to 255", simLabel, text, code)
		}
		o.exit = n
	case "lost":
		o.lost = true
	case "never":
		o.never = true
	default:
		return o, fmt.Errorf("label %s: %q: want ok, exit:N, lost or never, and optionally a duration: exit:3,10ms", simLabel, text)
	}
	return o, nil
}

// startSimulated starts a task that is a timer. Cluster.mu must be held.
func (a *Agent) startSimulated(x *run) {
	o, err := parseOutcome(x.info)
	if err != nil {
		a.finish(x, mesos.TASK_FAILED, err.Error()) // the master has refused such a task already
		return
	}
	a.emit(x, x.status(mesos.TASK_STARTING))
	a.emit(x, x.status(mesos.TASK_RUNNING))
	a.startDeadline(x)
	if o.never {
		return
	}
	x.ending = a.c.after(o.after, func() { a.endSimulated(x, o) })
}

func (a *Agent) endSimulated(x *run, o outcome) {
	switch {
	case terminal(x.state):
	case a.crashed:
		x.exitedInCrash = true
	case o.lost:
		s := x.status(mesos.TASK_LOST)
		s.Source, s.Reason = mesos.SOURCE_AGENT.Enum(), mesos.REASON_EXECUTOR_TERMINATED.Enum()
		s.Message = text("Simulated loss")
		a.emit(x, s)
	case o.exit != 0:
		a.finish(x, mesos.TASK_FAILED, fmt.Sprintf("Command exited with status %d", o.exit))
	default:
		a.finish(x, mesos.TASK_FINISHED, "Command exited with status 0")
	}
}

func text(s string) *string { return &s }
