package schedule

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestHashIsTheSameForEver(t *testing.T) {
	tests := []struct{ name, key, schedule, want string }{
		{"minute", "default/backup", "H 0 1 1 *", "0 4 0 1 1 0to6"},
		{"all fields", "default/backup", "H H H H H H", "50 4 14 24 10 0"},
		{"another name", "default/backup2", "H H H H H H", "10 59 2 15 2 6"},
		{"another namespace", "default2/backup", "H H H H H H", "32 25 11 17 5 0"},
		{"range", "data/camus-kafka2hdfs", "H(0-29) H(2-5) H(10-20) * H(1-5)", "0 6 2 12 1to12 1"},
		{"steps", "data/camus-kafka2hdfs", "H/15 H(8-17)/3 H/10 1 *", "0 3,18,33and48 8,11,14and17 2,12and22 1 0to6"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s, err := Parse(test.schedule, Options{HashKey: test.key})
			if err != nil {
				t.Fatal(err)
			}
			c := s.crons[0]
			var fields []string
			for _, mask := range []uint64{c.second, c.minute, uint64(c.hour), uint64(c.dom), uint64(c.months), uint64(c.dow)} {
				fields = append(fields, strings.ReplaceAll(ranges(mask, strconv.Itoa), " ", ""))
			}
			if got := strings.Join(fields, " "); got != test.want {
				t.Errorf("%s for %s is %q, want %q", test.schedule, test.key, got, test.want)
			}
		})
	}
}

// The bound is of chi-squared: for n buckets its mean is n-1 and its variance 2(n-1). The names are fixed, so that the test
// either always passes or never does.
func TestHashSpreadsEvenly(t *testing.T) {
	names := map[string]func(i int) string{
		"numbered":         func(i int) string { return fmt.Sprintf("default/job-%d", i) },
		"padded":           func(i int) string { return fmt.Sprintf("default/report-%06d", i) },
		"many namespaces":  func(i int) string { return fmt.Sprintf("team-%d/backup", i) },
		"one letter apart": func(i int) string { return fmt.Sprintf("n/%c%c%cx", 'a'+i%26, 'a'+i/26%26, 'a'+i/676) },
	}
	for name, key := range names {
		for _, field := range fieldSpecs {
			for _, size := range []int{field.hashTop - field.min + 1, 5, 2} {
				const jobs = 12000
				buckets := make([]int, size)
				for i := range jobs {
					buckets[hashOf(key(i), field.name, size)]++
				}
				chi, want := 0.0, float64(jobs)/float64(size)
				for _, n := range buckets {
					chi += (float64(n) - want) * (float64(n) - want) / want
				}
				if mean := float64(size - 1); chi > mean+5*2*mean+5 {
					t.Errorf("%s, %s: %d values are spread with chi-squared %.0f", name, field.name, size, chi)
				}
			}
		}
	}
}

func TestHashIsIndependentInMinuteAndHour(t *testing.T) {
	const jobs = 24 * 60 * 10
	var perSlot [24][60]int
	for i := range jobs {
		key := fmt.Sprintf("default/job-%d", i)
		perSlot[hashOf(key, "hour", 24)][hashOf(key, "minute", 60)]++
	}
	chi := 0.0
	for _, hour := range perSlot {
		for _, n := range hour {
			chi += float64((n-10)*(n-10)) / 10
		}
	}
	if chi > 1439+5*54 { // mean and five standard deviations
		t.Errorf("times of the day are spread with chi-squared %.0f", chi)
	}
}

func TestHashStaysInItsRange(t *testing.T) {
	for i := range 2000 {
		o := Options{HashKey: fmt.Sprintf("default/job-%d", i)}
		s, err := Parse("H(0-29)/10 H(2-5) H H H", o)
		if err != nil {
			t.Fatal(err)
		}
		at, _ := s.Next(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
		if m, h := at.Minute(), at.Hour(); m > 9 || h < 2 || h > 5 {
			t.Fatalf("%s: %v", o.HashKey, at)
		}
		if n := s.Count(at, at.AddDate(10, 0, 0)); n == 0 {
			t.Errorf("%s never fires again", o.HashKey)
		}
	}
}
