package statistics

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/DataDog/sketches-go/ddsketch"

	v1 "horae/api/v1"
)

// MaxSamples is how many samples stand in a Job's status document before they are folded into its History.
const MaxSamples = 32

// Recent is the part of a Job's statistics that stands in its status document. Its zero value is that of a Job of
// which no Run has ended. It is a value: what changes it returns another.
type Recent struct {
	durations distribution // of all Runs so far
	samples   []Sample     // those that are not folded yet
	// summary of the durations, if it is known.
	summary *v1.Distribution
}

// ParseRecent reads what Text has written. An empty text is an empty Recent.
func ParseRecent(text string) (Recent, error) {
	if text == "" {
		return Recent{}, nil
	}
	var recent Recent
	err := contained(func() error {
		content, err := unseal(text)
		if err != nil {
			return err
		}
		r := reader{rest: content}
		recent.durations = r.distribution()
		n := r.uvarint()
		if n > MaxSamples {
			return fmt.Errorf("it has %d samples: the limit is %d", n, MaxSamples)
		}
		previous := int64(0)
		for range n {
			s := r.sample(previous)
			recent.samples, previous = append(recent.samples, s), s.Finish.Unix()
		}
		return r.end()
	})
	if err != nil {
		return Recent{}, fmt.Errorf("read the statistics in a Job's status document: %w", err)
	}
	return recent, nil
}

// Text to store; empty for an empty Recent. There must be no more than MaxSamples samples.
func (r *Recent) Text() string {
	if r.durations.count == 0 && len(r.samples) == 0 {
		return ""
	}
	content := r.durations.append(make([]byte, 0, 512))
	content = binary.AppendUvarint(content, uint64(len(r.samples)))
	previous := int64(0)
	for _, s := range r.samples {
		content, previous = appendSample(content, s, previous), s.Finish.Unix()
	}
	return seal(content)
}

// Add returns the statistics with more samples.
func (r Recent) Add(samples ...Sample) (Recent, error) {
	r.samples = slices.Concat(r.samples, samples)
	durations := durationsOf(samples)
	if len(durations) == 0 {
		return r, nil
	}
	err := contained(func() error {
		return withSketch(func(sketch *ddsketch.DDSketch) (err error) {
			if r.durations, err = r.durations.addTo(sketch, durations); err == nil {
				r.summary, err = r.durations.summaryOf(sketch)
			}
			return err
		})
	})
	return r, err
}

// Full reports whether the samples must be folded before the text is written.
func (r *Recent) Full() bool { return len(r.samples) > MaxSamples }

// Durations of all Runs so far; nil if there are none.
func (r *Recent) Durations() (*v1.Distribution, error) {
	if r.summary != nil {
		return r.summary, nil
	}
	return r.durations.summary()
}
