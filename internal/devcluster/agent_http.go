package devcluster

import (
	"encoding/json"
	"io"
	"mime"
	"net"
	"net/http"
	"strings"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/agent"
)

// serveAgent answers requests to agents. An agent with a listener of its own is known by the port; simulated ones
// share a listener and are known by the path ("/slave(7)/state") or by their id in the path of a file.
func (c *Cluster) serveAgent(w http.ResponseWriter, r *http.Request) {
	a, path := c.route(r)
	if a == nil {
		reply(w, &httpError{http.StatusNotFound,
			"No agent at " + r.URL.Path + ": several share this address, use the path of the offer's url"})
		return
	}
	c.mu.Lock()
	crashed := a.crashed
	c.mu.Unlock()
	if crashed {
		panic(http.ErrAbortHandler)
	}
	switch strings.TrimSuffix(path, ".json") {
	case "/state":
		writeJSON(w, a.state())
	case "/health":
		w.WriteHeader(http.StatusOK)
	case "/files/browse":
		a.serveBrowse(w, r)
	case "/files/read":
		a.serveRead(w, r)
	case "/files/download":
		a.serveDownload(w, r)
	case "/api/v1":
		a.serveAPI(w, r)
	case "/api/v1/executor":
		a.serveExecutor(w, r)
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

// route finds the agent of a request, and the path without its name.
func (c *Cluster) route(r *http.Request) (*Agent, string) {
	local, _ := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	named, rest, ok := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	prefixed := ok && strings.HasPrefix(named, "slave(")
	file := r.URL.Query().Get("path")
	c.mu.Lock()
	defer c.mu.Unlock()
	var last *Agent
	for _, a := range c.agents {
		if local == nil || a.port != local.Port {
			continue
		}
		if prefixed && a.path == named {
			return a, "/" + rest
		}
		if strings.Contains(file, "/slaves/"+a.id+"/") || last == nil && file != "" || len(c.agents) == 1 || !c.cfg.Simulate {
			last = a
		}
	}
	if prefixed {
		return nil, ""
	}
	return last, r.URL.Path
}

func writeJSON(w http.ResponseWriter, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		reply(w, err)
		return
	}
	w.Header().Set("Content-Type", mediaJSON)
	_, _ = w.Write(dropNulls(body))
}

func (a *Agent) serveBrowse(w http.ResponseWriter, r *http.Request) {
	path := r.URL.Query().Get("path")
	if path == "" {
		reply(w, badRequest("Expecting 'path=value' in query.\n"))
		return
	}
	files, err := a.listFiles(path)
	if err != nil {
		reply(w, fileError(err))
		return
	}
	out := make([]browseEntry, len(files))
	for i, f := range files {
		out[i] = f.browse()
	}
	writeJSON(w, out)
}

func (a *Agent) serveRead(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if q.Get("path") == "" {
		reply(w, badRequest("Expecting 'path=value' in query.\n"))
		return
	}
	offset, err := number(q.Get("offset"), "offset", -1)
	if err != nil {
		reply(w, err)
		return
	}
	length, err := number(q.Get("length"), "length", -1)
	if err != nil {
		reply(w, err)
		return
	}
	data, size, err := a.readFile(q.Get("path"), offset, length)
	if err != nil {
		reply(w, fileError(err))
		return
	}
	if offset < 0 || length == 0 {
		offset = size
	}
	writeJSON(w, map[string]any{"data": string(data), "offset": offset})
}

func (a *Agent) serveDownload(w http.ResponseWriter, r *http.Request) {
	path, err := a.resolve(r.URL.Query().Get("path"))
	if err != nil {
		reply(w, fileError(err))
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	http.ServeFile(w, r, path)
}

// serveAPI answers the agent's operator API, of which it has what concerns files.
func (a *Agent) serveAPI(w http.ResponseWriter, r *http.Request) {
	var call agent.Call
	if err := decodeOperatorCall(r, &call, agent.Call_Type_value); err != nil {
		reply(w, err)
		return
	}
	answer := &agent.Response{}
	switch {
	case call.Type == agent.Call_GET_HEALTH:
		answer.Type, answer.GetHealth = agent.Response_GET_HEALTH, &agent.Response_GetHealth{Healthy: true}
	case call.Type == agent.Call_GET_VERSION:
		answer.Type, answer.GetVersion = agent.Response_GET_VERSION, &agent.Response_GetVersion{VersionInfo: versionInfo()}
	case call.Type == agent.Call_READ_FILE && call.ReadFile != nil:
		length := int64(-1)
		if call.ReadFile.Length != nil {
			length = int64(*call.ReadFile.Length)
		}
		data, size, err := a.readFile(call.ReadFile.Path, int64(call.ReadFile.Offset), length)
		if err != nil {
			reply(w, fileError(err))
			return
		}
		answer.Type = agent.Response_READ_FILE
		answer.ReadFile = &agent.Response_ReadFile{Size_: uint64(size), Data: data}
	case call.Type == agent.Call_LIST_FILES && call.ListFiles != nil:
		files, err := a.listFiles(call.ListFiles.Path)
		if err != nil {
			reply(w, fileError(err))
			return
		}
		answer.Type, answer.ListFiles = agent.Response_LIST_FILES, &agent.Response_ListFiles{}
		for _, f := range files {
			answer.ListFiles.FileInfos = append(answer.ListFiles.FileInfos, f.info())
		}
	default:
		reply(w, &httpError{http.StatusNotImplemented, call.Type.String() + " is not supported by the dev cluster's agents"})
		return
	}
	writeAnswer(w, r, answer)
}

func (f fileInfo) info() mesos.FileInfo {
	links, size, mode := int32(f.links), uint64(f.size), uint32(f.mode.Perm())
	return mesos.FileInfo{
		Path: f.path, Nlink: &links, Size_: &size, Mode: &mode, UID: &f.uid, GID: &f.gid,
		Mtime: &mesos.TimeInfo{Nanoseconds: f.modified.UnixNano()},
	}
}

// message is what mesos-go generates for a protobuf message.
type message interface {
	Marshal() ([]byte, error)
	Unmarshal([]byte) error
}

// decodeOperatorCall reads a call to an operator API.
func decodeOperatorCall(r *http.Request, call message, types map[string]int32) error {
	if err := onlyPost(r); err != nil {
		return err
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil {
		return badRequest("Failed to read the body: %v", err)
	}
	switch media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); media {
	case "":
		return badRequest("Expecting 'Content-Type' to be present")
	case mediaJSON:
		return decodeJSON(body, call, types, nil)
	case mediaProtobuf:
		if err := call.Unmarshal(body); err != nil {
			return badRequest("Failed to parse body into Call protobuf")
		}
		return nil
	}
	return &httpError{http.StatusUnsupportedMediaType, "Expecting 'Content-Type' of " + mediaJSON + " or " + mediaProtobuf}
}

func writeAnswer(w http.ResponseWriter, r *http.Request, answer message) {
	asJSON, ok := accepts(r)
	if !ok {
		reply(w, &httpError{http.StatusNotAcceptable, "Expecting 'Accept' to allow " + mediaJSON + " or " + mediaProtobuf})
		return
	}
	media := mediaProtobuf
	body, err := answer.Marshal()
	if asJSON {
		media = mediaJSON
		body, err = json.Marshal(answer)
		body = dropNulls(body)
	}
	if err != nil {
		reply(w, err)
		return
	}
	w.Header().Set("Content-Type", media)
	_, _ = w.Write(body)
}
