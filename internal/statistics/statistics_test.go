package statistics

import (
	"encoding/base64"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	v1 "horae/api/v1"
)

var (
	start = time.Date(2026, 11, 22, 10, 20, 0, 0, time.UTC)
	hello = &metav1.ObjectMeta{Namespace: "default", Name: "hello", UID: "u1"}
)

// keeper stores statistics as the job controller does, through their documents.
type keeper struct {
	t interface {
		Helper()
		Fatalf(string, ...any)
	}
	text    string
	history []byte
	folds   int
}

func (k *keeper) recent() Recent {
	k.t.Helper()
	r, err := ParseRecent(k.text)
	if err != nil {
		k.t.Fatalf("%v", err)
	}
	return r
}

func (k *keeper) stored() History {
	k.t.Helper()
	h, err := ParseHistory(k.history, hello.UID)
	if err != nil {
		k.t.Fatalf("%v", err)
	}
	return h
}

func (k *keeper) add(now time.Time, samples ...Sample) {
	k.t.Helper()
	r, err := k.recent().Add(samples...)
	if err != nil {
		k.t.Fatalf("%v", err)
	}
	if r.Full() {
		h, rest, err := k.stored().Fold(r, now)
		if err != nil {
			k.t.Fatalf("%v", err)
		}
		r = rest
		if k.history, err = h.Document(hello); err != nil {
			k.t.Fatalf("%v", err)
		}
		k.folds++
	}
	k.text = r.Text()
}

func (k *keeper) summary(now time.Time) []v1.StatisticsWindow {
	k.t.Helper()
	list, err := Summarise(k.stored(), k.recent(), now)
	if err != nil {
		k.t.Fatalf("%v", err)
	}
	return list
}

func samples(t *rapid.T, label string) []Sample {
	length := rapid.OneOf(
		rapid.Just(None), rapid.Just(time.Duration(0)),
		rapid.Custom(func(t *rapid.T) time.Duration { // from a millisecond to four months, evenly by magnitude
			return time.Duration(math.Exp(rapid.Float64Range(0, 23).Draw(t, "magnitude")) * float64(time.Millisecond)).Truncate(time.Millisecond)
		}),
	)
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Sample {
		return Sample{
			Finish:   start.Add(-time.Duration(rapid.IntRange(0, 40*24*60).Draw(t, "minutes ago")) * time.Minute),
			Outcome:  rapid.SampledFrom([]Outcome{NoOutcome, Succeeded, Failed}).Draw(t, "outcome"),
			Duration: length.Draw(t, "duration"), Waiting: length.Draw(t, "waiting"),
		}
	}), 0, 40).Draw(t, label)
}

// However samples are spread over writes and folds, each window has what a list of all samples has: the counts, the sums
// and the maxima exactly, the quantiles within the accuracy.
func TestWindowsAreThoseOfAllSamples(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := &keeper{t: t}
		var all []Sample
		for range rapid.IntRange(1, 6).Draw(t, "writes") {
			list := samples(t, "samples")
			k.add(start, list...)
			all = append(all, list...)
		}
		for i, window := range k.summary(start) {
			first := time.Time{}
			switch i {
			case 0:
				first = start.Truncate(hour).Add(-24 * hour)
			case 1:
				first = start.Truncate(day).Add(-7 * day)
			case 2:
				first = start.Truncate(day).Add(-30 * day)
			}
			check(t, window, all, first)
		}
		recent := k.recent()
		durations, err := recent.Durations()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(k.summary(start)[3].Duration, durations); diff != "" {
			t.Errorf("the Job's own durations are not those of all time: %s", diff)
		}
	})
}

func check(t *rapid.T, w v1.StatisticsWindow, all []Sample, first time.Time) {
	t.Helper()
	want := map[Outcome]int64{}
	var durations, waiting []time.Duration
	for _, s := range all {
		if s.Finish.Before(first) {
			continue
		}
		want[s.Outcome]++
		if s.Duration >= 0 {
			durations = append(durations, min(s.Duration, longest))
		}
		if s.Waiting >= 0 {
			waiting = append(waiting, min(s.Waiting, longest))
		}
	}
	if w.Succeeded != want[Succeeded] || w.Failed != want[Failed] {
		t.Errorf("%s: %d succeeded, %d failed, want %d and %d", w.Window, w.Succeeded, w.Failed, want[Succeeded], want[Failed])
	}
	if n := w.Succeeded + w.Failed; n > 0 && math.Abs(*w.SuccessRate-float64(w.Succeeded)/float64(n)) > 1e-6 || n == 0 && w.SuccessRate != nil {
		t.Errorf("%s: success rate %v of %d", w.Window, w.SuccessRate, n)
	}
	checkDistribution(t, w.Window+" duration", w.Duration, durations)
	checkDistribution(t, w.Window+" waiting", w.Waiting, waiting)
}

func checkDistribution(t *rapid.T, name string, d *v1.Distribution, values []time.Duration) {
	t.Helper()
	if len(values) == 0 || d == nil {
		if d != nil || len(values) > 0 {
			t.Errorf("%s: %v of %d values", name, d, len(values))
		}
		return
	}
	slices.Sort(values)
	sum := time.Duration(0)
	for _, v := range values {
		sum += v
	}
	if d.Count != int64(len(values)) || d.Max.Duration != values[len(values)-1] ||
		(d.Mean.Duration-sum/time.Duration(len(values))).Abs() > time.Millisecond {
		t.Errorf("%s: %+v of %v", name, d, values)
	}
	for q, got := range map[float64]v1.Duration{.5: d.P50, .75: d.P75, .95: d.P95, .98: d.P98, .99: d.P99} {
		exact := values[int(q*float64(len(values)-1))]
		// Three digits are shown, and the unit is a millisecond.
		if margin := time.Duration((Accuracy+.0051)*float64(exact)) + time.Millisecond; (got.Duration - exact).Abs() > margin {
			t.Errorf("%s: the quantile %g is %s, want %s within %s", name, q, got, exact, margin)
		}
	}
}

func TestAClockThatStepsLosesNothing(t *testing.T) {
	k := &keeper{t: t}
	ok := func(finish time.Time) Sample {
		return Sample{Finish: finish, Outcome: Succeeded, Duration: time.Second, Waiting: None}
	}
	fold := func(now time.Time) {
		for range MaxSamples + 1 {
			k.add(now, ok(now))
		}
	}
	fold(start)
	ahead := start.Add(400 * day)
	fold(ahead) // The clock was a year ahead for a while.
	if got := k.summary(ahead)[0]; got.Succeeded != MaxSamples+1 {
		t.Errorf("with the clock ahead: %+v", got)
	}
	for _, w := range k.summary(start.Add(hour)) {
		if w.Succeeded != 2*(MaxSamples+1) {
			t.Errorf("after it was set back: %s has %d", w.Window, w.Succeeded)
		}
	}
	fold(start.Add(hour))
	for _, w := range k.summary(start.Add(hour)) {
		if w.Succeeded != 3*(MaxSamples+1) {
			t.Errorf("after it was set back and written: %s has %d", w.Window, w.Succeeded)
		}
	}
}

func TestAnotherJobOfTheNameStartsAnew(t *testing.T) {
	k := &keeper{t: t}
	for range MaxSamples + 1 {
		k.add(start, Sample{Finish: start, Outcome: Failed, Duration: None, Waiting: None})
	}
	h, err := ParseHistory(k.history, "u2")
	if err != nil || h.all.failed != 0 || len(h.hours)+len(h.days) != 0 {
		t.Errorf("%+v, %v", h, err)
	}
	if h := k.stored(); h.all.failed != MaxSamples+1 {
		t.Errorf("%+v", h)
	}
}

func TestDamagedDocumentsAreErrors(t *testing.T) {
	k := &keeper{t: t}
	for i := range MaxSamples + 3 {
		k.add(start, Sample{Finish: start, Outcome: Succeeded, Duration: time.Duration(i) * time.Second, Waiting: time.Second})
	}
	payload, err := base64.StdEncoding.DecodeString(k.text)
	if err != nil {
		t.Fatal(err)
	}
	for i := range payload {
		damaged := slices.Clone(payload)
		damaged[i] ^= 0x40
		if _, err := ParseRecent(base64.StdEncoding.EncodeToString(damaged)); err == nil {
			t.Errorf("byte %d was changed, and nothing noticed", i)
		}
	}
	for _, text := range []string{"x", "{}", k.text[:len(k.text)/2], base64.StdEncoding.EncodeToString([]byte{9, 0, 0, 0, 0})} {
		if _, err := ParseRecent(text); err == nil {
			t.Errorf("%q was read", text)
		}
	}
	for _, document := range []string{
		"x", "{}", "[]", `{"kind":"Job"}`, `{"kind":"JobStatistics","metadata":{"uid":"u1"},"statistics":"AQ=="}`,
		strings.Replace(string(k.history), `"statistics":"A`, `"statistics":"B`, 1),
	} {
		if _, err := ParseHistory([]byte(document), hello.UID); err == nil {
			t.Errorf("%q was read", document)
		}
	}
}

// FuzzContent takes bytes whose checksum is right: a document that somebody made on purpose.
func FuzzContent(f *testing.F) {
	k := &keeper{t: f}
	for i := range 2*MaxSamples + 3 {
		k.add(start, Sample{Finish: start.Add(-time.Duration(i) * hour), Outcome: Succeeded, Duration: time.Duration(i) * time.Second, Waiting: time.Second})
	}
	recent, _ := unseal(k.text)
	f.Add(recent, []byte{})
	h := k.stored()
	f.Add([]byte{}, h.all.append(nil, 0))
	// A sketch with an index at each end of the numbers.
	extreme := distribution{count: 2, max: 1, bins: []byte{5, 2, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2}}
	f.Add(append(extreme.append(nil), 0), []byte{})
	f.Fuzz(func(_ *testing.T, recent, history []byte) {
		r, err := ParseRecent(seal(recent))
		if err == nil {
			_, _ = r.Durations()
			r, _ = r.Add(Sample{Finish: start, Duration: time.Second, Waiting: time.Second})
		}
		if h, err := parseHistory(history); err == nil {
			_, _ = Summarise(h, r, start)
		}
	})
}

// The sizes are those of docs/adr/0026-statistics.md.
func TestSizes(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	lognormal := func(median time.Duration, sigma float64) time.Duration {
		return time.Duration(float64(median) * math.Exp(sigma*rnd.NormFloat64()))
	}
	for _, tt := range []struct {
		name             string
		every            time.Duration
		sample           func() (duration, waiting time.Duration)
		recent, document int // at most
	}{
		{"daily, about an hour", day, func() (time.Duration, time.Duration) { return lognormal(hour, .2), lognormal(time.Second, .5) }, 700, 4000},
		{"every 4 minutes, about 2 s", 0, func() (time.Duration, time.Duration) {
			return lognormal(2*time.Second, .3), lognormal(20*time.Millisecond, .5)
		}, 800, 12_000},
		{"every 4 minutes, of any length", 0, func() (time.Duration, time.Duration) {
			return time.Duration(math.Exp(22.8*rnd.Float64()) * float64(time.Millisecond)), time.Duration(math.Exp(22.8*rnd.Float64()) * float64(time.Millisecond))
		}, 2200, 100_000},
	} {
		k, text, document := &keeper{t: t}, 0, 0
		for i := range 32 * 8 * MaxSamples {
			duration, waiting := tt.sample()
			now := start.Add(time.Duration(i) * max(tt.every, 32*day/(32*8*MaxSamples)))
			k.add(now, Sample{Finish: now, Outcome: Succeeded, Duration: duration, Waiting: waiting})
			text, document = max(text, len(k.text)), max(document, len(k.history))
		}
		t.Logf("%s: at most %d bytes in the status, %d of its own; %d folds", tt.name, text, document, k.folds)
		if text > tt.recent || document > tt.document {
			t.Errorf("%s: %d bytes in the status, and %d of its own; at most %d and %d", tt.name, text, document, tt.recent, tt.document)
		}
	}
}

func BenchmarkAdd(b *testing.B) {
	k := &keeper{t: b}
	for i := 0; b.Loop(); i++ {
		now := start.Add(time.Duration(i) * time.Second)
		k.add(now, Sample{Finish: now, Outcome: Succeeded, Duration: time.Duration(i%97) * time.Second, Waiting: time.Duration(i%13) * time.Millisecond})
	}
}
