package cache

import (
	"fmt"
	"slices"
	"testing"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"

	"horae/internal/store"
)

func TestStrayKeysAreListed(t *testing.T) {
	s := open(t)
	put(t, s, "/horae/spec/jobs/NAME", "?")
	put(t, s, "/horae/spec/jobs/Team_A/x", "?")
	put(t, s, "/horae/other", "?")
	c := newCache(t, s)
	follow(t, c)
	put(t, s, "/horae/status/jobs/default/a/b", "?")
	waitFor(t, c, put(t, s, "/horae/spec/jobs/NAME", "again"))
	expect := func(want ...string) {
		t.Helper()
		var got []string
		list, more := c.Strays()
		for _, k := range list {
			if k.Why != store.Stray(k.EtcdKey) || k.Why == "" {
				t.Errorf("%+v", k)
			}
			got = append(got, k.EtcdKey)
		}
		if !slices.Equal(got, want) || more != 0 {
			t.Errorf("got %v and %d more, want %v", got, more, want)
		}
	}
	expect("/horae/spec/jobs/NAME", "/horae/spec/jobs/Team_A/x", "/horae/status/jobs/default/a/b")
	if jobs := c.Jobs(""); len(jobs) != 0 {
		t.Errorf("there are Jobs: %v", jobs)
	}
	del(t, s, "/horae/spec/jobs/Team_A/x")
	waitFor(t, c, del(t, s, "/horae/spec/jobs/NAME"))
	expect("/horae/status/jobs/default/a/b")
}

func TestVeryManyStrayKeysAreCounted(t *testing.T) {
	c := newCache(t, open(t))
	for i := range maxStrays + 7 {
		c.stray(&c.strays, &store.KeyValue{Key: fmt.Appendf(nil, "/horae/spec/jobs/%d", i)}, false)
	}
	if list, more := c.Strays(); len(list) != maxStrays || more != 7 {
		t.Errorf("%d, and %d more", len(list), more)
	}
}

// TestMetricsAreRegistered: a new cache has all of its metrics, before anything was read.
func TestMetricsAreRegistered(t *testing.T) {
	r := prometheus.NewRegistry()
	New(nil, logr.Discard()).Register(r)
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	if len(families) != 2 {
		t.Errorf("registered %v, want the stray keys and the panics", families)
	}
}
