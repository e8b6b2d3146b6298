package calendar

// A Rule decides on which days a Job runs: on those that none of Exclude has and, if Restricted, one of Only has.
type Rule struct {
	Exclude, Only []*Set
	// Restricted: the Job names Calendars under only, whether or not they exist.
	Restricted bool
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
	return r.seek(max(d, MinDay), runs, (*Set).Next, 1)
}

// Prev returns the last day up to d on which the Job runs, or, if runs is false, does not run.
func (r *Rule) Prev(d Day, runs bool) (day Day, ok bool) {
	return r.seek(min(d, MaxDay), runs, (*Set).Prev, -1)
}

// seek goes from d in one direction; find is Set.Next or Set.Prev.
func (r *Rule) seek(d Day, runs bool, find func(*Set, Day, bool) (Day, bool), step Day) (Day, bool) {
	if !runs {
		return r.seekOff(d, find, step)
	}
	for range maxSteps {
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
