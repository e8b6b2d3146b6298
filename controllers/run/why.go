package run

import (
	"fmt"
	"strconv"
	"strings"
)

// Reasons for waiting, as they stand in status.reason.
const (
	waitNoOffers     = "NoOffers"
	waitRole         = "NoOffersForRole"
	waitMaintenance  = "Maintenance"
	waitConstraints  = "ConstraintsNotMet"
	waitResources    = "InsufficientResources"
	waitDisconnected = "MesosNotConnected"
	waitReconciling  = "Reconciling"
	waitPorts        = "InsufficientPorts"
)

// waitDimension are the reasons for waiting for one kind of resource.
var waitDimension = [dimensions]string{"InsufficientCPUs", "InsufficientMemory", "InsufficientDisk", "InsufficientGPUs"}

// Why says in words, with numbers, why there was no place for one of Waiting. It speaks of what was left after those who came first
// had taken their places.
func (p *Placement) Why(r *Request) Why {
	places, offers := p.left.roles[r.shape.role], p.left.offers
	switch {
	case offers == 0:
		return Why{waitNoOffers, "Mesos has offered nothing yet"}
	case places == nil && p.left.unavailable == offers:
		return Why{waitMaintenance, fmt.Sprintf("%s, each of an agent in its maintenance window", count(offers, "offer"))}
	case places == nil:
		return Why{waitRole, fmt.Sprintf("%s, none for role %s", count(offers, "offer"), r.shape.role)}
	}
	// 1. Whom the constraints leave.
	var fit []*bin
	refused := map[string]int{}
	for _, b := range places {
		if c := r.constraints.unmet(&b.offers[0]); c != nil {
			refused[c.String()]++
		} else {
			fit = append(fit, b)
		}
	}
	if len(fit) == 0 {
		return Why{waitConstraints, fmt.Sprintf("%s, none of which meets %s", count(len(places), "agent"), mostly(refused))}
	}
	// 2. Which resource none of them has enough of.
	total, best := sums(fit)
	of := count(len(fit), "agent")
	if len(refused) > 0 {
		of += " that meet" + s(len(fit) == 1) + " the constraints"
	}
	for d, want := range r.shape.amount {
		if best.amount[d] < want {
			return Why{waitDimension[d], fmt.Sprintf("%s with %s in all, none with %s; the best has %s", of,
				amount(dimension(d), total.amount[d]), amount(dimension(d), want), figure(dimension(d), best.amount[d]))}
		}
	}
	if best.ports < r.shape.ports {
		return Why{waitPorts, fmt.Sprintf("%s, none with %s; the best has %d", of, count(int(r.shape.ports), "port"), best.ports)}
	}
	// 3. Each of them is somewhere, but not all in one place.
	return Why{waitResources, fmt.Sprintf("%s with %s and %s in all, none with %s together", of,
		amount(cpus, total.amount[cpus]), amount(mem, total.amount[mem]), r.shape.need.String())}
}

func sums(bins []*bin) (total, best need) {
	for _, b := range bins {
		for d, n := range b.free.amount {
			total.amount[d] += n
		}
		best = most(&best, &b.free)
	}
	return total, best
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

// String names all that is needed.
func (n need) String() string {
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
