package v1

import (
	"encoding/json"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
)

// Duration is a length of time. It is written as a Go duration ("90s", "1h30m") or as an ISO 8601 duration of weeks,
// days, hours, minutes and seconds ("PT90S", "P1DT12H"; a day is 24 h here), and always read back as a Go duration.
//
// +kubebuilder:validation:Type=string
// +kubebuilder:validation:Pattern=`^(0|([0-9]+(\.[0-9]*)?(ns|us|µs|ms|s|m|h))+|P([0-9]+W)?([0-9]+D)?(T([0-9]+H)?([0-9]+M)?([0-9]+([.,][0-9]+)?S)?)?)$`
type Duration struct {
	time.Duration `json:"-"`
}

// MarshalJSON writes the Go form without the trailing zero units of time.Duration.String: "1h" rather than "1h0m0s".
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(d.String()) }

// UnmarshalJSON reads either form. Its error names the forms.
func (d *Duration) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return fmt.Errorf("must be a duration such as 90s, 1h30m or PT90S; %s has no unit", b)
	}
	v, err := ParseDuration(s)
	if err != nil {
		return err
	}
	d.Duration = v
	return nil
}

// timeLayout is RFC 3339 with as many digits of a second as there are, to the microsecond.
const timeLayout = "2006-01-02T15:04:05.999999Z07:00"

// Time is an instant, in UTC, to the microsecond: schedules may have periods such as 1.5 s, which metav1.Time would
// round.
//
// +kubebuilder:validation:Type=string
// +kubebuilder:validation:Format=date-time
type Time struct {
	time.Time `json:"-"`
}

// NewTime returns t in UTC, cut to the microsecond, so that a value equals itself after a round trip.
func NewTime(t time.Time) Time { return Time{t.UTC().Truncate(time.Microsecond)} }

// EqualTimes reports whether both are the same instant, or neither is there.
func EqualTimes(a, b *Time) bool { return a == b || a != nil && b != nil && a.Equal(b.Time) }

// NewTimePtr is NewTime for optional fields; the zero time gives nil.
func NewTimePtr(t time.Time) *Time {
	if t.IsZero() {
		return nil
	}
	v := NewTime(t)
	return &v
}

// Kubernetes's own comparison of objects panics at the unexported fields of a time.Time in a type that it does not know.
func init() {
	if err := equality.Semantic.AddFunc(func(a, b Time) bool { return a.Equal(b.Time) }); err != nil {
		panic(err)
	}
}

// DeepCopyInto copies the value. No part of a time.Time is both shared and written.
func (t *Time) DeepCopyInto(out *Time) { *out = *t }

// MarshalJSON writes RFC 3339 in UTC; the zero time is null.
func (t Time) MarshalJSON() ([]byte, error) {
	if t.IsZero() {
		return []byte("null"), nil
	}
	b := make([]byte, 0, len(timeLayout)+2)
	b = append(b, '"')
	b = t.UTC().AppendFormat(b, timeLayout)
	return append(b, '"'), nil
}

// UnmarshalJSON reads RFC 3339 with any offset.
func (t *Time) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*t = Time{}
		return nil
	}
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return fmt.Errorf("must be a time such as 2026-11-22T02:00:00Z, got %s", b)
	}
	v, err := time.Parse(time.RFC3339, s)
	if err != nil {
		s = Shorten(s, 100)
		return fmt.Errorf("%q: must be a time such as 2026-11-22T02:00:00Z", s)
	}
	*t = NewTime(v)
	return nil
}
