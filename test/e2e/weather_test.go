package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"horae/internal/devcluster"
	"horae/internal/etcdtest"
	"horae/internal/store"
)

// weather is a site over an etcd of three members, and with a Mesos that counts subscriptions. Each manager reaches etcd through
// proxies of its own.
type weather struct {
	*site
	etcd          *etcdtest.Cluster
	mesos         *devcluster.Cluster
	proxies       map[string][]*etcdtest.Proxy // of each manager
	subscriptions *atomic.Int64
}

// quota of the members: Horae's own data is far below it.
const quota = 16 << 20

func newWeather(t *testing.T) *weather {
	t.Helper()
	w := &weather{
		etcd:    etcdtest.NewCluster(t, 3, etcdtest.WithMemberFsync(), etcdtest.WithQuota(quota), etcdtest.WithPartitions()),
		proxies: map[string][]*etcdtest.Proxy{}, subscriptions: new(atomic.Int64),
	}
	mesos, err := devcluster.Start(t.Context(), devcluster.Config{
		Listen: "127.0.0.1:0", Agents: 2, Resources: "cpus:16;mem:8192;disk:10000", WorkDir: t.TempDir(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = mesos.Close() })
	w.mesos = mesos
	mesos.Master().SetHooks(devcluster.Hooks{BeforeCall: func(call string, _ <-chan struct{}) bool {
		if call == "SUBSCRIBE" {
			w.subscriptions.Add(1)
		}
		return true
	}})
	w.site = openSite(t, mesos.URL(), w.etcd.Endpoints()...)
	for _, name := range []string{"a", "b"} {
		var through []string
		for _, e := range w.etcd.Endpoints() {
			p := etcdtest.NewProxy(t, e)
			w.proxies[name], through = append(w.proxies[name], p), append(through, p.Endpoint)
		}
		w.through[name] = strings.Join(through, ",")
	}
	w.lease = 10 * time.Second // long, so that no pause of a loaded machine moves the lead
	if *full {
		w.lease = 5 * time.Second // the default
	}
	w.open("true")
	return w
}

// TestEtcdWeather: whatever befalls etcd, the managers stay up, launch nothing that is not stored, and go on by themselves. After each
// kind of weather every occurrence so far has started once.
func TestEtcdWeather(t *testing.T) {
	underFailures(t)
	w := newWeather(t)
	for _, c := range []struct {
		name string
		blow func(*weather)
		// keeps: neither the lead nor the subscription to Mesos changes.
		keeps bool
		// long: only when the longer forms are asked for.
		long bool
	}{
		{name: "a follower is lost and comes back", blow: (*weather).followerLost, keeps: true, long: true},
		{name: "the leader is lost and comes back", blow: (*weather).leaderLost, keeps: true},
		{name: "the lead moves", blow: (*weather).leadMoves, keeps: true, long: true},
		{name: "the leader is cut off from the others", blow: (*weather).leaderCutOff, long: true},
		{name: "members stand still", blow: (*weather).memberStandsStill},
		{name: "no quorum: two members are lost", blow: (*weather).quorumLost, keeps: true},
		{name: "no quorum: two members stand still", blow: (*weather).quorumStandsStill, long: true},
		{name: "history is compacted while watches are behind", blow: (*weather).compacted, keeps: true},
		{name: "every disk is slow", blow: (*weather).slowDisks, keeps: true, long: true},
		{name: "the leader's lease is revoked", blow: (*weather).leaseRevoked},
		{name: "etcd is out of space", blow: (*weather).outOfSpace},
	} {
		if c.long && !*full {
			continue
		}
		if !t.Run(c.name, func(t *testing.T) {
			whole := w.site.t
			w.site.t = t
			defer func() { w.site.t = whole }()
			lead, subscriptions, began := w.lead(), w.subscriptions.Load(), time.Now()
			c.blow(w)
			w.clear()
			now, again := w.lead(), w.subscriptions.Load()-subscriptions
			t.Logf("over and made up for after %s; the lead: %s, then %s; %d subscriptions", time.Since(began).Round(time.Millisecond), lead, now, again)
			if c.keeps && (lead != now || again != 0) {
				t.Errorf("the lead was %s and is %s, and Mesos was subscribed to %d times: want neither to change", lead, now, again)
			}
		}) {
			break
		}
	}
	w.check()
}

// outage is how long a state lasts that nobody can work in: longer than the lease.
func (w *weather) outage() time.Duration {
	if *full {
		return time.Minute
	}
	return w.lease * 8 / 5
}

// lead is the leader key: it changes when the lead does.
func (w *weather) lead() string {
	w.t.Helper()
	var lead string
	eventually(w.t, "somebody leads", func() string {
		ctx, cancel := context.WithTimeout(w.t.Context(), lease)
		defer cancel()
		got, err := w.client.Get(ctx, store.LeaderPrefix, clientv3.WithFirstCreate()...)
		switch {
		case err != nil:
			return err.Error()
		case len(got.Kvs) == 0:
			return "nobody does"
		}
		lead = fmt.Sprintf("%s since revision %d", got.Kvs[0].Value, got.Kvs[0].CreateRevision)
		return ""
	})
	return lead
}

// clear waits until every Job has started for each occurrence up to now, and fails if one has started twice.
func (w *weather) clear() {
	w.t.Helper()
	until := time.Now()
	w.waitStarts(until)
	eventually(w.t, "every occurrence before "+until.UTC().Format(time.StampMilli)+" has started", func() string {
		return w.gaps(until)
	})
	for run, at := range w.starts() {
		if len(at) > 1 {
			w.t.Errorf("%s has started %d times, want once", run, len(at))
		}
	}
	w.alive()
}

// gaps names an occurrence that has not started while a later one has.
func (w *weather) gaps(until time.Time) string {
	due := map[string][]int64{}
	for run := range w.starts() {
		if job, at := occurrence(w.t, run); at.Before(until) {
			due[job] = append(due[job], at.Unix())
		}
	}
	for job, at := range due {
		slices.Sort(at)
		for i := 1; i < len(at); i++ {
			if at[i] != at[i-1]+1 {
				return fmt.Sprintf("%s has started for %d and for %d, and not for what is between", job, at[i-1], at[i])
			}
		}
	}
	return ""
}

func (w *weather) followerLost() {
	lost := w.etcd.Followers(w.t.Context())[0]
	w.etcd.Kill(lost)
	w.clear()
	w.etcd.Start(lost)
}

func (w *weather) leaderLost() {
	lost := w.etcd.Leader(w.t.Context())
	w.etcd.Kill(lost)
	w.clear()
	w.etcd.Start(lost)
}

func (w *weather) leadMoves() {
	for _, to := range w.etcd.Followers(w.t.Context()) {
		w.etcd.MoveLeader(w.t.Context(), to)
		w.clear()
	}
}

// leaderCutOff: managers reach every member, and one of them can do nothing.
func (w *weather) leaderCutOff() {
	w.etcd.Partition(w.etcd.Leader(w.t.Context()))
	w.clear()
	w.etcd.Heal()
}

func (w *weather) memberStandsStill() {
	members := []int{w.etcd.Leader(w.t.Context())}
	if *full { // one of them serves the watch of manager a, one that of b
		members = append(w.etcd.Followers(w.t.Context()), members...)
	}
	for _, i := range members {
		w.etcd.Stop(i)
		began := time.Now()
		w.waitStarts(began)
		w.t.Logf("with member %d standing still every Job has started after %s", i, time.Since(began).Round(time.Millisecond))
		w.etcd.Continue(i)
		w.clear()
	}
}

func (w *weather) quorumLost() {
	lost := []int{w.etcd.Leader(w.t.Context()), w.etcd.Followers(w.t.Context())[0]}
	w.etcd.Kill(lost...)
	w.standstill("etcd does not answer")
	w.etcd.Start(lost...)
	w.over()
}

func (w *weather) quorumStandsStill() {
	still := []int{w.etcd.Leader(w.t.Context()), w.etcd.Followers(w.t.Context())[0]}
	w.etcd.Stop(still...)
	w.standstill("etcd does not answer")
	w.etcd.Continue(still...)
	w.over()
}

// over waits until every Job starts again, and logs how long that took.
func (w *weather) over() {
	w.t.Helper()
	began := time.Now()
	w.waitStarts(began)
	w.t.Logf("every Job has started again after %s", time.Since(began).Round(time.Millisecond))
}

// standstill: while nothing can be stored nothing starts, reads go on, and the managers say what is wrong.
func (w *weather) standstill(says string) {
	w.t.Helper()
	time.Sleep(lease) // what was being launched has started
	before := len(w.starts())
	time.Sleep(w.outage() - lease)
	if after := len(w.starts()); after != before {
		w.t.Errorf("%d Runs started while nothing could be stored: no intent of theirs is", after-before)
	}
	for name, m := range w.managers {
		if body := get(w.t, m.ready["api"]+"/readyz?verbose"); !strings.Contains(body, says) {
			w.t.Errorf("/readyz of %s does not say %q: %s", name, says, body)
		}
		if body := get(w.t, m.ready["api"]+"/livez"); body != "ok" {
			w.t.Errorf("/livez of %s: %s", name, body)
		}
		if len(allRuns(w.t, m)) == 0 {
			w.t.Errorf("%s shows no Runs: reads go on from the cache", name)
		}
	}
	const refused = "{apiVersion: horae/v1, kind: Job, metadata: {name: refused}, spec: {task: {shell: 'true'}}}"
	if r := w.managers["a"].horaeStdin(refused, "apply", "-f", "-"); r.code == 0 {
		w.t.Errorf("a has taken a Job that cannot be stored: %s", r.out)
	} else {
		w.t.Logf("a write is answered: %s", strings.TrimSpace(r.err))
	}
	w.alive()
}

// compacted: the standby is cut off from etcd, and the leader stands still for less than its lease, while history that they
// have not seen is compacted away.
func (w *weather) compacted() {
	leads, standby := w.roles()
	before := len(w.managers[standby].log.String())
	for _, p := range w.proxies[standby] {
		p.Cut()
	}
	w.waitStarts(time.Now())
	_ = w.managers[leads].cmd.Process.Signal(syscall.SIGSTOP)
	w.compact()
	_ = w.managers[leads].cmd.Process.Signal(syscall.SIGCONT)
	for _, p := range w.proxies[standby] {
		p.Restore()
	}
	eventually(w.t, standby+" has listed again what it had missed", func() string {
		if said := w.managers[standby].log.String()[before:]; !strings.Contains(said, "compacted") {
			return "it says only this: " + tail(said, 500)
		}
		return ""
	})
}

func (w *weather) slowDisks() {
	delay := 200 * time.Millisecond
	if err := w.etcd.SlowDisk(delay, 0, 1, 2); err != nil {
		w.t.Skip(err)
	}
	began := time.Now()
	for time.Since(began) < w.outage() {
		w.clear()
	}
	if err := w.etcd.SlowDisk(0, 0, 1, 2); err != nil {
		w.t.Fatal(err)
	}
}

func (w *weather) leaseRevoked() {
	got, err := w.client.Get(w.t.Context(), store.LeaderPrefix, clientv3.WithFirstCreate()...)
	if err != nil || len(got.Kvs) == 0 {
		w.t.Fatalf("who leads: %v, %v", got, err)
	}
	if _, err := w.client.Revoke(w.t.Context(), clientv3.LeaseID(got.Kvs[0].Lease)); err != nil {
		w.t.Fatal(err)
	}
}
