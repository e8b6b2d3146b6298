package server

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
)

// maxAnswer to a request that is refused for one mistake, however long what it is about.
const maxAnswer = 8 << 10

// TestAnswersDoNotRepeatLongInput sends something long to everything that parses: what was sent comes back shortened.
func TestAnswersDoNotRepeatLongInput(t *testing.T) {
	f := start(t)
	f.createJob("a")
	for _, long := range []string{strings.Repeat("x", 20_000), strings.Repeat("1,", 10_000), strings.Repeat("\u00e4\\\"", 5_000), strings.Repeat("a=b;", 5_000)} {
		text, err := json.Marshal(long)
		if err != nil {
			t.Fatal(err)
		}
		q := string(text)
		job := func(spec string) string {
			return `{"apiVersion":"horae/v1","kind":"Job","metadata":{"name":"b"},"spec":{"task":{"shell":"true"},` + spec + `}}`
		}
		task := func(fields string) string {
			return `{"apiVersion":"horae/v1","kind":"Job","metadata":{"name":"b"},"spec":{"task":{"shell":"true",` + fields + `}}}`
		}
		calendar := func(spec string) string {
			return `{"apiVersion":"horae/v1","kind":"Calendar","metadata":{"name":"b"},"spec":{` + spec + `}}`
		}
		ics := func(line string) string {
			doc, _ := json.Marshal("BEGIN:VCALENDAR\nVERSION:2.0\nBEGIN:VEVENT\nUID:a\nDTSTART;VALUE=DATE:20260101\n" + line + "\nEND:VEVENT\nEND:VCALENDAR\n")
			return calendar(`"ics":` + string(doc))
		}
		for name, body := range map[string]string{
			"schedule": job(`"schedule":` + q), "ISO schedule": job(`"schedule":"R/` + q[1:]), "cron fields": job(`"schedule":"* * * * ` + q[1:]),
			"time zone": job(`"schedule":"* * * * *","timeZone":` + q), "jitter": job(`"jitter":` + q), "timeout": job(`"timeout":` + q),
			"policy": job(`"concurrencyPolicy":` + q), "missed": job(`"missedRuns":` + q), "unknown field": job(q + `:1`),
			"calendars": job(`"calendars":{"exclude":[` + q + `]}`), "on excluded": job(`"calendars":{"onExcluded":` + q + `}`),
			"depends on": job(`"dependsOn":[{"job":` + q + `}]`), "suspend": job(`"suspend":` + q),
			"cpus": task(`"resources":{"cpus":` + q + `}`), "memory": task(`"resources":{"memory":` + q + `}`),
			"env": task(`"env":[{"name":` + q + `}]`), "user": task(`"user":` + q), "container": task(`"container":{"type":` + q + `}`),
			"image": task(`"container":{"image":` + q + `}`), "fetch": task(`"fetch":[{"uri":` + q + `}]`),
			"constraint": task(`"constraints":[{"attribute":` + q + `,"operator":` + q + `,"value":` + q + `}]`),
			"pattern":    task(`"constraints":[{"attribute":"a","operator":"Like","value":"(` + q[1:] + `}]`),
			"labels":     task(`"labels":{` + q + `:` + q + `}`), "role": task(`"role":` + q), "placement": task(`"placement":` + q),
			"kind": `{"apiVersion":"horae/v1","kind":` + q + `}`, "version": `{"apiVersion":` + q + `,"kind":"Job"}`,
			"name":        `{"apiVersion":"horae/v1","kind":"Job","metadata":{"name":` + q + `},"spec":{"task":{"shell":"true"}}}`,
			"namespace":   `{"apiVersion":"horae/v1","kind":"Job","metadata":{"name":"b","namespace":` + q + `},"spec":{"task":{"shell":"true"}}}`,
			"label":       `{"apiVersion":"horae/v1","kind":"Job","metadata":{"name":"b","labels":{` + q + `:` + q + `}},"spec":{"task":{"shell":"true"}}}`,
			"annotation":  `{"apiVersion":"horae/v1","kind":"Job","metadata":{"name":"b","annotations":{` + q + `:"a"}},"spec":{"task":{"shell":"true"}}}`,
			"not a Job":   q,
			"broken JSON": `{"apiVersion":` + q + `:1}`,
			"broken YAML": "a: " + long + "\n b:\n- " + long,
			"an alias":    "a: *" + long, "a tag": "a: !!" + long + " 1", "YAML key": long + ": 1",
		} {
			f.short(t, name, f.do("POST", jobsPath, body, "Content-Type", yamlType))
		}
		for name, body := range map[string]string{
			"dates": calendar(`"dates":[` + q + `]`), "weekdays": calendar(`"weekdays":[` + q + `]`), "calendar's ics": calendar(`"ics":` + q),
			"rule": ics("RRULE:" + long), "part of a rule": ics("RRULE:FREQ=DAILY;BYDAY=" + long), "frequency": ics("RRULE:FREQ=" + long),
			"exdate": ics("EXDATE:" + long), "duration": ics("DURATION:" + long), "property": ics(long + ":1"), "parameter": ics("RDATE;" + long + "=1:20260101"),
			"interval": ics("RRULE:FREQ=DAILY;INTERVAL=" + long), "until": ics("RRULE:FREQ=DAILY;UNTIL=" + long), "end": ics("END:" + long),
		} {
			f.short(t, name, f.do("POST", strings.Replace(jobsPath, "jobs", "calendars", 1), body, "Content-Type", yamlType))
		}
		for name, body := range map[string]string{"trigger's id": `{"id":` + q + `}`, "trigger's args": `{"args":` + q + `}`, "trigger's env": `{"env":[{"name":` + q + `}]}`, "trigger's field": `{` + q + `:1}`} {
			f.short(t, name, f.do("POST", jobsPath+"/a/trigger", body))
		}
		for name, body := range map[string]string{
			"patch's path": `[{"op":"remove","path":"/` + q[1:] + `}]`, "patch's op": `[{"op":` + q + `,"path":"/a"}]`, "patch's from": `[{"op":"copy","from":"/` + q[1:] + `,"path":"/a"}]`,
			"patch's test": `[{"op":"test","path":"/kind","value":` + q + `}]`, "no patch": q,
		} {
			f.short(t, name, f.do("PATCH", jobsPath+"/a", body, "Content-Type", jsonPatch))
		}
		f.short(t, "merge", f.do("PATCH", jobsPath+"/a", `{"spec":{`+q+`:1}}`, "Content-Type", mergePatch))
		f.short(t, "policy of a deletion", f.do("DELETE", jobsPath+"/a?dryRun=All", `{"propagationPolicy":1,`+q+`:1}`))
		e := url.QueryEscape(long)
		for _, param := range []string{
			"labelSelector", "fieldSelector", "fieldSelector=spec.job%3D", "resourceVersion", "watch", "timeoutSeconds", "continue", "includeObject", "resourceVersionMatch",
			"sendInitialEvents", "allowWatchBookmarks", "dryRun", "fieldValidation", "count", "after", "pretty", "propagationPolicy",
		} {
			for _, method := range []string{"GET", "DELETE"} {
				f.short(t, method+" "+param, f.do(method, jobsPath+"?dryRun=All&"+param+"="+e, ""))
			}
			f.short(t, "POST "+param, f.do("POST", jobsPath+"?"+param+"="+e, jobYAML("a")))
			f.short(t, "GET schedule "+param, f.do("GET", jobsPath+"/a/schedule?"+param+"="+e, ""))
			f.short(t, "GET log "+param, f.do("GET", runsPath+"/a/log?"+param+"="+e, ""))
		}
		p := url.PathEscape(long)
		for _, path := range []string{"/" + p, "/apis/horae/v1/" + p, jobsPath + "/" + p, jobsPath + "/a/" + p, "/apis/horae/v1/namespaces/" + p + "/jobs", "/readyz/" + p} {
			for _, method := range []string{"GET", "POST", "PATCH", "DELETE"} {
				f.short(t, method+" to a path", f.do(method, path, ""))
			}
		}
		header := strings.ReplaceAll(strings.ReplaceAll(long, "\u00e4", "a"), "\\", "/")
		for _, name := range []string{"Accept", "Content-Type", "Origin", "Sec-Fetch-Site"} {
			f.short(t, name, f.do("POST", jobsPath, "{}", name, header))
		}
		f.short(t, "Content-Type of a patch", f.do("PATCH", jobsPath+"/a", "{}", "Content-Type", header))
		f.short(t, "method", f.do(strings.Repeat("X", 20_000), jobsPath, ""))
	}
	f.want(200, f.do("GET", jobsPath+"/a", ""))
}

// short fails the test if an answer that is an error is long, or says nothing.
func (f *fixture) short(t *testing.T, what string, a answer) {
	t.Helper()
	if a.code < 400 {
		return
	}
	if len(a.body) > maxAnswer || len(fmt.Sprint(a.header)) > maxAnswer || len(a.body) < 10 {
		t.Errorf("%s: %d in %d bytes, headers %d: %.300s", what, a.code, len(a.body), len(fmt.Sprint(a.header)), a.body)
	}
	if a.code >= 500 && a.code != 501 {
		t.Errorf("%s: %d %.300s", what, a.code, a.body)
	}
}
