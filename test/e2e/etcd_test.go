package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	v1 "horae/api/v1"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TestEtcdIsAPublicInterface: a put is a complete way to create a Job, the status says what is wrong with a broken one, and what other tools
// read is plain JSON.
func TestEtcdIsAPublicInterface(t *testing.T) {
	t.Parallel()
	m := dev(t)
	etcd := m.etcd()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()

	put := func(key, value string) {
		t.Helper()
		if _, err := etcd.Put(ctx, key, value); err != nil {
			t.Fatal(err)
		}
	}
	jobStatus := func(name string) (doc v1.Job) {
		got, err := etcd.Get(ctx, "/horae/status/jobs/default/"+name)
		if err != nil {
			t.Fatal(err)
		}
		if len(got.Kvs) == 1 {
			if err := json.Unmarshal(got.Kvs[0].Value, &doc); err != nil {
				t.Fatalf("status is not readable JSON: %v\n%s", err, got.Kvs[0].Value)
			}
		}
		return doc
	}

	put("/horae/spec/jobs/default/by-hand", "apiVersion: horae/v1\nkind: Job\nmetadata: {name: by-hand}\nspec:\n  schedule: '* * * * * *'\n  task: {shell: echo by hand}\n")
	eventually(t, "the Job put with etcd's client has run", func() string {
		if s := jobStatus("by-hand").Status; s.Succeeded == 0 {
			return fmt.Sprintf("status %+v", s)
		}
		return ""
	})

	put("/horae/spec/jobs/default/broken", "apiVersion: horae/v1\nkind: Job\nmetadata: {name: broken}\nspec:\n  schedule: '61 * * * *'\n  task: {shell: 'true'}\n")
	put("/horae/spec/jobs/default/broken-too", `{"apiVersion":"horae/v1","kind":"Job","spec":{"task":{"command":"ls -l"}}}`)
	for name, want := range map[string]string{"broken": "spec.schedule", "broken-too": "spec.task.command"} {
		eventually(t, name+": its status reports it", func() string {
			c := meta.FindStatusCondition(jobStatus(name).Status.Conditions, v1.JobAccepted)
			if c == nil || c.Status != metav1.ConditionFalse || !strings.Contains(c.Message, want) {
				return fmt.Sprintf("condition %+v, want Accepted=False with %s", c, want)
			}
			return ""
		})
	}
	// Mended the same way, it runs; spoilt again, its last good spec does not run in its place.
	put("/horae/spec/jobs/default/broken", "apiVersion: horae/v1\nkind: Job\nspec:\n  schedule: '* * * * * *'\n  task: {shell: 'true'}\n")
	eventually(t, "the mended Job runs", func() string {
		if s := jobStatus("broken").Status; s.Succeeded == 0 {
			return fmt.Sprintf("status %+v", s)
		}
		return ""
	})
	put("/horae/spec/jobs/default/broken", "nonsense: [")
	eventually(t, "the spoilt Job is reported", func() string {
		if meta.IsStatusConditionFalse(jobStatus("broken").Status.Conditions, v1.JobAccepted) {
			return ""
		}
		return "still accepted"
	})
	before := len(runs(t, m, "broken"))
	time.Sleep(2500 * time.Millisecond) // two occurrences of the old spec would be due by now
	if after := len(runs(t, m, "broken")); after > before {
		t.Errorf("the spoilt Job still runs: %d Runs, then %d", before, after)
	}
	if out := m.must("get", "jobs"); !strings.Contains(out, "broken-too") || !strings.Contains(out, "by-hand") {
		t.Errorf("a broken Job breaks the list:\n%s", out)
	}

	if _, err := etcd.Delete(ctx, "/horae/spec/jobs/default/by-hand"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the deleted Job has left nothing", func() string {
		got, err := etcd.Get(ctx, "/horae/", withPrefix, keysOnly)
		if err != nil {
			return err.Error()
		}
		for _, kv := range got.Kvs {
			if strings.Contains(string(kv.Key), "by-hand") {
				return string(kv.Key) + " is still there"
			}
		}
		return ""
	})
}
