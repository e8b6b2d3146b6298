package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr/testr"
	"go.uber.org/goleak"

	v1 "horae/api/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// agent answers as shared recordings of Mesos 1.11 show (lifecycle): READ_FILE with size and base64 data, at most 64 KiB at
// once, 404 for what there is not, and /state with the directories of executors.
type agent struct {
	*httptest.Server
	mu    sync.Mutex
	files map[string][]byte // guarded by mu
	state string            // guarded by mu
	// reads, when set, gets each READ_FILE.
	reads chan struct{}
	// hold, when set, delays /state until it is closed.
	hold chan struct{}
}

const (
	agentDir = "/var/lib/mesos/agent"
	dir      = agentDir + "/slaves/S0/frameworks/F/executors/t1/runs/c1"
)

func startAgent(t *testing.T) *agent {
	a := &agent{files: map[string][]byte{}, state: stateOf("frameworks", "t1", dir, "t1")}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /slave(1)/state", func(w http.ResponseWriter, _ *http.Request) {
		if a.hold != nil {
			<-a.hold
		}
		a.mu.Lock()
		defer a.mu.Unlock()
		fmt.Fprint(w, a.state)
	})
	mux.HandleFunc("POST /slave(1)/api/v1", a.call)
	a.Server = httptest.NewServer(mux)
	t.Cleanup(a.Close)
	return a
}

func stateOf(list, executor, dir, task string) string {
	return fmt.Sprintf(`{"id":"S0","flags":{"work_dir":%q},%q:[{"id":"F","completed_executors":[{"id":%q,"container":"c1","directory":%q,"completed_tasks":[{"id":%q}]}]}]}`,
		agentDir, list, executor, dir, task)
}

func (a *agent) call(w http.ResponseWriter, r *http.Request) {
	var call struct {
		Type     string `json:"type"`
		ReadFile struct {
			Path   string `json:"path"`
			Offset int    `json:"offset"`
			Length int    `json:"length"`
		} `json:"read_file"`
		ListFiles struct {
			Path string `json:"path"`
		} `json:"list_files"`
	}
	if err := json.NewDecoder(r.Body).Decode(&call); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if call.Type == "LIST_FILES" {
		var infos []map[string]any
		for name, data := range a.files {
			infos = append(infos, map[string]any{"path": name, "size": len(data), "mtime": map[string]any{"nanoseconds": 1e18}})
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"type": "LIST_FILES", "list_files": map[string]any{"file_infos": infos}})
		return
	}
	data, ok := a.files[call.ReadFile.Path]
	if !ok {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	from := min(call.ReadFile.Offset, len(data))
	part := data[from:min(from+min(call.ReadFile.Length, 64<<10), len(data))]
	_ = json.NewEncoder(w).Encode(map[string]any{"type": "READ_FILE", "read_file": map[string]any{"size": len(data), "data": part}})
	if a.reads != nil {
		select {
		case a.reads <- struct{}{}:
		default:
		}
	}
}

func (a *agent) write(file, data string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.files[file] = append(a.files[file], data...)
}

func (a *agent) attempt() v1.Attempt {
	return v1.Attempt{TaskID: "t1", AgentURL: a.URL + "/slave(1)", Hostname: "node1", Sandbox: dir}
}

func agents(t *testing.T) *Agents {
	a := &Agents{Client: &http.Client{Transport: &http.Transport{}}, Log: testr.New(t)}
	t.Cleanup(a.Close)
	return a
}

func TestCopyReadsAFile(t *testing.T) {
	big := strings.Repeat("0123456789abcdef", 10_000) + "end"
	for _, tt := range []struct {
		name, content string
		offset        int64
		want          string
	}{
		{name: "a short one", content: "out\n", want: "out\n"},
		{name: "an empty one"},
		{name: "one of several chunks", content: big, want: big},
		{name: "one that is not text", content: "a\xff\x00\xfeb", want: "a\xff\x00\xfeb"},
		{name: "from an offset", content: "0123456789", offset: 7, want: "789"},
		{name: "from an offset past the end", content: "0123456789", offset: 70},
		{name: "from the end", content: "0123456789", offset: -3, want: "789"},
		{name: "from further back than the beginning", content: "0123456789", offset: -30, want: "0123456789"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := startAgent(t)
			a.write(dir+"/stdout", tt.content)
			var got bytes.Buffer
			if err := agents(t).Copy(t.Context(), &got, a.attempt(), "stdout", tt.offset, nil); err != nil {
				t.Fatal(err)
			}
			if got.String() != tt.want {
				t.Errorf("got %d bytes %.40q, want %d", got.Len(), got.String(), len(tt.want))
			}
		})
	}
}

func TestCopyFindsTheSandbox(t *testing.T) {
	const elsewhere = agentDir + "/slaves/S0/frameworks/F/executors/own/runs/c7"
	for _, tt := range []struct {
		name, sandbox, state string
	}{
		{name: "of a task whose status does not name it", state: stateOf("frameworks", "t1", elsewhere, "t1")},
		{name: "of a task with an executor of its own", sandbox: dir, state: stateOf("frameworks", "own", elsewhere, "t1")},
		{name: "of a framework that is over", state: stateOf("completed_frameworks", "own", elsewhere, "t1")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := startAgent(t)
			a.state = tt.state
			a.write(elsewhere+"/stderr", "err\n")
			at := a.attempt()
			at.Sandbox = tt.sandbox
			var got bytes.Buffer
			if err := agents(t).Copy(t.Context(), &got, at, "stderr", 0, nil); err != nil || got.String() != "err\n" {
				t.Errorf("got %q, %v", got.String(), err)
			}
		})
	}
}

func TestWhatCannotBeReadSaysWhy(t *testing.T) {
	a := startAgent(t)
	gone := startAgent(t)
	goneURL := gone.URL
	gone.Close()
	for _, tt := range []struct {
		name string
		edit func(*v1.Attempt)
		is   error
		says []string
	}{
		{name: "a file that is not there", is: ErrNoFile, says: []string{"stdout of task t1 on node1", dir + "/stdout", "garbage-collected"}, edit: func(*v1.Attempt) {}},
		{name: "an agent that is gone", is: ErrAgentGone, says: []string{goneURL, "kept on its agent"}, edit: func(at *v1.Attempt) { at.AgentURL = goneURL + "/slave(1)" }},
		{name: "a task that the agent does not know", is: ErrNoSandbox, says: []string{"does not know task t9"}, edit: func(at *v1.Attempt) { at.Sandbox, at.TaskID = "", "t9" }},
		{name: "an attempt without an agent", is: ErrNoSandbox, says: []string{"no agent yet"}, edit: func(at *v1.Attempt) { *at = v1.Attempt{TaskID: "t1"} }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			at := a.attempt()
			tt.edit(&at)
			err := agents(t).Copy(t.Context(), &bytes.Buffer{}, at, "stdout", 0, nil)
			if !errors.Is(err, tt.is) {
				t.Fatalf("got %v, want %v", err, tt.is)
			}
			for _, s := range tt.says {
				if !strings.Contains(err.Error(), s) {
					t.Errorf("%q does not say %q", err, s)
				}
			}
		})
	}
}

// lockedBuffer is a buffer that is read while it is written.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer // guarded by mu
	got chan string
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n, err := b.buf.Write(p)
	b.got <- string(p)
	return n, err
}

func TestFollowReadsOnUntilTheAttemptHasEndedAndTheFileIsDrained(t *testing.T) {
	a := startAgent(t)
	a.reads = make(chan struct{}, 1)
	out := &lockedBuffer{got: make(chan string, 10)}
	over := make(chan struct{})
	done := make(chan error, 1)
	s := agents(t)
	go func() { done <- s.Copy(t.Context(), out, a.attempt(), "stdout", 0, over) }()

	// The file is not there yet: that is waited for.
	a.write(dir+"/stdout", "one\n")
	if got := <-out.got; got != "one\n" {
		t.Fatalf("got %q", got)
	}
	<-a.reads
	<-a.reads // it has looked again and found nothing new
	a.write(dir+"/stdout", "two\n")
	if got := <-out.got; got != "two\n" {
		t.Fatalf("got %q", got)
	}
	a.write(dir+"/stdout", "three\n")
	close(over)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if got := out.buf.String(); got != "one\ntwo\nthree\n" {
		t.Errorf("got %q", got)
	}
}

func TestFollowEndsWithItsContext(t *testing.T) {
	a := startAgent(t)
	a.reads = make(chan struct{}, 1)
	a.write(dir+"/stdout", "")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	s := agents(t)
	go func() {
		done <- s.Copy(ctx, &bytes.Buffer{}, a.attempt(), "stdout", 0, make(chan struct{}))
	}()
	<-a.reads
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestFollowFailsWhenTheAgentDies(t *testing.T) {
	a := startAgent(t)
	a.reads = make(chan struct{}, 1)
	a.write(dir+"/stdout", "x")
	done := make(chan error, 1)
	s := agents(t)
	go func() {
		done <- s.Copy(t.Context(), &bytes.Buffer{}, a.attempt(), "stdout", 0, make(chan struct{}))
	}()
	<-a.reads
	a.Close()
	if err := <-done; !errors.Is(err, ErrAgentGone) {
		t.Errorf("got %v", err)
	}
}

func TestWorkDirNeverWaits(t *testing.T) {
	a := startAgent(t)
	a.hold = make(chan struct{})
	s := agents(t)
	url := a.URL + "/slave(1)"
	for range 3 {
		if got, ok := s.WorkDir(url); ok {
			t.Fatalf("got %q before the agent has answered", got)
		}
	}
	close(a.hold)
	s.tasks.Wait() // the fetch that the first call began
	if got, ok := s.WorkDir(url); !ok || got != agentDir {
		t.Errorf("got %q %v", got, ok)
	}
	if _, ok := s.WorkDir(""); ok {
		t.Error("an attempt without an agent has no work directory")
	}
}

func TestWorkDirOfAnAgentThatDoesNotAnswerIsNotAskedForAllTheTime(t *testing.T) {
	a := startAgent(t)
	url := a.URL + "/slave(1)"
	a.Close()
	s := agents(t)
	s.WorkDir(url)
	s.tasks.Wait()
	if _, ok := s.WorkDir(url); ok || s.dirs[url].fetching {
		t.Error("it is asked again at once")
	}
	if wait := time.Until(s.dirs[url].retryAt); wait <= 0 {
		t.Errorf("the next question is due since %s", -wait)
	}
}

func TestListNamesTheFiles(t *testing.T) {
	a := startAgent(t)
	a.write(dir+"/stdout", "out\n")
	files, err := agents(t).List(t.Context(), a.attempt())
	if err != nil || len(files) != 1 || files[0].Path != dir+"/stdout" || files[0].Size != 4 || files[0].MTime.IsZero() {
		t.Errorf("got %+v, %v", files, err)
	}
}
