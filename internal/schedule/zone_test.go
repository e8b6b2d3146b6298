package schedule

import (
	"testing"
	"time"
)

func TestLoadLocation(t *testing.T) {
	tests := []struct{ name, zone, want string }{
		{"unknown", "Nope/Zone", `time zone "Nope/Zone": is not in the IANA time zone database, such as Europe/Berlin`},
		{"the machine's own", "Local", `time zone "Local": depends on the machine; must be an IANA time zone, such as Europe/Berlin`},
		{"three letters in the database", "EST", `time zone "EST": three-letter time zones are ambiguous; write the IANA time zone, probably America/New_York, or Etc/GMT+5 without daylight saving`},
		{"three letters of Java", "PST", `time zone "PST": three-letter time zones are ambiguous; write the IANA time zone, probably America/Los_Angeles, or Asia/Manila`},
		{"three letters, small", "pst", `time zone "pst": is not in the IANA time zone database; probably America/Los_Angeles, or Asia/Manila`},
		{"four letters", "CEST", `time zone "CEST": is not in the IANA time zone database; probably Europe/Berlin`},
		{"small letters", "europe/berlin", `time zone "europe/berlin": is not in the IANA time zone database; write "Europe/Berlin"`},
		{"a space", "America/New York", `time zone "America/New York": is not in the IANA time zone database; write "America/New_York"`},
		{"small utc", "utc", `time zone "utc": is not in the IANA time zone database; write "UTC"`},
		{"an offset", "UTC+2", `time zone "UTC+2": is not in the IANA time zone database; a fixed offset is written Etc/GMT-2 (two hours east of Greenwich: the sign is reversed there)`},
		{"leap seconds", "right/Europe/Berlin", `time zone "right/Europe/Berlin": must be the IANA name: "Europe/Berlin"`},
		{"outside of the database", "../../etc/passwd", `time zone "../../etc/passwd": is not in the IANA time zone database, such as Europe/Berlin`},
		{"not ASCII", "İstanbul/É", `time zone "İstanbul/É": is not in the IANA time zone database, such as Europe/Berlin`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if _, err := LoadLocation(test.zone); err == nil || err.Error() != test.want {
				t.Errorf("LoadLocation(%q)\n got %v\nwant %s", test.zone, err, test.want)
			}
		})
	}
	loc, err := LoadLocation("")
	if err != nil || loc.String() != "Etc/UTC" {
		t.Errorf(`LoadLocation("") is %v, %v; want Etc/UTC`, loc, err)
	}
	if again, _ := LoadLocation(""); again != loc {
		t.Error("the same zone was loaded twice")
	}
}

func TestALocationThatWasLoadedElsewhereWorks(t *testing.T) {
	loc, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	s, err := Parse("0 2 * * *", Options{Location: loc})
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := s.Next(utc(t, "2026-07-01T12:00:00Z")); !got.Equal(utc(t, "2026-07-02T00:00:00Z")) {
		t.Errorf("next is %v", got)
	}
}
