// Command executor is a small custom Mesos executor, as an example of spec.task.executor: it subscribes to its agent by the v1
// executor API, takes one task, prints the data that came with it, and tells how the task does. Real ones do the same around
// work of their own. manifests/executor.yaml runs it.
package main

import (
	"bufio"
	"bytes"
	"crypto/rand"
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
	if err := run(os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "executor:", err)
		os.Exit(1)
	}
}

// run takes tasks' events until the last update of its one task is acknowledged, or the agent wants it to end.
func run(out io.Writer) error {
	stream, err := call(object{"type": "SUBSCRIBE", "subscribe": object{}})
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
			last, err = work(e, out)
		case "KILL":
			last, err = tell(e.Kill.TaskID, "TASK_KILLED", "asked to")
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
func work(e *event, out io.Writer) (last []byte, err error) {
	task := e.Launch.Task
	if _, err := tell(task.TaskID, "TASK_RUNNING", ""); err != nil {
		return nil, err
	}
	if _, err := fmt.Fprintf(out, "task %s says: %s\n", task.TaskID.Value, task.Data); err != nil {
		return tell(task.TaskID, "TASK_FAILED", err.Error())
	}
	return tell(task.TaskID, "TASK_FINISHED", "")
}

// tell sends an update and answers its uuid, by which the agent acknowledges it.
func tell(task id, state, message string) (uuid []byte, err error) {
	uuid = make([]byte, 16)
	_, _ = rand.Read(uuid) // never fails
	_, err = call(object{"type": "UPDATE", "update": object{"status": object{
		"task_id": object{"value": task.Value}, "state": state, "message": message, "source": "SOURCE_EXECUTOR", "uuid": uuid,
	}}})
	return uuid, err
}

// call makes a call of the executor API. The answer to SUBSCRIBE is the stream of events.
func call(body object) (io.ReadCloser, error) {
	body["executor_id"], body["framework_id"] = object{"value": os.Getenv("MESOS_EXECUTOR_ID")}, object{"value": os.Getenv("MESOS_FRAMEWORK_ID")}
	text, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequest(http.MethodPost, "http://"+os.Getenv("MESOS_AGENT_ENDPOINT")+"/slave(1)/api/v1/executor", bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	resp, err := http.DefaultClient.Do(req)
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
