package contract

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net/url"
	"regexp"
	"sort"
	"strings"
)

// compareHTTP compares the answer of an endpoint other than the scheduler's.
func (r *replay) compareHTTP(l *line, call, recorded, live string) {
	want, got := tree([]byte(recorded)), tree([]byte(live))
	path, query, _ := strings.Cut(l.Path, "?")
	switch {
	case path == "/state":
		r.compareState(l, want, got)
	case path == "/files/browse":
		r.compareListing(l, want, got)
	case path == "/files/read" && want != nil:
		r.compareRead(l, query, want, got)
	case call == "READ_FILE":
		if at(got, "type") != "READ_FILE" || at(got, "read_file", "size") == nil {
			r.fail(l, "want a READ_FILE answer with a size, got %s", live)
		}
		if !r.real { // whose hostname is another
			r.compare(l, "the executor's log", executorLog(want), executorLog(got))
		}
	case call == "GET_TASKS":
		r.compareTasks(l, want, got)
	case call == "GET_AGENTS":
		r.compareAgents(l, want, got)
	case call == "GET_VERSION":
		if w, g := at(want, "get_version", "version_info", "version"), at(got, "get_version", "version_info", "version"); w != g {
			r.fail(l, "version: want %v, got %v", w, g)
		}
	case recorded != live:
		r.fail(l, "%s %s %s: want %q, got %q", l.Method, l.Path, call, recorded, live)
	}
}

var (
	glogHeader = regexp.MustCompile(`(?m)^([IWE])\d{8} [\d:.]+ +\d+ `)
	agentID    = regexp.MustCompile(`[0-9a-f-]{36}-S\d+`)
)

// executorLog is the whole lines of an executor's log that was read, without times, threads and ids.
func executorLog(answer any) string {
	data, err := base64.StdEncoding.DecodeString(str(at(answer, "read_file", "data")))
	if err != nil {
		return err.Error()
	}
	lines := string(data[:bytes.LastIndexByte(data, '\n')+1])
	return agentID.ReplaceAllString(glogHeader.ReplaceAllString(lines, "$1 "), "AGENT")
}

// compareState compares of an agent's state what leads to sandboxes and what it has.
func (r *replay) compareState(l *line, want, got any) {
	for _, k := range []string{"version", "id", "pid", "hostname", "capabilities", "resources", "reserved_resources",
		"unreserved_resources", "unreserved_resources_full", "attributes"} {
		r.compare(l, "state."+k, at(want, k), at(got, k))
	}
	executors := func(state any) map[string]any {
		out := map[string]any{}
		frameworks, _ := at(state, "completed_frameworks").([]any)
		for _, f := range frameworks {
			list, _ := at(f, "completed_executors").([]any)
			for _, e := range list {
				out[str(at(e, "id"))] = map[string]any{
					"framework": at(f, "id"), "container": at(e, "container"), "directory": at(e, "directory"), "role": at(e, "role"),
					"task": at(e, "completed_tasks", 0, "id"), "state": at(e, "completed_tasks", 0, "state"),
				}
			}
		}
		return out
	}
	r.compare(l, "state.executors", executors(want), executors(got))
}

// compareListing compares the entries of a directory but for sizes and times.
func (r *replay) compareListing(l *line, want, got any) {
	for _, side := range []any{want, got} {
		list, _ := side.([]any)
		for _, f := range list {
			if m, ok := f.(map[string]any); ok {
				if _, ok := m["size"].(float64); !ok {
					r.fail(l, "an entry without size: %v", m)
				}
				delete(m, "size")
			}
		}
	}
	r.compare(l, "listing", want, got)
}

// compareRead compares the content of a file; where only its length was asked for, that is the length that was read
// before.
func (r *replay) compareRead(l *line, query string, want, got any) {
	q, _ := url.ParseQuery(query)
	data := str(at(got, "data"))
	if q.Get("offset") == "-1" {
		if n, ok := at(got, "offset").(float64); !ok || int(n) != r.lengths[q.Get("path")] || data != "" {
			r.fail(l, "want the file's size %d, got %v", r.lengths[q.Get("path")], got)
		}
		return
	}
	r.lengths[q.Get("path")] = len(data)
	if r.real {
		return // the machine's own addresses are in it
	}
	r.compare(l, "read", want, got)
}

// compareTasks compares the ended tasks of this framework by name; the list has those of others too.
func (r *replay) compareTasks(l *line, want, got any) {
	framework := ""
	tasks := func(answer any) map[string]any {
		out := map[string]any{}
		for _, list := range []string{"tasks", "completed_tasks", "unreachable_tasks"} {
			items, _ := at(answer, "get_tasks", list).([]any)
			for _, t := range items {
				if framework == "" {
					framework = str(at(t, "framework_id", "value"))
				}
				if id := str(at(t, "framework_id", "value")); id == framework || id == r.names.text(framework) {
					out[list+" "+str(at(t, "task_id", "value"))] = t
				}
			}
		}
		return out
	}
	r.compare(l, "GET_TASKS", tasks(want), tasks(got))
}

// compareAgents compares the agents, without what mesos-go has no field for.
func (r *replay) compareAgents(l *line, want, got any) {
	list, _ := at(want, "get_agents", "agents").([]any)
	live, _ := at(got, "get_agents", "agents").([]any)
	if len(list) != len(live) {
		r.fail(l, "want %d agents, got %d", len(list), len(live))
		return
	}
	for i := range list {
		w, g := list[i].(map[string]any), live[i].(map[string]any)
		for _, m := range []map[string]any{w, g} {
			if info, ok := m["agent_info"].(map[string]any); ok {
				delete(info, "checkpoint")
			}
			m["offered_resources"] = fmt.Sprint(sortedSum(m["offered_resources"]))
		}
		r.compare(l, "GET_AGENTS", w, g)
	}
}

// sortedSum adds up resources: how they are spread over offers is a matter of milliseconds.
func sortedSum(list any) []string {
	total := sum(map[string]any{"": map[string]any{"resources": list}})
	out := make([]string, 0, len(total))
	for k, v := range total {
		out = append(out, k+"="+v)
	}
	sort.Strings(out)
	return out
}
