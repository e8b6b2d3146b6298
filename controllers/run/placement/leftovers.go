package placement

import (
	"slices"
	"time"
	"unique"

	"horae/internal/store"
)

// leftovers are the bins after a placement, by role, whatever becomes of the pool later.
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
	// all and either say what those have together, either with revocable resources; nil: nobody has asked.
	all, either *sum
}

// sum says of some bins what they have together, and what the best of them have.
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
	return &leftovers{now: s.view.Now, cfg: s.view.Config, roles: s.rests, offers: s.Len(), jobs: s.jobs, starts: s.starts, whys: map[searchKey]reasoned{}}
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

// reasoned is why requests wait that fit the same places. The words of one that waits for maintenance end with when it would be over.
type reasoned struct {
	Why
	untilWhen bool
}

// Why says in words, with numbers, why there was no place for a request that was tried. It speaks of what was left after those who came
// first had taken their places.
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
