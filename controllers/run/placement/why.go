package placement

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"horae/internal/messages"
)

// Reasons for waiting, as they stand in status.reason.
const (
	waitNoOffers    = "NoOffers"
	waitRole        = "NoOffersForRole"
	waitUnknownRole = "UnknownRole"
	waitMaintenance = "Maintenance"
	waitConstraints = "ConstraintsNotMet"
	waitResources   = "InsufficientResources"
	waitPorts       = "InsufficientPorts"
)

// waitDimension are the reasons for waiting for one kind of resource.
var waitDimension = [dimensions]string{"InsufficientCPUs", "InsufficientMemory", "InsufficientDisk", "InsufficientGPUs"}

// reason excludes bins step by step, and names the step after which none is left.
func (l *leftovers) reason(r *Request) reasoned {
	because := func(reason, message string) reasoned { return reasoned{Why: Why{reason, message}} }
	if l.offers == 0 {
		return because(waitNoOffers, "Mesos has offered nothing yet")
	}
	of := l.roles[r.shape.role]
	if of == nil {
		return because(waitRole, fmt.Sprintf("%s, none for role %s", count(l.offers, "offer"), r.shape.role))
	}
	left := sieve{bins: of.bins}
	// 1. Bins that do not meet the constraints on agents, and then those on the Job's other attempts.
	if len(r.constraints.all) > 0 {
		before := left.String()
		refused := left.without(func(b *bin) string {
			if c := r.constraints.unmet(&b.offers[0]); c != nil {
				return c.String()
			}
			return ""
		})
		if len(left.bins) == 0 {
			return because(waitConstraints, before+", none of which meets "+mostly(refused))
		}
		left.describe(refused, " that meet"+s(offersIn(left.bins) == 1)+" the constraints")
	}
	if r.constraints.others() {
		before := left.String()
		taken := left.without(func(b *bin) string { return l.unmetByOthers(r, b) })
		if len(left.bins) == 0 {
			return because(waitConstraints, before+", none of which meets "+mostly(taken))
		}
		left.describe(taken, " that meet"+s(offersIn(left.bins) == 1)+" the constraints")
	}
	// 2. Bins of agents that go into maintenance too early.
	if len(l.starts) > 0 {
		before := left.String()
		windows := left.without(func(b *bin) string { return l.maintained(r, b) })
		if len(left.bins) == 0 {
			text := mostly(windows)
			return reasoned{Why: Why{waitMaintenance, before + ", " + text}, untilWhen: text != underMaintenance}
		}
		left.describe(windows, left.said+" of agents that are not about to be maintained")
	}
	// 3. Resources of which no remaining bin has enough.
	all := of.of(r.shape.revocable)
	if len(left.bins) < len(of.bins) {
		all = sumOf(left.bins, r.shape.revocable)
	}
	why := insufficient(r, &left, all)
	if why.Reason == waitDimension[gpus] && !l.cfg.GPUs {
		why.Message += "; mesos.framework.gpus is off, so that Mesos offers no agents with GPUs"
	}
	return reasoned{Why: why}
}

// insufficient says which resource there is too little of.
func insufficient(r *Request, left *sieve, all *sum) Why {
	total, best := &all.total, &all.best
	of := left.String()
	for d, want := range r.shape.amount {
		if best.amount[d] < want {
			return Why{Reason: waitDimension[d], Message: fmt.Sprintf("%s, %s in all, none with %s; the best had %s", of,
				amount(dimension(d), total.amount[d]), amount(dimension(d), want), figure(dimension(d), best.amount[d]))}
		}
	}
	if best.ports < r.shape.ports {
		return Why{Reason: waitPorts, Message: fmt.Sprintf("%s, none with %s; the best had %d", of,
			count(int(r.shape.ports), "port"), best.ports)}
	}
	if h := r.shape.hostPorts; h != "" && !slices.ContainsFunc(left.bins, func(b *bin) bool { return b.hasPorts(h) }) {
		return Why{Reason: waitPorts, Message: fmt.Sprintf("%s, none with %s of the host free: %s", of,
			count(int(h.count()), "port"), h)}
	}
	return Why{Reason: waitResources, Message: fmt.Sprintf("%s, %s and %s in all, none with %s together", of,
		amount(cpus, total.amount[cpus]), amount(mem, total.amount[mem]), r.shape.Need.String())}
}

// sieve is the bins that no step has excluded, and how the message describes them.
type sieve struct {
	bins []*bin
	said string
}

// without excludes the bins that are refused, and counts the reasons.
func (s *sieve) without(refuse func(*bin) string) map[string]int {
	reasons := map[string]int{}
	s.bins = slices.DeleteFunc(slices.Clone(s.bins), func(b *bin) bool {
		reason := refuse(b)
		if reason != "" {
			reasons[reason]++
		}
		return reason != ""
	})
	return reasons
}

// describe adds to the description of the remaining bins, if some were excluded.
func (s *sieve) describe(leftOut map[string]int, said string) {
	if len(leftOut) > 0 {
		s.said = said
	}
}

func (s *sieve) String() string { return offersOf(s.bins) + s.said }

func offersOf(bins []*bin) string { return count(offersIn(bins), "offer") }

func offersIn(bins []*bin) int {
	n := 0
	for _, b := range bins {
		n += len(b.offers)
	}
	return n
}

// unmetByOthers names the constraint that forbids the bin because of the Job's other attempts, with numbers;
// "": none does.
func (l *leftovers) unmetByOthers(r *Request, b *bin) string {
	groups := l.jobs[r.jobID]
	c := r.constraints.unmetByOthers(groups, func(group int) string {
		return labelOf(&b.offers[0], groups[group].attribute)
	})
	if c == nil {
		return ""
	}
	g := groups[groups.index(c.Attribute)]
	if labelOf(&b.offers[0], c.Attribute) == noLabel {
		return c.String() + " without that attribute"
	}
	live := 0
	for _, n := range g.counts {
		live += *n
	}
	text := fmt.Sprintf("%s: %s of the job on %s", c, count(live+len(g.unknown), "live attempt"), count(g.used, "value"))
	if n := len(g.unknown); n > 0 {
		text += fmt.Sprintf(" and %d on agents such as %s whose %s is not known", n, g.unknown[0].Hostname, c.Attribute)
	}
	return text
}

const underMaintenance = "each of an agent under maintenance"

// maintained says when the agent's maintenance begins, if the request would not end before; "": it would.
func (l *leftovers) maintained(r *Request, b *bin) string {
	start, planned := b.window(l.now)
	ends, _ := r.ends(l.now, l.cfg.AssumedDuration)
	switch {
	case !planned || !start.Before(ends):
		return ""
	case !start.After(l.now):
		return underMaintenance
	}
	return "each of an agent to be maintained from " + messages.Instant(start) + " on"
}

// untilWhen says which end of the request the windows were compared with.
func (l *leftovers) untilWhen(r *Request) string {
	if ends, bound := r.ends(l.now, l.cfg.AssumedDuration); bound {
		return "; the run may last until " + messages.Instant(ends)
	}
	return fmt.Sprintf("; a run without timeout and deadline is taken to last %s", l.cfg.AssumedDuration.Round(time.Second))
}

// mostly is the text that occurs most often.
func mostly(counts map[string]int) string {
	best := ""
	for text, n := range counts {
		if n > counts[best] || n == counts[best] && text < best {
			best = text
		}
	}
	return best
}

// unknownRole says which roles the framework has.
func unknownRole(role string, roles []string) Why {
	return Why{Reason: waitUnknownRole, Message: fmt.Sprintf(
		"spec.task.role: %s is none of the framework's roles (mesos.framework.roles: %s), so that nothing is ever offered for it",
		role, strings.Join(roles, ", "))}
}

// String names all that is needed.
func (n Need) String() string {
	var words []string
	for d, v := range n.amount {
		if v > 0 {
			words = append(words, amount(dimension(d), v))
		}
	}
	if n.ports > 0 {
		words = append(words, count(int(n.ports), "port"))
	}
	return strings.Join(words, ", ")
}

func amount(d dimension, thousandths int64) string {
	n := figure(d, thousandths)
	switch d {
	case cpus:
		return n + " cpus"
	case mem:
		return n + " of memory"
	case disk:
		return n + " of disk"
	}
	return n + " gpus"
}

func figure(d dimension, thousandths int64) string {
	n := strconv.FormatFloat(float64(thousandths)/1000, 'f', -1, 64)
	if d == mem || d == disk {
		return n + "Mi"
	}
	return n
}

func count(n int, noun string) string { return strconv.Itoa(n) + " " + noun + s(n != 1) }

func s(plural bool) string {
	if plural {
		return "s"
	}
	return ""
}
