package placement

import (
	"slices"
	"time"
	"unique"

	"horae/internal/store"
)

// leftovers are the bins as they were after a placement, by role. Later changes of the pool do not touch them.
type leftovers struct {
	now    time.Time
	cfg    Config
	roles  map[string]*rest
	offers int // in all
	jobs   map[unique.Handle[store.Key]]jobGroups
	starts []time.Time // of maintenance windows: search.starts
	whys   map[searchKey]reasoned
}

// rest are the bins of one role.
type rest struct {
	bins []*bin
	// all is what the bins have together, either the same with revocable resources; nil: not computed yet.
	all, either *sum
}

// sum is what some bins have together, and the most that any of them has of each resource.
type sum struct{ total, best Need }

func (s *search) leftovers() *leftovers {
	if s.rests == nil || len(s.used) > 0 {
		s.rests = map[string]*rest{}
		for role, on := range s.shelves {
			if on.held > 0 {
				s.rests[role] = &rest{bins: slices.DeleteFunc(slices.Clone(on.bins), func(b *bin) bool { return b == nil })}
			}
		}
	}
	return &leftovers{now: s.view.Now, cfg: s.view.Config, roles: s.rests, offers: s.Len(), jobs: s.jobs,
		starts: s.starts, whys: map[searchKey]reasoned{}}
}

// of is the sum over the bins.
func (rs *rest) of(revocable bool) *sum {
	at := &rs.all
	if revocable {
		at = &rs.either
	}
	if *at == nil {
		*at = sumOf(rs.bins, revocable)
	}
	return *at
}

func sumOf(bins []*bin, revocable bool) *sum {
	var all sum
	for _, b := range bins {
		free := b.free
		if revocable {
			free = b.either()
		}
		for d, n := range free.amount {
			all.total.amount[d] += n
		}
		all.best = most(&all.best, &free)
	}
	return &all
}

// reasoned is why a kind of request waits. If it waits for maintenance, its message ends with when the
// request's attempt would end.
type reasoned struct {
	Why
	untilWhen bool
}

// Why returns why there was no place for a request that was tried, with numbers. They count what was left after
// all requests that came before it.
func (l *leftovers) Why(r *Request) Why {
	key, _ := searchKeyOf(r, l.starts, l.now, l.cfg.AssumedDuration)
	w, known := l.whys[key]
	if !known {
		w = l.reason(r)
		l.whys[key] = w
	}
	if w.untilWhen {
		w.Message += l.untilWhen(r)
	}
	return w.Why
}
