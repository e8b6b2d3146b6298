package statistics

import (
	"fmt"
	"math"
	"time"

	"github.com/DataDog/sketches-go/ddsketch"

	v1 "horae/api/v1"
)

// windows that people see, in order. A window has whole buckets, and the one that is not over: that of 24 hours covers
// the present hour and the 24 before it.
var windows = []struct {
	name string
	size time.Duration // of a bucket; 0: all time
	back int64         // how many buckets before the present one
}{
	{"24h", hour, 24},
	{"7d", day, 7},
	{"30d", day, 30},
	{"all", 0, 0},
}

// Summarise returns the statistics of a Job in each window that ends now.
func Summarise(h History, r Recent, now time.Time) ([]v1.StatisticsWindow, error) {
	// The samples that are not folded are folded here, and nobody stores that.
	h, _, err := h.Fold(r, now)
	if err != nil {
		return nil, err
	}
	var list []v1.StatisticsWindow
	err = contained(func() error {
		for _, w := range windows {
			buckets, since := []bucket{h.all}, (*v1.Time)(nil)
			if w.size > 0 {
				first := indexOf(now, w.size) - w.back
				buckets, since = from(map[time.Duration][]bucket{hour: h.hours, day: h.days}[w.size], first),
					v1.NewTimePtr(time.Unix(first*int64(w.size/time.Second), 0))
			}
			window, err := windowOf(buckets)
			if err != nil {
				return err
			}
			window.Window, window.Since = w.name, since
			list = append(list, window)
		}
		return nil
	})
	return list, err
}

func from(list []bucket, first int64) []bucket {
	for len(list) > 0 && list[0].index < first {
		list = list[1:]
	}
	return list
}

func windowOf(buckets []bucket) (w v1.StatisticsWindow, err error) {
	var durations, waiting []distribution
	for _, b := range buckets {
		w.Succeeded += int64(b.succeeded)
		w.Failed += int64(b.failed)
		durations, waiting = append(durations, b.durations), append(waiting, b.waiting)
	}
	if n := w.Succeeded + w.Failed; n > 0 {
		rate := math.Round(float64(w.Succeeded)/float64(n)*1e6) / 1e6
		w.SuccessRate = &rate
	}
	for _, part := range []struct {
		of  []distribution
		out **v1.Distribution
	}{{durations, &w.Duration}, {waiting, &w.Waiting}} {
		sum, err := merge(part.of...)
		if err != nil {
			return w, err
		}
		if *part.out, err = sum.summary(); err != nil {
			return w, err
		}
	}
	return w, nil
}

var quantiles = []float64{.5, .75, .95, .98, .99}

// summary returns what people see of a distribution; nil if it is empty.
func (d *distribution) summary() (*v1.Distribution, error) {
	if d.count == 0 {
		return nil, nil
	}
	var s *v1.Distribution
	err := contained(func() error {
		return withSketch(func(sketch *ddsketch.DDSketch) error {
			err := d.mergeInto(sketch)
			if err == nil {
				s, err = d.summaryOf(sketch)
			}
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("summarise a distribution: %w", err)
	}
	return s, nil
}

// summaryOf is summary of a distribution whose sketch is given.
func (d *distribution) summaryOf(sketch *ddsketch.DDSketch) (*v1.Distribution, error) {
	q, err := d.quantiles(sketch, quantiles)
	if err != nil {
		return nil, err
	}
	of := func(d time.Duration) v1.Duration { return v1.Duration{Duration: d} }
	return &v1.Distribution{
		Count: int64(d.count), Mean: of(ms(uint64(math.Round(float64(d.sum) / float64(d.count))))),
		P50: of(brief(q[0])), P75: of(brief(q[1])), P95: of(brief(q[2])), P98: of(brief(q[3])), P99: of(brief(q[4])), Max: of(ms(d.max)),
	}, nil
}

// brief rounds a quantile to three digits: more would look more accurate than it is.
func brief(d time.Duration) time.Duration {
	unit := time.Millisecond
	for d >= 1000*unit {
		unit *= 10
	}
	return d.Round(unit)
}
