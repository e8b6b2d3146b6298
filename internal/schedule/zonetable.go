package schedule

import (
	"fmt"
	"math"
	"slices"
	"sync"
	"time"
)

// A zoneTable is what a schedule needs to know of a time zone, laid out so that finding the offset of an instant costs
// a table look-up instead of time.Time's search, and so that the daylight-saving rule is decided once, here.
//
// The time line is cut into segments. In each, every instant shows one clock time (real), and is the answer to the
// question "when is that local time?" for local times at zero, one or two offsets (named):
//
//	              ... 01:59 | 03:00 ... 03:59 | 04:00 ...      clock goes forward at |
//	real               +1        +2               +2
//	named              +1      +1, +2             +2            02:30, read with +1, is the instant of 03:30
//
//	              ... 02:59 | 02:00 ... 02:59 | 03:00 ...      clock goes back at |
//	real               +2        +1               +1
//	named              +2        none             +1            02:30 was already
//
// That is RFC 5545 3.3.5. A zoneTable never changes after it was built; schedules of one zone share it.
type zoneTable struct {
	name string
	segs []segment // in time order; the last one only says where the one before ends

	// A zone whose rule goes on for ever repeats every 400 years from foldStart: the segments from segs[foldSeg] to the
	// last one are one such cycle, and an instant from foldEnd on is looked up that many cycles earlier.
	folds   bool
	foldSeg int

	// index[(u-indexStart) >> indexShift] is the segment of the first instant of that stretch of time.
	index      []uint16
	indexStart int64

	// skipped holds the local midnights-to-midnights that a zone left out whole (Apia's 2011-12-30): the instants at which a
	// gap of a day or more begins. Two successive local days then are one instant.
	skipped []int64
}

type segment struct {
	start  int64    // seconds from 1970
	real   int64    // offset of the clock, seconds east of Greenwich
	named  [2]int64 // offsets under which local times resolve to these instants
	nNamed int
	plain  bool // local times are one to one with instants: named is real
}

const (
	indexShift = 23     // 97 days
	maxOffset  = 100000 // more than any offset there was (a bit under 16 h), or the most that two differ (24 h)
)

var (
	// foldStart is later than the last irregular change in the time zone database (Morocco's Ramadan, until 2087) and not
	// near a change of any rule.
	foldStart = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	foldEnd   = foldStart + cycleSeconds
)

// A window is a stretch of time with one offset.
type window struct{ start, offset int64 }

// windows lists the changes of offset of a location up to foldEnd.
func windows(loc *time.Location) []window {
	t := time.Unix(minSecond-maxOffset, 0).In(loc)
	_, offset := t.Zone()
	list := []window{{math.MinInt64, int64(offset)}}
	for {
		_, end := t.ZoneBounds()
		if end.IsZero() || end.Unix() >= foldEnd {
			return list
		}
		if !end.After(t) {
			// time.ZoneBounds takes every year for 365 days long where only the zone's rule is left: it says that the
			// last day of a leap year ends before it began. No rule changes anything on that day.
			end = t.AddDate(0, 0, 1)
		}
		t = end.In(loc)
		if _, offset = t.Zone(); int64(offset) != list[len(list)-1].offset {
			list = append(list, window{end.Unix(), int64(offset)})
		}
	}
}

// resolveIn gives the instant of a local time (seconds of the local clock from 1970): its first instant if it exists twice, and
// if it does not exist, the one that the offset before the gap gives.
func resolveIn(list []window, local int64) int64 {
	for i, w := range list {
		if i+1 < len(list) && local >= list[i+1].start+w.offset {
			continue
		}
		if i > 0 && local < w.start+w.offset {
			return local - list[i-1].offset
		}
		return local - w.offset
	}
	return local - list[len(list)-1].offset
}

func newZoneTable(loc *time.Location) *zoneTable {
	list := windows(loc)
	z := &zoneTable{name: loc.String(), folds: list[len(list)-1].start >= foldStart}
	// 1. The cuts: each change, and where the hour that it doubles or leaves out ends.
	cuts := []int64{math.MinInt64}
	for i, w := range list[1:] {
		change := w.offset - list[i].offset
		cuts = append(cuts, w.start, w.start+max(change, -change))
		if change >= secondsPerDay {
			z.skipped = append(z.skipped, w.start)
		}
	}
	if z.folds {
		cuts = append(cuts, foldStart, foldEnd)
	}
	slices.Sort(cuts)
	cuts = slices.Compact(cuts)
	// 2. One segment from each cut to the next.
	for i := 0; len(cuts) > 0; cuts = cuts[1:] {
		for i+1 < len(list) && list[i+1].start <= cuts[0] {
			i++
		}
		z.addSegment(cuts[0], list[max(0, i-3):min(len(list), i+2)], list[i].offset)
	}
	if !z.folds {
		z.segs = append(z.segs, segment{start: math.MaxInt64})
	}
	z.buildIndex()
	return z
}

// addSegment appends the segment that starts at start, when the clock is at offset real; near are the windows around it. A
// segment like the one before is left out.
func (z *zoneTable) addSegment(start int64, near []window, real int64) {
	s := segment{start: start, real: real}
	probe := max(start, minSecond-maxOffset)
	for i, w := range near {
		seen := slices.ContainsFunc(near[:i], func(o window) bool { return o.offset == w.offset })
		if !seen && s.nNamed < len(s.named) && resolveIn(near, probe+w.offset) == probe {
			s.named[s.nNamed] = w.offset
			s.nNamed++
		}
	}
	s.plain = s.nNamed == 1 && s.named[0] == real
	if z.folds && start == foldStart {
		z.foldSeg = len(z.segs)
	} else if n := len(z.segs); n > 0 && start != foldEnd && sameOffsets(z.segs[n-1], s) {
		return
	}
	z.segs = append(z.segs, s)
}

func sameOffsets(a, b segment) bool {
	return a.real == b.real && a.nNamed == b.nNamed && a.named == b.named
}

func (z *zoneTable) buildIndex() {
	if len(z.segs) < 3 {
		return
	}
	last := len(z.segs) - 2
	z.indexStart = z.segs[1].start
	for u, i := z.indexStart, 1; ; u += 1 << indexShift {
		for i < last && z.segs[i+1].start <= u {
			i++
		}
		z.index = append(z.index, uint16(i))
		if i == last {
			return
		}
	}
}

// locate gives the segment of instant u, and how many seconds to take from u to look it up there (whole cycles).
func (z *zoneTable) locate(u int64) (i int, shift int64) {
	if len(z.index) == 0 || u < z.indexStart {
		return 0, 0
	}
	if z.folds && u >= foldEnd {
		shift = (u - foldStart) / cycleSeconds * cycleSeconds
		u -= shift
	}
	stretch := (u - z.indexStart) >> indexShift
	i = int(z.index[min(stretch, int64(len(z.index)-1))])
	for z.segs[i+1].start <= u {
		i++
	}
	return i, shift
}

// following gives the segment after i. At the end of the cycle it is the cycle's first, one cycle further on.
func (z *zoneTable) following(i int, shift int64) (int, int64, bool) {
	if i++; i < len(z.segs)-1 {
		return i, shift, true
	}
	return z.foldSeg, shift + cycleSeconds, z.folds
}

// preceding gives the segment before i.
func (z *zoneTable) preceding(i int, shift int64) (int, int64, bool) {
	if shift > 0 && i == z.foldSeg {
		return len(z.segs) - 2, shift - cycleSeconds, true
	}
	return i - 1, shift, i > 0
}

// resolve is resolveIn for any year, by look-up.
func (z *zoneTable) resolve(local int64) int64 {
	i, shift := z.locate(local - maxOffset)
	local -= shift
	for {
		s := &z.segs[i]
		if end := z.segs[i+1].start; end == math.MaxInt64 || local < end+s.real {
			if i > 0 && local < s.start+s.real {
				return local - z.segs[i-1].real + shift
			}
			return local - s.real + shift
		}
		next, nextShift, ok := z.following(i, shift)
		if !ok {
			return local - s.real + shift
		}
		local -= nextShift - shift
		i, shift = next, nextShift
	}
}

// offset of the clock at instant u, in seconds east of Greenwich.
func (z *zoneTable) offset(u int64) int64 {
	i, _ := z.locate(u)
	return z.segs[i].real
}

// tables holds the table of each location that LoadLocation gave out; there are as many as there are zones.
var tables sync.Map // *time.Location → *zoneTable

func tableOf(loc *time.Location) *zoneTable {
	if loc == nil {
		loc = time.UTC
	}
	if z, ok := tables.Load(loc); ok {
		return z.(*zoneTable)
	}
	z := newZoneTable(loc)
	if loc == time.UTC {
		tables.Store(loc, z)
	}
	return z
}

// fixedTable is the table of a constant offset.
func fixedTable(offset int64) *zoneTable {
	sign, abs := '+', offset
	if offset < 0 {
		sign, abs = '-', -offset
	}
	name := fmt.Sprintf("%c%02d:%02d", sign, abs/3600, abs/60%60)
	return newZoneTable(time.FixedZone(name, int(offset)))
}

// utc reports whether the zone is UTC under any of its names.
func (z *zoneTable) utc() bool { return len(z.segs) == 2 && z.segs[0].real == 0 }
