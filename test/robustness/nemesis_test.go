package robustness

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"horae/internal/etcdtest"
	"horae/internal/store"
	"horae/test/robustness/history"
	"horae/test/robustness/plan"
)

// nemesis injects faults, and undoes them. All of it happens in the test's own goroutine.
type nemesis struct {
	site     *site
	recorder *recorder
	began    time.Time

	busy   map[string]bool // what a fault has at the moment: another one looks for something else
	faults []history.Fault
	live   []*blow // begun and not undone
}

// blow is a fault that is there.
type blow struct {
	fault  int // in nemesis.faults
	until  time.Time
	took   []string
	undo   func()
	strike plan.Strike
}

func newNemesis(s *site, r *recorder) *nemesis {
	return &nemesis{site: s, recorder: r, began: time.Now(), busy: map[string]bool{}}
}

// run injects the strikes at their times, until all are over or ctx ends. What is still there then is undone.
func (n *nemesis) run(ctx context.Context, strikes []plan.Strike) {
	defer n.heal()
	for len(strikes) > 0 || len(n.live) > 0 {
		var next time.Time
		if len(strikes) > 0 {
			next = n.began.Add(strikes[0].At)
		}
		var over *blow
		for _, b := range n.live {
			if next.IsZero() || b.until.Before(next) {
				next, over = b.until, b
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Until(next)):
		}
		if over != nil {
			n.end(over)
		} else {
			n.begin(strikes[0])
			strikes = strikes[1:]
		}
	}
}

// heal undoes everything.
func (n *nemesis) heal() {
	for len(n.live) > 0 {
		n.end(n.live[0])
	}
}

func (n *nemesis) begin(s plan.Strike) {
	b := &blow{strike: s, until: time.Now().Add(s.For)}
	from := time.Now()
	target, undo, err := n.strike(b)
	if err != nil {
		n.release(b)
		n.site.t.Logf("%7.1f s  %-14s left out: %v", time.Since(n.began).Seconds(), s.Fault.Name, err)
		return
	}
	n.site.t.Logf("%7.1f s  %-14s %s for %.1f s", time.Since(n.began).Seconds(), s.Fault.Name, target, s.For.Seconds())
	b.undo, b.fault = undo, len(n.faults)
	n.faults = append(n.faults, history.Fault{Kind: s.Fault.Name, Target: target, From: from, To: time.Now(), Deadly: s.Fault.Deadly})
	n.live = append(n.live, b)
}

func (n *nemesis) end(b *blow) {
	n.live = slices.DeleteFunc(n.live, func(l *blow) bool { return l == b })
	if b.undo != nil {
		b.undo()
	}
	n.release(b)
	n.faults[b.fault].To = time.Now()
}

func (n *nemesis) release(b *blow) {
	for _, what := range b.took {
		delete(n.busy, what)
	}
}

// take reserves all of these for a fault, or none.
func (n *nemesis) take(b *blow, what ...string) bool {
	if slices.ContainsFunc(what, func(w string) bool { return n.busy[w] }) {
		return false
	}
	for _, w := range what {
		n.busy[w] = true
	}
	b.took = append(b.took, what...)
	return true
}

// one reserves one of count things of a kind: the leading one, if that is wanted and known, else the one that was picked, else any.
func (n *nemesis) one(b *blow, kind string, count int, leads func() (int, bool)) (int, error) {
	first := b.strike.Pick % count
	if b.strike.LeaderFirst && leads != nil {
		if i, ok := leads(); ok {
			first = i
		}
	}
	for i := range count {
		i = (first + i) % count
		if n.take(b, fmt.Sprint(kind, i)) {
			return i, nil
		}
	}
	return 0, fmt.Errorf("every %s has a fault already", kind)
}

// strike injects a fault, and returns what it hit and what undoes it.
func (n *nemesis) strike(b *blow) (target string, undo func(), err error) {
	name := b.strike.Fault.Name
	switch name {
	case "killmanager", "pausemanager", "stopmanager":
		return n.strikeManager(b)
	case "killetcd", "pauseetcd", "noquorum":
		return n.strikeEtcd(b)
	case "splitetcd", "deafetcd", "fulletcd":
		return n.strikeAllOfEtcd(b)
	case "cutetcd", "silenceetcd", "muteetcd", "slowetcd":
		i, err := n.one(b, "etcd link ", managers, n.site.leads)
		if err != nil {
			return "", nil, err
		}
		return "between " + n.site.managers[i].name + " and etcd", n.strikeLinks(strings.TrimSuffix(name, "etcd"), n.site.etcdLinks[i]), nil
	case "cutmaster", "silencemaster", "mutemaster", "slowmaster":
		if !n.take(b, "master link 0", "master link 1", "master link 2") {
			return "", nil, fmt.Errorf("a link to the master has a fault already")
		}
		return "between all managers and the master", n.strikeLinks(strings.TrimSuffix(name, "master"), n.site.masterLinks), nil
	case "isolate":
		i, ok := n.site.leads()
		if !ok || !n.take(b, fmt.Sprint("etcd link ", i), fmt.Sprint("master link ", i)) {
			return "", nil, fmt.Errorf("nobody leads, or its links have a fault already")
		}
		links := append(slices.Clone(n.site.etcdLinks[i]), n.site.masterLinks[i])
		return n.site.managers[i].name, n.strikeLinks("cut", links), nil
	case "compact":
		return "", nil, n.compact()
	case "revoke":
		return "", nil, n.revoke()
	case "restartall":
		return n.restartAll(b)
	}
	if !n.take(b, "cluster") {
		return "", nil, fmt.Errorf("the cluster has a fault already")
	}
	return n.strikeCluster(b)
}

func (n *nemesis) strikeManager(b *blow) (target string, undo func(), err error) {
	i, err := n.one(b, "manager ", managers, n.site.leads)
	if err != nil {
		return "", nil, err
	}
	m := n.site.managers[i]
	switch b.strike.Fault.Name {
	case "killmanager":
		m.kill()
	case "stopmanager":
		m.stop()
	case "pausemanager":
		return m.name, func() { _ = m.signal(syscall.SIGCONT) }, m.signal(syscall.SIGSTOP)
	}
	return m.name, m.start, nil
}

func (n *nemesis) strikeEtcd(b *blow) (target string, undo func(), err error) {
	i, err := n.one(b, "etcd ", members, n.site.etcdLeads)
	if err != nil {
		return "", nil, err
	}
	etcd := n.site.etcd
	met := []int{i}
	switch b.strike.Fault.Name {
	case "pauseetcd":
		etcd.Stop(i)
		return fmt.Sprintf("member %d", i), func() { etcd.Continue(i) }, nil
	case "noquorum":
		j := (i + 1) % members
		if !n.take(b, fmt.Sprint("etcd ", j)) {
			return "", nil, fmt.Errorf("member %d has a fault already", j)
		}
		met = append(met, j)
	}
	etcd.Kill(met...)
	return fmt.Sprintf("members %v", met), func() { etcd.Start(met...) }, nil
}

// strikeAllOfEtcd has the faults that would keep a member from starting again, or that take a quorum to be undone.
func (n *nemesis) strikeAllOfEtcd(b *blow) (target string, undo func(), err error) {
	for i := range members {
		if !n.take(b, fmt.Sprint("etcd ", i)) {
			return "", nil, fmt.Errorf("member %d has a fault already", i)
		}
	}
	etcd, i := n.site.etcd, b.strike.Pick%members
	if lead, ok := n.site.etcdLeads(); ok && b.strike.LeaderFirst {
		i = lead
	}
	j, k := (i+1)%members, (i+2)%members
	switch b.strike.Fault.Name {
	case "splitetcd":
		etcd.Partition(i)
		return fmt.Sprintf("member %d alone", i), etcd.Heal, nil
	case "deafetcd":
		etcd.Part(i, j)
		if b.strike.Pick/members%2 == 0 {
			etcd.Part(i, k)
			return fmt.Sprintf("nobody hears member %d", i), etcd.Heal, nil
		}
		etcd.Part(j, i)
		return fmt.Sprintf("members %d and %d do not hear each other", i, j), etcd.Heal, nil
	}
	n.alarm(pb.AlarmRequest_ACTIVATE)
	return "", func() { n.alarm(pb.AlarmRequest_DEACTIVATE) }, nil
}

// alarm raises or ends etcd's NOSPACE, and asks until etcd has answered.
func (n *nemesis) alarm(action pb.AlarmRequest_AlarmAction) {
	ctx, cancel := context.WithTimeout(n.site.t.Context(), patience)
	defer cancel()
	for {
		try, end := n.site.short()
		_, err := pb.NewMaintenanceClient(n.site.client.ActiveConnection()).Alarm(try, &pb.AlarmRequest{Action: action, Alarm: pb.AlarmType_NOSPACE})
		end()
		switch {
		case err == nil:
			return
		case ctx.Err() != nil:
			n.site.t.Errorf("%s etcd's alarm: %v", action, err)
			return
		}
	}
}

// slow is by how much each packet is delayed.
const slow = 100 * time.Millisecond

func (n *nemesis) strikeLinks(how string, links []*etcdtest.Proxy) (undo func()) {
	for _, l := range links {
		switch how {
		case "cut":
			l.Cut()
		case "silence":
			l.Silence()
		case "mute":
			l.HoldAnswers()
		case "slow":
			l.Delay(slow)
		}
	}
	return func() {
		for _, l := range links {
			if how == "mute" {
				l.Break() // the answers are lost
			}
			l.Restore()
		}
	}
}

// strikeCluster has the dev cluster's faults, which nothing else may meet at the same time.
func (n *nemesis) strikeCluster(b *blow) (target string, undo func(), err error) {
	s := n.site
	then := func(path string) func() {
		return func() {
			if err := s.breakCluster(path); err != nil {
				s.t.Error(err)
			}
		}
	}
	agent := b.strike.Pick % agents
	at := fmt.Sprintf("/agents/%d/", agent)
	switch b.strike.Fault.Name {
	case "dropupdates":
		return "", then("/updates/lose?share=0"), s.breakCluster("/updates/lose?share=0.8")
	case "dropstream":
		return "", nil, s.breakCluster("/master/dropstreams")
	case "silentmaster":
		return "", then("/master/silence?on=false"), s.breakCluster("/master/silence?on=true")
	case "restartmaster":
		return "", then("/master/start"), s.breakCluster("/master/stop")
	case "partitionagent":
		return fmt.Sprint("agent ", agent), then(at + "heal"), s.breakCluster(at + "partition")
	case "crashagent":
		return fmt.Sprint("agent ", agent), then(at + "restart"), s.breakCluster(at + "crash")
	case "killtasks":
		killed, err := s.killTasks(b.strike.Pick)
		return fmt.Sprint(killed, " processes"), nil, err
	case "pausecluster":
		return "", func() { _ = s.cluster.signal(syscall.SIGCONT) }, s.cluster.signal(syscall.SIGSTOP)
	case "killcluster":
		s.cluster.kill()
		return "", s.startCluster, nil
	}
	return "", nil, fmt.Errorf("there is no such fault")
}

// restartAll kills everything at once. What is started first has nobody to talk to.
func (n *nemesis) restartAll(b *blow) (target string, undo func(), err error) {
	what := []string{"cluster"}
	for i := range managers {
		what = append(what, fmt.Sprint("manager ", i))
	}
	all := make([]int, members)
	for i := range members {
		what, all[i] = append(what, fmt.Sprint("etcd ", i)), i
	}
	if !n.take(b, what...) {
		return "", nil, fmt.Errorf("something has a fault already")
	}
	for _, m := range n.site.managers {
		m.kill()
	}
	n.site.etcd.Kill(all...)
	n.site.cluster.kill()
	return "everything", func() {
		for _, m := range n.site.managers {
			m.start()
		}
		n.site.etcd.Start(all...)
		n.site.startCluster()
	}, nil
}

// compact compacts etcd to what has been recorded, so that only others' watches may be behind, and defragments each member.
func (n *nemesis) compact() error {
	ctx, cancel := context.WithTimeout(n.site.t.Context(), 5*time.Second)
	defer cancel()
	if _, err := n.site.client.Compact(ctx, n.recorder.at()); err != nil {
		return err
	}
	for i, e := range n.site.etcd.Endpoints() {
		if n.busy[fmt.Sprint("etcd ", i)] {
			continue
		}
		if _, err := n.site.etcd.Member(i).Defragment(ctx, e); err != nil {
			return err
		}
	}
	return nil
}

// revoke revokes the leader's lease.
func (n *nemesis) revoke() error {
	ctx, cancel := n.site.short()
	defer cancel()
	got, err := n.site.client.Get(ctx, store.LeaderPrefix, clientv3.WithFirstCreate()...)
	if err != nil {
		return err
	}
	if len(got.Kvs) == 0 {
		return fmt.Errorf("nobody leads")
	}
	_, err = n.site.client.Revoke(ctx, clientv3.LeaseID(got.Kvs[0].Lease))
	return err
}
