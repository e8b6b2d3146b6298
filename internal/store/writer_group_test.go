package store

import (
	"fmt"
	"strings"
	"testing"
)

func TestTakenGroups(t *testing.T) {
	many := func(n, ops int) (all []*request) {
		for i := range n {
			var c Change
			for k := range ops {
				c.Writes = append(c.Writes, Write{fmt.Sprintf("%d/%d", i, k), []byte("v")})
			}
			all = append(all, must(newRequest(c)))
		}
		return all
	}
	one := func(c Change) *request { return must(newRequest(c)) }
	gone := one(plain("gone", "1"))
	gone.gone = true
	reads := func(key, writes string) *request {
		return one(Change{Guards: []Guard{{key, 0}}, Writes: []Write{{writes, []byte("v")}}})
	}
	for name, c := range map[string]struct {
		queue      []*request
		busy       []*request
		wantGroup  []int // indexes into queue
		wantGroupN int   // instead
		wantLeft   int
	}{
		"one operation each: 127 nested transactions and their one operation make 128": {queue: many(300, 1), wantGroupN: 127, wantLeft: 173},
		"eight operations each: 120 and eight":                                         {queue: many(300, 8), wantGroupN: 120, wantLeft: 180},
		"the widest change goes alone":                                                 {queue: append(many(1, 127), many(3, 1)...), wantGroup: []int{0}, wantLeft: 3},
		"bytes: two large ones do not go together":                                     {queue: []*request{one(plain("a", strings.Repeat("x", maxBytes))), one(plain("b", "x"))}, wantGroup: []int{0}, wantLeft: 1},
		"who left is not sent":                                                         {queue: []*request{gone, one(plain("a", "1"))}, wantGroup: []int{1}},
		"the second write of a key waits, others pass it":                              {queue: []*request{one(plain("a", "1")), one(plain("a", "2")), one(plain("b", "1"))}, wantGroup: []int{0, 2}, wantLeft: 1},
		"what waits holds back what shares a key with it":                              {queue: []*request{one(plain("a", "1")), one(Change{Writes: []Write{{"a", nil}, {"b", nil}}}), one(plain("b", "1"))}, wantGroup: []int{0}, wantLeft: 2},
		"a key that is written in flight is neither read nor written":                  {busy: []*request{one(plain("a", "1"))}, queue: []*request{one(plain("a", "2")), reads("a", "b"), one(plain("c", "1"))}, wantGroup: []int{2}, wantLeft: 2},
		"a key that is only read may be read by others, not written":                   {busy: []*request{reads("a", "x")}, queue: []*request{reads("a", "y"), one(plain("a", "1"))}, wantGroup: []int{0}, wantLeft: 1},
		"each reads what the other writes: not together":                               {queue: []*request{reads("a", "b"), reads("b", "a")}, wantGroup: []int{0}, wantLeft: 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := &Writer{busy: keyUses{}, queue: append([]*request(nil), c.queue...)}
			for _, r := range c.busy {
				w.busy.add(r.uses)
			}
			group := w.takeLocked()
			if c.wantGroup == nil && len(group) != c.wantGroupN || c.wantGroup != nil && len(group) != len(c.wantGroup) || len(w.queue) != c.wantLeft {
				t.Fatalf("took %d and left %d", len(group), len(w.queue))
			}
			for i, at := range c.wantGroup {
				if group[i] != c.queue[at] {
					t.Errorf("the group's %d is not the queue's %d", i, at)
				}
			}
			for _, r := range append(group, c.busy...) {
				w.busy.remove(r.uses)
			}
			if len(w.busy) != 0 {
				t.Errorf("keys are busy for ever: %v", w.busy)
			}
			var left []*request // in order
			for _, r := range c.queue {
				if !r.sent && !r.gone {
					left = append(left, r)
				}
			}
			for i := range left {
				if w.queue[i] != left[i] {
					t.Fatal("what stays has lost its order")
				}
			}
		})
	}
}
