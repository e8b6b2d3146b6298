package robustness

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"horae/test/robustness/history"
)

// callers stand for what the tasks of asynchronous Jobs have started: they call back for each task, until it is known
// whether that was stored. They ask any manager that runs, as behind a load balancer.
type callers struct {
	site *site
	dir  string
	http http.Client
	all  sync.WaitGroup

	mu    sync.Mutex
	calls map[string]history.Call // by file; guarded by mu
}

func newCallers(s *site) (*callers, error) {
	c := &callers{site: s, dir: history.CallsDir(s.witness), calls: map[string]history.Call{},
		http: http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}}
	return c, os.MkdirAll(c.dir, 0o777)
}

// run looks for tasks that have started, until ctx ends, and waits for the calls that are under way.
func (c *callers) run(ctx context.Context) {
	defer c.all.Wait()
	for ctx.Err() == nil {
		files, err := os.ReadDir(c.dir)
		if err != nil {
			return
		}
		for _, f := range files {
			text, err := os.ReadFile(filepath.Join(c.dir, f.Name()))
			if lines := strings.Split(string(text), "\n"); err == nil && len(lines) == 3 {
				c.begin(ctx, f.Name(), lines[0], lines[1])
			}
		}
		select {
		case <-time.After(100 * time.Millisecond): // nothing depends on its length
		case <-ctx.Done():
		}
	}
}

// begin makes a call, once for each file.
func (c *callers) begin(ctx context.Context, file, address, token string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, known := c.calls[file]; known {
		return
	}
	call := history.Call{Task: history.TaskOf(file), Outcome: history.Unknown}
	c.calls[file] = call
	number := len(c.calls)
	c.all.Go(func() {
		for try := number; ctx.Err() == nil; try++ {
			call.Outcome, call.Err = c.once(ctx, try, address, token)
			c.mu.Lock()
			c.calls[file] = call
			c.mu.Unlock()
			if call.Outcome != history.Unknown {
				return
			}
			select {
			case <-time.After(100 * time.Millisecond):
			case <-ctx.Done():
			}
		}
	})
}

// once sends the call to one manager. Some calls come before their tasks end, some after.
func (c *callers) once(ctx context.Context, try int, address, token string) (history.Outcome, string) {
	u, err := url.Parse(address)
	api := c.site.managers[try%managers].value("api")
	if err != nil || api == "" {
		return history.Unknown, fmt.Sprintf("no manager to ask: %v", err)
	}
	u.Host = strings.TrimPrefix(api, "http://")
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), bytes.NewReader([]byte(`{"phase":"Succeeded","progress":1,"id":"end"}`)))
	if err != nil {
		return history.Unknown, err.Error()
	}
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := c.http.Do(req)
	if err != nil {
		return history.Unknown, err.Error()
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	switch {
	case err != nil, res.StatusCode >= 500, res.StatusCode == http.StatusTooManyRequests:
		return history.Unknown, fmt.Sprintf("%s: %s", res.Status, body)
	case res.StatusCode >= 400:
		return history.Failed, fmt.Sprintf("%s: %s", res.Status, body)
	}
	return history.OK, ""
}

// into writes the calls into a history.
func (c *callers) into(h *history.History) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, call := range c.calls {
		h.Calls = append(h.Calls, call)
	}
}
