package contract

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// line is one line of a recording.
type line struct {
	Ms      int             `json:"ms"`
	What    string          `json:"what"` // call, response, event, http, note
	On      string          `json:"on"`   // the scheduler instance
	To      string          `json:"to"`   // response: the call
	Text    string          `json:"text"` // note
	Headers map[string]any  `json:"headers"`
	Status  int             `json:"status"`
	Body    json.RawMessage `json:"body"`
	Port    int             `json:"port"`
	Method  string          `json:"method"`
	Path    string          `json:"path"`
	Request json.RawMessage `json:"request"`

	number int
}

func load(scenario string) ([]line, error) {
	f, err := os.Open(filepath.Join("testdata", "recordings", scenario+".jsonl"))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var out []line
	in := bufio.NewScanner(f)
	in.Buffer(nil, 4<<20)
	for in.Scan() {
		var l line
		if err := json.Unmarshal(in.Bytes(), &l); err != nil {
			return nil, fmt.Errorf("%s: line %d: %w", scenario, len(out)+1, err)
		}
		l.number = len(out) + 1
		out = append(out, l)
	}
	return out, in.Err()
}

// tree is JSON as encoding/json decodes it into an any; nil if there is none.
func tree(raw []byte) any {
	var v any
	if len(raw) == 0 || json.Unmarshal(raw, &v) != nil {
		return nil
	}
	return v
}

// at walks into a tree by keys and list indexes.
func at(v any, path ...any) any {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[step]
		case int:
			list, _ := v.([]any)
			if step >= len(list) {
				return nil
			}
			v = list[step]
		}
	}
	return v
}

func str(v any) string {
	s, _ := v.(string)
	return s
}

// key names the queue of an event: events of one task are in order, so are those of one kind.
func key(event any) string {
	kind := str(at(event, "type"))
	if kind == "UPDATE" {
		return kind + " " + str(at(event, "update", "status", "task_id", "value"))
	}
	return kind
}

// offersOf lists the offers of an event.
func offersOf(event any) []any {
	list, _ := at(event, "offers", "offers").([]any)
	return list
}

// offerIDs lists the ids of offers that a call uses.
func offerIDs(call any) []string {
	var out []string
	for _, body := range []string{"accept", "decline"} {
		list, _ := at(call, body, "offer_ids").([]any)
		for _, id := range list {
			out = append(out, str(at(id, "value")))
		}
	}
	return out
}

// isNote reports whether a note begins so.
func (l line) isNote(prefix string) bool {
	return l.What == "note" && strings.HasPrefix(l.Text, prefix)
}
