package plan

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// Fault is one kind of fault.
type Fault struct {
	Name string
	// What it does, for people.
	What string
	// Least and Most are how long it is there.
	Least, Most time.Duration
	// Deadly: tasks may die of it, or their ends be lost.
	Deadly bool
}

// Faults are all there are. Durations are in real time: they have to do with leases and timeouts, not with how fast Jobs come.
var Faults = []Fault{
	{Name: "killmanager", What: "kill -9 of a manager, mostly the leader; it is started again", Least: 1 * time.Second,
		Most: 5 * time.Second},
	{Name: "pausemanager", What: "SIGSTOP of a manager, mostly the leader, for longer than its lease; then SIGCONT",
		Least: 3 * time.Second, Most: 8 * time.Second},
	{Name: "stopmanager", What: "SIGTERM of a manager, mostly the leader; it is started again", Least: 1 * time.Second,
		Most: 4 * time.Second},
	{Name: "killetcd", What: "kill -9 of an etcd member, mostly etcd's leader; it is started again", Least: 1 * time.Second,
		Most: 6 * time.Second},
	{Name: "pauseetcd", What: "SIGSTOP of an etcd member, mostly etcd's leader; then SIGCONT", Least: 1 * time.Second,
		Most: 6 * time.Second},
	{Name: "noquorum", What: "kill -9 of two of three etcd members; they are started again", Least: 2 * time.Second, Most: 8 * time.Second},
	{Name: "splitetcd", What: "an etcd member, mostly etcd's leader, cut off from the others; managers reach them all",
		Least: 2 * time.Second, Most: 8 * time.Second},
	{Name: "deafetcd", What: "what an etcd member, mostly etcd's leader, sends to the others is lost, not what " +
		"they send; or two members do not hear each other, and the third hears both", Least: 2 * time.Second, Most: 8 * time.Second},
	{Name: "fulletcd", What: "etcd's alarm NOSPACE: it takes no writes until the alarm is disarmed", Least: 2 * time.Second,
		Most: 8 * time.Second},
	{Name: "cutetcd", What: "connections of a manager, mostly the leader, to etcd broken and refused", Least: 1 * time.Second,
		Most: 8 * time.Second},
	{Name: "silenceetcd", What: "connections of a manager to etcd half-open: nothing passes in either direction",
		Least: 1 * time.Second, Most: 8 * time.Second},
	{Name: "muteetcd", What: "etcd's answers to a manager kept back, then lost: its requests are carried out and " +
		"never answered", Least: 1 * time.Second, Most: 6 * time.Second},
	{Name: "slowetcd", What: "each packet between a manager and etcd delayed", Least: 2 * time.Second, Most: 8 * time.Second},
	{Name: "cutmaster", What: "connections of the managers to the master broken and refused", Least: 1 * time.Second,
		Most: 8 * time.Second},
	{Name: "silencemaster", What: "connections of the managers to the master half-open", Least: 1 * time.Second, Most: 8 * time.Second},
	{Name: "mutemaster", What: "the master's answers and events kept back, then lost: an ACCEPT is carried out and " +
		"never answered", Least: 1 * time.Second, Most: 6 * time.Second},
	{Name: "slowmaster", What: "each packet between the managers and the master delayed", Least: 2 * time.Second, Most: 8 * time.Second},
	{Name: "isolate", What: "the leader cut off from etcd and from the master at once", Least: 3 * time.Second, Most: 8 * time.Second},
	{Name: "compact", What: "etcd compacted to its present revision and defragmented", Least: 0, Most: 0},
	{Name: "revoke", What: "the leader's lease revoked", Least: 0, Most: 0},
	{Name: "dropupdates", What: "four of five status updates lost between agent and master, and sent again",
		Least: 2 * time.Second, Most: 8 * time.Second},
	{Name: "dropstream", What: "the subscription's connection broken by the master", Least: 0, Most: 0},
	{Name: "silentmaster", What: "the master sends no events and no heartbeats for longer than a scheduler waits",
		Least: 4 * time.Second, Most: 10 * time.Second},
	{Name: "restartmaster", What: "the master process killed and started again: frameworks and tasks forgotten, " +
		"agents come back", Least: 500 * time.Millisecond, Most: 5 * time.Second},
	{Name: "partitionagent", What: "an agent cut off from the master, sometimes until it is unreachable",
		Least: 1 * time.Second, Most: 8 * time.Second},
	{Name: "crashagent", What: "an agent process killed and started again: its tasks go on, what ends meanwhile has failed",
		Least: 1 * time.Second, Most: 8 * time.Second, Deadly: true},
	{Name: "killtasks", What: "kill -9 of the processes of half of the tasks", Least: 0, Most: 0, Deadly: true},
	{Name: "pausecluster", What: "SIGSTOP of master and agents; then SIGCONT", Least: 1 * time.Second, Most: 6 * time.Second},
	{Name: "killcluster", What: "kill -9 of master and agents, whose tasks die when the next ones start",
		Least: 500 * time.Millisecond, Most: 3 * time.Second, Deadly: true},
	{Name: "restartall", What: "kill -9 of every manager, etcd member, master and agent at once; all are started again",
		Least: 500 * time.Millisecond, Most: 3 * time.Second, Deadly: true},
}

// ParseFaults reads a comma separated list of names; all: every fault, none: no fault.
func ParseFaults(list string) ([]Fault, error) {
	switch list {
	case "all":
		return Faults, nil
	case "none", "":
		return nil, nil
	}
	var chosen []Fault
	for name := range strings.SplitSeq(list, ",") {
		i := slices.IndexFunc(Faults, func(f Fault) bool { return f.Name == strings.TrimSpace(name) })
		if i < 0 {
			return nil, fmt.Errorf("there is no fault %q: there are all, none, %s", name, strings.Join(FaultNames(), ", "))
		}
		chosen = append(chosen, Faults[i])
	}
	return chosen, nil
}

// FaultNames lists the names of all faults.
func FaultNames() (names []string) {
	for _, f := range Faults {
		names = append(names, f.Name)
	}
	return names
}

// Strike is one fault to be injected.
type Strike struct {
	Fault Fault
	// At is when, counted from the beginning of the faults; For is how long it is there.
	At, For time.Duration
	// Pick chooses the target; LeaderFirst: it is the leader, where there is one to choose.
	Pick        int
	LeaderFirst bool
}

// maxPause between two faults.
const maxPause = 4 * time.Second

// Schedule draws faults for so long, one after another, with a pause between them; every fourth begins while the one before is
// there. Each kind comes once before any comes again, so that a long enough schedule has all of them. hold makes faults and
// pauses so many times longer.
func Schedule(faults []Fault, seed uint64, length time.Duration, hold int) (strikes []Strike) {
	if len(faults) == 0 {
		return nil
	}
	rng := rand.New(rand.NewPCG(seed, 1<<32))
	var deck []Fault
	at := upTo(rng, maxPause)
	for {
		if len(deck) == 0 {
			deck = slices.Clone(faults)
			rng.Shuffle(len(deck), func(i, j int) { deck[i], deck[j] = deck[j], deck[i] })
		}
		fault, long := deck[0], deck[0].Least
		deck = deck[1:]
		if spread := fault.Most - fault.Least; spread > 0 {
			long += upTo(rng, spread)
		}
		s := Strike{Fault: fault, At: at * time.Duration(hold), For: long * time.Duration(hold), Pick: rng.IntN(1 << 16),
			LeaderFirst: rng.IntN(3) > 0}
		if s.At+s.For > length {
			return strikes
		}
		strikes = append(strikes, s)
		if rng.IntN(4) > 0 {
			at += long + upTo(rng, maxPause)
		} else {
			at += long / 2
		}
	}
}
