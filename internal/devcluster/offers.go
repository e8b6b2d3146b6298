package devcluster

import (
	"fmt"
	"slices"
	"sort"
	"time"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
)

// defaultRefuse is how long declined resources are kept from a framework that does not say.
const defaultRefuse = 5 * time.Second

// offer is resources of one agent, promised to one framework in one role.
type offer struct {
	id        string
	framework *framework
	role      string
	node      *node
	resources resources
	timeout   *timer
}

// filter keeps an agent's resources from a framework, unless there is more of them than it declined.
type filter struct {
	framework *framework
	role      string
	declined  resources
	until     time.Time
}

// claim is one framework in one role that wants offers, with its dominant share.
type claim struct {
	framework *framework
	role      string
}

// round is the periodic round of offers.
func (m *Master) round() {
	if m.up {
		m.allocate(m.order)
		m.invertAll()
	}
	m.c.after(m.c.cfg.AllocationInterval, m.round)
}

// allocate offers what is free on these agents: all that a role can have of an agent goes to the framework with the
// smallest dominant share, as in Mesos. Offers of one round go out in one event for each framework. Cluster.mu must
// be held.
func (m *Master) allocate(nodes []*node) {
	claims := m.claims()
	if len(claims) == 0 {
		return
	}
	now := time.Now()
	out := map[*framework][]mesos.Offer{}
	var total resources
	if len(claims) > 1 {
		for _, n := range m.order {
			total = total.plus(n.total)
		}
	}
	for _, n := range nodes {
		if !n.offerable() {
			continue
		}
		n.filters = slices.DeleteFunc(n.filters, func(f filter) bool { return !f.until.After(now) })
		if len(claims) > 1 {
			sortClaims(claims, total)
		}
		for _, c := range claims {
			free := n.total.minus(n.used).minus(n.offered).forRole(c.role)
			if !free.allocatable() || n.filtered(c, free) {
				continue
			}
			out[c.framework] = append(out[c.framework], m.newOffer(c, n, free))
		}
	}
	for f, offers := range out {
		f.send(&scheduler.Event{Type: scheduler.Event_OFFERS, Offers: &scheduler.Event_Offers{Offers: offers}})
	}
}

// claims lists who wants offers.
func (m *Master) claims() []claim {
	var claims []claim
	for _, f := range m.frameworks {
		if f.stream == nil {
			continue
		}
		for _, role := range f.roles {
			if !f.suppressed[role] {
				claims = append(claims, claim{f, role})
			}
		}
	}
	sort.Slice(claims, func(i, j int) bool {
		if claims[i].framework != claims[j].framework {
			return claims[i].framework.id < claims[j].framework.id
		}
		return claims[i].role < claims[j].role
	})
	return claims
}

func sortClaims(claims []claim, total resources) {
	share := func(f *framework) float64 {
		var most float64
		for _, name := range []string{"cpus", "mem", "disk"} {
			if all := total.amount(name); all > 0 {
				most = max(most, float64(f.allocated.amount(name))/float64(all))
			}
		}
		return most
	}
	sort.SliceStable(claims, func(i, j int) bool { return share(claims[i].framework) < share(claims[j].framework) })
}

func (n *node) offerable() bool {
	return n.state == nodeActive && n.drain == nil && !n.down
}

// filtered reports whether c declined as much as this.
func (n *node) filtered(c claim, free resources) bool {
	for _, f := range n.filters {
		if f.framework == c.framework && f.role == c.role && f.declined.contains(free) {
			return true
		}
	}
	return false
}

func (m *Master) newOffer(c claim, n *node, free resources) mesos.Offer {
	o := &offer{id: fmt.Sprintf("%s-O%d", m.id, m.nextOffer), framework: c.framework, role: c.role, node: n, resources: free}
	m.nextOffer++
	m.offers[o.id] = o
	n.offers[o.id] = o
	n.offered = n.offered.plus(free)
	c.framework.allocated = c.framework.allocated.plus(free)
	if d := m.c.cfg.OfferTimeout; d > 0 {
		o.timeout = m.c.after(d, func() { m.rescind(o) })
	}
	return mesos.Offer{
		ID:             mesos.OfferID{Value: o.id},
		FrameworkID:    mesos.FrameworkID{Value: c.framework.id},
		AgentID:        mesos.AgentID{Value: n.id},
		Hostname:       n.agent.hostname,
		URL:            n.agent.url(),
		Resources:      free.toMesos(c.role, c.framework.refined),
		Attributes:     m.c.attributes,
		AllocationInfo: &mesos.Resource_AllocationInfo{Role: &o.role},
		Unavailability: m.maintenance.windowOf(n.agent.hostname),
	}
}

// removeOffer takes o back without an event to the framework, which for this long is not offered as much of the agent
// again. Cluster.mu must be held.
func (m *Master) removeOffer(o *offer, refuse time.Duration) {
	m.c.stop(o.timeout)
	delete(m.offers, o.id)
	delete(o.node.offers, o.id)
	o.node.offered = o.node.offered.minus(o.resources)
	o.framework.allocated = o.framework.allocated.minus(o.resources)
	m.refuseFor(o.framework, o.role, o.node, o.resources, refuse)
}

// refuseFor sets a filter.
func (m *Master) refuseFor(f *framework, role string, n *node, declined resources, refuse time.Duration) {
	if refuse > 0 && len(declined) > 0 {
		n.filters = append(n.filters, filter{f, role, declined, time.Now().Add(refuse)})
	}
}

// dropFilters forgets the filters of f in these roles; nil means all.
func (m *Master) dropFilters(f *framework, roles []string) {
	for _, n := range m.order {
		n.filters = slices.DeleteFunc(n.filters, func(x filter) bool {
			return x.framework == f && (roles == nil || slices.Contains(roles, x.role))
		})
	}
}

// rescind takes o back, with an event to the framework. Cluster.mu must be held.
func (m *Master) rescind(o *offer) {
	if m.offers[o.id] != o {
		return
	}
	m.removeOffer(o, 0)
	o.framework.send(&scheduler.Event{Type: scheduler.Event_RESCIND,
		Rescind: &scheduler.Event_Rescind{OfferID: mesos.OfferID{Value: o.id}}})
}

// rescindAll takes back all offers of an agent.
func (m *Master) rescindAll(n *node) {
	for _, o := range sortedOffers(n.offers) {
		m.rescind(o)
	}
	n.filters = nil
}

func sortedOffers(offers map[string]*offer) []*offer {
	out := make([]*offer, 0, len(offers))
	for _, o := range offers {
		out = append(out, o)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].id < out[j].id })
	return out
}

// refusal reads a filter; Mesos takes 5 s where there is none, and nothing where it is negative or absurd.
func refusal(f *mesos.Filters) time.Duration {
	if f == nil || f.RefuseSeconds == nil {
		return defaultRefuse
	}
	seconds := min(*f.RefuseSeconds, (365 * 24 * time.Hour).Seconds())
	if seconds < 0 {
		return defaultRefuse
	}
	return time.Duration(seconds * float64(time.Second))
}
