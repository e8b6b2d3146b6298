package placement

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"horae/controllers/run/runtest"
	"horae/internal/offer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// What is shared with the tests of controllers/run.
var (
	t0       = runtest.T0
	at       = runtest.At
	seconds  = runtest.Seconds
	quantity = runtest.Quantity
	testRun  = runtest.Run
	agent    = runtest.Agent
	scalar   = runtest.Scalar
)

// place is what one placement makes of the input and some offers.
func place(v *input, offers []offer.Offer) Placement {
	var p Offers
	p.Add(offers)
	return p.place(v)
}

// together groups requests into peers, in a fixed order.
func together(requests []*Request) []*peers {
	var b backlog
	for _, r := range requests {
		b.add(r)
	}
	return slices.SortedFunc(maps.Values(b.peers), func(x, y *peers) int {
		return cmp.Or(
			strings.Compare(x.line.namespace, y.line.namespace), cmp.Compare(x.line.priority,
				y.line.priority), byAge(x.waiting[0], y.waiting[0]))
	})
}
