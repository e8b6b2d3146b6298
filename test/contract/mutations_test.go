package contract

import (
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// TestReplayNoticesDifferences shows that the replay can fail: recordings with one thing changed do not replay.
func TestReplayNoticesDifferences(t *testing.T) {
	if os.Getenv("HORAE_TEST_MESOS") != "" {
		t.Skip("about the replay itself, not the master")
	}
	t.Parallel()
	for name, m := range mutations {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newReplay(t, scenario{name: m.scenario})
			r.patience = time.Second
			r.prepare = func(r *replay) { serveFiles(t, r) }
			changed := 0
			r.lines = m.change(r.lines, &changed)
			if changed == 0 {
				t.Fatal("the mutation found nothing to change")
			}
			if diffs := r.run(); len(diffs) == 0 {
				t.Error("replayed without a difference")
			}
		})
	}
}

type mutation struct {
	scenario string
	change   func(lines []line, changed *int) []line
}

// replace changes text in the bodies of lines of one kind.
func replace(what, old, with string) func([]line, *int) []line {
	return func(lines []line, changed *int) []line {
		for i := range lines {
			l := &lines[i]
			if l.What == what && strings.Contains(string(l.Body), old) {
				l.Body = json.RawMessage(strings.Replace(string(l.Body), old, with, 1))
				*changed++
			}
		}
		return lines
	}
}

// without drops the first line of a kind with this text.
func without(what, text string) func([]line, *int) []line {
	return func(lines []line, changed *int) []line {
		for i, l := range lines {
			if l.What == what && strings.Contains(string(l.Body), text) {
				*changed++
				return append(lines[:i:i], lines[i+1:]...)
			}
		}
		return lines
	}
}

var mutations = map[string]mutation{
	"another state":                  {"max_completion_time", replace("event", `"TASK_FAILED"`, `"TASK_KILLED"`)},
	"another message":                {"max_completion_time", replace("event", "signal Terminated", "signal Killed")},
	"another reason":                 {"max_completion_time", replace("event", "REASON_MAX_COMPLETION_TIME_REACHED", "REASON_EXECUTOR_TERMINATED")},
	"a reason that is not there":     {"max_completion_time", replace("event", `"source": "SOURCE_EXECUTOR"`, `"source": "SOURCE_EXECUTOR", "reason": "REASON_RECONCILIATION"`)},
	"an update without uuid":         {"max_completion_time", replace("event", `"uuid"`, `"unused"`)},
	"an event that does not come":    {"failover_timeout_expired", replace("event", `"TASK_RUNNING"`, `"TASK_RUNNING", "healthy": true`)},
	"an event that was not recorded": {"failover_timeout_expired", without("event", "Framework has been removed")},
	"another status code": {"bad_requests", func(lines []line, n *int) []line {
		for i := range lines {
			if lines[i].What == "response" && lines[i].Status == http.StatusUnsupportedMediaType {
				lines[i].Status = http.StatusBadRequest
				*n++
			}
		}
		return lines
	}},
	"another text":                    {"bad_requests", replace("response", "didn't match", "did not match")},
	"other resources in an offer":     {"suppress_revive", replace("event", `"value": 4096`, `"value": 4095`)},
	"another attribute":               {"suppress_revive", replace("event", `"value": "r1"`, `"value": "r2"`)},
	"an offer that was not rescinded": {"suppress_revive", without("call", "SUPPRESS")},
	"a uuid that stands for two":      {"reconcile", replace("event", "REASON_RECONCILIATION", "REASON_AGENT_REMOVED")},
	"another order of a task's states": {"failover_timeout_expired", func(lines []line, n *int) []line {
		var at []int
		for i, l := range lines {
			if l.What == "event" && strings.Contains(string(l.Body), `"doomed"`) {
				at = append(at, i)
			}
		}
		if len(at) == 2 {
			lines[at[0]].Body, lines[at[1]].Body = lines[at[1]].Body, lines[at[0]].Body
			*n++
		}
		return lines
	}},
	"a stream that ends otherwise": {"failover_timeout_expired", func(lines []line, n *int) []line {
		for i := range lines {
			if lines[i].isNote("stream ended: EOFError") {
				lines[i].Text = "stream ended: IncompleteRead(0 bytes read)"
				*n++
			}
		}
		return lines
	}},
	"a note that nobody knows": {"failover_timeout_expired", func(lines []line, n *int) []line {
		for i := range lines {
			if lines[i].isNote("failover_timeout is 1 s") {
				lines[i].Text = "the network is on fire"
				*n++
			}
		}
		return lines
	}},
}
