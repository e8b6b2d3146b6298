package schedule

import (
	"testing"
	"time"
)

func TestParsedSchedulesAreKeptAndBounded(t *testing.T) {
	var c Cache
	ten := time.Date(2026, time.November, 22, 10, 0, 0, 0, time.UTC)
	eleven := ten.Add(time.Hour)
	get := func(job, expression string, since time.Time) *Schedule {
		s, err := c.Parse(Anchor{Expression: expression, TimeZone: "Etc/UTC", Since: since, HashKey: "default/" + job})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	if get("a", "0 2 * * *", ten) != get("b", "0 2 * * *", eleven) {
		t.Error("a plain cron expression is parsed once for each Job")
	}
	if get("a", "H 2 * * *", ten) == get("b", "H 2 * * *", ten) {
		t.Error("H is shared between Jobs")
	}
	if get("a", "R//PT1H", ten) == get("a", "R//PT1H", eleven) {
		t.Error("an anchored schedule is shared between anchors")
	}
	kept := get("a", "R//PT1H", ten)
	for i := range 3 * maxCached {
		get(time.Duration(i).String(), "R//PT1H", ten)
		if i%1000 == 0 && get("a", "R//PT1H", ten) != kept {
			t.Fatal("a schedule in use was dropped")
		}
	}
	if n := len(c.recent) + len(c.older); n > 2*maxCached {
		t.Errorf("%d schedules are kept", n)
	}
	if _, err := c.Parse(Anchor{Expression: "nonsense", TimeZone: "Etc/UTC"}); err == nil {
		t.Error("nonsense is parsed")
	}
}
