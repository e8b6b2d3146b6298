// Command executor is a small custom Mesos executor, as an example of spec.task.executor: it subscribes to its agent
// by the v1 executor API, takes one task, prints the data that came with it, and reports how the task does. Real ones
// do the same around work of their own. manifests/executor.yaml runs it.
package main

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
)

type (
	id     struct{ Value string }
	object map[string]any

	// event is what this executor reads of the agent's events.
	event struct {
		Type   string
		Launch struct {
			Task struct {
				TaskID id `json:"task_id"`
				Data   []byte
			}
		}
		Kill struct {
			TaskID id `json:"task_id"`
		}
		Acknowledged struct{ UUID []byte }
	}
)

func main() {
	a, err := agentOf(os.Getenv)
	if err == nil {
		err = a.run(os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "executor:", err)
		os.Exit(1)
	}
}

// agent is the one that started this executor.
type agent struct {
	url, token          string
	executor, framework string
	client              *http.Client
}

// agentOf finds out by the environment how to call the agent. As Mesos's own executors do, it speaks TLS where the
// agent's libprocess does.
func agentOf(getenv func(string) string) (*agent, error) {
	a := &agent{token: getenv("MESOS_EXECUTOR_AUTHENTICATION_TOKEN"), executor: getenv("MESOS_EXECUTOR_ID"),
		framework: getenv("MESOS_FRAMEWORK_ID")}
	name, _, _ := strings.Cut(getenv("MESOS_SLAVE_PID"), "@") // slave(1)@127.0.0.1:5051
	if name == "" {
		name = "slave(1)"
	}
	scheme, transport := "http", &http.Transport{}
	if on := getenv("LIBPROCESS_SSL_ENABLED"); on == "1" || on == "true" {
		scheme = "https"
		config, err := trust(getenv("LIBPROCESS_SSL_CA_FILE"))
		if err != nil {
			return nil, err
		}
		transport.TLSClientConfig = config
	}
	a.url = scheme + "://" + getenv("MESOS_AGENT_ENDPOINT") + "/" + name + "/api/v1/executor"
	a.client = &http.Client{Transport: transport}
	return a, nil
}

// trust accepts the agent's certificate if a CA of the file signed it. Without a file, the CAs of the system count.
func trust(caFile string) (*tls.Config, error) {
	if caFile == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(caFile)
	if err != nil {
		return nil, fmt.Errorf("LIBPROCESS_SSL_CA_FILE: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("LIBPROCESS_SSL_CA_FILE: %s holds no certificate", caFile)
	}
	return &tls.Config{RootCAs: roots}, nil
}

// run takes tasks' events until the last update of its one task is acknowledged, or the agent wants it to end.
func (a *agent) run(out io.Writer) error {
	stream, err := a.call(object{"type": "SUBSCRIBE", "subscribe": object{}})
	if err != nil {
		return err
	}
	defer stream.Close()
	var last []byte // the uuid of the last update
	for in := bufio.NewReader(stream); ; {
		e, err := next(in)
		if err != nil {
			return err
		}
		switch e.Type {
		case "LAUNCH":
			last, err = a.work(e, out)
		case "KILL":
			last, err = a.update(e.Kill.TaskID, "TASK_KILLED", "asked to")
		case "ACKNOWLEDGED":
			if last != nil && bytes.Equal(e.Acknowledged.UUID, last) {
				return nil
			}
		case "SHUTDOWN":
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// work is where a real executor does its work.
func (a *agent) work(e *event, out io.Writer) (last []byte, err error) {
	task := e.Launch.Task
	if _, err := a.update(task.TaskID, "TASK_RUNNING", ""); err != nil {
		return nil, err
	}
	if _, err := fmt.Fprintf(out, "task %s says: %s\n", task.TaskID.Value, task.Data); err != nil {
		return a.update(task.TaskID, "TASK_FAILED", err.Error())
	}
	return a.update(task.TaskID, "TASK_FINISHED", "")
}

// update sends an update and returns its uuid, by which the agent acknowledges it.
func (a *agent) update(task id, state, message string) (uuid []byte, err error) {
	uuid = newUUID()
	_, err = a.call(object{"type": "UPDATE", "update": object{"status": object{
		"task_id": object{"value": task.Value}, "state": state, "message": message, "source": "SOURCE_EXECUTOR", "uuid": uuid,
	}}})
	return uuid, err
}

// newUUID makes a UUID of version 4 (RFC 9562). Agents refuse 16 bytes that are no valid UUID.
func newUUID() []byte {
	uuid := make([]byte, 16)
	_, _ = rand.Read(uuid) // never fails
	uuid[6] = uuid[6]&0x0f | 0x40
	uuid[8] = uuid[8]&0x3f | 0x80
	return uuid
}

// call makes a call of the executor API. The answer to SUBSCRIBE is the stream of events.
func (a *agent) call(body object) (io.ReadCloser, error) {
	body["executor_id"], body["framework_id"] = object{"value": a.executor}, object{"value": a.framework}
	text, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequest(http.MethodPost, a.url, bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	if a.token != "" {
		req.Header.Set("Authorization", "Bearer "+a.token)
	}
	resp, err := a.client.Do(req)
	if err != nil {
		return nil, err
	}
	switch resp.StatusCode {
	case http.StatusOK:
		return resp.Body, nil
	case http.StatusAccepted:
		return nil, resp.Body.Close()
	}
	defer resp.Body.Close()
	said, _ := io.ReadAll(resp.Body)
	return nil, fmt.Errorf("%s: %s: %s", body["type"], resp.Status, said)
}

// next reads one event: its length in a line of its own, then JSON.
func next(in *bufio.Reader) (*event, error) {
	head, err := in.ReadString('\n')
	if err != nil {
		return nil, err
	}
	size, err := strconv.Atoi(strings.TrimSpace(head))
	if err != nil {
		return nil, err
	}
	frame := make([]byte, size)
	if _, err := io.ReadFull(in, frame); err != nil {
		return nil, err
	}
	e := &event{}
	return e, json.Unmarshal(frame, e)
}
