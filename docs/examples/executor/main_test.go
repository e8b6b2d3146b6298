package main

import (
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestRunAgainstAnAgent runs the executor against an agent that checks what a real one checks, with TLS and without.
func TestRunAgainstAnAgent(t *testing.T) {
	for _, secure := range []bool{false, true} {
		t.Run(fmt.Sprint("TLS ", secure), func(t *testing.T) {
			var states []string
			events := make(chan string, 8)
			agent := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				var call struct {
					Type   string
					Update struct {
						Status struct {
							State string
							UUID  []byte
						}
					}
				}
				if err := json.NewDecoder(r.Body).Decode(&call); err != nil || r.URL.Path != "/slave(1)/api/v1/executor" {
					t.Errorf("%s: %v", r.URL, err)
				}
				if call.Type == "UPDATE" {
					uuid := call.Update.Status.UUID
					if len(uuid) != 16 || uuid[6]>>4 != 4 || uuid[8]>>6 != 2 {
						t.Errorf("%x is not a UUID of version 4", uuid)
					}
					states = append(states, call.Update.Status.State)
					answer, _ := json.Marshal(map[string]any{"type": "ACKNOWLEDGED", "acknowledged": map[string]any{"uuid": uuid}})
					events <- string(answer)
					w.WriteHeader(http.StatusAccepted)
					return
				}
				events <- `{"type": "LAUNCH", "launch": {"task": {"task_id": {"value": "t"}, "data": "Z29vZCBkYXk="}}}`
				w.WriteHeader(http.StatusOK)
				for {
					select {
					case e := <-events:
						fmt.Fprintf(w, "%d\n%s", len(e), e)
						w.(http.Flusher).Flush()
					case <-r.Context().Done():
						return
					}
				}
			}))
			env := map[string]string{"MESOS_EXECUTOR_ID": "x", "MESOS_FRAMEWORK_ID": "f"}
			if secure {
				agent.StartTLS()
				env["LIBPROCESS_SSL_ENABLED"], env["LIBPROCESS_SSL_CA_FILE"] = "1", filepath.Join(t.TempDir(), "ca.pem")
				ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: agent.Certificate().Raw})
				if err := os.WriteFile(env["LIBPROCESS_SSL_CA_FILE"], ca, 0o600); err != nil {
					t.Fatal(err)
				}
			} else {
				agent.Start()
			}
			defer agent.Close()
			env["MESOS_AGENT_ENDPOINT"] = agent.Listener.Addr().String()
			env["MESOS_SLAVE_PID"] = "slave(1)@" + env["MESOS_AGENT_ENDPOINT"]

			a, err := agentOf(func(name string) string { return env[name] })
			if err != nil {
				t.Fatal(err)
			}
			var out strings.Builder
			if err := a.run(&out); err != nil {
				t.Fatal(err)
			}
			if want := "task t says: good day\n"; out.String() != want {
				t.Errorf("printed %q, want %q", out.String(), want)
			}
			if got := strings.Join(states, " "); got != "TASK_RUNNING TASK_FINISHED" {
				t.Errorf("states %s", got)
			}
		})
	}
}
