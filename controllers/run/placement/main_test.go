package placement

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "horae/api/v1"
	"horae/internal/offer"
	"horae/internal/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// t0 is when the Runs of the tests were created.
var t0 = time.Date(2026, 11, 22, 2, 0, 0, 0, time.UTC)

func at(d time.Duration) time.Time         { return t0.Add(d) }
func timeAt(d time.Duration) *v1.Time      { return v1.NewTimePtr(t0.Add(d)) }
func seconds(n int) *v1.Duration           { return &v1.Duration{Duration: time.Duration(n) * time.Second} }
func quantity(s string) *resource.Quantity { return new(resource.MustParse(s)) }

// testRun is a Run as the cache has it: pending, of incarnation 100.
func testRun(change ...func(*v1.Run)) *store.Run {
	r := &v1.Run{
		ObjectMeta: metav1.ObjectMeta{
			Name: "hello-20261122t020000z", Namespace: "default", Labels: map[string]string{v1.LabelJob: "hello"},
			CreationTimestamp: metav1.NewTime(t0),
		},
		Spec: v1.RunSpec{Job: "hello", Reason: v1.ReasonSchedule, ScheduledTime: timeAt(0), Task: v1.TaskSpec{Shell: "true"}},
	}
	for _, c := range change {
		c(r)
	}
	v1.SetDefaultsRun(r)
	return &store.Run{
		Key: store.RunKey(r.Namespace, r.Name), Rev: store.Revisions{SpecCreate: 100, SpecMod: 100, SpecVersion: 1}, Object: r,
	}
}

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
