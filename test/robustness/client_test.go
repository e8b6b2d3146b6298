package robustness

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"syscall"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "horae/api/v1"
	"horae/test/robustness/history"
	"horae/test/robustness/plan"
)

// users are the clients of a run. They ask managers over HTTP, and keep what came of it.
type users struct {
	site    *site
	profile plan.Profile
	timeout time.Duration // of a request: Jepsen's 20 s, compressed, but two seconds at least
	http    http.Client

	mu   sync.Mutex
	jobs map[string]history.Job
	ops  []history.Op
}

func newUsers(s *site, p plan.Profile) *users {
	// Each request has a connection of its own, so that none is sent again because an old connection turned out to be broken.
	return &users{site: s, profile: p, timeout: max(20*p.Unit, 2*time.Second), jobs: map[string]history.Job{},
		http: http.Client{Transport: &http.Transport{DisableKeepAlives: true}}}
}

// work has one client do what the plan says until ctx ends.
func (u *users) work(ctx context.Context, client *plan.Client) {
	for {
		step, ok := client.Next()
		if !ok {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(step.Wait):
		}
		u.do(ctx, step)
	}
}

// do carries a step out. It is seen through to its end, or to its timeout, also when ctx ends meanwhile.
func (u *users) do(ctx context.Context, step plan.Step) history.Outcome {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), u.timeout)
	defer cancel()
	m := u.site.managers[step.Manager%managers]
	op := history.Op{Kind: step.Kind, Job: step.Job.Name, Edit: step.Edit, Via: m.name, Invoked: time.Now()}
	job := step.Job
	if step.Kind == history.Repeat {
		op.Backfill = fmt.Sprintf("%s-b%d", job.Name, step.Backfill)
	}
	if step.Kind == history.Add && len(job.Parents) == 0 {
		// Statuses give occurrences in milliseconds.
		job.Start = op.Invoked.Add(time.Duration(u.profile.HeadStart) * u.profile.Unit).Truncate(time.Millisecond).UTC()
	}
	u.mu.Lock()
	if step.Kind == history.Add {
		u.jobs[job.Name] = job
	}
	u.ops = append(u.ops, op)
	i := len(u.ops) - 1
	u.mu.Unlock()

	if api := m.value("api"); api == "" {
		op.Outcome, op.Err = history.Failed, m.name+" does not run"
	} else {
		op.Run, op.Outcome, op.Err = u.ask(ctx, api, &op, &job, &step)
	}
	op.Completed = time.Now()
	u.mu.Lock()
	u.ops[i] = op
	u.mu.Unlock()
	return op.Outcome
}

// ask sends an operation to a manager. What was certainly not carried out has failed; what was not answered is unknown.
func (u *users) ask(
	ctx context.Context, api string, op *history.Op, job *history.Job, step *plan.Step,
) (run string, _ history.Outcome, problem string) {
	req, err := u.request(ctx, api+"/apis/horae/v1/namespaces/default/", op, job, step)
	if err != nil {
		return "", history.Failed, err.Error()
	}
	res, err := u.http.Do(req)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "", history.Failed, err.Error()
	case err != nil:
		return "", history.Unknown, err.Error()
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	switch {
	case res.StatusCode >= 500 && res.StatusCode != http.StatusInsufficientStorage:
		return "", history.Unknown, fmt.Sprintf("%s: %s", res.Status, body)
	case res.StatusCode >= 400:
		return "", history.Failed, fmt.Sprintf("%s: %s", res.Status, body)
	case op.Kind != history.Trigger:
		return "", history.OK, ""
	case err != nil:
		return "", history.Unknown, err.Error() // it was made, and its name is not known
	}
	var made v1.Run
	if err := json.Unmarshal(body, &made); err != nil {
		return "", history.Unknown, err.Error()
	}
	return made.Name, history.OK, ""
}

func (u *users) request(ctx context.Context, base string, op *history.Op, job *history.Job, step *plan.Step) (*http.Request, error) {
	method, path, media, body := http.MethodPatch, "jobs/"+job.Name, "application/merge-patch+json", []byte(nil)
	switch op.Kind {
	case history.Add:
		var err error
		if body, err = json.Marshal(u.document(job)); err != nil {
			return nil, err
		}
		method, path, media = http.MethodPost, "jobs", "application/json"
	case history.Suspend:
		body = []byte(`{"spec":{"suspend":true}}`)
	case history.Resume:
		body = []byte(`{"spec":{"suspend":null}}`)
	case history.Edit:
		body = fmt.Appendf(nil, `{"spec":{"task":{"env":[{"name":%q,"value":"%d"}]}}}`, history.EditVariable, op.Edit)
	case history.Trigger:
		method, path = http.MethodPost, path+"/trigger"
	case history.Repeat:
		var err error
		if body, err = json.Marshal(u.backfill(op, step)); err != nil {
			return nil, err
		}
		method, path, media = http.MethodPost, "backfills", "application/json"
	case history.Delete:
		method = http.MethodDelete
	}
	req, err := http.NewRequestWithContext(ctx, method, base+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", media)
	return req, nil
}

// backfill is of the last ten occurrences of a Job that have passed, at most.
func (u *users) backfill(op *history.Op, step *plan.Step) *v1.Backfill {
	u.mu.Lock()
	j := u.jobs[op.Job]
	u.mu.Unlock()
	to := op.Invoked.Truncate(time.Millisecond).UTC()
	from := to.Add(-10 * j.Interval)
	if from.Before(j.Start) {
		from = j.Start.Add(-time.Second) // Before its first occurrence there is none.
	}
	return &v1.Backfill{
		TypeMeta:   metav1.TypeMeta{APIVersion: v1.GroupVersion.String(), Kind: v1.KindBackfill},
		ObjectMeta: metav1.ObjectMeta{Name: op.Backfill},
		Spec: v1.BackfillSpec{Job: op.Job, From: v1.NewTime(from), To: v1.NewTime(to), Parallel: &step.Parallel, Runs: step.Runs,
			Dependents: step.Dependents},
	}
}

// document is the Job as it is applied.
func (u *users) document(j *history.Job) *v1.Job {
	all, retries, delay := int32(10_000), int32(j.Retries), v1.Duration{Duration: time.Second}
	small := func(s string) *resource.Quantity { q := resource.MustParse(s); return &q }
	doc := &v1.Job{
		TypeMeta:   metav1.TypeMeta{APIVersion: v1.GroupVersion.String(), Kind: v1.KindJob},
		ObjectMeta: metav1.ObjectMeta{Name: j.Name},
		Spec: v1.JobSpec{
			Schedule: fmt.Sprintf("R%d/%s/PT%sS", j.Count, j.Start.Format("2006-01-02T15:04:05.000Z"),
				strconv.FormatFloat(j.Interval.Seconds(), 'f', -1, 64)),
			MissedRuns: j.MissedRuns, ConcurrencyPolicy: j.Concurrency,
			RunPolicy: v1.RunPolicy{Retries: v1.Retries{Limit: &retries, Delay: &delay}},
			History:   v1.History{Succeeded: &all, Failed: &all},
			Task: v1.TaskSpec{
				Shell:     history.Script(u.site.witness, j),
				Env:       []v1.EnvVar{{Name: history.EditVariable, Value: "0"}},
				Resources: v1.Resources{CPUs: small("0.01"), Memory: small("8Mi"), Disk: small("1Mi")},
			},
		},
	}
	if len(j.Parents) > 0 {
		doc.Spec.Schedule, doc.Spec.DependencyPolicy = "", j.Policy
		for _, parent := range j.Parents {
			doc.Spec.DependsOn = append(doc.Spec.DependsOn, v1.Dependency{Job: parent, On: j.On})
		}
	}
	if j.Async {
		doc.Spec.Async = &v1.Async{}
	}
	if j.Deadline {
		doc.Spec.StartingDeadline = &v1.Duration{Duration: j.Epsilon + u.profile.Forgive()}
	}
	return doc
}

// each has an operation carried out on every Job that satisfies the condition, asking again until it is known to be.
func (u *users) each(ctx context.Context, kind history.OpKind, of func(ops []history.Op) bool) error {
	u.mu.Lock()
	byJob := map[string][]history.Op{}
	for _, op := range u.ops {
		if op.Outcome != history.Failed {
			byJob[op.Job] = append(byJob[op.Job], op)
		}
	}
	u.mu.Unlock()
	for job, ops := range byJob {
		if !of(ops) {
			continue
		}
		for try := 0; u.do(ctx, plan.Step{Kind: kind, Job: history.Job{Name: job}, Manager: try}) != history.OK; try++ {
			if u.gone(job) {
				break
			}
			if try > 100 {
				return fmt.Errorf("%s of %s: not after %d attempts", kind, job, try)
			}
			time.Sleep(100 * time.Millisecond) // nothing depends on its length
		}
	}
	return nil
}

// gone reports whether the last operation found no such Job: its addition was not carried out, or its deletion was.
func (u *users) gone(job string) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	last := u.ops[len(u.ops)-1]
	return last.Job == job && last.Outcome == history.Failed && bytes.Contains([]byte(last.Err), []byte("404"))
}

// has reports whether an operation of that kind may have been carried out.
func has(kind history.OpKind) func([]history.Op) bool {
	return func(ops []history.Op) bool {
		for _, op := range ops {
			if op.Kind == kind {
				return true
			}
		}
		return false
	}
}

// into writes what was asked for into a history.
func (u *users) into(h *history.History) {
	u.mu.Lock()
	defer u.mu.Unlock()
	h.Jobs, h.Ops = u.jobs, u.ops
}
