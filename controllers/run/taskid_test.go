package run

import (
	"testing"

	"pgregory.net/rapid"
)

func TestTaskIDText(t *testing.T) {
	id := TaskID{Namespace: "default", Run: "camus-20261122t020000z", Incarnation: 4711, Attempt: 2}
	if got, want := id.String(), "default.camus-20261122t020000z.4711.2"; got != want {
		t.Errorf("id = %q, want %q", got, want)
	}
}

func TestParseTaskIDRefusesWhatIsNotOurs(t *testing.T) {
	for name, text := range map[string]string{
		"empty":                       "",
		"another framework's":         "app.ab3d",
		"Chronos's":                   "ct:1420843781398:0:sample-name:",
		"no attempt":                  "default.run.12",
		"one part too many":           "default.run.12.1.1",
		"attempt zero":                "default.run.12.0",
		"negative attempt":            "default.run.12.-1",
		"leading zero":                "default.run.012.1",
		"plus sign":                   "default.run.+12.1",
		"no namespace":                ".run.12.1",
		"no run":                      "default..12.1",
		"attempt beyond any integer":  "default.run.12.99999999999999999999",
		"revision beyond any integer": "default.run.99999999999999999999.1",
	} {
		t.Run(name, func(t *testing.T) {
			if id, ok := ParseTaskID(text); ok {
				t.Errorf("%q was read as %+v", text, id)
			}
		})
	}
}

// TestI4TaskIDsAreDistinctAndReadBack: different attempts have different ids, and each id says which attempt it is.
func TestI4TaskIDsAreDistinctAndReadBack(t *testing.T) {
	name := rapid.StringMatching(`[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?`)
	gen := rapid.Custom(func(t *rapid.T) TaskID {
		return TaskID{
			Namespace: name.Draw(t, "namespace"), Run: name.Draw(t, "run"),
			Incarnation: rapid.Int64Range(1, 1<<62).Draw(t, "incarnation"), Attempt: rapid.IntRange(1, 1<<30).Draw(t, "attempt"),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := gen.Draw(t, "a"), gen.Draw(t, "b")
		if got, ok := ParseTaskID(a.String()); !ok || got != a {
			t.Fatalf("%q was read as %+v, %v", a.String(), got, ok)
		}
		if (a == b) != (a.String() == b.String()) {
			t.Fatalf("%+v and %+v share the id %q", a, b, a.String())
		}
	})
}

func FuzzParseTaskID(f *testing.F) {
	for _, seed := range []string{"default.run.12.1", "a.b.c.d", "....", "default.run.12.01", "a.b.9223372036854775807.1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if id, ok := ParseTaskID(s); ok && id.String() != s {
			t.Errorf("%q was read as %+v, whose text is %q", s, id, id.String())
		}
	})
}
