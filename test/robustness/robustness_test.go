package robustness

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	v1 "horae/api/v1"
	"horae/test/robustness/check"
	"horae/test/robustness/history"
	"horae/test/robustness/plan"
)

// TestRobustness has a mix of faults.
func TestRobustness(t *testing.T) {
	if *duration == 0 {
		t.Skip("takes a minute or more: give -robustness.duration, as make test-failures and make robustness do")
	}
	mix, err := plan.ParseFaults(*faults)
	if err != nil {
		t.Fatal(err)
	}
	play(t, mix)
}

// TestEachFaultAlone has them one after another, each over and over for as long as a run takes.
func TestEachFaultAlone(t *testing.T) {
	if !*each || *duration == 0 {
		t.Skip("takes minutes for each fault: give -robustness.each and -robustness.duration, as make robustness-each does")
	}
	mix, err := plan.ParseFaults(*faults)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range mix {
		t.Run(f.Name, func(t *testing.T) { play(t, []plan.Fault{f}) })
	}
}

// profile that the flags ask for.
func profile(t *testing.T, load time.Duration) plan.Profile {
	t.Helper()
	p := plan.Jepsen()
	if *compress < 1 || *compress > 16 {
		t.Fatalf("-robustness.compress %d: must be from 1 to 16", *compress)
	}
	if *compress > 1 {
		p = p.Compressed(*compress)
	}
	if p.MaxJobs = *jobs; p.MaxJobs > 0 {
		// All have been added after half of the time.
		each := load / 2 / time.Duration(max(1, p.MaxJobs/p.Clients))
		p.AddDelay, p.AddStagger = min(p.AddDelay, each/2), min(p.AddStagger, each/2)
	}
	switch *mode {
	case "strict":
		p.Vary = true
	case "jepsen":
	default:
		t.Fatalf("-robustness.mode %q: must be strict or jepsen", *mode)
	}
	return p
}

// quiet is how long nothing is done at the end: 400 of Jepsen's seconds, and no more of the whole than there.
func quiet() time.Duration {
	return min(*duration*8/17, 400*time.Second/time.Duration(*compress))
}

// play is one run of the test.
func play(t *testing.T, mix []plan.Fault) {
	decides := *seed
	if decides == 0 {
		decides = rand.Uint64N(1_000_000)
	}
	load := *duration - quiet()
	p := profile(t, load)
	again := fmt.Sprintf("-robustness.seed=%d -robustness.duration=%s -robustness.mode=%s -robustness.compress=%d -robustness.jobs=%d -robustness.hold=%d -robustness.faults=%s",
		decides, *duration, *mode, *compress, *jobs, *hold, list(mix))
	t.Logf("to repeat this run's decisions: %s", again)

	// 1. Everything is there and well.
	s := newSite(t, directory(t))
	ctx, cancel := context.WithCancel(t.Context())
	var background sync.WaitGroup
	defer background.Wait()
	defer cancel()
	rec := newRecorder(s.client)
	background.Go(func() { rec.run(ctx) })
	calls, err := newCallers(s)
	if err != nil {
		t.Fatal(err)
	}
	background.Go(func() { calls.run(ctx) })

	// 2. Clients work, faults come and go.
	h := &history.History{Began: time.Now(), Forgiveness: p.Forgive()}
	u := newUsers(s, p)
	working, stopWork := context.WithTimeout(ctx, load)
	defer stopWork()
	var clients sync.WaitGroup
	for i := range p.Clients {
		clients.Go(func() { u.work(working, plan.NewClient(p, decides, i)) })
	}
	n := newNemesis(s, rec)
	n.run(working, plan.Schedule(mix, decides, load, *hold))
	<-working.Done()
	clients.Wait()

	// 3. All is healed; what has ended by itself is started again.
	h.Faults = n.faults
	revived := s.resurrect()
	time.Sleep(min(2*time.Second, *duration/20)) // what was asked of a manager that was halted may still be carried out
	if err := u.each(ctx, history.Resume, has(history.Suspend)); err != nil {
		t.Error(err)
	}

	// 4. A quiet time, and the final read.
	time.Sleep(time.Until(h.Began.Add(*duration)))
	h.Read = time.Now()
	if err := s.read(ctx, h, u, rec); err != nil {
		t.Error(err)
	}
	cancel()
	background.Wait()
	calls.into(h)
	judge(t, s, h, p, revived, again)
}

// list is what -robustness.faults reads back.
func list(mix []plan.Fault) string {
	var names []string
	for _, f := range mix {
		names = append(names, f.Name)
	}
	switch len(names) {
	case 0:
		return "none"
	case len(plan.Faults):
		return "all"
	}
	return strings.Join(names, ",")
}

// directory for everything that a run leaves.
func directory(t *testing.T) string {
	t.Helper()
	if *keep == "" {
		return t.TempDir()
	}
	dir := filepath.Join(*keep, strings.ReplaceAll(t.Name(), "/", "-"))
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// read suspends every Job, waits until they are at rest, and reads what there is to be read. Only what was to happen before the final
// read is required; what happens after it is judged all the same. What was due by then may yet be late: the report says how late.
func (s *site) read(ctx context.Context, h *history.History, u *users, rec *recorder) error {
	s.await(ctx, 1, func() string { return rec.owed(h.Read) })
	if err := u.each(ctx, history.Suspend, has(history.Add)); err != nil {
		return err
	}
	// Sums are written a second after what they sum up, at most.
	s.await(ctx, 10, rec.restless)
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var err error
	if h.Witnesses, h.Unreadable, err = history.ReadWitnesses(s.witness); err != nil {
		return err
	}
	now, err := s.client.Get(ctx, prefix)
	if err != nil {
		return err
	}
	if err := rec.waitFor(ctx, now.Header.Revision); err != nil {
		return err
	}
	if err := s.views(ctx, h, now.Header.Revision); err != nil {
		return err
	}
	u.into(h)
	return rec.into(h)
}

// await looks several times a second until it has found nothing to wait for so many times in a row, and gives up after a while.
func (s *site) await(ctx context.Context, times int, outstanding func() string) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for found := 0; found < times; {
		what := outstanding()
		if found++; what != "" {
			found = 0
		}
		select {
		case <-ctx.Done():
			s.t.Logf("not at rest %s after the final read: %s", patience, what)
			return
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// views asks every manager for all Runs, as of the revision at least.
func (s *site) views(ctx context.Context, h *history.History, revision int64) error {
	h.Views = map[string]map[string]v1.RunPhase{}
	for _, m := range s.managers {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("%s/apis/horae/v1/runs?resourceVersion=%d", m.value("api"), revision), nil)
		if err != nil {
			return err
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return fmt.Errorf("ask %s for all Runs: %w", m.name, err)
		}
		var list v1.RunList
		err = json.NewDecoder(res.Body).Decode(&list)
		res.Body.Close()
		if err != nil || res.StatusCode != http.StatusOK {
			return fmt.Errorf("ask %s for all Runs: %s: %w", m.name, res.Status, err)
		}
		h.Views[m.name] = map[string]v1.RunPhase{}
		for _, r := range list.Items {
			h.Views[m.name][r.Name] = r.Status.Phase
		}
	}
	return nil
}

// recovery is how long after a fault a late start is put down to it: a lease, a silent connection's timeout, and what had piled up.
const recovery = 20 * time.Second

// judge reports, and fails the test if the history is not valid.
func judge(t *testing.T, s *site, h *history.History, p plan.Profile, revived []string, again string) {
	t.Helper()
	save(t, s.dir, h)
	strict := check.Strict(h, recovery)
	compatible := check.Compatibility(h, p.Unit)
	report(t, s, h, strict, compatible, revived)

	for i, f := range strict.Findings {
		if i == 30 {
			t.Errorf("and %d more", len(strict.Findings)-i)
			break
		}
		t.Error(f)
	}
	if strict.Occurrences == 0 {
		t.Error("no occurrence was due: the run has shown nothing")
	}
	if *mode == "jepsen" && !compatible.Valid {
		t.Error("not valid by Jepsen's checker")
	}
	for _, m := range append(slices.Clone(s.managers), s.cluster) {
		for _, how := range m.died {
			t.Errorf("%s has ended by itself, with %s: see %s", m.name, how, m.log.Name())
		}
	}
	if *late && strict.Lateness.Unexplained > 0 {
		t.Errorf("%d tasks started later than their epsilon with no fault about", strict.Lateness.Unexplained)
	}
	if t.Failed() {
		t.Logf("to repeat this run's decisions: %s", again)
	}
}

// save keeps the history beside the logs.
func save(t *testing.T, dir string, h *history.History) {
	t.Helper()
	text, err := json.MarshalIndent(h, "", " ")
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "history.json"), text, 0o600)
	}
	if err != nil {
		t.Error(err)
	}
}
