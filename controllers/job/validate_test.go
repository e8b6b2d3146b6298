package job

import (
	"strings"
	"testing"

	v1 "horae/api/v1"
)

func TestWarningsNameWhatIsPerhapsNotMeant(t *testing.T) {
	for _, tc := range []struct{ schedule, zone, want string }{
		{schedule: "0 2 * * *"},
		{schedule: ""},
		{schedule: "0 3 1-7 * */7", want: "spec.schedule: "},
		{schedule: "R/2026-01-01T00:00:00+05:00/P1D", zone: "Europe/Berlin", want: "spec.schedule: "},
	} {
		j := &v1.Job{}
		j.Spec.Schedule, j.Spec.TimeZone = tc.schedule, tc.zone
		v1.SetDefaultsJob(j)
		got := strings.Join(Warnings(j), "\n")
		if (got == "") != (tc.want == "") || !strings.HasPrefix(got, tc.want) {
			t.Errorf("%q in %q: %q, want %q", tc.schedule, tc.zone, got, tc.want)
		}
	}
}
