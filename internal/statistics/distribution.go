package statistics

import (
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/DataDog/sketches-go/ddsketch"
	"github.com/DataDog/sketches-go/ddsketch/mapping"
	"github.com/DataDog/sketches-go/ddsketch/store"
)

const (
	// Accuracy of quantiles, relative to the value.
	Accuracy = 0.02
	// shortest and longest are the bounds of what a sketch distinguishes. They bound its bins, and so its bytes, also
	// without merging bins: merged bins would make a median wrong because of one extreme value.
	shortest = time.Millisecond
	longest  = 90 * 24 * time.Hour
	// maxBins is more than there are bins between the two. It bounds what a foreign document can have allocated.
	maxBins = 640
)

// indexes maps lengths of time, in milliseconds, to bins.
var indexes = func() mapping.IndexMapping {
	m, err := mapping.NewLogarithmicMapping(Accuracy)
	if err != nil {
		panic(err) // The accuracy is a constant.
	}
	return m
}()

// distribution of lengths of time. It is a value: what changes it replaces its bins.
type distribution struct {
	count    uint64
	sum, max uint64 // milliseconds
	bins     []byte // the sketch as the library encodes it, without the mapping
}

// sketches keeps sketches for reuse: growing one to its size costs more than all that is done with it.
var sketches = sync.Pool{New: func() any {
	// All values are positive, so the second store stays empty.
	return ddsketch.NewDDSketch(indexes, store.NewCollapsingLowestDenseStore(maxBins), store.NewCollapsingLowestDenseStore(maxBins))
}}

// withSketch calls f with an empty sketch, which f must not keep. After an error or a panic the sketch is not used again.
func withSketch(f func(*ddsketch.DDSketch) error) error {
	sketch := sketches.Get().(*ddsketch.DDSketch)
	if err := f(sketch); err != nil {
		return err
	}
	sketch.Clear()
	sketches.Put(sketch)
	return nil
}

// mergeInto adds the distribution's bins to a sketch.
func (d *distribution) mergeInto(sketch *ddsketch.DDSketch) error {
	before := sketch.GetCount()
	if err := sketch.DecodeAndMergeWith(d.bins); err != nil {
		return fmt.Errorf("decode a sketch: %w", err)
	}
	if after := sketch.GetCount(); after != before+float64(d.count) {
		return errors.New("decode a sketch: it has another number of values than its document says")
	}
	return nil
}

// add returns the distribution with more values.
func (d distribution) add(values ...time.Duration) (sum distribution, err error) {
	if len(values) == 0 {
		return d, nil
	}
	err = withSketch(func(sketch *ddsketch.DDSketch) error {
		sum, err = d.addTo(sketch, values)
		return err
	})
	return sum, err
}

// addTo is add with an empty sketch, which it makes that of the sum.
func (d distribution) addTo(sketch *ddsketch.DDSketch, values []time.Duration) (distribution, error) {
	if err := d.mergeInto(sketch); err != nil {
		return d, err
	}
	for _, v := range values {
		v = min(max(v, 0), longest)
		if err := sketch.Add(float64(max(v, shortest)) / float64(time.Millisecond)); err != nil {
			return d, fmt.Errorf("add %s to a sketch: %w", v, err)
		}
		d.count++
		d.sum += uint64(v.Round(time.Millisecond) / time.Millisecond)
		d.max = max(d.max, uint64(v.Round(time.Millisecond)/time.Millisecond))
	}
	d.bins = nil
	sketch.Encode(&d.bins, true)
	return d, nil
}

// merge returns the distribution of the values of all.
func merge(all ...distribution) (distribution, error) {
	var sum distribution
	filled := 0
	for _, d := range all {
		if d.count > 0 {
			filled++
			sum = d
		}
	}
	if filled <= 1 {
		return sum, nil
	}
	sum = distribution{}
	err := withSketch(func(sketch *ddsketch.DDSketch) error {
		for _, d := range all {
			if d.count == 0 {
				continue
			}
			if err := d.mergeInto(sketch); err != nil {
				return err
			}
			sum.count += d.count
			sum.sum += d.sum
			sum.max = max(sum.max, d.max)
		}
		sketch.Encode(&sum.bins, true)
		return nil
	})
	return sum, err
}

// quantiles returns the values at some quantiles of the distribution, whose sketch is given. None is above the maximum.
func (d *distribution) quantiles(sketch *ddsketch.DDSketch, qs []float64) ([]time.Duration, error) {
	values, err := sketch.GetValuesAtQuantiles(qs)
	if err != nil {
		return nil, fmt.Errorf("read a sketch: %w", err)
	}
	list := make([]time.Duration, len(values))
	for i, v := range values {
		if math.IsNaN(v) || v < 0 {
			return nil, errors.New("read a sketch: it has values that are no lengths of time")
		}
		list[i] = ms(uint64(math.Round(min(v, float64(d.max)))))
	}
	return list, nil
}

func ms(n uint64) time.Duration { return time.Duration(n) * time.Millisecond }
