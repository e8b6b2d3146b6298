package server

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc/codes"
	grpcstatus "google.golang.org/grpc/status"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "horae/api/v1"
	"horae/internal/cache"
	"horae/internal/etcdtest"
	"horae/internal/store"
)

// vanishing shows nothing of what has been written.
type vanishing struct {
	*cache.Cache
	hide atomic.Bool
}

func (v *vanishing) Get(key store.Key) store.AnyEntry {
	if key.Kind == store.Runs || v.hide.Load() && key.Name == "new" {
		return nil
	}
	return v.Cache.Get(key)
}

// TestWhatWasWrittenAndIsGoneIsAnswered: a Run may be over and pruned, and a Job deleted, before the one who made it has his answer.
func TestWhatWasWrittenAndIsGoneIsAnswered(t *testing.T) {
	f := start(t)
	f.createJob("a")
	g := f.another(func(c *Config) {
		v := &vanishing{Cache: c.Cache.(*cache.Cache)}
		v.hide.Store(true)
		c.Cache = v
	})
	job := decode[v1.Job](t, f.want(201, g.do("POST", jobsPath, jobYAML("new"))))
	run := decode[v1.Run](t, f.want(201, g.do("POST", jobsPath+"/a/trigger", "")))
	f.seen(atoi(t, run.ResourceVersion))
	for name, pair := range map[string][2]metav1.Object{
		"job": {job, f.job("new")},
		"run": {run, decode[v1.Run](t, f.want(200, f.do("GET", runsPath+"/"+run.Name, "")))},
	} {
		answered, stored := pair[0], pair[1]
		if answered.GetUID() != stored.GetUID() || answered.GetResourceVersion() != stored.GetResourceVersion() || answered.GetGeneration() != 1 {
			t.Errorf("%s: answered %s %s %d, stored %s %s", name, answered.GetUID(), answered.GetResourceVersion(), answered.GetGeneration(), stored.GetUID(), stored.GetResourceVersion())
		}
	}
}

// TestAWriteWhoseAnswerIsLostHappensOnce has etcd make a write and end the request all the same, in each of the ways in which a
// request ends. The answer says that the outcome is unknown, and there is one of what it asked for: no create is answered
// AlreadyExists for its own object, and no trigger makes a second Run.
func TestAWriteWhoseAnswerIsLostHappensOnce(t *testing.T) {
	for _, code := range []codes.Code{codes.Unavailable, codes.DeadlineExceeded, codes.Canceled, codes.Internal} {
		t.Run(code.String(), func(t *testing.T) {
			f := start(t)
			f.createJob("a")
			f.createJob("doomed")
			var losing atomic.Bool
			front := etcdtest.NewFront(t, f.store.Client().Endpoints()[0], etcdtest.FrontHooks{
				Unary: func(ctx context.Context, req any, forward func(context.Context) (any, error)) (any, error) {
					resp, err := forward(ctx)
					if _, ok := req.(*pb.TxnRequest); ok && err == nil && losing.Swap(false) {
						return nil, grpcstatus.Error(code, "the answer was lost")
					}
					return resp, err
				},
			})
			deaf, err := store.Open(t.Context(), store.Config{Endpoints: []string{front.Endpoint}})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = deaf.Close() })
			g := f.another(func(c *Config) { c.Store = deaf })
			before := f.job("a").Generation

			for _, write := range []struct{ method, path, body, contentType string }{
				{"POST", jobsPath, jobYAML("new"), yamlType},
				{"POST", jobsPath + "/a/trigger", "", ""},
				{"PATCH", jobsPath + "/a", `{"spec":{"suspend":true}}`, "application/merge-patch+json"},
				{"DELETE", jobsPath + "/doomed", "", ""},
			} {
				losing.Store(true)
				a := g.do(write.method, write.path, write.body, "Content-Type", write.contentType)
				if a.code != 504 || !strings.Contains(a.status.Message, "unknown outcome") {
					t.Errorf("%s %s: got %d %s, want 504 and that the outcome is unknown", write.method, write.path, a.code, a.body)
				}
				if losing.Swap(false) {
					t.Errorf("%s %s wrote nothing", write.method, write.path)
				}
			}
			if f.stored(store.JobKey("default", "new")) == "" || f.stored(store.JobKey("default", "doomed")) != "" {
				t.Error("what was created is not there, or what was deleted is")
			}
			runs := 0
			revision, err := f.store.List(t.Context(), func(page []*store.KeyValue) error {
				for _, kv := range page {
					if key, side, ok := store.ParseKey(string(kv.Key)); ok && key.Kind == store.Runs && side == store.SpecSide {
						runs++
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			f.seen(revision)
			if runs != 1 {
				t.Errorf("one trigger made %d Runs", runs)
			}
			if got := f.job("a"); got.Generation != before+1 {
				t.Errorf("the patched Job is of generation %d, want %d", got.Generation, before+1)
			}
			f.want(404, f.do("DELETE", jobsPath+"/doomed", ""))
		})
	}
}

// TestAWriteWithoutSpaceIsRefused raises etcd's alarm NOSPACE: reads go on, and each write says what is wrong, and that nothing was
// written. What frees space is taken.
func TestAWriteWithoutSpaceIsRefused(t *testing.T) {
	f := start(t)
	f.createJob("a")
	alarm := func(action pb.AlarmRequest_AlarmAction) {
		t.Helper()
		etcd := pb.NewMaintenanceClient(f.store.Client().ActiveConnection())
		if _, err := etcd.Alarm(t.Context(), &pb.AlarmRequest{Action: action, Alarm: pb.AlarmType_NOSPACE}); err != nil {
			t.Fatal(err)
		}
	}
	alarm(pb.AlarmRequest_ACTIVATE)
	for _, write := range []struct{ method, path, body, contentType string }{
		{"POST", jobsPath, jobYAML("new"), yamlType},
		{"POST", jobsPath + "/a/trigger", "", ""},
		{"PATCH", jobsPath + "/a", `{"spec":{"suspend":true}}`, "application/merge-patch+json"},
	} {
		a := f.do(write.method, write.path, write.body, "Content-Type", write.contentType)
		if a.code != 507 || a.status.Reason != "InsufficientStorage" || !strings.Contains(a.status.Message, "etcd is out of space") {
			t.Errorf("%s %s: got %d %s, want 507 and that etcd is out of space", write.method, write.path, a.code, a.body)
		}
		if a.header.Get("Retry-After") != "" {
			t.Errorf("%s %s: a client is asked to repeat what takes a person", write.method, write.path)
		}
	}
	f.want(200, f.do("GET", jobsPath+"/a", ""))
	f.want(200, f.do("DELETE", jobsPath+"/a", ""))
	alarm(pb.AlarmRequest_DEACTIVATE)
	f.want(201, f.do("POST", jobsPath, jobYAML("new"), "Content-Type", yamlType))
}

// TestAReadThatEtcdRefusesIsSaid: before a PATCH is written the spec is read from etcd itself. Nothing was written when that fails.
func TestAReadThatEtcdRefusesIsSaid(t *testing.T) {
	f := start(t)
	f.createJob("a")
	var refusing atomic.Bool
	front := etcdtest.NewFront(t, f.store.Client().Endpoints()[0], etcdtest.FrontHooks{
		Unary: func(ctx context.Context, req any, forward func(context.Context) (any, error)) (any, error) {
			if _, ok := req.(*pb.RangeRequest); ok && refusing.Load() {
				return nil, rpctypes.ErrGRPCNoLeader
			}
			return forward(ctx)
		},
	})
	s, err := store.Open(t.Context(), store.Config{Endpoints: []string{front.Endpoint}, RequestTimeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	g := f.another(func(c *Config) { c.Store = s })
	refusing.Store(true)
	a := f.want(503, g.do("PATCH", jobsPath+"/a", `{"spec":{"suspend":true}}`, "Content-Type", "application/merge-patch+json"))
	if !strings.Contains(a.status.Message, "no leader") {
		t.Errorf("got %s, want what etcd says", a.body)
	}
}
