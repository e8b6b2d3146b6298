package v1

import (
	"encoding/json"
	"math"
	"os"
	"regexp"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestParseDuration(t *testing.T) {
	const day = 24 * time.Hour
	for _, tc := range []struct {
		input string
		want  time.Duration
		err   string
	}{
		{input: "90s", want: 90 * time.Second},
		{input: "1h30m", want: 90 * time.Minute},
		{input: "1.5s", want: 1500 * time.Millisecond},
		{input: "720h", want: 30 * day},
		{input: "0", want: 0},
		{input: "0s", want: 0},
		{input: "PT90S", want: 90 * time.Second},
		{input: "PT1H30M", want: 90 * time.Minute},
		{input: "P1D", want: day},
		{input: "P2W", want: 14 * day},
		{input: "P1W2DT3H4M5.000000006S", want: 9*day + 3*time.Hour + 4*time.Minute + 5*time.Second + 6},
		{input: "PT0,5S", want: 500 * time.Millisecond},
		{input: "PT0S", want: 0},
		{input: "P106751DT23H47M16.854775807S", want: math.MaxInt64},
		{input: "P106751DT23H47M16.854775808S", err: `"P106751DT23H47M16.854775808S": must be less than 292 years`},
		{input: "P99999999999999999999D", err: `"P99999999999999999999D": must be less than 292 years`},
		{input: "P9223372036854775807W", err: `"P9223372036854775807W": must be less than 292 years`},
		{input: "P1M", err: `"P1M": years and months have no fixed length here; use days (P30D) or hours`},
		{input: "P1Y", err: `"P1Y": years and months have no fixed length here; use days (P30D) or hours`},
		{input: "P", err: `"P": must be an ISO 8601 duration such as PT90S, PT1H30M or P1D`},
		{input: "PT", err: `"PT": must be an ISO 8601 duration such as PT90S, PT1H30M or P1D`},
		{input: "P1DT", err: `"P1DT": must be an ISO 8601 duration such as PT90S, PT1H30M or P1D`},
		{input: "P-1D", err: `"P-1D": must be an ISO 8601 duration such as PT90S, PT1H30M or P1D`},
		{input: "PT1.5H", err: `"PT1.5H": must be an ISO 8601 duration such as PT90S, PT1H30M or P1D`},
		{input: "-1h", err: `"-1h": must not be negative`},
		{input: "90", err: `"90": must be a duration such as 90s, 1h30m or PT90S`},
		{input: "1d", err: `"1d": must be a duration such as 90s, 1h30m or PT90S`},
		{input: "pt90s", err: `"pt90s": must be a duration such as 90s, 1h30m or PT90S`},
		{input: "", err: `"": must be a duration such as 90s, 1h30m or PT90S`},
	} {
		got, err := ParseDuration(tc.input)
		if got != tc.want || (err == nil) != (tc.err == "") || err != nil && err.Error() != tc.err {
			t.Errorf("%q: got %s, %v", tc.input, got, err)
		}
	}
}

func TestDurationsAreWrittenShortAndReadBack(t *testing.T) {
	for text, want := range map[string]string{
		`"3600s"`: `"1h"`, `"90m"`: `"1h30m"`, `"PT90S"`: `"1m30s"`, `"60s"`: `"1m"`, `"0s"`: `"0s"`, `"100ms"`: `"100ms"`, `"P1DT1S"`: `"24h0m1s"`, `"10m"`: `"10m"`, `"100h"`: `"100h"`,
	} {
		var d Duration
		if err := json.Unmarshal([]byte(text), &d); err != nil {
			t.Error(err)
		}
		if got, err := json.Marshal(d); err != nil || string(got) != want {
			t.Errorf("%s: got %s, want %s (%v)", text, got, want, err)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		d := Duration{time.Duration(rapid.Int64Range(0, math.MaxInt64).Draw(t, "duration"))}
		if got, err := ParseDuration(d.String()); err != nil || got != d.Duration {
			t.Fatalf("%s: got %s, %v", d, got, err)
		}
	})
}

func TestTimesAreUTCToTheMicrosecond(t *testing.T) {
	for _, tc := range []struct{ input, want string }{
		{input: `"2026-11-22T02:00:00Z"`, want: `"2026-11-22T02:00:00Z"`},
		{input: `"2026-11-22T03:00:00+01:00"`, want: `"2026-11-22T02:00:00Z"`},
		{input: `"2026-11-22T02:00:00.5Z"`, want: `"2026-11-22T02:00:00.5Z"`},
		{input: `"2026-11-22T02:00:00.123456789Z"`, want: `"2026-11-22T02:00:00.123456Z"`},
		{input: `null`, want: `null`},
	} {
		var got Time
		if err := json.Unmarshal([]byte(tc.input), &got); err != nil {
			t.Error(err)
		}
		if text, err := json.Marshal(got); err != nil || string(text) != tc.want {
			t.Errorf("%s: got %s, want %s (%v)", tc.input, text, tc.want, err)
		}
		if !got.IsZero() && got != NewTime(got.Time) {
			t.Errorf("%s: a time that was read differs from itself", tc.input)
		}
	}
	for _, input := range []string{`"yesterday"`, `"2026-11-22"`, `"2026-11-22 02:00:00"`, `"2026-02-30T02:00:00Z"`, `1763776800`, `""`} {
		var got Time
		if err := json.Unmarshal([]byte(input), &got); err == nil {
			t.Errorf("%s: got %s", input, got)
		}
	}
	if NewTimePtr(time.Time{}) != nil {
		t.Error("the zero time isn't nil")
	}
}

// FuzzDurationPattern: what the schemas say of a duration's form is what ParseDuration says, but for its size.
func FuzzDurationPattern(f *testing.F) {
	crd, err := os.ReadFile("../../config/crd/horae_jobs.yaml")
	if err != nil {
		f.Fatal(err)
	}
	found := regexp.MustCompile(`pattern: (\^\(0\|\(\[0-9\].*\$)`).FindSubmatch(crd)
	if found == nil {
		f.Fatal("the CRD has no pattern for durations")
	}
	pattern := regexp.MustCompile(string(found[1]))
	for _, seed := range []string{"90s", "1h30m", "1.5s", "0", "PT90S", "P1W2DT3H4M5.6S", "P1M", "P", "PT", "P1DT", "-1h", "+1h", "1.h", ".5h", "3µs", "3μs", "90", "1d", "PT1,5S", "0s\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if len(s) > 30 {
			return
		}
		_, err := ParseDuration(s)
		if match := pattern.MatchString(s); match && err != nil && !tooLong(s) {
			t.Errorf("%q matches the pattern but %v", s, err)
		} else if !match && err == nil && !odd(s) {
			t.Errorf("%q is a duration but doesn't match the pattern", s)
		}
	})
}

// tooLong: numbers may be out of range, or more precise than a nanosecond, in either form.
func tooLong(s string) bool {
	return regexp.MustCompile(`[0-9]{7}`).MatchString(s) || s == "P" || s[len(s)-1] == 'T'
}

// odd are forms that Go takes and nobody should write: a sign, no digits before the point, the other letter mu.
func odd(s string) bool { return regexp.MustCompile(`^[-+]|(^|[a-z])\.|μ`).MatchString(s) }
