package perturb

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	v1 "horae/api/v1"
	"horae/internal/statistics"
	"horae/internal/store"
)

// The state of a world, as text: every document of etcd and what Mesos ran, without what differs between two undisturbed runs:
//
//   - times of what happened (an occurrence's own time stays: it is given by the schedule, and so does a schedule's anchor that is
//     its Job's creation);
//   - how long Runs took and waited: of statistics the counts stay, so each Run must be in them once;
//   - uids, revisions, agents, ports, paths, and the random part of a manual Run's name;
//   - attempts that never started: a crash between an intent and its ACCEPT leaves one behind, and the next attempt has the next
//     number (I4). That Mesos did not run them is checked; the numbers must go up;
//   - the names of Runs that follow others, which are hashes of revisions: they are named after what they follow; and which ends a Job
//     still lists though all have seen them;
//   - the words and the exit code of a success, which an answer to reconciliation does not have: the end may be known from that before
//     the update itself comes once more.
//
// What stays: which objects there are, their specs, how often each spec was written (generation), every phase, reason, message,
// counter and condition, every attempt that started with its end, and for each Run how often Mesos ran it, and to which end.

// happenedAt are the fields whose values are times of what happened, or other accidents.
var happenedAt = map[string]bool{
	"startTime": true, "finishTime": true, "launchTime": true, "retryTime": true, "unreachableTime": true, "lastTransitionTime": true,
	"taskFinishTime": true, "time": true, "lastSuccessfulTime": true, "lastFailureTime": true, "creationTimestamp": true,
}

// accidents are fields that say nothing here.
var accidents = map[string]bool{
	"uid": true, "agentID": true, "agentURL": true, "hostname": true, "containerID": true, "sandbox": true, "observedRunRevision": true, "ports": true,
	"jobUID": true, "revision": true, "created": true, "ends": true,
}

var (
	instant   = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`)
	manualRun = regexp.MustCompile(`-m[a-z2-7]{8}\b`)
)

// state reads the present one.
func (w *world) state() string {
	var lines []string
	named := w.dependentNames()
	_, err := w.store.List(context.Background(), func(page []*store.KeyValue) error {
		for _, kv := range page {
			doc := map[string]any{}
			if err := json.Unmarshal(kv.Value, &doc); err != nil {
				lines = append(lines, fmt.Sprintf("%s version %d: %s", kv.Key, kv.Version, kv.Value))
				continue
			}
			if string(kv.Key) == store.CallbackKeysKey {
				doc = map[string]any{"keys": "random"}
			}
			version := ""
			if _, side, _ := store.ParseKey(string(kv.Key)); side == store.SpecSide {
				version = fmt.Sprintf(" version %d", kv.Version)
			}
			w.scrub(doc)
			text, err := json.MarshalIndent(doc, "  ", " ")
			if err != nil {
				return err
			}
			lines = append(lines, named.Replace(manualRun.ReplaceAllString(fmt.Sprintf("%s%s\n  %s", kv.Key, version, text), "-m<random>")))
		}
		return nil
	})
	if err != nil {
		return "etcd cannot be read: " + err.Error()
	}
	slices.Sort(lines) // without the random part of names, by which etcd has them in order
	lines = append(lines, w.whatRan(named)...)
	text := strings.Join(lines, "\n")
	for i, name := range w.names {
		text = strings.ReplaceAll(text, name, fmt.Sprintf("<occurrence %d>", i/2))
	}
	return text
}

// dependentNames replaces the name of each Run that follows others by one that is made of theirs.
func (w *world) dependentNames() *strings.Replacer {
	var pairs []string
	known := map[string]string{}
	runs := w.view.Runs("")
	slices.SortFunc(runs, func(a, b *store.Run) int { return cmp.Compare(a.Rev.SpecCreate, b.Rev.SpecCreate) })
	for _, r := range runs {
		if r.Object.Spec.Reason != v1.ReasonDependency {
			continue
		}
		var parents []string
		for _, p := range r.Object.Spec.Parents {
			parents = append(parents, cmp.Or(known[p], p))
		}
		known[r.Key.Name] = r.Object.Spec.Job + "<after " + strings.Join(parents, " ") + ">"
		pairs = append(pairs, r.Key.Name, known[r.Key.Name])
	}
	return strings.NewReplacer(pairs...)
}

// scrub takes the accidents out of a document.
func (w *world) scrub(v any) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			w.scrub(e)
		}
	case map[string]any:
		for key, value := range v {
			switch text, isText := value.(string); {
			case accidents[key]:
				delete(v, key)
			case happenedAt[key]:
				v[key] = "some time"
			case key == "since" && !isText:
				delete(v, key) // a revision, which is there if the Job was looked at before its parent
			case key == "since" && text != created && !slices.Contains(w.names, text):
				v[key] = "some time" // of an edit
			case key == "message" && isText:
				v[key] = instant.ReplaceAllString(text, "some time")
			case key == "statistics" && isText:
				v[key] = w.counted(text)
			case key == "duration":
				v[key] = value.(map[string]any)["count"]
			case key == "attempts":
				v[key] = w.started(value.([]any))
				w.scrub(v[key])
			case key != "spec":
				w.scrub(value)
			}
		}
	}
}

// counted says of how many Runs statistics are.
func (w *world) counted(text string) string {
	recent, err := statistics.ParseRecent(text)
	if err != nil {
		return err.Error()
	}
	windows, err := statistics.Summarise(statistics.History{}, recent, time.Now())
	if err != nil {
		return err.Error()
	}
	count := func(d *v1.Distribution) int64 {
		if d == nil {
			return 0
		}
		return d.Count
	}
	all := windows[len(windows)-1]
	return fmt.Sprintf("%d succeeded, %d failed, %d durations, %d waited", all.Succeeded, all.Failed, count(all.Duration), count(all.Waiting))
}

// started are the attempts that started, without their numbers, of which it checks that they go up.
func (w *world) started(all []any) []any {
	kept := []any{}
	last := 0
	for _, a := range all {
		attempt := a.(map[string]any)
		id := attempt["taskID"].(string)
		_, number := splitTask(id)
		if number <= last {
			w.t.Errorf("attempt %s comes after number %d", id, last)
		}
		last = number
		if attempt["notStarted"] == true {
			if end := w.ran.of(id); end != "" {
				attempt["lie"] = "it says that it never started, but Mesos ran it: " + end
			} else {
				continue
			}
		}
		delete(attempt, "taskID")
		if attempt["state"] == "Succeeded" {
			for _, key := range []string{"exitCode", "message", "reason"} {
				delete(attempt, key)
			}
		}
		kept = append(kept, attempt)
	}
	return kept
}

// splitTask parts a task's id into the Run that it is of, incarnation and all, and the attempt's number.
func splitTask(id string) (run string, attempt int) {
	i := strings.LastIndexByte(id, '.')
	attempt, _ = strconv.Atoi(id[i+1:])
	return id[:i], attempt
}

// whatRan is, for each Run, what Mesos ran of it, in the order of its attempts. Incarnations come in the order in which they
// were made.
func (w *world) whatRan(named *strings.Replacer) []string {
	type ran struct {
		name        string
		incarnation int64
		attempt     int
		end         string
	}
	var all []ran
	for _, id := range w.ran.all() {
		run, attempt := splitTask(id)
		i := strings.LastIndexByte(run, '.')
		incarnation, _ := strconv.ParseInt(run[i+1:], 10, 64)
		all = append(all, ran{named.Replace(manualRun.ReplaceAllString(run[:i], "-m<random>")), incarnation, attempt, w.ran.of(id)})
	}
	slices.SortFunc(all, func(a, b ran) int {
		return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.incarnation, b.incarnation), cmp.Compare(a.attempt, b.attempt))
	})
	lines := []string{"Mesos ran:"}
	for _, r := range all {
		lines = append(lines, fmt.Sprintf("  %s %s", r.name, r.end))
	}
	return lines
}
