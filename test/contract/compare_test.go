package contract

import (
	"fmt"
	"math"
	"regexp"
	"sort"
	"strings"
	"sync"
)

// names maps what was recorded to what stands for it now: ids by learning, the rest by literal replacement.
type names struct {
	mu       sync.Mutex
	ids      map[string]string
	back     map[string]string // live to recorded: one live id stands for one recorded id
	literals []string          // for strings.NewReplacer
}

func newNames() *names { return &names{ids: map[string]string{}, back: map[string]string{}} }

var (
	idPattern   = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(-[OS]?\d+)?`)
	wholeID     = regexp.MustCompile(`^` + idPattern.String() + `$`)
	uuidPattern = regexp.MustCompile(`^[A-Za-z0-9+/]{22}==$`)
)

func isID(s string) bool { return wholeID.MatchString(s) || uuidPattern.MatchString(s) }

// text translates a recorded string.
func (n *names) text(s string) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if live, ok := n.ids[s]; ok {
		return live
	}
	s = strings.NewReplacer(n.literals...).Replace(s)
	return idPattern.ReplaceAllStringFunc(s, func(id string) string {
		if live, ok := n.ids[id]; ok {
			return live
		}
		return id
	})
}

// literal has recorded text replaced wherever it stands.
func (n *names) literal(recorded, live string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.literals = append(n.literals, recorded, live)
}

// learn lets live stand for recorded; false if either stands for another already.
func (n *names) learn(recorded, live string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if before, ok := n.ids[recorded]; ok {
		return before == live
	}
	if before, ok := n.back[live]; ok && before != recorded {
		return false
	}
	n.ids[recorded], n.back[live] = live, recorded
	return true
}

// learnWithin learns ids that stand for the first time inside of a text.
func (n *names) learnWithin(recorded, live string) bool {
	recorded = n.text(recorded)
	ids := idPattern.FindAllString(recorded, -1)
	quoted := regexp.QuoteMeta(recorded)
	for _, id := range ids {
		quoted = strings.Replace(quoted, regexp.QuoteMeta(id), "("+idPattern.String()+")", 1)
	}
	m := regexp.MustCompile("^" + strings.ReplaceAll(quoted, `(-[OS]?`, `(?:-[OS]?`) + "$").FindStringSubmatch(live)
	if m == nil || len(ids) == 0 {
		return false
	}
	for i, id := range ids {
		if n.stands(id) {
			if id != m[i+1] {
				return false
			}
		} else if !n.learn(id, m[i+1]) {
			return false
		}
	}
	return true
}

// stands reports whether a live id stands for a recorded one already.
func (n *names) stands(live string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	_, ok := n.back[live]
	return ok
}

// translate rewrites every string of a recorded tree.
func (n *names) translate(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, x := range v {
			out[k] = n.translate(x)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = n.translate(x)
		}
		return out
	case string:
		return n.text(v)
	}
	return v
}

// presenceOnly are members that have to be there, or not, whatever their value.
var presenceOnly = map[string]bool{
	"timestamp": true, "executor_pid": true, "unreachable_time": true, "mtime": true, "registered_time": true,
	"network_infos": true, "build_date": true, "build_time": true, "build_user": true, "nanoseconds": true,
}

// diff compares a recorded tree with a live one and returns what differs, by path. It learns ids on the way.
func (n *names) diff(path string, recorded, live any) []string {
	switch r := recorded.(type) {
	case map[string]any:
		l, ok := live.(map[string]any)
		if !ok {
			return []string{fmt.Sprintf("%s: want %v, got %v", path, r, live)}
		}
		return n.diffMaps(path, r, l)
	case []any:
		l, ok := live.([]any)
		if !ok || len(l) != len(r) {
			return []string{fmt.Sprintf("%s: want %v, got %v", path, r, live)}
		}
		var out []string
		for i := range r {
			out = append(out, n.diff(fmt.Sprintf("%s[%d]", path, i), r[i], l[i])...)
		}
		return out
	case string:
		if l, ok := live.(string); ok && (n.text(r) == l || isID(r) && isID(l) && n.learn(r, l) || n.learnWithin(r, l)) {
			return nil
		}
		return []string{fmt.Sprintf("%s: want %q, got %q", path, n.text(r), live)}
	case float64:
		if l, ok := live.(float64); ok && (math.Abs(r-l) < 1e-6 || strings.HasSuffix(path, ".port") && n.learn(fmt.Sprint("port ", r), fmt.Sprint(l))) {
			return nil
		}
	default:
		if recorded == live {
			return nil
		}
	}
	return []string{fmt.Sprintf("%s: want %v, got %v", path, recorded, live)}
}

func (n *names) diffMaps(path string, r, l map[string]any) []string {
	if strings.HasSuffix(path, ".container_status") && at(r, "container_id", "parent") != nil {
		// A nested container's status has its network and process or has not, depending on milliseconds.
		r = map[string]any{"container_id": r["container_id"]}
		l = map[string]any{"container_id": l["container_id"]}
	}
	keys := map[string]bool{}
	for k := range r {
		keys[k] = true
	}
	for k := range l {
		keys[k] = true
	}
	sorted := make([]string, 0, len(keys))
	for k := range keys {
		sorted = append(sorted, k)
	}
	sort.Strings(sorted)
	var out []string
	for _, k := range sorted {
		rv, inR := r[k]
		lv, inL := l[k]
		where := path + "." + k
		switch {
		case !inL:
			out = append(out, fmt.Sprintf("%s: missing, want %v", where, rv))
		case !inR:
			out = append(out, fmt.Sprintf("%s: unexpected %v", where, lv))
		case presenceOnly[k]:
		default:
			out = append(out, n.diff(where, rv, lv)...)
		}
	}
	return out
}
