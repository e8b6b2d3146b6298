package calendar

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "horae/api/v1"
	"horae/internal/store"
)

var now = time.Date(2026, 11, 22, 18, 0, 0, 0, time.UTC) // a Sunday

func entry(spec v1.CalendarSpec) *store.Calendar {
	return &store.Calendar{
		Key: store.CalendarKey("default", "holidays"), Rev: store.Revisions{SpecCreate: 5, SpecMod: 6, SpecVersion: 2},
		Object: &v1.Calendar{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "holidays"}, Spec: spec},
	}
}

func TestPlan(t *testing.T) {
	for _, tc := range []struct {
		name    string
		spec    v1.CalendarSpec
		err     error
		days    int32
		next    string
		last    string
		message string // of Accepted=False
		after   time.Duration
	}{
		{name: "dates, some of them past", spec: v1.CalendarSpec{Dates: []string{"2026-11-21/2026-11-23", "2027-05-01", "2028-01-01"}},
			days: 3, next: "2026-11-22 2026-11-23 2027-05-01 2028-01-01", last: "2028-01-01", after: 6 * time.Hour},
		{name: "weekends", spec: v1.CalendarSpec{Weekdays: []v1.Weekday{"SAT", "SUN"}}, days: 105,
			next: "2026-11-22 2026-11-28 2026-11-29 2026-12-05 2026-12-06", after: 6 * time.Hour},
		{name: "all over", spec: v1.CalendarSpec{Dates: []string{"2026-11-21"}}, last: "2026-11-21", after: 6 * time.Hour},
		{name: "not valid", spec: v1.CalendarSpec{Weekdays: []v1.Weekday{"Sunday"}}, message: `spec.weekdays[0]: Unsupported value: "Sunday"`},
		{name: "an event with a time of day", spec: v1.CalendarSpec{ICS: "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20261225T090000Z\nEND:VEVENT\nEND:VCALENDAR"},
			message: `spec.ics: Invalid value: line 3: DTSTART "20261225T090000Z" has a time of day`},
		{name: "not to be decoded", err: errors.New("spec.dates: must be a list"), message: "spec.dates: must be a list"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e := entry(tc.spec)
			e.Err = tc.err
			d := Plan(e, now)
			s := d.Status
			if !d.WriteStatus || d.DeleteStatus || d.After != tc.after || s.ObservedGeneration != 2 {
				t.Errorf("got %+v", d)
			}
			if s.Days != tc.days || strings.Join(s.NextDays, " ") != tc.next || s.LastDay != tc.last {
				t.Errorf("%d days, next %v, last %s", s.Days, s.NextDays, s.LastDay)
			}
			c := s.Conditions[0]
			if ok := c.Status == metav1.ConditionTrue; ok != (tc.message == "") || !strings.HasPrefix(c.Message, tc.message) {
				t.Errorf("condition %+v", c)
			}
			if !d.Created.Time.Equal(now) {
				t.Errorf("created %v", d.Created)
			}
			// Once it is written there is nothing to do.
			e.Object.Status, e.Rev.StatusMod = s, 7
			if again := Plan(e, now.Add(time.Minute)); again.WriteStatus || (tc.after > 0 && again.After != tc.after-time.Minute) {
				t.Errorf("planned again: %+v", again)
			}
		})
	}
}

func TestPlanOfWhatIsGone(t *testing.T) {
	if d := Plan(nil, now); !reflect.DeepEqual(d, Decision{}) {
		t.Errorf("of nothing: %+v", d)
	}
	e := entry(v1.CalendarSpec{})
	e.Rev = store.Revisions{StatusMod: 9}
	if d := Plan(e, now); !d.DeleteStatus || d.WriteStatus {
		t.Errorf("of a status that was left: %+v", d)
	}
}

func TestANewDayIsWritten(t *testing.T) {
	e := entry(v1.CalendarSpec{Dates: []string{"2026-11-22", "2026-12-24"}})
	first := Plan(e, now)
	e.Object.Status, e.Rev.StatusMod = first.Status, 7
	next := Plan(e, now.Add(first.After))
	if diff := cmp.Diff([]string{"2026-12-24"}, next.Status.NextDays); diff != "" || !next.WriteStatus || next.After != 24*time.Hour {
		t.Errorf("got %+v", next)
	}
	if !next.Status.Conditions[0].LastTransitionTime.Time.Equal(now) {
		t.Error("Accepted has not changed, its time has")
	}
}
