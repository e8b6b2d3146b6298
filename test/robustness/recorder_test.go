package robustness

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	v1 "horae/api/v1"
	"horae/test/robustness/history"
)

// recorder keeps what etcd ever said of Runs and Jobs, read as any other tool would: the public keys, listed once and then watched.
// It shares no code with Horae but the types.
type recorder struct {
	client *clientv3.Client

	mu       sync.Mutex
	changed  chan struct{} // closed, and made anew, when revision grows
	revision int64
	keys     map[string]bool // that exist
	runs     map[string]*history.Record
	jobs     map[string]v1.JobStatus
	notRun   map[history.NotRun]bool
	seen     map[string]time.Time // when a Run was heard of first
	backfill map[string]*history.Backfill
	err      error // that ended it
}

const (
	prefix    = "/horae/"
	runSpec   = "/horae/spec/runs/default/"
	runStatus = "/horae/status/runs/default/"
	jobStatus = "/horae/status/jobs/default/"
	fillSpec  = "/horae/spec/backfills/default/"
	fillState = "/horae/status/backfills/default/"
)

func newRecorder(client *clientv3.Client) *recorder {
	return &recorder{client: client, changed: make(chan struct{}), keys: map[string]bool{}, runs: map[string]*history.Record{},
		jobs: map[string]v1.JobStatus{}, notRun: map[history.NotRun]bool{}, seen: map[string]time.Time{},
		backfill: map[string]*history.Backfill{}}
}

// run records until ctx ends.
func (r *recorder) run(ctx context.Context) {
	for ctx.Err() == nil {
		err := r.follow(ctx)
		if err != nil && !errors.Is(err, rpctypes.ErrCompacted) && ctx.Err() == nil {
			select {
			case <-ctx.Done():
			case <-time.After(100 * time.Millisecond): // etcd may be away
			}
		}
	}
}

// follow lists and watches until that fails. A list after the first shows what the watch has overlooked.
func (r *recorder) follow(ctx context.Context) error {
	reqCtx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	list, err := r.client.Get(reqCtx, prefix, clientv3.WithPrefix())
	if err != nil {
		return err
	}
	r.list(list)
	for resp := range r.client.Watch(clientv3.WithRequireLeader(ctx), prefix, clientv3.WithPrefix(), clientv3.WithRev(list.Header.Revision+1)) {
		if err := resp.Err(); err != nil {
			return err
		}
		r.events(resp)
	}
	return ctx.Err()
}

func (r *recorder) list(list *clientv3.GetResponse) {
	r.mu.Lock()
	defer r.mu.Unlock()
	seen := map[string]bool{}
	for _, kv := range list.Kvs {
		seen[string(kv.Key)] = true
		r.putLocked(kv)
	}
	for key := range r.keys {
		if !seen[key] {
			r.deleteLocked(key)
		}
	}
	r.advanceLocked(list.Header.Revision)
}

func (r *recorder) events(resp clientv3.WatchResponse) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range resp.Events {
		if e.Type == clientv3.EventTypeDelete {
			r.deleteLocked(string(e.Kv.Key))
		} else {
			r.putLocked(e.Kv)
		}
	}
	r.advanceLocked(resp.Header.Revision)
}

func (r *recorder) advanceLocked(revision int64) {
	if revision > r.revision {
		r.revision = revision
	}
	close(r.changed)
	r.changed = make(chan struct{})
}

func (r *recorder) putLocked(kv *mvccpb.KeyValue) {
	key := string(kv.Key)
	r.keys[key] = true
	if name, ok := strings.CutPrefix(key, runSpec); ok {
		var run v1.Run
		if r.decodeLocked(kv, &run) {
			record := r.recordLocked(name)
			record.Job, record.Reason, record.Created, record.Deleted = run.Spec.Job, run.Spec.Reason, kv.CreateRevision, false
			record.Parents, record.Omitted = run.Spec.Parents, int64(run.Spec.OmittedParents)
			record.NoDependents, record.Backfill = run.Spec.NoDependents, run.Spec.Backfill
			if t := run.Spec.ScheduledTime; t != nil {
				record.Nominal = t.Time
			}
		}
	} else if name, ok := strings.CutPrefix(key, runStatus); ok {
		var run v1.Run
		if r.decodeLocked(kv, &run) {
			take(r.recordLocked(name), &run.Status)
		}
	} else if name, ok := strings.CutPrefix(key, jobStatus); ok {
		var job v1.Job
		if r.decodeLocked(kv, &job) {
			r.jobs[name] = job.Status
			r.tellLocked(name, job.Status.NotRun)
		}
	} else if name, ok := strings.CutPrefix(key, fillSpec); ok {
		var b v1.Backfill
		if r.decodeLocked(kv, &b) {
			f := r.backfillLocked(name)
			f.Job, f.From, f.To, f.Runs, f.Dependents = b.Spec.Job, b.Spec.From.Time, b.Spec.To.Time, b.Spec.Runs, b.Spec.Dependents
		}
	} else if name, ok := strings.CutPrefix(key, fillState); ok {
		var b v1.Backfill
		if r.decodeLocked(kv, &b) {
			takeBackfill(r.backfillLocked(name), &b.Status)
		}
	}
}

func takeBackfill(f *history.Backfill, s *v1.BackfillStatus) {
	f.Finished = s.FinishTime != nil
	f.Total, f.Done, f.Succeeded, f.Failed, f.Skipped = s.Total, s.Done, s.Succeeded, s.Failed, s.Skipped
	f.SkippedFor = map[string]int64{}
	for _, skipped := range s.SkippedFor {
		f.SkippedFor[skipped.Reason] = skipped.Count
	}
	for _, c := range s.Conditions {
		if c.Type == v1.BackfillFinished {
			f.Why = c.Reason
		}
	}
}

func (r *recorder) backfillLocked(name string) *history.Backfill {
	if r.backfill[name] == nil {
		r.backfill[name] = &history.Backfill{}
	}
	return r.backfill[name]
}

// take writes a Run's status into its record. Attempts stay in it that the status does not keep any more.
func take(r *history.Record, s *v1.RunStatus) {
	r.Phase, r.Why = s.Phase, strings.TrimSpace(s.Reason+" "+s.Message)
	r.Attempts = slices.DeleteFunc(r.Attempts, func(old history.Attempt) bool {
		return slices.ContainsFunc(s.Attempts, func(a v1.Attempt) bool { return a.TaskID == old.Task })
	})
	for _, a := range s.Attempts {
		attempt := history.Attempt{Task: a.TaskID, State: a.State, NotStarted: a.NotStarted, Launched: a.LaunchTime.Time}
		if a.FinishTime != nil {
			attempt.Finished = a.FinishTime.Time
		}
		r.Attempts = append(r.Attempts, attempt)
	}
}

func (r *recorder) decodeLocked(kv *mvccpb.KeyValue, into any) bool {
	if err := json.Unmarshal(kv.Value, into); err != nil {
		r.err = fmt.Errorf("%s holds what is not JSON: %w", kv.Key, err)
		return false
	}
	return true
}

func (r *recorder) recordLocked(name string) *history.Record {
	if r.runs[name] == nil {
		r.runs[name] = &history.Record{Name: name}
		r.seen[name] = time.Now()
	}
	return r.runs[name]
}

func (r *recorder) deleteLocked(key string) {
	delete(r.keys, key)
	if name, ok := strings.CutPrefix(key, runSpec); ok {
		r.recordLocked(name).Deleted = true
	}
}

func (r *recorder) tellLocked(job string, all []v1.NotRun) {
	for _, n := range all {
		t := history.NotRun{Job: job, From: n.ScheduledTime.Time, Through: n.ScheduledTime.Time, Count: n.Count, Outcome: n.Outcome, Reason: n.Reason}
		if n.Through != nil {
			t.Through = n.Through.Time
		}
		r.notRun[t] = true
	}
}

// waitFor waits until everything up to the revision is recorded.
func (r *recorder) waitFor(ctx context.Context, revision int64) error {
	for {
		r.mu.Lock()
		have, changed := r.revision, r.changed
		r.mu.Unlock()
		if have >= revision {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("etcd is at revision %d, and was recorded up to %d: %w", revision, have, ctx.Err())
		}
	}
}

// at is the revision that is recorded.
func (r *recorder) at() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.revision
}

// owed names something that was due before the instant and is neither run nor given up; "" if there is nothing.
func (r *recorder) owed(before time.Time) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	for name, run := range r.runs {
		if !run.Phase.Terminal() && r.dueLocked(run).Before(before) && r.keys[runSpec+name] {
			return fmt.Sprintf("%s is %s: %s", name, run.Phase, run.Why)
		}
	}
	for name, s := range r.jobs {
		if len(s.Waiting) > 0 && s.Waiting[0].Time.Before(before) && r.keys[jobStatus+name] {
			return fmt.Sprintf("%s has %s waiting", name, s.Waiting[0].Format(time.TimeOnly))
		}
		if r.keys[jobStatus+name] && completeSince(&s).Before(before) {
			return name + " could follow all of its parents"
		}
	}
	return r.unfinishedLocked()
}

// dueLocked is when a Run was due: if it follows others, at the latest when it was heard of.
func (r *recorder) dueLocked(run *history.Record) time.Time {
	if len(run.Parents) > 0 {
		return r.seen[run.Name]
	}
	return run.Nominal
}

// completeSince is since when an end of each parent has been banked; far in the future if that is not so.
func completeSince(s *v1.JobStatus) (since time.Time) {
	never := time.Now().Add(1000 * time.Hour)
	if len(s.Parents) == 0 {
		return never
	}
	for _, p := range s.Parents {
		if len(p.Banked) == 0 {
			return never
		}
		if t := p.Banked[0].FinishTime.Time; t.After(since) {
			since = t
		}
	}
	return since
}

// unfinishedLocked names a Backfill that has not finished.
func (r *recorder) unfinishedLocked() string {
	for name, f := range r.backfill {
		if !f.Finished && r.keys[fillSpec+name] {
			return fmt.Sprintf("the Backfill %s has done %d of %d: %s", name, f.Done, f.Total, f.Why)
		}
	}
	return ""
}

// unseenLocked names a Job that has not looked at all ends of its parents that concern it. Others need not be in its status.
func (r *recorder) unseenLocked() string {
	for name, s := range r.jobs {
		if !r.keys[jobStatus+name] {
			continue
		}
		for _, p := range s.Parents {
			c := r.jobs[p.Job].Completions
			if c == nil || !r.keys[jobStatus+p.Job] {
				continue
			}
			for i, end := range c.Ends {
				number := c.Last - int64(len(c.Ends)-1-i)
				if number > p.Seen && end.Revision > p.Since && (p.On == v1.OnFinished || end.Outcome == v1.RunSucceeded) {
					return fmt.Sprintf("%s has seen %d of %d ends of %s", name, p.Seen, c.Last, p.Job)
				}
			}
		}
	}
	return ""
}

// restless names something that has not ended yet; "" if there is nothing.
func (r *recorder) restless() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	for name, run := range r.runs {
		if !run.Phase.Terminal() && r.keys[runSpec+name] {
			return fmt.Sprintf("%s is %s", name, run.Phase)
		}
	}
	for name, s := range r.jobs {
		if len(s.Active) > 0 && r.keys[jobStatus+name] {
			return fmt.Sprintf("%s says that %s is active", name, s.Active[0])
		}
	}
	return r.unseenLocked()
}

// into writes what was recorded into a history.
func (r *recorder) into(h *history.History) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, run := range r.runs {
		h.Records = append(h.Records, *run)
	}
	for t := range r.notRun {
		h.NotRun = append(h.NotRun, t)
	}
	h.Backfills = map[string]history.Backfill{}
	for name, f := range r.backfill {
		h.Backfills[name] = *f
	}
	h.Statuses, h.Banked = map[string]history.Status{}, map[string]history.Bank{}
	for name, s := range r.jobs {
		if !r.keys[jobStatus+name] {
			continue
		}
		sums := history.Status{Succeeded: s.Succeeded, Failed: s.Failed, Missed: s.Missed, Skipped: s.Skipped, Occurrences: s.Occurrences,
			Idle: len(s.Active)+len(s.Waiting) == 0}
		if s.LastScheduleTime != nil {
			sums.Last = s.LastScheduleTime.Time
		}
		h.Statuses[name] = sums
		bank := history.Bank{}
		for _, p := range s.Parents {
			bank.Omitted += p.Omitted
			for _, end := range p.Banked {
				bank.Runs = append(bank.Runs, end.Run)
			}
		}
		h.Banked[name] = bank
	}
	return r.err
}
