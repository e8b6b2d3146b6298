package schedule

import (
	"math/rand/v2"
	"testing"
	"time"
)

func TestEveryZoneTableAgreesWithTheStandardLibrary(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 0))
	for _, name := range allZones(t) {
		loc := mustLoad(t, name)
		z := tableOf(loc)
		check := func(u int64) {
			t.Helper()
			if u < minSecond || u > maxSecond {
				return
			}
			at := time.Unix(u, 0).In(loc)
			_, want := at.Zone()
			if got := z.offset(u); got != int64(want) {
				t.Errorf("%s: offset at %v is %d, want %d", name, at.UTC(), got, want)
			}
		}
		for _, s := range z.segs {
			check(s.start - 1)
			check(s.start)
			if z.folds && s.start >= foldStart {
				check(s.start + 3*cycleSeconds - 1)
				check(s.start + 3*cycleSeconds)
			}
		}
		for range samples(200, 20000) {
			check(minSecond + random.Int64N(maxSecond-minSecond))
			check(-5e9 + random.Int64N(1e10)) // 1811 to 2128
		}
	}
}

func TestEveryZoneTableResolvesLocalTimesAsTheRuleSays(t *testing.T) {
	random := rand.New(rand.NewPCG(4, 0))
	zones := allZones(t)
	for range samples(60, 4000) {
		name := zones[random.IntN(len(zones))]
		loc := mustLoad(t, name)
		z := tableOf(loc)
		near := z.segs[random.IntN(len(z.segs))].start
		if near < minSecond || near >= maxSecond-10*secondsPerDay {
			near = random.Int64N(4e9)
		}
		if z.folds && near >= foldStart {
			near += cycleSeconds * random.Int64N(19)
		}
		if near > maxSecond-10*secondsPerDay {
			continue
		}
		for range 5 {
			local := near + random.Int64N(4*secondsPerDay) - 2*secondsPerDay
			want := naiveReadings(time.Unix(local, 0).UTC(), loc)[0].at
			if got := time.Unix(z.resolve(local), 0).UTC(); !got.Equal(want) {
				t.Errorf("%s: local %v is %v, want %v", name, time.Unix(local, 0).UTC(), got, want)
			}
		}
	}
}

func TestEveryZoneKeepsTheAssumptionsOfTheTable(t *testing.T) {
	for _, name := range allZones(t) {
		z := tableOf(mustLoad(t, name))
		if len(z.segs) >= 1<<16 {
			t.Errorf("%s: %d segments do not fit the index", name, len(z.segs))
		}
		for i, s := range z.segs[:len(z.segs)-1] {
			if s.start >= z.segs[i+1].start {
				t.Errorf("%s: segments %d and %d are not in order", name, i, i+1)
			}
			if s.real > 16*3600 || s.real < -16*3600 {
				t.Errorf("%s: offset %d at %d is more than 16 hours", name, s.real, s.start)
			}
			// Nothing changes around the turn of the years at which the table begins to repeat.
			if far := int64(10 * secondsPerDay); z.folds && s.start != foldStart && s.start > foldStart-far && s.start < foldStart+far {
				t.Errorf("%s: changes at %v, too near to where the cycle begins", name, time.Unix(s.start, 0).UTC())
			}
		}
		// The cycle begins as the one before it ended.
		if last := len(z.segs) - 2; z.folds && !sameOffsets(z.segs[last], z.segs[z.foldSeg]) {
			t.Errorf("%s: the 400 years end unlike they begin", name)
		}
	}
}
