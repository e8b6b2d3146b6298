package server

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "horae/api/v1"
	"horae/internal/store"
)

func (f *fixture) patchJob(name, patch string) {
	f.t.Helper()
	f.want(200, f.do("PATCH", jobsPath+"/"+name, patch, "Content-Type", "application/merge-patch+json"))
}

func TestAWatchTellsWhatThereIsAndThenWhatHappens(t *testing.T) {
	f := start(t)
	f.createJob("a")
	w := f.watch(jobsPath + "?watch=true")
	w.expect("ADDED a")
	f.createJob("b")
	f.patchJob("a", `{"spec":{"suspend":true}}`)
	f.want(200, f.do("DELETE", jobsPath+"/b", ""))
	w.expect("ADDED b", "MODIFIED a")
	typ, raw := w.next()
	var gone v1.Job
	if err := json.Unmarshal(raw, &gone); err != nil || typ != "DELETED b" || gone.Spec.Task.Shell == "" {
		t.Fatalf("got %s %s", typ, raw)
	}
	if rv := atoi(t, gone.ResourceVersion); rv <= atoi(t, f.job("a").ResourceVersion) {
		t.Errorf("a deletion carries the revision of the deletion, got %d", rv)
	}
}

func atoi(t *testing.T, s string) int64 {
	t.Helper()
	var n int64
	if _, err := fmt.Sscan(s, &n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestAWatchFromARevisionTellsWhatCameAfter(t *testing.T) {
	f := start(t)
	a := f.createJob("a")
	f.createJob("b")
	f.watch(jobsPath + "?watch=true&resourceVersion=" + a.ResourceVersion).expect("ADDED b")
	list := decode[v1.JobList](t, f.want(200, f.do("GET", jobsPath, "")))
	w := f.watch(jobsPath + "?watch=true&resourceVersion=" + list.ResourceVersion)
	f.createJob("c")
	w.expect("ADDED c")
}

func TestAWatchWithASelectorTellsWhatEntersAndLeavesIt(t *testing.T) {
	f := start(t)
	f.createJob("a")
	labelled := f.watch(jobsPath + "?watch=true&labelSelector=on%3Dyes")
	suspended := f.watch(jobsPath + "?watch=true&fieldSelector=spec.suspend%3Dtrue")
	f.patchJob("a", `{"metadata":{"labels":{"on":"yes"}}}`)
	f.patchJob("a", `{"spec":{"suspend":true}}`)
	f.patchJob("a", `{"metadata":{"labels":{"on":"no"}}}`)
	f.patchJob("a", `{"spec":{"suspend":false}}`)
	f.patchJob("a", `{"metadata":{"labels":{"on":"yes"}}}`)
	labelled.expect("ADDED a", "MODIFIED a", "DELETED a", "ADDED a")
	suspended.expect("ADDED a", "MODIFIED a", "DELETED a")
}

func TestAWatchOfOneNamespaceDoesNotTellOfOthers(t *testing.T) {
	f := start(t)
	one := f.watch(jobsPath + "?watch=true")
	all := f.watch("/apis/horae/v1/jobs?watch=true")
	f.want(201, f.do("POST", "/apis/horae/v1/namespaces/other/jobs", jobYAML("x")))
	f.createJob("a")
	one.expect("ADDED a")
	all.expect("ADDED x", "ADDED a")
}

func TestAStatusThatOutlivesItsSpecIsToldAsOneDeletion(t *testing.T) {
	f := start(t)
	f.createJob("a")
	run := decode[v1.Run](t, f.want(201, f.do("POST", jobsPath+"/a/trigger", "")))
	f.setStatus(run.Name, func(s *v1.RunStatus) { s.Phase = v1.RunRunning })
	w := f.watch(runsPath + "?watch=true")
	w.expect("ADDED a-m1")
	f.want(200, f.do("DELETE", runsPath+"/"+run.Name, ""))
	resp, err := f.store.Client().Delete(t.Context(), "/horae/status/runs/default/"+run.Name)
	if err != nil {
		t.Fatal(err)
	}
	f.seen(resp.Header.Revision)
	f.want(201, f.do("POST", jobsPath+"/a/trigger", ""))
	w.expect("DELETED a-m1", "ADDED a-m2")
}

func TestWatchListEndsWithABookmark(t *testing.T) {
	f := start(t)
	f.createJob("a")
	w := f.watch(jobsPath + "?watch=true&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan&timeoutSeconds=3600")
	w.expect("ADDED a")
	typ, raw := w.next()
	var b metav1.PartialObjectMetadata
	if err := json.Unmarshal(raw, &b); err != nil {
		t.Fatal(err)
	}
	if typ != "BOOKMARK" || b.Annotations[metav1.InitialEventsAnnotationKey] != "true" || b.ResourceVersion == "" || b.Kind != "Job" {
		t.Errorf("got %s %s", typ, raw)
	}
	f.createJob("b")
	w.expect("ADDED b")
	for _, q := range []string{
		"sendInitialEvents=true&allowWatchBookmarks=true", "sendInitialEvents=true&resourceVersionMatch=NotOlderThan", "resourceVersionMatch=Exact",
	} {
		f.want(400, f.do("GET", jobsPath+"?watch=true&"+q, ""))
	}
}

func TestAWatchEndsAtItsTimeoutWithABookmark(t *testing.T) {
	f := start(t)
	f.createJob("a")
	w := f.watch(jobsPath + "?watch=true&timeoutSeconds=1&allowWatchBookmarks=true")
	w.expect("ADDED a", "BOOKMARK")
	w.ends()
}

func TestAWatchFromARevisionThatIsForgottenIsGone(t *testing.T) {
	f := start(t)
	a := f.createJob("a")
	for i := range 70 { // the ring of the tests keeps 64 events
		f.patchJob("a", fmt.Sprintf(`{"metadata":{"annotations":{"n":"%d"}}}`, i))
	}
	got := f.do("GET", jobsPath+"?watch=true&resourceVersion="+a.ResourceVersion, "")
	if got.code != 410 || got.status.Reason != metav1.StatusReasonExpired {
		t.Errorf("got %d %s", got.code, got.body)
	}
}

func TestTablesAreWatchedRowByRow(t *testing.T) {
	f := start(t)
	f.createJob("a")
	w := f.watch(jobsPath+"?watch=true", "Accept", tableType)
	for i, want := range []string{"a", "b"} {
		if i > 0 {
			f.createJob(want)
		}
		typ, raw := w.next()
		table := decode[metav1.Table](t, answer{body: raw})
		if !strings.HasPrefix(typ, "ADDED") || len(table.Rows) != 1 || table.Rows[0].Cells[0] != want {
			t.Fatalf("got %s %s", typ, raw)
		}
		if heads := len(table.ColumnDefinitions); (heads > 0) != (i == 0) {
			t.Errorf("event %d has %d column definitions: they come once", i, heads)
		}
		if table.ResourceVersion == "" {
			t.Errorf("event %d has no resourceVersion: %s", i, raw)
		}
	}
}

func TestStreamsEndWhenTheServerStops(t *testing.T) {
	f := start(t)
	w := f.watch(jobsPath + "?watch=true")
	f.server.Stop()
	w.ends()
}

func TestABrokenDocumentDoesNotBreakAWatch(t *testing.T) {
	f := start(t)
	w := f.watch(jobsPath + "?watch=true")
	f.put("/horae/spec/jobs/default/bad", "no: job")
	f.createJob("good")
	w.expect("ADDED bad", "ADDED good")
}

func TestWatchersOfOneObjectShareItsEncoding(t *testing.T) {
	e := newEncodings()
	j := &v1.Job{}
	first, err := e.of(j)
	if err != nil {
		t.Fatal(err)
	}
	second, _ := e.of(j)
	if &first[0] != &second[0] {
		t.Error("the second watcher had it encoded again")
	}
	for range keptEncodings {
		if _, err := e.of(&v1.Job{}); err != nil {
			t.Fatal(err)
		}
	}
	if len(e.data) > keptEncodings {
		t.Errorf("%d encodings are kept, the limit is %d", len(e.data), keptEncodings)
	}
	if third, _ := e.of(j); &first[0] == &third[0] {
		t.Error("the oldest encoding was not dropped")
	}
}

// TestAWatchThatBreaksInTheMidstOfATransactionMissesNothing reads a part of what one transaction changed, and goes on from the
// last revision that it has seen, as a client whose connection broke does.
func TestAWatchThatBreaksInTheMidstOfATransactionMissesNothing(t *testing.T) {
	f := start(t)
	before := f.createJob("before")
	var ops []clientv3.Op
	for _, name := range []string{"a", "b", "c"} {
		ops = append(ops, clientv3.OpPut(store.JobKey("default", name).Spec(), jobYAML(name)))
	}
	ops = append(ops, clientv3.OpDelete(store.JobKey("default", "before").Spec()),
		clientv3.OpPut(store.JobKey("other", "x").Spec(), jobYAML("x")))
	made, err := f.store.Client().Txn(t.Context()).Then(ops...).Commit()
	if err != nil {
		t.Fatal(err)
	}
	f.createJob("later")

	broken := f.watch(jobsPath + "?watch=true&resourceVersion=" + before.ResourceVersion)
	typ, raw := broken.next()
	var seen v1.Job
	if err := json.Unmarshal(raw, &seen); err != nil || typ != "ADDED a" {
		t.Fatalf("got %s %s", typ, raw)
	}
	if atoi(t, seen.ResourceVersion) != made.Header.Revision {
		t.Fatalf("a has resourceVersion %s, want the transaction's, %d", seen.ResourceVersion, made.Header.Revision)
	}
	from := "&resourceVersion=" + seen.ResourceVersion
	f.watch(jobsPath+"?watch=true"+from).expect("ADDED a", "ADDED b", "ADDED c", "DELETED before", "ADDED later")
	f.watch("/apis/horae/v1/jobs?watch=true"+from).expect("ADDED a", "ADDED b", "ADDED c", "DELETED before", "ADDED x", "ADDED later")
	// Who watches one object of the transaction, or what was changed alone, gets nothing twice.
	f.watch(jobsPath+"?watch=true&fieldSelector=metadata.name%21%3Db"+from).expect("ADDED a", "ADDED c", "DELETED before", "ADDED later")
	one := f.watch("/apis/horae/v1/namespaces/other/jobs?watch=true" + from)
	last := f.watch(jobsPath + "?watch=true&resourceVersion=" + f.job("later").ResourceVersion)
	f.createJob("end")
	f.want(201, f.do("POST", "/apis/horae/v1/namespaces/other/jobs", jobYAML("y")))
	one.expect("ADDED y")
	last.expect("ADDED end")
}
