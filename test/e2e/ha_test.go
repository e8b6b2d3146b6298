package e2e

import (
	"strings"
	"syscall"
	"testing"
	"time"

	v1 "horae/api/v1"
)

// TestStandbyTakesOver: whichever way the leader goes, the standby goes on where it stopped.
func TestStandbyTakesOver(t *testing.T) {
	t.Parallel()
	s := newSite(t, "true")
	for range rounds() {
		// In order: the lead is given up at once.
		leads, standby := s.roles()
		signalled := time.Now()
		_ = s.managers[leads].cmd.Process.Signal(syscall.SIGTERM)
		if code := s.managers[leads].exit(); code != 0 {
			t.Errorf("SIGTERM ended the leader with code %d, want 0", code)
		}
		s.waitLeader(standby)
		s.waitStarts(time.Now())
		last, first := s.gap(signalled)
		t.Logf("SIGTERM: nothing started for %s at most, %s between two Jobs is usual", first.Sub(last), time.Second/ticks)
		s.start(leads)
		s.waitCandidates(2)
		s.waitStarts(time.Now())

		// By force: the lease has to run out.
		leads, standby = s.roles()
		signalled = time.Now()
		s.managers[leads].kill()
		s.waitLeader(standby)
		s.waitStarts(time.Now())
		last, first = s.gap(signalled)
		t.Logf("kill -9: the successor launched %s after it, with a lease of %s; nothing started for %s", first.Sub(signalled), lease, first.Sub(last))
		s.start(leads)
		s.waitCandidates(2)
	}
	s.check()
}

// TestI6PausedLeaderIsFenced: a leader that was stopped for longer than its lease wakes up and believes that it leads. Nothing of
// what it does then counts, and it stands for election again.
func TestI6PausedLeaderIsFenced(t *testing.T) {
	underFailures(t)
	s := newSite(t, "sleep 1") // so that Runs are active when the leader is stopped
	for range rounds() {
		paused, other := s.roles()
		p := s.managers[paused]
		fence := s.fence()
		before := len(p.log.String())
		signalled := time.Now()
		_ = p.cmd.Process.Signal(syscall.SIGSTOP)
		s.waitLeader(other)
		s.waitStarts(time.Now())
		s.checkFenced(fence)
		last, first := s.gap(signalled)
		t.Logf("SIGSTOP: the successor launched %s after it, with a lease of %s; nothing started for %s", first.Sub(signalled), lease, first.Sub(last))
		_ = p.cmd.Process.Signal(syscall.SIGCONT)
		woken := time.Now()
		eventually(t, paused+" says that it has lost the lead", func() string {
			said := p.log.String()[before:]
			if i := strings.Index(said, "Lost the lead"); i >= 0 {
				line, _, _ := strings.Cut(said[i:], "\n")
				t.Logf("it woke up and said: %s", line)
				return ""
			}
			return "it says only this: " + said
		})
		t.Logf("of its changes %s were refused by the fence", metricOf(t, p, `horae_store_changes_total{result="fenced"}`))
		s.waitCandidates(2)
		s.waitStarts(woken)
		s.alive()
	}
	// It is a standby that can lead.
	leads, standby := s.roles()
	s.managers[leads].kill()
	s.waitLeader(standby)
	s.waitStarts(time.Now())
	delete(s.managers, leads)
	s.check()
}

// TestThreeManagersLoseTwo: the leader and another manager die at once. The third one takes writes while nobody leads, and goes on
// with the work.
func TestThreeManagersLoseTwo(t *testing.T) {
	underFailures(t)
	s := newSite(t, "true")
	s.start("c")
	s.waitCandidates(3)
	signalled := time.Now()
	for _, name := range []string{"a", "b"} {
		_ = s.managers[name].cmd.Process.Kill()
	}
	c := s.managers["c"]
	const between = "{apiVersion: horae/v1, kind: Job, metadata: {name: between}, spec: {task: {shell: 'true'}}}"
	if r := c.horaeStdin(between, "apply", "-f", "-"); r.code != 0 {
		t.Errorf("a write to the standby while nobody leads: %s%s", r.out, r.err)
	}
	if got := c.must("get", "job", "between", "-o", "name"); !strings.Contains(got, "between") {
		t.Errorf("the standby does not know what was written through it: %s", got)
	}
	for _, name := range []string{"a", "b"} {
		s.managers[name].kill()
		delete(s.managers, name)
	}
	s.waitLeader("c")
	s.waitStarts(time.Now())
	last, first := s.gap(signalled)
	t.Logf("nothing started for %s, with a lease of %s", first.Sub(last), s.lease)
	s.check()
}

// TestEtcdIsAwayForAWhile: the managers stay up while etcd does not answer, launch nothing, and go on by themselves.
func TestEtcdIsAwayForAWhile(t *testing.T) {
	underFailures(t)
	s := newSite(t, "true")
	away := 2 * lease
	if *full {
		away = time.Minute
	}
	s.etcd.Stop()
	time.Sleep(lease) // nobody leads any more, and what was being launched has started
	before := len(s.starts())
	for name, m := range s.managers {
		if body := get(t, m.ready["api"]+"/readyz?verbose"); !strings.Contains(body, "etcd does not answer") {
			t.Errorf("/readyz of %s does not say that etcd does not answer: %s", name, body)
		}
		if len(allRuns(t, m)) == 0 {
			t.Errorf("%s shows no Runs while etcd is away: reads go on from the cache", name)
		}
	}
	time.Sleep(away - lease)
	if after := len(s.starts()); after != before {
		t.Errorf("%d Runs started while etcd was away: no intent of theirs can be stored", after-before)
	}
	s.alive()
	restarted := time.Now()
	s.etcd.Restart()
	back := time.Now()
	s.waitStarts(back)
	_, first := s.gap(restarted)
	t.Logf("etcd was away for %s and took %s to start; the first launch came %s after it was ready", away, back.Sub(restarted), first.Sub(back))
	s.alive()
	s.check()
}

// TestDevclusterIsKilled: master, agents and tasks are gone at once. The Runs whose tasks died say so, and the managers go on with
// the cluster that comes after it.
func TestDevclusterIsKilled(t *testing.T) {
	underFailures(t)
	s := newSite(t, "sleep 1.5")
	for range rounds() {
		s.cluster.kill()
		s.cluster = start(t, "devcluster", clusterArgs(strings.TrimPrefix(s.cluster.ready["master"], "http://"), s.cluster.ready["sandboxes"])...)
		back := time.Now()
		s.waitStarts(back)
		_, first := s.gap(back)
		t.Logf("the first launch came %s after the new cluster was ready", first.Sub(back))
	}
	s.alive()
	all, ended := s.finish()
	checkOccurrences(t, all, s.began, ended)
	s.checkLost(all)
}

// checkLost compares what the tasks left with what Horae says, where some tasks were killed and Mesos did not report it: a Run that may not be
// retried any more is Lost with its task, one that may has succeeded in another attempt, and the others have run once.
func (s *site) checkLost(all []v1.Run) {
	s.t.Helper()
	starts, lost, retried := s.starts(), 0, 0
	for _, r := range all {
		attempts, started := len(r.Status.Attempts), len(starts[r.Name])
		want := v1.RunSucceeded
		for _, a := range r.Status.Attempts {
			if a.NotStarted { // it does not count
				attempts--
			}
		}
		retries := int(r.Name[len("tick")]-'0') % 2
		switch {
		case attempts < 1 || attempts > 1+retries:
			s.t.Errorf("%s has %d attempts that count and may have %d", r.Name, attempts, 1+retries)
		case attempts == 1+retries && r.Status.Attempts[len(r.Status.Attempts)-1].State == v1.RunLost:
			lost++
			want = v1.RunLost
		case attempts == 2:
			retried++
		}
		if r.Status.Phase != want {
			s.t.Errorf("%s ended %s, want %s: %s %s", r.Name, r.Status.Phase, want, r.Status.Reason, r.Status.Message)
		}
		// An attempt whose task was killed before its first line has left nothing; one whose start Mesos did not report has left a line.
		if started > len(r.Status.Attempts) || (want == v1.RunSucceeded && started == 0) {
			s.t.Errorf("%s has %d attempts, of which %d left a line", r.Name, len(r.Status.Attempts), started)
		}
	}
	s.t.Logf("%d Runs: %d ended Lost with their tasks, %d succeeded in another attempt", len(all), lost, retried)
	if lost == 0 || retried == 0 {
		s.t.Errorf("no Run was lost, or none retried: the cluster's end has hit nothing")
	}
}
