package robustness

import (
	"context"
	"sync"
	"testing"
	"time"

	v1 "horae/api/v1"
	"horae/internal/etcdtest"
	"horae/test/robustness/history"
)

// TestRecorderKeepsWhatIsGone: what was deleted while the recorder's watch was broken and compacted is known to be gone, and what
// a status does not keep any more is known to have been.
func TestRecorderKeepsWhatIsGone(t *testing.T) {
	server := etcdtest.New(t)
	proxy := etcdtest.NewProxy(t, server.Endpoint)
	direct := etcdtest.Client(t, server.Endpoint)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	rec := newRecorder(etcdtest.Client(t, proxy.Endpoint))
	var wg sync.WaitGroup
	wg.Go(func() { rec.run(ctx) })
	defer wg.Wait()
	defer cancel()
	if err := rec.waitFor(ctx, 1); err != nil { // The empty etcd: from here on it sees everything.
		t.Fatal(err)
	}

	revision := int64(0)
	put := func(key, value string) {
		t.Helper()
		got, err := direct.Put(ctx, key, value)
		if err != nil {
			t.Fatal(err)
		}
		revision = got.Header.Revision
	}
	put(runSpec+"a-1", `{"spec":{"job":"a","reason":"Schedule","scheduledTime":"2026-11-22T02:00:00Z"}}`)
	put(runStatus+"a-1", `{"status":{"phase":"Pending","attempts":[{"taskID":"t1","state":"Lost","notStarted":true}]}}`)
	put(runStatus+"a-1", `{"status":{"phase":"Running","attempts":[{"taskID":"t2","state":"Running"}]}}`)
	put(jobStatus+"a", `{"status":{"active":["a-1"],"notRun":[{"scheduledTime":"2026-11-22T01:00:00Z","count":1,"outcome":"Missed","reason":"Downtime"}]}}`)
	if err := rec.waitFor(ctx, revision); err != nil {
		t.Fatal(err)
	}
	if owed := rec.owed(time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)); owed == "" || rec.restless() == "" {
		t.Error("a-1 runs, and nothing is said to be owed")
	}

	proxy.Cut()
	got, err := direct.Delete(ctx, runSpec+"a-1")
	if err != nil {
		t.Fatal(err)
	}
	put(jobStatus+"a", `{"status":{"succeeded":1,"occurrences":2}}`)
	if _, err := direct.Compact(ctx, got.Header.Revision); err != nil {
		t.Fatal(err)
	}
	proxy.Restore()
	if err := rec.waitFor(ctx, revision); err != nil {
		t.Fatal(err)
	}
	if rec.restless() != "" {
		t.Errorf("%s, and it is gone", rec.restless())
	}
	h := &history.History{}
	if err := rec.into(h); err != nil {
		t.Fatal(err)
	}
	if len(h.Records) != 1 || !h.Records[0].Deleted || len(h.Records[0].Attempts) != 2 || h.Records[0].Phase != v1.RunRunning {
		t.Errorf("records %+v, want a-1 with both attempts, deleted", h.Records)
	}
	if len(h.NotRun) != 1 || h.NotRun[0].Reason != v1.ReasonDowntime {
		t.Errorf("%+v, want what was recorded before", h.NotRun)
	}
	if s := h.Statuses["a"]; s.Succeeded != 1 || s.Occurrences != 2 || !s.Idle {
		t.Errorf("status %+v", s)
	}
}

// TestRecorderKnowsWhatDependentsOwe: it is not at rest while a Job has not seen an end that concerns it, and a Run is owed while
// an end of each parent is banked.
func TestRecorderKnowsWhatDependentsOwe(t *testing.T) {
	now := time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)
	banked := []v1.BankedEnd{{Run: "p-1", FinishTime: v1.NewTime(now)}}
	end := func(outcome v1.RunPhase) *v1.Completions {
		return &v1.Completions{Last: 5, Ends: []v1.Completion{{Outcome: v1.RunSucceeded, Revision: 8}, {Outcome: outcome, Revision: 9}}}
	}
	for name, test := range map[string]struct {
		parent  v1.ParentStatus
		listed  *v1.Completions
		restful bool
		owed    bool
	}{
		"all is seen":                    {v1.ParentStatus{Seen: 5, On: v1.OnSucceeded}, end(v1.RunSucceeded), true, false},
		"a success is not seen":          {v1.ParentStatus{Seen: 4, On: v1.OnSucceeded}, end(v1.RunSucceeded), false, false},
		"a failure is not seen":          {v1.ParentStatus{Seen: 4, On: v1.OnFinished}, end(v1.RunFailed), false, false},
		"nor is one that does not count": {v1.ParentStatus{Seen: 4, On: v1.OnSucceeded}, end(v1.RunFailed), true, false},
		"nor is one from before":         {v1.ParentStatus{Seen: 4, On: v1.OnSucceeded, Since: 9}, end(v1.RunSucceeded), true, false},
		"one is banked":                  {v1.ParentStatus{Seen: 5, On: v1.OnSucceeded, Banked: banked}, nil, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			rec := newRecorder(nil)
			test.parent.Job = "p"
			rec.jobs["c"], rec.jobs["p"] = v1.JobStatus{Parents: []v1.ParentStatus{test.parent}}, v1.JobStatus{Completions: test.listed}
			rec.keys[jobStatus+"c"], rec.keys[jobStatus+"p"] = true, true
			if got := rec.restless(); (got == "") != test.restful {
				t.Errorf("restless: %q", got)
			}
			if got := rec.owed(now.Add(time.Second)); (got != "") != test.owed {
				t.Errorf("owed: %q", got)
			}
			if got := rec.owed(now); got != "" {
				t.Errorf("owed before it was due: %q", got)
			}
		})
	}
}
