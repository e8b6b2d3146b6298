package devcluster

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/executor"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
)

// helperExecutor makes the test binary an executor of a framework's own.
const helperExecutor = "DEVCLUSTER_TEST_EXECUTOR"

// runExecutor subscribes to the agent that its environment names, sends the framework the data of its task, runs it
// until it is killed, and exits when the end is acknowledged.
func runExecutor() int {
	stream, err := executorPost(&executor.Call{Type: executor.Call_SUBSCRIBE, Subscribe: &executor.Call_Subscribe{}})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer stream.Close()
	var last []byte
	for in := bufio.NewReader(stream); ; {
		e, err := readExecutorEvent(in)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 2
		}
		switch e.Type {
		case executor.Event_LAUNCH:
			err = executorTell(e.Launch.Task.TaskID, mesos.TASK_RUNNING, newUUIDBytes())
			if err == nil {
				_, err = executorPost(&executor.Call{Type: executor.Call_MESSAGE, Message: &executor.Call_Message{Data: e.Launch.Task.Data}})
			}
		case executor.Event_KILL:
			last = newUUIDBytes()
			err = executorTell(e.Kill.TaskID, mesos.TASK_KILLED, last)
		case executor.Event_ACKNOWLEDGED:
			if bytes.Equal(e.Acknowledged.UUID, last) {
				return 0
			}
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 3
		}
	}
}

func executorTell(id mesos.TaskID, state mesos.TaskState, uuid []byte) error {
	_, err := executorPost(&executor.Call{Type: executor.Call_UPDATE, Update: &executor.Call_Update{
		Status: mesos.TaskStatus{TaskID: id, State: &state, UUID: uuid, Source: mesos.SOURCE_EXECUTOR.Enum()}}})
	return err
}

func executorPost(call *executor.Call) (io.ReadCloser, error) {
	call.ExecutorID.Value, call.FrameworkID.Value = os.Getenv("MESOS_EXECUTOR_ID"), os.Getenv("MESOS_FRAMEWORK_ID")
	body, err := call.Marshal()
	if err != nil {
		return nil, err
	}
	url := "http://" + os.Getenv("MESOS_AGENT_ENDPOINT") + "/slave(1)/api/v1/executor"
	req, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", mediaProtobuf)
	req.Header.Set("Accept", mediaProtobuf)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode == http.StatusOK {
		return resp.Body, nil
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusAccepted {
		err = fmt.Errorf("%s: %s %s", call.Type, resp.Status, text)
	}
	return nil, err
}

func readExecutorEvent(in *bufio.Reader) (*executor.Event, error) {
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
	e := &executor.Event{}
	return e, e.Unmarshal(frame)
}

// custom makes a task for an executor of the framework's own.
func custom(s *testClient, o mesos.Offer, env string) mesos.TaskInfo {
	task := shell(o, "t", "")
	task.Data, task.Command = []byte("payload"), nil
	task.Executor = &mesos.ExecutorInfo{
		Type: mesos.ExecutorInfo_CUSTOM, ExecutorID: mesos.ExecutorID{Value: "mine"}, FrameworkID: s.framework,
		Command: &mesos.CommandInfo{Value: ptr(os.Args[0]), Environment: &mesos.Environment{
			Variables: []mesos.Environment_Variable{{Name: env, Value: ptr("1")}}}},
	}
	return task
}

func TestCustomExecutorSpeaksTheExecutorAPI(t *testing.T) {
	c := start(t, Config{})
	s := subscribe(t, c.URL(), mediaProtobuf, frameworkInfo())
	o := s.offer()
	s.launch(o, custom(s, o, helperExecutor))
	s.running()
	if got := string(s.next(scheduler.Event_MESSAGE).Message.Data); got != "payload" {
		t.Errorf("the executor read %q", got)
	}
	s.must(&scheduler.Call{Type: scheduler.Call_KILL, Kill: &scheduler.Call_Kill{TaskID: mesos.TaskID{Value: "t"}}})
	states, last := s.follow()
	if diff := cmp.Diff([]string{"TASK_KILLED"}, states); diff != "" {
		t.Error(diff)
	}
	if last.ExecutorID.Value != "mine" {
		t.Errorf("executor %q", last.ExecutorID.Value)
	}
	if f := s.next(scheduler.Event_FAILURE).Failure; f.ExecutorID.GetValue() != "mine" || f.GetStatus() != 0 {
		t.Errorf("failure %v", f)
	}
}

func TestKillBeforeACustomExecutorHasRegistered(t *testing.T) {
	c := start(t, Config{})
	s := subscribe(t, c.URL(), mediaProtobuf, frameworkInfo())
	o := s.offer()
	task := custom(s, o, "UNUSED")
	task.Executor.Command.Value = ptr("sleep 1000")
	s.launch(o, task)
	s.must(&scheduler.Call{Type: scheduler.Call_KILL, Kill: &scheduler.Call_Kill{TaskID: task.TaskID}})
	if states, last := s.follow(); *last.State != mesos.TASK_KILLED {
		t.Errorf("states %v: %v", states, last)
	}
}

// TestUpdatesOfExecutorsThatMesosRefuses are those that a real agent answers with 400.
func TestUpdatesOfExecutorsThatMesosRefuses(t *testing.T) {
	random := bytes.Repeat([]byte{0xff}, 16) // of no version
	running := mesos.TASK_RUNNING
	good := mesos.TaskStatus{TaskID: mesos.TaskID{Value: "t"}, State: &running, Source: mesos.SOURCE_EXECUTOR.Enum(), UUID: newUUIDBytes()}
	for name, tt := range map[string]struct {
		change func(*mesos.TaskStatus)
		want   string
	}{
		"as it should be":            {func(*mesos.TaskStatus) {}, ""},
		"16 random bytes":            {func(s *mesos.TaskStatus) { s.UUID = random }, "Not a valid UUID"},
		"no uuid":                    {func(s *mesos.TaskStatus) { s.UUID = nil }, "Expecting 'uuid' to be present"},
		"a short uuid":               {func(s *mesos.TaskStatus) { s.UUID = s.UUID[:4] }, "Not a valid UUID"},
		"as if it were of the agent": {func(s *mesos.TaskStatus) { s.Source = mesos.SOURCE_AGENT.Enum() }, "expecting 'SOURCE_EXECUTOR'"},
		"of another executor":        {func(s *mesos.TaskStatus) { s.ExecutorID = &mesos.ExecutorID{Value: "y"} }, "does not match ExecutorID"},
		"back in staging":            {func(s *mesos.TaskStatus) { s.State = mesos.TASK_STAGING.Enum() }, "Received TASK_STAGING"},
	} {
		status := good
		tt.change(&status)
		call := &executor.Call{Type: executor.Call_UPDATE, Update: &executor.Call_Update{Status: status}}
		call.ExecutorID.Value, call.FrameworkID.Value = "x", "f"
		if got := invalidExecutorCall(call); (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
	c := start(t, Config{})
	body := `{"type": "UPDATE", "executor_id": {"value": "x"}, "framework_id": {"value": "f"}, "update": {"status": {"task_id": {"value": "t"},
		"state": "TASK_RUNNING", "source": "SOURCE_EXECUTOR", "uuid": "/////////////////////w=="}}}`
	resp, err := http.Post("http://"+c.Agent(0).address()+"/slave(1)/api/v1/executor", mediaJSON, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	said, _ := io.ReadAll(resp.Body)
	if want := "Failed to validate Executor::Call: Not a valid UUID"; resp.StatusCode != http.StatusBadRequest || string(said) != want {
		t.Errorf("%s: %s, want 400: %s", resp.Status, said, want)
	}
}
