package server

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "horae/api/v1"
	"horae/internal/store"
)

const calendarsPath = "/apis/horae/v1/namespaces/default/calendars"

func TestCalendars(t *testing.T) {
	f := start(t)
	const document = `{"apiVersion":"horae/v1","kind":"Calendar","metadata":{"name":"holidays"},"spec":{"description":"Days off\nin Hesse","dates":["--12-25"]}}`
	made := decode[v1.Calendar](t, f.want(201, f.do("POST", calendarsPath, document)))
	if made.Generation != 1 || made.UID == "" || made.Spec.Dates[0] != "--12-25" {
		t.Errorf("made %+v", made)
	}
	w := f.watch(calendarsPath + "?watch=true&resourceVersion=" + made.ResourceVersion)
	patched := decode[v1.Calendar](t, f.want(200, f.do("PATCH", calendarsPath+"/holidays", `{"spec":{"weekdays":["SUN"]}}`, "Content-Type", "application/merge-patch+json")))
	if patched.Generation != 2 || len(patched.Spec.Weekdays) != 1 {
		t.Errorf("patched %+v", patched)
	}
	w.expect("MODIFIED holidays")

	a := f.do("PATCH", calendarsPath+"/holidays", `{"spec":{"ics":"BEGIN:VCALENDAR"}}`, "Content-Type", "application/merge-patch+json")
	if f.want(422, a); a.status.Details.Causes[0].Field != "spec.ics" {
		t.Errorf("refused with %s", a.body)
	}
	a = f.do("POST", calendarsPath, `{"apiVersion":"horae/v1","kind":"Calendar","metadata":{"name":"other"},"spec":{"dates":["25.12."]}}`)
	if f.want(422, a); a.status.Details.Causes[0].Field != "spec.dates[0]" {
		t.Errorf("refused with %s", a.body)
	}

	key := store.CalendarKey("default", "holidays")
	seen := patched.DeepCopy()
	seen.Status = v1.CalendarStatus{
		Conditions: []metav1.Condition{{Type: v1.CalendarAccepted, Status: metav1.ConditionTrue, Reason: v1.ReasonValid}},
		Days:       53, NextDays: []string{"2026-11-22", "2026-11-29"},
	}
	write, err := store.PutStatus(key, seen)
	if err != nil {
		t.Fatal(err)
	}
	f.put(write.EtcdKey, string(write.Value))
	w.expect("MODIFIED holidays")
	table := decode[metav1.Table](t, f.want(200, f.do("GET", calendarsPath, "", "Accept", tableType)))
	if diff := cmp.Diff([]any{"holidays", "53", "2026-11-22", "<none>", "Accepted", "0s", "Days off"}, table.Rows[0].Cells); diff != "" {
		t.Errorf("cells (-want +got):\n%s", diff)
	}
	f.put("/horae/spec/calendars/default/broken", "kind: Calendar\napiVersion: horae/v1\nspec: {date: [2026-12-25]}\n")
	w.expect("ADDED broken")
	list := decode[v1.CalendarList](t, f.want(200, f.do("GET", calendarsPath, "")))
	if c := list.Items[0].Status.Conditions; len(c) != 1 || c[0].Status != metav1.ConditionFalse || c[0].Reason != v1.ReasonInvalid {
		t.Errorf("a broken one: %+v", list.Items[0])
	}
	f.want(200, f.do("DELETE", calendarsPath+"/holidays", ""))
	w.expect("DELETED holidays")
	if a := f.do("GET", calendarsPath+"/holidays", ""); a.code != 404 {
		t.Errorf("deleted: %s", fmt.Sprint(a.code))
	}
}
