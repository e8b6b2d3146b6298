package store

import (
	"strings"
	"testing"

	v1 "horae/api/v1"
)

// TestAStatusThatCannotBe: numbers that no controller writes are an error of the object, which names the field.
func TestAStatusThatCannotBe(t *testing.T) {
	const end = `{"run":"a-1","outcome":"Succeeded","finishTime":"2026-11-22T02:00:00Z","revision":9}`
	for _, c := range []struct{ kind, status, path string }{
		{"Job", `{"occurrences":7,"completions":{"last":1,"ends":[` + end + `]},"parents":[{"job":"p","on":"Success","omitted":5}]}`, ""},
		{"Job", `{"completions":{"last":-1}}`, "status.completions.last: is -1"},
		{"Job", `{"completions":{"last":1,"ends":[` + end + "," + end + `]}}`, "status.completions.last: is 1, but 2 ends"},
		{"Job", `{"completions":{"last":9223372036854775807}}`, "status.completions.last"},
		{"Job", `{"completions":{"last":4611686018427387904}}`, "status.completions.last"},
		{"Job", `{"parents":[{"job":"p","on":"Success"},{"job":"q","on":"Success","omitted":-5}]}`, "status.parents[1].omitted: is -5"},
		{"Job", `{"parents":[{"job":"p","on":"Success","seen":-1}]}`, "status.parents[0].seen"},
		{"Job", `{"parents":[{"job":"p","on":"Success","consumed":-1}]}`, "status.parents[0].consumed"},
		{"Job", `{"occurrences":-1}`, "status.occurrences"},
		{"Job", `{"missed":-1}`, "status.missed"},
		{"Job", `{"skipped":-1}`, "status.skipped"},
		{"Job", `{"activeCount":-1}`, "status.activeCount"},
		{"Job", `{"succeeded":-1}`, "status.succeeded"},
		{"Job", `{"failed":-1}`, "status.failed"},
		{"Job", `{"consecutiveFailures":-1}`, "status.consecutiveFailures"},
		{"Job", `{"notRun":[{"scheduledTime":"2026-11-22T02:00:00Z","count":-1,"outcome":"Missed","reason":"X"}]}`, "status.notRun[0].count"},
		{"Backfill", `{"total":3,"done":1}`, ""},
		{"Backfill", `{"jobUID":"u","schedule":{"expression":"0 * * * *","since":"2026-11-22T02:00:00Z"}}`, ""},
		{"Backfill", `{"jobUID":"u"}`, "status.schedule: is missing"},
		{"Backfill", `{"total":-1}`, "status.total"},
		{"Backfill", `{"done":-1}`, "status.done"},
	} {
		doc := []byte(`{"apiVersion":"horae/v1","kind":"` + c.kind + `","metadata":{},"status":` + c.status + `}`)
		var err error
		if c.kind == "Job" {
			err = NewEntry[v1.Job](JobKey("ns", "a"), nil, &KeyValue{Value: doc, ModRevision: 1}).StatusErr()
		} else {
			err = NewEntry[v1.Backfill](BackfillKey("ns", "a"), nil, &KeyValue{Value: doc, ModRevision: 1}).StatusErr()
		}
		switch {
		case c.path == "" && err != nil:
			t.Errorf("%s: %v", c.status, err)
		case c.path != "" && (err == nil || !strings.Contains(err.Error(), c.path)):
			t.Errorf("%s: error %v, want one about %q", c.status, err, c.path)
		}
	}
}
