package cli

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/jsonmergepatch"
	"pgregory.net/rapid"
)

// largeCalendar is a manifest of about 1/6 KiB for each day off; a short description comes with it unless it is empty.
func largeCalendar(days int, description string) string {
	var ics strings.Builder
	ics.WriteString("BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//example//EN\n")
	for i := range days {
		day := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, 3*i)
		fmt.Fprintf(&ics, "BEGIN:VEVENT\nUID:day-%d@example.org\nDTSTAMP:20260101T000000Z\nDTSTART;VALUE=DATE:%s\nDTEND;VALUE=DATE:%s\n"+
			"SUMMARY:A day off, number %d\nEND:VEVENT\n", i, day.Format("20060102"), day.AddDate(0, 0, 1).Format("20060102"), i)
	}
	ics.WriteString("END:VCALENDAR\n")
	spec := map[string]string{"ics": ics.String()}
	if description != "" {
		spec["description"] = description
	}
	out, err := json.Marshal(map[string]any{
		"apiVersion": "horae/v1", "kind": "Calendar", "metadata": map[string]any{"name": "large"}, "spec": spec,
	})
	if err != nil {
		panic(err)
	}
	return string(out)
}

// TestApplyALargeObject: an object may have 1 MiB, and its annotations 256 KiB. The annotation of apply must not take either.
func TestApplyALargeObject(t *testing.T) {
	h := build(t)
	for _, days := range []int{1800, 5900} {
		manifest := largeCalendar(days, "days off")
		t.Logf("%d days are %d KiB", days, len(manifest)>>10)
		if r := h.apply(manifest); r.code != 0 {
			t.Fatalf("%d days: exit %d\n%s%s", days, r.code, r.out, r.err)
		}
		if r := h.apply(manifest); r.out != "calendar.horae/large unchanged\n" || r.err != "" {
			t.Errorf("again: %+v", r)
		}
		if r := h.apply(largeCalendar(days+1, "")); r.out != "calendar.horae/large configured\n" || r.err != "" {
			t.Errorf("with a day more, without the description: %+v", r)
		}
		if c := h.cache.Calendar("default", "large").Object; c.Spec.Description != "" {
			t.Errorf("what the file does not say any more is still there: %q", c.Spec.Description)
		}
	}
	if r := h.apply(hello[:strings.Index(hello, "spec:")] + "  annotations: {note: " + strings.Repeat("x", 200<<10) + "}\n" + hello[strings.Index(hello, "spec:"):]); r.code != 0 {
		t.Errorf("an annotation of 200 KiB: %s", r.err)
	}
}

// TestOutlineProperty: with the outline of what was applied, the three-way merge comes to the same patch.
func TestOutlineProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		original, modified, current := object(t, 3), object(t, 3), object(t, 3)
		merge := func(original any) string {
			patch, err := jsonmergepatch.CreateThreeWayJSONMergePatch(encode(t, original), encode(t, modified), encode(t, current))
			if err != nil {
				return err.Error()
			}
			return string(patch)
		}
		if whole, short := merge(original), merge(outline(original)); whole != short {
			t.Fatalf("with the whole object %s, with its outline %s", whole, short)
		}
	})
}

func object(t *rapid.T, depth int) map[string]any {
	out := map[string]any{}
	for _, key := range rapid.SliceOfDistinct(rapid.SampledFrom([]string{"a", "b", "c"}), rapid.ID).Draw(t, "keys") {
		kinds := []string{"short", "long", "number", "list", "object"}
		if depth == 0 {
			kinds = kinds[:4]
		}
		switch rapid.SampledFrom(kinds).Draw(t, "kind") {
		case "short":
			out[key] = rapid.SampledFrom([]string{"x", "y"}).Draw(t, "text")
		case "long":
			out[key] = strings.Repeat(rapid.SampledFrom([]string{"x", "y"}).Draw(t, "text"), 100)
		case "number":
			out[key] = rapid.IntRange(0, 1).Draw(t, "number")
		case "list":
			out[key] = []any{object(t, 0)}
		case "object":
			out[key] = object(t, depth-1)
		}
	}
	return out
}

func encode(t *rapid.T, v any) []byte {
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
