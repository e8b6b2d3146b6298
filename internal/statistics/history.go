package statistics

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	v1 "horae/api/v1"
)

// The buckets that are kept: enough for windows of 24 hours and 30 days that end within a bucket.
const (
	hour = time.Hour
	day  = 24 * time.Hour

	keptHours = 25
	keptDays  = 31
)

// History is the part of a Job's statistics that has a key of its own. Its zero value is empty. It is a value.
type History struct {
	all         bucket
	hours, days []bucket // in order of their index; no index twice
}

// bucket is what ended in one hour or day (UTC), or ever.
type bucket struct {
	index              int64 // of the hour or day since 1970
	succeeded, failed  uint64
	durations, waiting distribution
}

// document is the value of a History's key.
type document struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Name      string    `json:"name"`
		Namespace string    `json:"namespace"`
		UID       types.UID `json:"uid"`
	} `json:"metadata"`
	Statistics string `json:"statistics"`
}

// ParseHistory reads the document of a Job. Without a document, and if it is about another Job of the same name, the
// History is empty.
func ParseHistory(value []byte, uid types.UID) (History, error) {
	if len(value) == 0 {
		return History{}, nil
	}
	var h History
	err := contained(func() error {
		var doc document
		if err := json.Unmarshal(value, &doc); err != nil {
			return err
		}
		switch {
		case doc.Kind != v1.KindJobStatistics:
			return fmt.Errorf("its kind is %q, want %s", v1.Shorten(doc.Kind, 64), v1.KindJobStatistics)
		case doc.Metadata.UID != uid:
			return nil
		}
		content, err := unseal(doc.Statistics)
		if err != nil {
			return err
		}
		h, err = parseHistory(content)
		return err
	})
	if err != nil {
		return History{}, fmt.Errorf("read the statistics of a Job: %w", err)
	}
	return h, nil
}

func parseHistory(content []byte) (History, error) {
	r := reader{rest: content}
	var h History
	h.all = r.bucket(0)
	for _, list := range []struct {
		of   *[]bucket
		most uint64
	}{{&h.hours, keptHours}, {&h.days, keptDays}} {
		n := r.uvarint()
		if n > list.most {
			return History{}, fmt.Errorf("it has %d buckets of a kind: the limit is %d", n, list.most)
		}
		previous := int64(0)
		for i := range n {
			b := r.bucket(previous)
			if i > 0 && b.index <= previous {
				r.fail(errors.New("its buckets are not in order"))
			}
			*list.of, previous = append(*list.of, b), b.index
		}
	}
	return h, r.end()
}

func (r *reader) bucket(previous int64) bucket {
	return bucket{
		index: previous + r.varint(), succeeded: r.uvarint(), failed: r.uvarint(), durations: r.distribution(), waiting: r.distribution(),
	}
}

func (b *bucket) append(to []byte, previous int64) []byte {
	to = binary.AppendVarint(to, b.index-previous)
	to = binary.AppendUvarint(to, b.succeeded)
	to = binary.AppendUvarint(to, b.failed)
	return b.waiting.append(b.durations.append(to))
}

// Document to store for a Job.
func (h *History) Document(job *metav1.ObjectMeta) ([]byte, error) {
	content := h.all.append(nil, 0)
	for _, list := range [][]bucket{h.hours, h.days} {
		content = binary.AppendUvarint(content, uint64(len(list)))
		previous := int64(0)
		for i := range list {
			content, previous = list[i].append(content, previous), list[i].index
		}
	}
	doc := document{APIVersion: v1.GroupVersion.String(), Kind: v1.KindJobStatistics, Statistics: seal(content)}
	doc.Metadata.Name, doc.Metadata.Namespace, doc.Metadata.UID = job.Name, job.Namespace, job.UID
	return json.Marshal(&doc)
}

// Fold returns the History with the samples of a Recent, and the Recent without them. What ended later than now, by a
// clock that has been set back since, belongs to now.
func (h History) Fold(r Recent, now time.Time) (History, Recent, error) {
	err := contained(func() (err error) {
		thisHour := indexOf(now, hour)
		for index, group := range groups(r.samples, thisHour) {
			b, err := bucketOf(group)
			if err != nil {
				return err
			}
			if h.all, err = h.all.plus(b); err != nil {
				return err
			}
			if h.hours, err = enter(h.hours, b, index); err != nil {
				return err
			}
			if h.days, err = enter(h.days, b, floorDiv(index, 24)); err != nil {
				return err
			}
		}
		if h.hours, err = settle(h.hours, thisHour, keptHours); err != nil {
			return err
		}
		h.days, err = settle(h.days, indexOf(now, day), keptDays)
		return err
	})
	if err != nil {
		return History{}, Recent{}, fmt.Errorf("fold statistics: %w", err)
	}
	r.samples = nil
	return h, r, nil
}

// groups returns the samples by the hour to which they belong, none later than latest.
func groups(samples []Sample, latest int64) map[int64][]Sample {
	byHour := map[int64][]Sample{}
	for _, s := range samples {
		index := min(indexOf(s.Finish, hour), latest)
		byHour[index] = append(byHour[index], s)
	}
	return byHour
}

func indexOf(t time.Time, size time.Duration) int64 {
	return floorDiv(t.Unix(), int64(size/time.Second))
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// bucketOf makes a bucket of samples, without an index.
func bucketOf(samples []Sample) (b bucket, err error) {
	var waits []time.Duration
	for _, s := range samples {
		switch s.Outcome {
		case Succeeded:
			b.succeeded++
		case Failed:
			b.failed++
		}
		if s.Waiting >= 0 {
			waits = append(waits, s.Waiting)
		}
	}
	if b.durations, err = b.durations.add(durationsOf(samples)...); err != nil {
		return b, err
	}
	b.waiting, err = b.waiting.add(waits...)
	return b, err
}

func durationsOf(samples []Sample) []time.Duration {
	var list []time.Duration
	for _, s := range samples {
		if s.Duration >= 0 {
			list = append(list, s.Duration)
		}
	}
	return list
}

// plus returns the sum of two buckets, with the index of the first.
func (b bucket) plus(other bucket) (bucket, error) {
	var err error
	b.succeeded += other.succeeded
	b.failed += other.failed
	if b.durations, err = merge(b.durations, other.durations); err != nil {
		return b, err
	}
	b.waiting, err = merge(b.waiting, other.waiting)
	return b, err
}

// enter returns a list in which the bucket of an index has more in it.
func enter(list []bucket, b bucket, index int64) ([]bucket, error) {
	at, found := slices.BinarySearchFunc(list, index, func(b bucket, index int64) int { return int(b.index - index) })
	list = slices.Clone(list)
	if !found {
		b.index = index
		return slices.Insert(list, at, b), nil
	}
	var err error
	list[at], err = list[at].plus(b)
	return list, err
}

// settle returns the latest buckets, as many as are kept, none later than the present one. It goes by their number,
// not by their age: a clock that was far ahead for a while must not have emptied the list.
func settle(list []bucket, present int64, kept int) ([]bucket, error) {
	for len(list) > 0 && list[len(list)-1].index > present {
		last := list[len(list)-1]
		var err error
		if list, err = enter(list[:len(list)-1], last, present); err != nil {
			return nil, err
		}
	}
	return list[max(0, len(list)-kept):], nil
}
