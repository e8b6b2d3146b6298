package calendar

// A Rule decides on which days a Job runs: on those that none of Exclude has and, if Restricted, one of Only has.
type Rule struct {
	Exclude, Only []*Set
	// Restricted: the Job names Calendars under only, whether or not they exist.
	Restricted bool

	// What the last search of each sort found. Most searches are for the same day again: that of all occurrences of a
	// day, and one that finds nothing is as long as a search can be. Because of them a Rule is for one goroutine.
	ahead, back [2]found
	steps       int // of searches, for tests
}

// found is what a search from a day found: the day, or none.
type found struct {
	known, ok bool
	from, day Day
}

// maxSteps bounds a search among Sets that have few days in common, or none. Each step passes at least a day, so the
// search covers 27 years.
const maxSteps = 10_000

// Runs reports whether the Job runs on the day.
func (r *Rule) Runs(d Day) bool {
	for _, s := range r.Exclude {
		if s.Contains(d) {
			return false
		}
	}
	return !r.Restricted || r.inOnly(d) != nil
}

func (r *Rule) inOnly(d Day) *Set {
	for _, s := range r.Only {
		if s.Contains(d) {
			return s
		}
	}
	return nil
}

// Next returns the first day from d on on which the Job runs, or, if runs is false, does not run. ok is false if
// there is none, or if the search reached its bound.
func (r *Rule) Next(d Day, runs bool) (day Day, ok bool) {
	d = max(d, MinDay)
	last := &r.ahead[index(runs)]
	if !last.known || d < last.from || last.ok && d > last.day {
		day, ok = r.seek(d, runs, (*Set).Next, 1)
		*last = found{true, ok, d, day}
	}
	return last.day, last.ok
}

// Prev returns the last day up to d on which the Job runs, or, if runs is false, does not run.
func (r *Rule) Prev(d Day, runs bool) (day Day, ok bool) {
	d = min(d, MaxDay)
	last := &r.back[index(runs)]
	if !last.known || d > last.from || last.ok && d < last.day {
		day, ok = r.seek(d, runs, (*Set).Prev, -1)
		*last = found{true, ok, d, day}
	}
	return last.day, last.ok
}

func index(runs bool) int {
	if runs {
		return 1
	}
	return 0
}

// seek goes from d in one direction; find is Set.Next or Set.Prev.
func (r *Rule) seek(d Day, runs bool, find func(*Set, Day, bool) (Day, bool), step Day) (Day, bool) {
	if !runs {
		return r.seekOff(d, find, step)
	}
	for range maxSteps {
		r.steps++
		at := d
		for _, s := range r.Exclude {
			if s.Contains(d) {
				var ok bool
				if d, ok = find(s, d, false); !ok {
					return 0, false
				}
			}
		}
		if r.Restricted {
			var ok bool
			if d, ok = nearest(r.Only, d, find, step); !ok {
				return 0, false
			}
		}
		if d == at {
			return d, true
		}
	}
	return 0, false
}

// seekOff finds a day without runs: one of Exclude, or one outside of Only.
func (r *Rule) seekOff(d Day, find func(*Set, Day, bool) (Day, bool), step Day) (Day, bool) {
	best, found := nearest(r.Exclude, d, find, step)
	if !r.Restricted {
		return best, found
	}
	for range maxSteps {
		r.steps++
		if found && (best-d)*step <= 0 {
			return best, true
		}
		in := r.inOnly(d)
		if in == nil {
			return d, MinDay <= d && d <= MaxDay
		}
		var ok bool
		if d, ok = find(in, d, false); !ok {
			return best, found
		}
	}
	return best, found
}

// nearest returns the day of any of the sets that is nearest to d in the direction of step.
func nearest(sets []*Set, d Day, find func(*Set, Day, bool) (Day, bool), step Day) (best Day, found bool) {
	for _, s := range sets {
		if day, ok := find(s, d, true); ok && (!found || (day-best)*step < 0) {
			best, found = day, true
		}
	}
	return best, found
}
