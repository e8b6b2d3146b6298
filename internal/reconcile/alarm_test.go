package reconcile

import (
	"testing"
	"time"
)

func TestAlarm(t *testing.T) {
	now := time.Date(2026, 11, 22, 2, 0, 0, 0, time.UTC)
	in := func(d ...time.Duration) (list []time.Time) {
		for _, d := range d {
			list = append(list, now.Add(d))
		}
		return list
	}
	for _, tc := range []struct {
		name string
		at   []time.Time
		want time.Duration
	}{
		{name: "nothing asked for", want: 0},
		{name: "a zero time asks for nothing", at: []time.Time{{}}, want: 0},
		{name: "nor does it take back what is asked for", at: append(in(time.Second), time.Time{}), want: time.Second},
		{name: "the earliest, asked for last", at: in(time.Hour, time.Second), want: time.Second},
		{name: "the earliest, asked for first", at: in(time.Second, time.Hour), want: time.Second},
		{name: "now is soon", at: in(0), want: time.Millisecond},
		{name: "so is what has passed", at: in(-time.Hour), want: time.Millisecond},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var a Alarm
			for _, at := range tc.at {
				a.At(at)
			}
			if got := a.After(now); got != tc.want {
				t.Errorf("After is %s, want %s", got, tc.want)
			}
		})
	}
}
