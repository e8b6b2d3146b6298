package store

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.etcd.io/etcd/server/v3/embed"

	"horae/internal/etcdtest"
)

// filled is a change of as many bytes, in several writes.
func filled(name string, writes, size int) Change {
	var c Change
	for i := range writes {
		c.Writes = append(c.Writes, Write{fmt.Sprintf("/horae/test/%s/%d", name, i), nil})
		c.Guards = append(c.Guards, Guard{c.Writes[i].EtcdKey, 0})
	}
	rest := size - c.Size()
	for i := range c.Writes {
		share := rest / (writes - i)
		c.Writes[i].Value, rest = []byte(strings.Repeat("x", share)), rest-share
	}
	return c
}

func TestTheLargestChangeIsCommitted(t *testing.T) {
	w := writer(t, open(t))
	for name, c := range map[string]Change{
		"one write":    filled("one", 1, MaxChangeBytes),
		"many writes":  filled("many", MaxChangeOps, MaxChangeBytes),
		"small writes": filled("small", MaxChangeOps, MaxChangeOps*200),
	} {
		if _, err := w.Apply(t.Context(), c); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAChangeThatIsTooLargeFailsAlone(t *testing.T) {
	b := block(t, time.Minute)
	changes := []Change{
		plain("/horae/test/before", "1"), filled("bytes", 2, MaxChangeBytes+1), filled("operations", MaxChangeOps+1, 100_000), plain("/horae/test/after", "1"),
	}
	errs := applyAll(t.Context(), b.Writer, &b.wg, changes)
	b.proxy.Restore()
	b.wg.Wait()
	for i, err := range errs {
		if tooLarge := i == 1 || i == 2; tooLarge != errors.Is(err, ErrTooLarge) || !tooLarge && err != nil {
			t.Errorf("change %d: %v", i, err)
		}
	}
	for _, c := range changes[1:3] {
		if _, err := b.store.Apply(t.Context(), c); !errors.Is(err, ErrTooLarge) {
			t.Errorf("without a fence: %v", err)
		}
	}
	if msg := errs[2].Error(); len(msg) > 500 {
		t.Errorf("the error names every key: %d bytes", len(msg))
	}
}

// An etcd with a lower limit refuses what the writer let pass, and the others of the group are written all the same.
func TestALowerLimitOfEtcdRefusesOneChangeOfItsGroup(t *testing.T) {
	s := open(t, etcdtest.Start(t, etcdtest.WithConfig(func(c *embed.Config) { c.MaxRequestBytes = 64 << 10 })))
	w := writer(t, s)
	large, small := must(newRequest(plain("/horae/test/large", strings.Repeat("x", 100<<10)))), must(newRequest(plain("/horae/test/small", "1")))
	w.inFlight = 1
	w.commit([]*request{large, small})
	if res := <-large.done; !errors.Is(res.err, ErrTooLarge) {
		t.Errorf("the large one: %v", res.err)
	}
	if res := <-small.done; res.err != nil {
		t.Errorf("the small one: %v", res.err)
	}
}

func TestRunsOf60KBAreWrittenInSeveralTransactions(t *testing.T) {
	b := block(t, time.Minute)
	var changes []Change
	var together Change
	for i := range 32 {
		key := RunKey("default", fmt.Sprintf("r-%d", i))
		run := newRun(key.Name, "j")
		run.Spec.Task.Shell = strings.Repeat("x", 60<<10)
		c := Change{Guards: []Guard{SpecAt(key, 0)}, Writes: []Write{must(PutSpec(key, run))}}
		changes = append(changes, c)
		together.Writes = append(together.Writes, c.Writes...)
	}
	errs := applyAll(t.Context(), b.Writer, &b.wg, changes)
	b.proxy.Restore()
	b.wg.Wait()
	for i, err := range errs {
		if err != nil {
			t.Errorf("Run %d: %v", i, err)
		}
	}
	if _, err := b.Apply(t.Context(), together); !errors.Is(err, ErrTooLarge) {
		t.Errorf("as one change: %v", err)
	}
}
