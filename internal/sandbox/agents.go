package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/go-logr/logr"
)

var (
	// ErrAgentGone: the agent does not answer. The logs are on the agent and can be read when it is back.
	ErrAgentGone = errors.New("the agent does not answer; a task's output is kept on its agent and is out of reach while the agent is")
	// ErrNoFile: the agent answers and has no such file: the task has not started, or the sandbox was collected.
	ErrNoFile = errors.New("the agent has no such file: the task has not started there, or its sandbox was garbage-collected")
	// ErrNoSandbox: the place of the attempt's sandbox is not known.
	ErrNoSandbox = errors.New("no sandbox is known")
)

const (
	// callTimeout bounds one request to an agent, which answers from memory or from its own disk.
	callTimeout = 10 * time.Second
	// stateLimit bounds the /state document of an agent; a busy agent's is a few MB.
	stateLimit = 256 << 20
	// retryWorkDir is how long a work directory that could not be fetched is not asked for again.
	retryWorkDir = 10 * time.Second
	// fetchers is how many work directories are fetched at once.
	fetchers = 8
)

// Agents reads from agents. Close ends what it does in the background.
type Agents struct {
	// Client for the requests, which end after 10 s if they are not answered. Required, and not to be shared: Close closes its idle
	// connections.
	Client *http.Client
	Log    logr.Logger

	once sync.Once
	// background runs something under a context that cancel ends; Close waits for it.
	background func(func(context.Context))
	cancel     context.CancelFunc
	slots      chan struct{}
	tasks      sync.WaitGroup

	mu sync.Mutex
	// dirs by agent URL. Guarded by mu.
	dirs map[string]*workDir
	// closed is guarded by mu: no fetch starts after Close has begun to wait.
	closed bool
}

// workDir is what is known of one agent's work directory.
type workDir struct {
	path     string
	fetching bool
	retryAt  time.Time
}

func (a *Agents) init() {
	a.once.Do(func() {
		ctx, cancel := context.WithCancel(context.Background())
		a.cancel = cancel
		a.background = func(f func(context.Context)) { a.tasks.Go(func() { f(ctx) }) }
		a.slots = make(chan struct{}, fetchers)
		a.dirs = map[string]*workDir{}
	})
}

// Close stops the background fetches, waits for them and drops idle connections.
func (a *Agents) Close() {
	a.init()
	a.mu.Lock()
	a.closed = true
	a.mu.Unlock()
	a.cancel()
	a.tasks.Wait()
	a.Client.CloseIdleConnections()
}

// WorkDir returns the directory under which the agent at agentURL (http://host:port/slave(1)) keeps its sandboxes, if it is
// known. It never waits: an unknown directory is fetched in the background, once at a time for an agent, and known to a
// later call.
func (a *Agents) WorkDir(agentURL string) (string, bool) {
	if agentURL == "" {
		return "", false
	}
	a.init()
	a.mu.Lock()
	defer a.mu.Unlock()
	d := a.dirs[agentURL]
	if d == nil {
		d = &workDir{}
		a.dirs[agentURL] = d
	}
	if d.path != "" {
		return d.path, true
	}
	if !d.fetching && !a.closed && time.Now().After(d.retryAt) {
		d.fetching = true
		a.background(func(ctx context.Context) { a.fetchWorkDir(ctx, agentURL, d) })
	}
	return "", false
}

func (a *Agents) fetchWorkDir(ctx context.Context, agentURL string, d *workDir) {
	var path string
	err := ctx.Err()
	select {
	case a.slots <- struct{}{}:
		defer func() { <-a.slots }()
		var s *state
		if s, err = a.state(ctx, agentURL); err == nil {
			path = s.Flags.WorkDir
		}
	case <-ctx.Done():
	}
	if err != nil && ctx.Err() == nil {
		a.Log.V(1).Info("Work directory of an agent is not known yet", "agent", agentURL, "error", err.Error())
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	d.fetching, d.path = false, path
	d.retryAt = time.Now().Add(retryWorkDir)
}

// state is the part of an agent's /state that is read here.
type state struct {
	ID    string `json:"id"`
	Flags struct {
		WorkDir string `json:"work_dir"`
	} `json:"flags"`
	Frameworks          []framework `json:"frameworks"`
	CompletedFrameworks []framework `json:"completed_frameworks"`
}

type framework struct {
	ID                 string     `json:"id"`
	Executors          []executor `json:"executors"`
	CompletedExecutors []executor `json:"completed_executors"`
}

type executor struct {
	ID        string `json:"id"`
	Container string `json:"container"`
	Directory string `json:"directory"`
	// Tasks that the executor runs or ran: one of a custom or default executor has another id than its task.
	Tasks          []task `json:"tasks"`
	QueuedTasks    []task `json:"queued_tasks"`
	CompletedTasks []task `json:"completed_tasks"`
}

type task struct {
	ID string `json:"id"`
}

// directory of the executor that ran the task, or "". A task id is used once (I4), so the first match is the only one.
func (s *state) directory(taskID string) string {
	for _, f := range append(s.Frameworks, s.CompletedFrameworks...) {
		for _, e := range append(f.Executors, f.CompletedExecutors...) {
			if e.ID == taskID || e.has(taskID) {
				return e.Directory
			}
		}
	}
	return ""
}

func (e *executor) has(taskID string) bool {
	for _, list := range [][]task{e.Tasks, e.QueuedTasks, e.CompletedTasks} {
		for _, t := range list {
			if t.ID == taskID {
				return true
			}
		}
	}
	return false
}

func (a *Agents) state(ctx context.Context, agentURL string) (*state, error) {
	body, err := a.do(ctx, http.MethodGet, agentURL, "/state", nil)
	if err != nil {
		return nil, err
	}
	s := &state{}
	if err := json.Unmarshal(body, s); err != nil {
		return nil, fmt.Errorf("decode the state of agent %s: %w", agentURL, err)
	}
	if s.Flags.WorkDir == "" {
		return nil, fmt.Errorf("the state of agent %s names no work_dir", agentURL)
	}
	return s, nil
}

// do sends one request to a path under the agent's URL and reads the whole answer.
func (a *Agents) do(ctx context.Context, method, agentURL, path string, body []byte) ([]byte, error) {
	a.init()
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(agentURL, "/")+path, bodyReader(body))
	if err != nil {
		return nil, fmt.Errorf("ask agent %s: %w", agentURL, err)
	}
	req.Header.Set("Accept", "application/json")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := a.Client.Do(req)
	if err != nil {
		if errors.Is(ctx.Err(), context.Canceled) {
			return nil, fmt.Errorf("ask agent %s: %w", agentURL, ctx.Err())
		}
		return nil, fmt.Errorf("agent %s: %w (%w)", agentURL, ErrAgentGone, err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, stateLimit))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read the answer of agent %s: %w", agentURL, err)
	case resp.StatusCode == http.StatusNotFound:
		return nil, ErrNoFile
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("agent %s answered %s to %s %s: %s", agentURL, resp.Status, method, path, firstLine(answer))
	}
	return answer, nil
}

func bodyReader(body []byte) io.Reader {
	if body == nil {
		return nil
	}
	return strings.NewReader(string(body))
}

func firstLine(b []byte) string {
	line, _, _ := strings.Cut(strings.TrimSpace(string(b)), "\n")
	return line[:min(len(line), 200)]
}
