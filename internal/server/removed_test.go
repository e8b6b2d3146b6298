package server

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	v1 "horae/api/v1"
	"horae/internal/store"
)

const mergePatchType = "application/merge-patch+json"

// TestAFieldThatIsRemovedIsStoredNoMore neither as it was nor as its default, by whatever write.
func TestAFieldThatIsRemovedIsStoredNoMore(t *testing.T) {
	f := start(t)
	const written = "  timeZone: Europe/Berlin\n  missedRuns: All\n  concurrencyPolicy: Forbid\n" +
		"  retries: {limit: 5, delay: 1h}\n  history: {succeeded: 3}\n"
	for name, remove := range map[string]func(path string) answer{
		"put-manifest": func(path string) answer { return f.do("PUT", path, jobYAML("put-manifest"), "Content-Type", yamlType) },
		"put-read": func(path string) answer {
			j := f.job("put-read")
			j.Spec.TimeZone, j.Spec.MissedRuns, j.Spec.ConcurrencyPolicy = "", "", ""
			j.Spec.Retries.Limit, j.Spec.Retries.Delay, j.Spec.History.Succeeded = nil, nil, nil
			body, err := json.Marshal(j)
			if err != nil {
				t.Fatal(err)
			}
			return f.do("PUT", path, string(body))
		},
		"merge-patch": func(path string) answer {
			return f.do("PATCH", path, `{"spec":{"timeZone":null,"missedRuns":null,"concurrencyPolicy":null,
				"retries":{"limit":null,"delay":null},"history":{"succeeded":null}}}`, "Content-Type", mergePatchType)
		},
		"json-patch": func(path string) answer {
			return f.do("PATCH", path, `[{"op":"remove","path":"/spec/timeZone"},{"op":"remove","path":"/spec/missedRuns"},
				{"op":"remove","path":"/spec/concurrencyPolicy"},{"op":"remove","path":"/spec/retries/limit"},
				{"op":"remove","path":"/spec/retries/delay"},{"op":"remove","path":"/spec/history/succeeded"}]`,
				"Content-Type", "application/json-patch+json")
		},
	} {
		t.Run(name, func(t *testing.T) {
			f.createJob(name, written)
			f.want(http.StatusOK, remove(jobsPath+"/"+name))
			doc := f.stored(store.JobKey("default", name))
			for _, field := range []string{"timeZone", "missedRuns", "concurrencyPolicy", "limit", "delay", "maxDelay", "succeeded", "factor", "cpus"} {
				if strings.Contains(doc, field) {
					t.Errorf("%s is stored: %s", field, doc)
				}
			}
			j := f.job(name)
			if s := j.Spec; s.TimeZone != v1.DefaultTimeZone || *s.Retries.Limit != v1.DefaultRetryLimit ||
				s.Retries.MaxDelay.Duration != v1.DefaultRetryMaxDelay || *s.History.Succeeded != v1.DefaultHistory {
				t.Errorf("the defaults do not apply: %+v", s)
			}
			f.want(http.StatusOK, remove(jobsPath+"/"+name+"?fieldValidation=Strict"))
			if again := f.job(name); again.Generation != j.Generation {
				t.Errorf("the same write again makes generation %d of %d", again.Generation, j.Generation)
			}
		})
	}
}

// TestARemovedFieldLeavesNothingBehind that a later change of the manifest would meet.
func TestARemovedFieldLeavesNothingBehind(t *testing.T) {
	const schedule, parents = "schedule: '@daily'", "dependsOn: [{job: q1}]"
	for name, tt := range map[string]struct {
		steps       []string
		concurrency v1.ConcurrencyPolicy
		dependency  v1.DependencyPolicy
	}{
		"from a schedule to dependsOn": {
			steps:       []string{schedule + "\nconcurrencyPolicy: Forbid", schedule, parents},
			concurrency: v1.ConcurrencyQueue, dependency: v1.DependencyAllSinceLastRun,
		},
		"from dependsOn to a schedule": {
			steps:       []string{parents + "\ndependencyPolicy: Any", parents, schedule},
			concurrency: v1.ConcurrencyForbid,
		},
		"a default that was written": {
			steps:       []string{parents + "\ndependencyPolicy: AllSinceLastRun\nconcurrencyPolicy: Queue", parents, schedule},
			concurrency: v1.ConcurrencyForbid,
		},
	} {
		for _, verb := range []string{"PUT", "PATCH"} {
			t.Run(name+" by "+verb, func(t *testing.T) {
				f := start(t)
				f.want(http.StatusCreated, f.do("POST", jobsPath, manifest(t, tt.steps[0])))
				for i, step := range tt.steps[1:] {
					if verb == "PUT" {
						f.want(http.StatusOK, f.do("PUT", jobsPath+"/a", manifest(t, step)))
					} else {
						f.want(http.StatusOK, f.do("PATCH", jobsPath+"/a", patchBetween(t, tt.steps[i], step), "Content-Type", mergePatchType))
					}
				}
				if s := f.job("a").Spec; s.ConcurrencyPolicy != tt.concurrency || s.DependencyPolicy != tt.dependency {
					t.Errorf("%q, %q; want %q, %q", s.ConcurrencyPolicy, s.DependencyPolicy, tt.concurrency, tt.dependency)
				}
				if doc := f.stored(store.JobKey("default", "a")); strings.Contains(doc, "Policy") {
					t.Errorf("a policy is stored that the manifest has no more: %s", doc)
				}
			})
		}
	}
}

// manifest is a Job named a with these fields of the spec.
func manifest(t *testing.T, spec string) string {
	fields := fieldsOf(t, spec)
	fields["task"] = map[string]any{"shell": "x"}
	return encoded(t, map[string]any{"apiVersion": "horae/v1", "kind": "Job", "metadata": map[string]any{"name": "a"}, "spec": fields})
}

// patchBetween is the merge patch that an apply command makes of two manifests.
func patchBetween(t *testing.T, before, after string) string {
	fields := fieldsOf(t, after)
	for name := range fieldsOf(t, before) {
		if _, ok := fields[name]; !ok {
			fields[name] = nil
		}
	}
	return encoded(t, map[string]any{"spec": fields})
}

func fieldsOf(t *testing.T, spec string) map[string]any {
	t.Helper()
	fields := map[string]any{}
	if err := yaml.Unmarshal([]byte(spec), &fields); err != nil {
		t.Fatal(err)
	}
	return fields
}

func encoded(t *testing.T, v any) string {
	t.Helper()
	doc, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(doc)
}
