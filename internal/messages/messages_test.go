package messages

import (
	"testing"
	"time"
)

func TestInstant(t *testing.T) {
	zone := time.FixedZone("", 3600)
	for _, tt := range []struct {
		in   time.Time
		want string
	}{
		{in: time.Date(2026, 12, 1, 3, 0, 0, 0, zone), want: "2026-12-01T02:00:00Z"},
		{in: time.Date(2026, 12, 1, 2, 0, 0, 120_456_789, time.UTC), want: "2026-12-01T02:00:00.12Z"},
	} {
		if got := Instant(tt.in); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.in, got, tt.want)
		}
	}
}

func TestFirstLine(t *testing.T) {
	for in, want := range map[string]string{"": "", " \r\n\t one \t\r\ntwo": "one", "one": "one"} {
		if got := FirstLine(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestJoin(t *testing.T) {
	for in, want := range map[[2]string]string{{"a", "b"}: "a: b", {"", "b"}: "b", {"a", ""}: "a", {}: ""} {
		if got := Join(in[0], in[1]); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
