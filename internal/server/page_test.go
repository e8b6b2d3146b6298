package server

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "horae/api/v1"
)

// The pages of a list are of one revision, whatever happens between them, and of whichever manager they are asked for.
func TestListsInPages(t *testing.T) {
	f := start(t)
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		f.createJob(name)
	}
	f.patchJob("c", `{"metadata":{"labels":{"team":"x"}}}`)
	g := f.another(nil)
	ask := func(f *fixture, query string) *v1.JobList {
		t.Helper()
		return decode[v1.JobList](t, f.want(200, f.do("GET", jobsPath+"?"+query, "")))
	}
	names := func(l *v1.JobList) string {
		var list []string
		for i := range l.Items {
			list = append(list, l.Items[i].Name)
		}
		return strings.Join(list, " ")
	}
	first := ask(f, "limit=2")
	if names(first) != "a b" || first.Continue == "" || first.RemainingItemCount == nil || *first.RemainingItemCount != 3 {
		t.Fatalf("first page: %s %+v", names(first), first.ListMeta)
	}
	f.want(200, f.do("DELETE", jobsPath+"/c", ""))
	f.patchJob("d", `{"spec":{"suspend":true}}`)
	f.createJob("bb")
	g.seen(f.cache.Revision())
	second := ask(g, "limit=2&continue="+url.QueryEscape(first.Continue))
	if names(second) != "c d" || second.ResourceVersion != first.ResourceVersion || second.Items[1].Spec.Suspend || *second.RemainingItemCount != 1 {
		t.Errorf("second page: %s %+v", names(second), second.ListMeta)
	}
	last := ask(f, "limit=2&continue="+url.QueryEscape(second.Continue))
	if names(last) != "e" || last.Continue != "" || last.RemainingItemCount != nil || last.ResourceVersion != first.ResourceVersion {
		t.Errorf("last page: %s %+v", names(last), last.ListMeta)
	}
	if rest := ask(f, "continue="+url.QueryEscape(first.Continue)); names(rest) != "c d e" {
		t.Errorf("all that is left: %s", names(rest))
	}
	if exact := ask(f, "resourceVersionMatch=Exact&resourceVersion="+first.ResourceVersion); names(exact) != "a b c d e" || exact.ResourceVersion != first.ResourceVersion {
		t.Errorf("as of the past: %s", names(exact))
	}
	if now := ask(f, "limit=10"); names(now) != "a b bb d e" || now.Continue != "" {
		t.Errorf("now: %s", names(now))
	}
	selected := ask(f, "limit=1&labelSelector=team%3Dx&resourceVersionMatch=Exact&resourceVersion="+first.ResourceVersion)
	if names(selected) != "c" || selected.Continue != "" {
		t.Errorf("selected: %s %+v", names(selected), selected.ListMeta)
	}
	table := decode[metav1.Table](t, f.want(200, f.do("GET", jobsPath+"?limit=2", "", "Accept", tableType)))
	if len(table.Rows) != 2 || table.Continue == "" {
		t.Errorf("as a table: %+v", table.ListMeta)
	}
	if text := string(f.want(200, f.do("GET", jobsPath+"?limit=2", "", "Accept", yamlType)).body); !strings.Contains(text, "\n  continue: ") {
		t.Errorf("as YAML: %s", text)
	}
	for _, query := range []string{"continue=e30", "continue=" + first.Continue + "&resourceVersion=5", "limit=-1"} {
		f.want(400, f.do("GET", jobsPath+"?"+query, ""))
	}
	for i := range 70 { // the ring of the tests keeps 64 events
		f.patchJob("a", fmt.Sprintf(`{"metadata":{"annotations":{"n":"%d"}}}`, i))
	}
	if gone := f.do("GET", jobsPath+"?limit=2&continue="+url.QueryEscape(first.Continue), ""); gone.code != 410 || gone.status.Reason != metav1.StatusReasonExpired {
		t.Errorf("too late: %d %s", gone.code, gone.body)
	}
}
