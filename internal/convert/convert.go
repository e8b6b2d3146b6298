package convert

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"horae/api"
	v1 "horae/api/v1"
)

// Result is one Job, as a document, and what the input says that the Job does not.
type Result struct {
	// Job has apiVersion, kind, metadata and spec.
	Job map[string]any
	// Lost names what was not carried over, by its path in the input, and what must be mended in the Job.
	Lost []string
}

// Name of the Job.
func (r *Result) Name() string {
	metadata, _ := r.Job["metadata"].(map[string]any)
	name, _ := metadata["name"].(string)
	return name
}

// Foreign says which scheduler a document is of, as "a Kubernetes CronJob"; "" if it is none of those that are known.
func Foreign(doc map[string]any) string {
	apiVersion, _ := doc["apiVersion"].(string)
	kind, _ := doc["kind"].(string)
	has := func(name string) bool { _, ok := doc[name]; return ok }
	switch {
	case strings.HasPrefix(apiVersion, "batch/") && (kind == "CronJob" || kind == "Job"):
		return "a Kubernetes " + kind
	case apiVersion != "" || kind != "":
		return ""
	case has("id") && has("run"):
		return "a job of Metronome"
	case has("name") && (has("schedule") || has("parents")) && has("command"):
		return "a job of Chronos"
	}
	return ""
}

// Document converts one document of YAML or JSON, already decoded. The document is used up.
func Document(doc map[string]any) (*Result, error) {
	c := &conversion{in: doc, spec: map[string]any{}, task: map[string]any{}, metadata: map[string]any{}}
	switch what := Foreign(doc); what {
	case "a Kubernetes CronJob", "a Kubernetes Job":
		c.kubernetes()
	case "a job of Metronome":
		c.metronome()
	case "":
		return nil, errors.New("is neither a Kubernetes CronJob or Job, nor a job of Metronome")
	default:
		return nil, fmt.Errorf("is %s, which cannot be converted yet", what)
	}
	return c.result(), nil
}

// conversion of one document.
type conversion struct {
	in                   map[string]any
	metadata, spec, task map[string]any
	lost                 []string
}

func (c *conversion) result() *Result {
	for _, path := range leftover("", c.in) {
		c.lost = append(c.lost, path+": was not carried over")
	}
	c.spec["task"] = c.task
	r := &Result{
		Job:  map[string]any{"apiVersion": v1.GroupVersion.String(), "kind": v1.KindJob, "metadata": c.metadata, "spec": c.spec},
		Lost: c.lost,
	}
	return r.checked()
}

// checked adds what would keep Horae from accepting the Job.
func (r *Result) checked() *Result {
	data, err := json.Marshal(r.Job)
	if err == nil {
		_, err = parse(data)
	}
	if err != nil {
		r.Lost = append(r.Lost, "the Job must be mended: "+err.Error())
	}
	return r
}

func parse(data []byte) (*v1.Job, error) {
	o, err := api.ParseOne(data)
	if err != nil {
		return nil, err
	}
	j, ok := o.(*v1.Job)
	if !ok {
		return nil, fmt.Errorf("is a %T", o)
	}
	return j, v1.ValidateJob(j).ToAggregate()
}

// leftover are the paths of what is left of a value; empty mappings and lists are nothing.
func leftover(path string, value any) []string {
	switch v := value.(type) {
	case nil:
		return nil
	case map[string]any:
		var out []string
		for _, name := range slices.Sorted(maps.Keys(v)) {
			out = append(out, leftover(strings.TrimPrefix(path+"."+name, "."), v[name])...)
		}
		return out
	case []any:
		var out []string
		for i, item := range v {
			out = append(out, leftover(fmt.Sprintf("%s[%d]", path, i), item)...)
		}
		return out
	}
	return []string{path}
}

// take removes a value from the document, and returns it; nil if it is not there.
func take(in map[string]any, path ...string) any {
	for _, name := range path[:len(path)-1] {
		next, ok := in[name].(map[string]any)
		if !ok {
			return nil
		}
		in = next
	}
	last := path[len(path)-1]
	v := in[last]
	delete(in, last)
	return v
}

// move carries a value over as it is.
func move(to map[string]any, name string, in map[string]any, path ...string) {
	if v := take(in, path...); v != nil {
		to[name] = v
	}
}

// moveSeconds carries a number of seconds over as a duration.
func moveSeconds(to map[string]any, name string, in map[string]any, path ...string) {
	if n, ok := number(take(in, path...)); ok {
		to[name] = fmt.Sprintf("%gs", n)
	}
}

func number(v any) (float64, bool) {
	switch n := v.(type) {
	case float64:
		return n, true
	case int64:
		return float64(n), true
	}
	return 0, false
}

var notInNames = regexp.MustCompile(`[^a-z0-9]+`)

// nameOf makes a name of a text.
func nameOf(text string) string {
	name := strings.Trim(notInNames.ReplaceAllString(strings.ToLower(text), "-"), "-")
	if len(name) > v1.MaxJobNameLength {
		name = strings.TrimRight(name[:v1.MaxJobNameLength], "-")
	}
	return name
}
