package devcluster

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
)

const (
	mediaJSON     = "application/json"
	mediaProtobuf = "application/x-protobuf"

	// maxBody is more than any ACCEPT that makes sense.
	maxBody = 256 << 20
)

// httpError is an answer other than success; the text is Mesos's own, for clients that show it.
type httpError struct {
	code int
	text string
}

func (e *httpError) Error() string { return fmt.Sprintf("%d: %s", e.code, e.text) }

// said is an error in Mesos's own words, which begin with a capital and name no operation of ours.
type said string

func (s said) Error() string { return string(s) }

func badRequest(format string, args ...any) error {
	return &httpError{http.StatusBadRequest, fmt.Sprintf(format, args...)}
}

func reply(w http.ResponseWriter, err error) {
	var e *httpError
	if !errors.As(err, &e) {
		e = &httpError{http.StatusInternalServerError, err.Error()}
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(e.code)
	_, _ = io.WriteString(w, e.text)
}

// serveScheduler answers /api/v1/scheduler.
func (m *Master) serveScheduler(w http.ResponseWriter, r *http.Request) {
	if err := onlyPost(r); err != nil {
		reply(w, err)
		return
	}
	call, err := decodeCall(r)
	if err == nil {
		err = validateCall(call)
	}
	if err != nil {
		reply(w, err)
		return
	}
	if !m.beforeCall(r, call) {
		panic(http.ErrAbortHandler)
	}
	if call.Type == scheduler.Call_SUBSCRIBE {
		m.serveSubscribe(w, r, call)
		return
	}
	code, err := m.call(call, r.Header.Get("Mesos-Stream-Id"))
	if err != nil {
		reply(w, err)
		return
	}
	w.WriteHeader(code)
}

func onlyPost(r *http.Request) error {
	if r.Method == http.MethodPost {
		return nil
	}
	return &httpError{http.StatusMethodNotAllowed,
		fmt.Sprintf("405 Method Not Allowed. Expecting one of { 'POST' }, but received '%s'.", r.Method)}
}

func (m *Master) serveSubscribe(w http.ResponseWriter, r *http.Request, call *scheduler.Call) {
	asJSON, ok := accepts(r)
	if !ok {
		reply(w, &httpError{http.StatusNotAcceptable, "Expecting 'Accept' to allow " + mediaProtobuf + " or " + mediaJSON})
		return
	}
	if r.Header.Get("Mesos-Stream-Id") != "" {
		reply(w, badRequest("Subscribe calls should not include the 'Mesos-Stream-Id' header"))
		return
	}
	s := newStream(asJSON)
	m.c.mu.Lock()
	if !m.up {
		m.c.mu.Unlock()
		panic(http.ErrAbortHandler)
	}
	m.subscribe(call.Subscribe.FrameworkInfo, call.Subscribe.SuppressedRoles, s)
	m.c.mu.Unlock()
	defer func() {
		m.c.mu.Lock()
		m.disconnected(s)
		m.c.mu.Unlock()
	}()
	m.c.serveStream(w, r, s)
}

// accepts reports whether the client wants JSON, and whether it wants anything that we have.
func accepts(r *http.Request) (asJSON, ok bool) {
	header := r.Header.Get("Accept")
	switch {
	case header == "" || strings.Contains(header, "*/*") || strings.Contains(header, "application/*"):
		return !strings.Contains(header, mediaProtobuf) || strings.Contains(header, mediaJSON), true
	case strings.Contains(header, mediaJSON):
		return true, true
	case strings.Contains(header, mediaProtobuf):
		return false, true
	}
	return false, false
}

// decodeCall reads the body in the format that Content-Type names.
func decodeCall(r *http.Request) (*scheduler.Call, error) {
	header := r.Header.Get("Content-Type")
	if header == "" {
		return nil, badRequest("Expecting 'Content-Type' to be present")
	}
	media, _, _ := mime.ParseMediaType(header)
	if media != mediaJSON && media != mediaProtobuf {
		return nil, &httpError{http.StatusUnsupportedMediaType,
			"Expecting 'Content-Type' of " + mediaJSON + " or " + mediaProtobuf}
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil {
		return nil, badRequest("Failed to read the body: %v", err)
	}
	call := &scheduler.Call{}
	if media == mediaProtobuf {
		if err := call.Unmarshal(body); err != nil {
			return nil, badRequest("Failed to parse body into Call protobuf")
		}
		return call, nil
	}
	return call, decodeJSON(body, call, scheduler.Call_Type_value, requiredOfCall)
}

// requiredOfCall lists the required fields that mesos-go does not miss, by call.
var requiredOfCall = map[string][]string{
	"SUBSCRIBE":        {"subscribe.framework_info.user", "subscribe.framework_info.name"},
	"KILL":             {"kill.task_id"},
	"ACKNOWLEDGE":      {"acknowledge.agent_id", "acknowledge.task_id", "acknowledge.uuid"},
	"UPDATE_FRAMEWORK": {"update_framework.framework_info.user", "update_framework.framework_info.name"},
}

// decodeJSON reads a call as Mesos does: what is not JSON at all, a type that is none, and missing fields are reported
// apart.
func decodeJSON(body []byte, into any, types map[string]int32, required map[string][]string) error {
	var raw map[string]any
	if err := json.Unmarshal(body, &raw); err != nil {
		return badRequest("Failed to parse body into JSON: %s", jsonProblem(body, err))
	}
	kind, _ := raw["type"].(string)
	if _, known := types[kind]; !known {
		// Mesos reads an unknown name of an enum as absent, and its validation then asks for the type.
		delete(raw, "type")
		body, _ = json.Marshal(raw)
	}
	var missing []string
	for _, path := range required[kind] {
		if lacks(raw, path) {
			missing = append(missing, path)
		}
	}
	if len(missing) > 0 {
		return badRequest("Failed to convert JSON into Call protobuf: Missing required fields: %s", strings.Join(missing, ", "))
	}
	if err := json.Unmarshal(body, into); err != nil {
		return badRequest("Failed to convert JSON into Call protobuf: %v", err)
	}
	return nil
}

// lacks reports whether the last name of a dotted path is absent while its parent is there.
func lacks(raw map[string]any, path string) bool {
	names := strings.Split(path, ".")
	for _, name := range names[:len(names)-1] {
		next, ok := raw[name].(map[string]any)
		if !ok {
			return false
		}
		raw = next
	}
	_, ok := raw[names[len(names)-1]]
	return !ok
}

// jsonProblem words a syntax error as Mesos's parser does.
func jsonProblem(body []byte, err error) string {
	var syntax *json.SyntaxError
	if !errors.As(err, &syntax) {
		return err.Error()
	}
	at := min(max(int(syntax.Offset)-1, 0), len(body))
	line := 1 + bytes.Count(body[:at], []byte("\n"))
	near, _, _ := bytes.Cut(body[at:], []byte("\n"))
	return fmt.Sprintf("syntax error at line %d near: %s", line, near)
}

// validateCall checks what can be checked without knowing the framework.
func validateCall(call *scheduler.Call) error {
	invalid := func(text string) error { return badRequest("Failed to validate scheduler::Call: %s", text) }
	if call.Type == scheduler.Call_UNKNOWN {
		return invalid("Expecting 'type' to be present")
	}
	if call.Type == scheduler.Call_SUBSCRIBE {
		if call.Subscribe == nil || call.Subscribe.FrameworkInfo == nil {
			return invalid("Expecting 'subscribe' to be present")
		}
		if call.Subscribe.FrameworkInfo.GetID().GetValue() != call.GetFrameworkID().GetValue() {
			return invalid("'framework_id' differs from 'subscribe.framework_info.id'")
		}
		return nil
	}
	if call.FrameworkID == nil {
		return invalid("Expecting 'framework_id' to be present")
	}
	if name, ok := bodyOf(call); !ok {
		return invalid(fmt.Sprintf("Expecting '%s' to be present", name))
	}
	switch call.Type {
	case scheduler.Call_ACKNOWLEDGE:
		if !validUUID(call.Acknowledge.UUID) {
			return invalid("Not a valid UUID")
		}
	case scheduler.Call_UPDATE_FRAMEWORK:
		if call.UpdateFramework.FrameworkInfo.GetID().GetValue() != call.FrameworkID.Value {
			return invalid("'framework_id' differs from 'update_framework.framework_info.id'")
		}
	}
	return nil
}

// bodyOf names the message that belongs to the type of a call, and reports whether it is there.
func bodyOf(call *scheduler.Call) (string, bool) {
	switch call.Type {
	case scheduler.Call_ACCEPT:
		return "accept", call.Accept != nil
	case scheduler.Call_DECLINE:
		return "decline", call.Decline != nil
	case scheduler.Call_ACCEPT_INVERSE_OFFERS:
		return "accept_inverse_offers", call.AcceptInverseOffers != nil
	case scheduler.Call_DECLINE_INVERSE_OFFERS:
		return "decline_inverse_offers", call.DeclineInverseOffers != nil
	case scheduler.Call_KILL:
		return "kill", call.Kill != nil
	case scheduler.Call_SHUTDOWN:
		return "shutdown", call.Shutdown != nil
	case scheduler.Call_ACKNOWLEDGE:
		return "acknowledge", call.Acknowledge != nil
	case scheduler.Call_ACKNOWLEDGE_OPERATION_STATUS:
		return "acknowledge_operation_status", call.AcknowledgeOperationStatus != nil
	case scheduler.Call_RECONCILE:
		return "reconcile", call.Reconcile != nil
	case scheduler.Call_RECONCILE_OPERATIONS:
		return "reconcile_operations", call.ReconcileOperations != nil
	case scheduler.Call_MESSAGE:
		return "message", call.Message != nil
	case scheduler.Call_REQUEST:
		return "request", call.Request != nil
	case scheduler.Call_UPDATE_FRAMEWORK:
		return "update_framework", call.UpdateFramework != nil
	}
	return "", true
}
