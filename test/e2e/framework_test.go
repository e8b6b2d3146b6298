package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	v1 "horae/api/v1"
	"horae/internal/store"
)

// frameworkID is the one that the manager has stored.
func frameworkID(t *testing.T, m *process) string {
	t.Helper()
	resp, err := m.etcd().Get(context.Background(), store.FrameworkIDKey)
	if err != nil || len(resp.Kvs) != 1 {
		return ""
	}
	var doc struct {
		FrameworkID string `json:"frameworkID"`
	}
	if err := json.Unmarshal(resp.Kvs[0].Value, &doc); err != nil {
		t.Fatal(err)
	}
	return doc.FrameworkID
}

// TestFrameworkIsRemoved: Mesos gives up the framework, first while the manager is subscribed and then, because its failover
// timeout has passed, while it is away. Each time the tasks of that framework are lost and done again under a new one, by
// itself, and the log says so.
func TestFrameworkIsRemoved(t *testing.T) {
	t.Parallel()
	cluster := start(t, "devcluster", "--listen", "127.0.0.1:0", "--work-dir", t.TempDir())
	dir := t.TempDir()
	config := filepath.Join(dir, "manager.yaml")
	if err := os.WriteFile(config, []byte("mesos: {framework: {failoverTimeout: 1s}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"--config", config, "--mesos-masters", cluster.ready["master"], "--listen", "127.0.0.1:0", "--etcd-listen", "127.0.0.1:0", "--data-dir", dir}
	m := start(t, "manager", args...)
	m.horaeStdin("apiVersion: horae/v1\nkind: Job\nmetadata: {name: long}\nspec: {task: {shell: 'sleep 600'}, retries: {limit: 10, delay: 100ms}}\n", "apply", "-f", "-")
	m.must("trigger", "long")
	runs := func(m *process, attempt int) {
		t.Helper()
		eventually(t, fmt.Sprintf("attempt %d runs", attempt), func() string {
			all := allRuns(t, m)
			if len(all) != 1 {
				return fmt.Sprintf("%d Runs", len(all))
			}
			s := all[0].Status
			if s.Phase != v1.RunRunning || len(s.Attempts) != attempt {
				return fmt.Sprintf("%s, %d attempts: %s", s.Phase, len(s.Attempts), s.Message)
			}
			for _, a := range s.Attempts[:attempt-1] {
				if a.State != v1.RunLost || a.Reason != "FRAMEWORK_REMOVED" {
					return fmt.Sprintf("an attempt of a removed framework: %+v", a)
				}
			}
			return ""
		})
	}
	runs(m, 1)
	first := frameworkID(t, m)

	// 1. An operator tears it down.
	operator(t, cluster, fmt.Sprintf(`{"type":"TEARDOWN","teardown":{"framework_id":{"value":%q}}}`, first))
	runs(m, 2)
	second := frameworkID(t, m)
	if second == "" || second == first {
		t.Errorf("framework id %q after %q", second, first)
	}
	if log := m.log.String(); !strings.Contains(log, "Framework was removed by Mesos") || !strings.Contains(log, first) {
		t.Error("the log does not say that the framework was removed")
	}

	// 2. The manager is away for longer than the failover timeout.
	m.kill()
	eventually(t, "Mesos gives the framework up", func() string {
		if tasks := activeTasks(t, cluster); len(tasks) > 0 {
			return fmt.Sprintf("it has %d tasks", len(tasks))
		}
		return ""
	})
	m = start(t, "manager", args...)
	runs(m, 3)
	if third := frameworkID(t, m); third == "" || third == second {
		t.Errorf("framework id %q after %q", third, second)
	}
}

// operator makes a call of the master's operator API.
func operator(t *testing.T, cluster *process, call string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, cluster.ready["master"]+"/api/v1", strings.NewReader(call))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s %s, %v", call, resp.Status, body, err)
	}
	return string(body)
}

// activeTasks are the ids of the tasks of frameworks that are not removed.
func activeTasks(t *testing.T, cluster *process) []string {
	t.Helper()
	var answer struct {
		GetTasks struct {
			Tasks []struct {
				TaskID struct{ Value string } `json:"task_id"`
			}
		} `json:"get_tasks"`
	}
	decode(t, operator(t, cluster, `{"type":"GET_TASKS"}`), &answer)
	var ids []string
	for _, task := range answer.GetTasks.Tasks {
		ids = append(ids, task.TaskID.Value)
	}
	return ids
}
