package server

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/types"

	v1 "horae/api/v1"
	"horae/internal/store"
)

// What would be dropped is refused, whatever the verb.
func TestMetadataThatIsNotStoredIsRefused(t *testing.T) {
	f := start(t)
	f.createJob("a")
	const owner = `[{"apiVersion":"v1","kind":"Pod","name":"x","uid":"1"}]`
	for _, tc := range []struct{ field, value string }{
		{"finalizers", `["example.com/x"]`}, {"ownerReferences", owner}, {"generateName", `"a-"`},
	} {
		t.Run(tc.field, func(t *testing.T) {
			metadata := fmt.Sprintf(`"metadata":{"name":"a","%s":%s}`, tc.field, tc.value)
			document := `{"apiVersion":"horae/v1","kind":"Job",` + metadata + `,"spec":{"task":{"shell":"true"}}}`
			for _, a := range []answer{
				f.do("PATCH", jobsPath+"/a", "{"+metadata+"}", "Content-Type", string(types.MergePatchType)),
				f.do("PATCH", jobsPath+"/a", fmt.Sprintf(`[{"op":"add","path":"/metadata/%s","value":%s}]`, tc.field, tc.value), "Content-Type", string(types.JSONPatchType)),
				f.do("PATCH", jobsPath+"/a?dryRun=All", "{"+metadata+"}", "Content-Type", string(types.MergePatchType)),
				f.do("PUT", jobsPath+"/a", document),
				f.do("POST", jobsPath, document),
			} {
				if f.want(422, a); !hasCause(a.status.Details.Causes, "metadata."+tc.field) {
					t.Errorf("refused with %s", a.body)
				}
			}
		})
	}
	if j := f.job("a"); j.Generation != 1 {
		t.Errorf("generation %d: something was written", j.Generation)
	}
}

func TestARevisionThatIsYetToComeIsAConflict(t *testing.T) {
	f := start(t)
	j := f.createJob("a")
	future := fmt.Sprint(atoi(t, j.ResourceVersion) + 1_000_000)
	body := fmt.Sprintf(`{"metadata":{"resourceVersion":"%s"},"spec":{"owner":"a@example.com"}}`, future)
	f.want(409, f.do("PATCH", jobsPath+"/a", body, "Content-Type", string(types.MergePatchType)))
	f.want(409, f.do("DELETE", jobsPath+"/a", `{"preconditions":{"resourceVersion":"`+future+`"}}`))
	// Of the future for a cache that is behind, and not for etcd: a client that has read from another manager.
	resp, err := f.store.Client().Put(t.Context(), "/elsewhere", "x")
	if err != nil {
		t.Fatal(err)
	}
	body = fmt.Sprintf(`{"metadata":{"resourceVersion":"%d"},"spec":{"owner":"a@example.com"}}`, resp.Header.Revision)
	f.want(200, f.do("PATCH", jobsPath+"/a", body, "Content-Type", string(types.MergePatchType)))
}

// kubectl diff compares what a dry run answers with what is there: a status that were missing would look removed.
func TestADryRunShowsTheStatus(t *testing.T) {
	f := start(t)
	f.createJob("a")
	e := f.cache.Job("default", "a")
	seen := e.Object.DeepCopy()
	seen.Status = v1.JobStatus{Succeeded: 7}
	write, err := store.PutStatus(e.Key, seen)
	if err != nil {
		t.Fatal(err)
	}
	f.put(write.EtcdKey, string(write.Value))
	document, err := json.Marshal(f.job("a"))
	if err != nil {
		t.Fatal(err)
	}
	var changed v1.Job
	if err := json.Unmarshal(document, &changed); err != nil {
		t.Fatal(err)
	}
	changed.Spec.Owner = "a@example.com"
	put, err := json.Marshal(&changed)
	if err != nil {
		t.Fatal(err)
	}
	for name, a := range map[string]answer{
		"patch": f.do("PATCH", jobsPath+"/a?dryRun=All", `{"spec":{"owner":"a@example.com"}}`, "Content-Type", string(types.MergePatchType)),
		"put":   f.do("PUT", jobsPath+"/a?dryRun=All", string(put)),
	} {
		if got := decode[v1.Job](t, f.want(200, a)); got.Status.Succeeded != 7 || got.Spec.Owner != "a@example.com" || got.Generation != 2 {
			t.Errorf("%s: %s", name, a.body)
		}
	}
	if j := f.job("a"); j.Generation != 1 {
		t.Errorf("generation %d: something was written", j.Generation)
	}
}

func TestARunOfNoJobIsRefused(t *testing.T) {
	f := start(t)
	const document = `{"apiVersion":"horae/v1","kind":"Run","metadata":{"name":"a-1"},"spec":{"job":"a","reason":"Manual","task":{"shell":"true"}}}`
	for _, query := range []string{"", "?dryRun=All"} {
		a := f.want(422, f.do("POST", runsPath+query, document))
		if !hasCause(a.status.Details.Causes, "spec.job") || !strings.Contains(a.status.Message, "there is no Job of this name in the namespace default") {
			t.Errorf("refused with %s", a.body)
		}
	}
	f.createJob("a")
	f.want(201, f.do("POST", runsPath, document))
}
