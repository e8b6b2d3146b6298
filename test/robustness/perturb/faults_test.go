package perturb

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
)

// fault is what is done at one effect.
type fault int

const (
	pass fault = iota
	crashBefore
	crashAfter
	lostBefore
	lostAfter
	silentBefore
	silentAfter
	blind
	late
	stale
	relapse
)

var faultNames = map[fault]string{
	crashBefore: "crash-before", crashAfter: "crash-after", lostBefore: "lost-before", lostAfter: "lost-after",
	silentBefore: "silent-before", silentAfter: "silent-after",
	blind: "blind", late: "late", stale: "stale", relapse: "relapse",
}

// allFaults in a fixed order.
var allFaults = []fault{crashBefore, crashAfter, lostBefore, lostAfter, silentBefore, silentAfter, blind, late, stale, relapse}

func (f fault) String() string { return faultNames[f] }

// crashes reports whether the manager dies of it.
func (f fault) crashes() bool {
	switch f {
	case crashBefore, crashAfter, stale, relapse:
		return true
	}
	return false
}

// plan says what happens at which effect. It counts over all managers of a world.
type plan struct {
	mu     sync.Mutex
	faults map[int]fault // by number of the effect, from 1; guarded by mu, as is all that follows
	rand   *rand.Rand    // of the finer details of a fault
	n      int
	fired  int
	trace  []string
}

func newPlan(seed uint64, faults map[int]fault) *plan {
	return &plan{faults: faults, rand: rand.New(rand.NewPCG(seed, 1))}
}

// next takes note of an effect, and says what is done to it.
func (p *plan) next(what string) fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.n++
	f := p.faults[p.n]
	line := fmt.Sprintf("%d %s", p.n, what)
	if f != pass {
		p.fired++
		line += "  <- " + f.String()
	}
	p.trace = append(p.trace, line)
	return f
}

func (p *plan) note(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.trace = append(p.trace, "  "+fmt.Sprintf(format, args...))
}

// draw is a number below n.
func (p *plan) draw(n int) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.rand.IntN(n)
}

func (p *plan) effects() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.n
}

// done reports whether each fault was due.
func (p *plan) done() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.fired == len(p.faults)
}

func (p *plan) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.trace, "\n")
}
