package cli

import (
	"context"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	v1 "horae/api/v1"
	"horae/internal/store"
)

// column is where a text begins in a line of a table; -1 when it is not in it.
func column(table, line, text string) int {
	for l := range strings.Lines(table) {
		if strings.HasPrefix(l, line+" ") {
			return strings.Index(l, text)
		}
	}
	return -1
}

func TestTablesAreAligned(t *testing.T) {
	h := build(t)
	h.apply(strings.Replace(hello, "0 2 * * *", `0\t2 * * *`, 1))
	got := h.ok("get jobs")
	if head, row := column(got, "NAME", "TIMEZONE"), column(got, "hello", "Europe/Berlin"); head < 0 || head != row {
		t.Errorf("a schedule with a tab: TIMEZONE at %d and %d in\n%s", head, row, got)
	}
	if got := h.ok("describe job hello"); !strings.Contains(got, " 0 2 * * *\n") {
		t.Errorf("its description:\n%s", got)
	}
	c := h.start("get jobs -w")
	c.out.wait(t, "hello")
	h.apply(strings.Replace(hello, "name: hello", "name: abc", 1))
	c.out.wait(t, "abc")
	got = c.out.String()
	if head, row := column(got, "NAME", "TIMEZONE"), column(got, "abc", "Europe/Berlin"); head < 0 || head != row {
		t.Errorf("a row of a watch: TIMEZONE at %d and %d in\n%s", head, row, got)
	}
}

func TestSortByGoesWithEachForm(t *testing.T) {
	h := build(t)
	for name, shell := range map[string]string{"a": "echo 3", "b": "echo 1", "c": "echo 2"} {
		h.apply(strings.Replace(strings.Replace(hello, "name: hello", "name: "+name, 1), "echo hello", shell, 1))
	}
	const order = "b c a"
	for _, form := range []string{"-o name", "-o yaml", "-o json", "-o jsonpath={.items[*].metadata.name}", ""} {
		got := h.ok("get jobs --sort-by .spec.task.shell --show-labels=false " + form)
		var names []string
		for _, word := range strings.FieldsFunc(got, func(r rune) bool { return strings.ContainsRune(" \n\",", r) }) {
			if word = strings.TrimPrefix(word, "job.horae/"); len(word) == 1 && strings.Contains("abc", word) {
				names = append(names, word)
			}
		}
		if got := strings.Join(slices.Compact(names), " "); got != order {
			t.Errorf("%s: %s, want %s", form, got, order)
		}
	}
	if r := h.run("get jobs -o name --sort-by {"); r.code != ExitUsage {
		t.Errorf("a field that is none: %+v", r)
	}
}

func TestDeleteAllOfWhatOthersDeleteToo(t *testing.T) {
	h := build(t)
	h.apply(hello)
	h.apply(strings.Replace(hello, "name: hello", "name: other", 1))
	others := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodDelete {
			req, _ := http.NewRequestWithContext(context.WithoutCancel(r.Context()), http.MethodDelete, h.url+r.URL.Path, nil)
			if resp, err := http.DefaultClient.Do(req); err == nil {
				_ = resp.Body.Close()
			}
			http.DefaultClient.CloseIdleConnections()
		}
		http.Redirect(w, r, h.url+r.URL.String(), http.StatusTemporaryRedirect)
	}))
	defer others.Close()
	h.env["HORAE_SERVER"] = others.URL
	if r := h.run("delete jobs --all"); r.code != 0 || r.err != "" || len(h.cache.Jobs("")) != 0 {
		t.Errorf("selected: %+v", r)
	}
	h.apply(hello)
	if r := h.run("delete job hello"); r.code != ExitFailed || !strings.Contains(r.err, "not found") {
		t.Errorf("named: %+v", r)
	}
}

func TestTriggerInAFormPrintsNothingElse(t *testing.T) {
	h := build(t)
	h.apply(hello)
	done := h.whenRun(firstRun, phaseWith(v1.RunSucceeded, attempt("1", v1.RunSucceeded, 0)))
	r := h.run("trigger hello -o name --wait")
	<-done
	if r.code != 0 || r.out != "run.horae/"+firstRun+"\n" || r.err != "run.horae/"+firstRun+" Succeeded after 1.5s\n" {
		t.Errorf("%+v", r)
	}
	if r := h.run("trigger hello -o nome"); r.code != ExitUsage || len(h.cache.Runs("")) != 1 {
		t.Errorf("a form that there is not, and %d Runs: %+v", len(h.cache.Runs("")), r)
	}
}

func TestFilesOfComments(t *testing.T) {
	h := build(t)
	h.file("dir/comments.yaml", "# nothing yet\n---\n")
	h.file("dir/hello.yaml", hello)
	h.file("none/comments.yaml", "# nothing yet\n")
	dir := h.env["HOME"]
	if r := h.run("apply -f " + filepath.Join(dir, "dir")); r.code != 0 || r.out != "job.horae/hello created\n" || r.err != "" {
		t.Errorf("one of a directory: %+v", r)
	}
	for _, path := range []string{filepath.Join(dir, "dir/comments.yaml"), filepath.Join(dir, "none")} {
		if r := h.run("apply -f " + path); r.code != ExitFailed || !strings.Contains(r.err, path+": error: no objects in it") {
			t.Errorf("%s: %+v", path, r)
		}
	}
}

func TestHelp(t *testing.T) {
	h := build(t)
	for _, line := range []string{"help nope", "help get nope"} {
		if r := h.run(line); r.code != ExitUsage || r.out != "" || r.err != "error: there is no command \"nope\": see horae help\n" {
			t.Errorf("horae %s: %+v", line, r)
		}
	}
	if got, want := h.ok("help get"), h.ok("get --help"); got != want {
		t.Errorf("help get:\n%s\nget --help:\n%s", got, want)
	}
	if got, want := h.ok("help"), h.ok("--help"); got != want {
		t.Errorf("help:\n%s\n--help:\n%s", got, want)
	}
	if got := h.ok("__complete help de"); !strings.HasPrefix(got, "delete\t") || !strings.Contains(got, "\ndescribe\t") {
		t.Errorf("completion: %q", got)
	}
}

func TestAMessageOfSeveralLines(t *testing.T) {
	h := build(t)
	h.apply(hello)
	h.ok("trigger hello")
	h.setRun(firstRun, func(s *v1.RunStatus) {
		phaseWith(v1.RunFailed, attempt("1", v1.RunFailed, 1))(s)
		s.Attempts[0].Message = "Memory limit exceeded\n\nstatistics:\nanon 1"
	})
	got := h.ok("describe run " + firstRun)
	for _, want := range []string{" Memory limit exceeded\nTask 1:", "Message 1:  Memory limit exceeded\n            \n            statistics:\n            anon 1\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}

// TestDescribeOfASpecThatAnotherToolBroke: of a spec that cannot be read, nothing is known, not that there is no schedule.
func TestDescribeOfASpecThatAnotherToolBroke(t *testing.T) {
	h := build(t)
	key := store.JobKey("default", "broken")
	rev, err := h.store.Apply(t.Context(), store.Change{Writes: []store.Write{{
		EtcdKey: key.Spec(), Value: []byte("apiVersion: horae/v1\nkind: Job\nmetadata: {name: broken}\nspec: {schedule: [1]}\n"),
	}}})
	if err == nil {
		err = h.cache.WaitFor(t.Context(), rev)
	}
	if err != nil {
		t.Fatal(err)
	}
	got := h.ok("describe job broken")
	if strings.Contains(got, "triggered") || !strings.Contains(got, "unknown: the spec is not valid, see Conditions\n") || !strings.Contains(got, "spec.schedule") {
		t.Errorf("got\n%s", got)
	}
}

// TestDescribeLeavesOutDaysOff: the server knows the Calendars, so its next times are shown.
func TestDescribeLeavesOutDaysOff(t *testing.T) {
	h := build(t)
	if r := h.apply("apiVersion: horae/v1\nkind: Calendar\nmetadata: {name: off}\nspec: {dates: ['2026-11-24']}\n"); r.code != 0 {
		t.Fatalf("%+v", r)
	}
	if r := h.apply(strings.Replace(hello, "  task:", "  calendars: {exclude: [off]}\n  task:", 1)); r.code != 0 {
		t.Fatalf("%+v", r)
	}
	h.setJob("hello", func(s *v1.JobStatus) {
		s.NextScheduleTime = v1.NewTimePtr(time.Date(2026, 11, 23, 1, 0, 0, 0, time.UTC))
	})
	got := h.ok("describe job hello")
	for day, want := range map[string]bool{"23": true, "24": false, "25": true, "26": true, "27": true, "28": true, "29": false} {
		if strings.Contains(got, "2026-11-"+day+"T01:00:00Z") != want {
			t.Errorf("day %s is shown: %t, want %t", day, !want, want)
		}
	}
}

// TestAServerWithoutRoomIsAskedAgain: 429 says that nothing was done.
func TestAServerWithoutRoomIsAskedAgain(t *testing.T) {
	h := build(t)
	var asked atomic.Int32
	busy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1)%3 != 0 {
			w.Header().Set("Retry-After", "0")
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		http.Redirect(w, r, h.url+r.URL.String(), http.StatusTemporaryRedirect)
	}))
	defer busy.Close()
	server := h.env["HORAE_SERVER"]
	h.env["HORAE_SERVER"] = busy.URL
	h.apply(hello)
	if r := h.run("get jobs -o name"); r.code != 0 || r.out != "job.horae/hello\n" {
		t.Errorf("%+v", r)
	}
	h.env["HORAE_SERVER"] = server
}
