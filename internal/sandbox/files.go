package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"time"

	v1 "horae/api/v1"
)

const (
	// chunk asked for at once; an agent gives at most 16 pages (64 KiB) whatever is asked for.
	chunk = 64 << 10
	// minPoll and maxPoll bound the pause between two looks at a file that does not grow: agents do not push.
	minPoll = 50 * time.Millisecond
	maxPoll = time.Second
)

// File is an entry of a sandbox.
type File struct {
	Path  string
	Size  int64
	MTime time.Time
}

// Copy writes the file of an attempt's sandbox to w, from offset on; a negative offset counts from the end.
//
// With ended nil it stops at the end of the file. Otherwise it follows: it reads on until ended is closed and the file is drained;
// a sandbox or a file that is not there yet is waited for. It stops with ctx's error when ctx ends.
func (a *Agents) Copy(ctx context.Context, w io.Writer, at v1.Attempt, file string, offset int64, ended <-chan struct{}) error {
	dir, pause := at.Sandbox, minPoll
	for {
		// Asked before the read: what was written before the end is in the file by then.
		last := ended == nil || closed(ended)
		var err error
		if dir == "" {
			dir, err = a.Locate(ctx, at)
		}
		before := offset
		if err == nil {
			offset, err = a.copyAvailable(ctx, w, at.AgentURL, path.Join(dir, file), offset)
		}
		if errors.Is(err, ErrNoFile) && dir == at.Sandbox && dir != "" {
			// The status has the sandbox of a command executor; that of a custom executor is elsewhere.
			if found, _ := a.Locate(ctx, at); found != "" && found != dir {
				dir = found
				continue
			}
		}
		early := !last && (errors.Is(err, ErrNoFile) || errors.Is(err, ErrNoSandbox))
		switch {
		case err != nil && !early:
			return fmt.Errorf("read %s of task %s on %s (%s): %w", file, at.TaskID, at.Hostname, path.Join(dir, file), err)
		case last:
			return nil
		case offset > before:
			pause = minPoll
		default:
			pause = min(2*pause, maxPoll)
		}
		if err := sleep(ctx, pause, ended); err != nil {
			return err
		}
	}
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// copyAvailable writes what the file holds from offset on, and returns the offset behind it.
func (a *Agents) copyAvailable(ctx context.Context, w io.Writer, agentURL, file string, offset int64) (int64, error) {
	if offset < 0 {
		_, size, err := a.read(ctx, agentURL, file, 0, 1)
		if err != nil {
			return offset, err
		}
		offset = max(0, size+offset)
	}
	for {
		data, size, err := a.read(ctx, agentURL, file, offset, chunk)
		if err != nil {
			return offset, err
		}
		if len(data) > 0 {
			if _, err := w.Write(data); err != nil {
				return offset, fmt.Errorf("hand on what was read: %w", err)
			}
			offset += int64(len(data))
		}
		if len(data) == 0 || offset >= size {
			return offset, nil
		}
	}
}

// read asks for length bytes at offset, and returns what there is of them with the file's size. Past the end there is nothing.
func (a *Agents) read(ctx context.Context, agentURL, file string, offset int64, length int) ([]byte, int64, error) {
	type readFile struct {
		Path   string `json:"path"`
		Offset int64  `json:"offset"`
		Length int    `json:"length"`
	}
	var answer struct {
		ReadFile struct {
			Size int64  `json:"size"`
			Data []byte `json:"data"`
		} `json:"read_file"`
	}
	err := a.call(ctx, agentURL, map[string]any{"type": "READ_FILE", "read_file": readFile{file, offset, length}}, &answer)
	return answer.ReadFile.Data, answer.ReadFile.Size, err
}

// List returns the files at the top of an attempt's sandbox.
func (a *Agents) List(ctx context.Context, at v1.Attempt) ([]File, error) {
	dir := at.Sandbox
	if dir == "" {
		var err error
		if dir, err = a.Locate(ctx, at); err != nil {
			return nil, fmt.Errorf("list the sandbox of task %s: %w", at.TaskID, err)
		}
	}
	var answer struct {
		ListFiles struct {
			FileInfos []struct {
				Path  string `json:"path"`
				Size  int64  `json:"size"`
				MTime struct {
					Nanoseconds int64 `json:"nanoseconds"`
				} `json:"mtime"`
			} `json:"file_infos"`
		} `json:"list_files"`
	}
	call := map[string]any{"type": "LIST_FILES", "list_files": map[string]string{"path": dir}}
	if err := a.call(ctx, at.AgentURL, call, &answer); err != nil {
		return nil, fmt.Errorf("list the sandbox of task %s on %s (%s): %w", at.TaskID, at.Hostname, dir, err)
	}
	var files []File
	for _, f := range answer.ListFiles.FileInfos {
		files = append(files, File{Path: f.Path, Size: f.Size, MTime: time.Unix(0, f.MTime.Nanoseconds).UTC()})
	}
	return files, nil
}

// Locate asks the agent where the sandbox of an attempt is: for attempts whose status does not name it, because the agent's
// work directory was not known when it was written, or the task has an executor of its own.
func (a *Agents) Locate(ctx context.Context, at v1.Attempt) (string, error) {
	if at.AgentURL == "" {
		return "", fmt.Errorf("%w: the attempt has no agent yet", ErrNoSandbox)
	}
	s, err := a.state(ctx, at.AgentURL)
	if err != nil {
		return "", err
	}
	dir := s.directory(at.TaskID)
	if dir == "" {
		return "", fmt.Errorf("%w: agent %s does not know task %s (not started there yet, or its sandbox was garbage-collected)",
			ErrNoSandbox, at.AgentURL, at.TaskID)
	}
	return dir, nil
}

// call sends one call of the agent's operator API and decodes its answer.
func (a *Agents) call(ctx context.Context, agentURL string, call, answer any) error {
	if agentURL == "" {
		return fmt.Errorf("%w: the attempt has no agent yet", ErrNoSandbox)
	}
	body, err := json.Marshal(call)
	if err != nil {
		return fmt.Errorf("encode a call to agent %s: %w", agentURL, err)
	}
	got, err := a.do(ctx, http.MethodPost, agentURL, "/api/v1", body)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(got, answer); err != nil {
		return fmt.Errorf("decode the answer of agent %s: %w", agentURL, err)
	}
	return nil
}

// sleep ends early when early is closed.
func sleep(ctx context.Context, d time.Duration, early <-chan struct{}) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-early:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
