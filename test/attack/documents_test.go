package attack

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
)

func repeat(n int, f func(i int) string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(f(i))
	}
	return b.String()
}

func jobDocument(name, spec string) string {
	return fmt.Sprintf(`{"apiVersion":"horae/v1","kind":"Job","metadata":{"name":%q},"spec":{%s}}`, name, spec)
}

// document is what once stopped a manager, or may be thought to.
type document struct{ name, text string }

func documents(name string) []document {
	cpus := func(q string) string {
		return jobDocument(name, `"task":{"shell":"true","resources":{"cpus":"`+q+`"}}`)
	}
	return []document{
		{"a small quantity", cpus("1e-100000000")},
		{"a smaller quantity", cpus("1e-2000000000")},
		{"a large quantity", cpus("1E+2147483648")},
		{"a long quantity", cpus(strings.Repeat("9", 300_000))},
		{"merges of YAML", "annotations: &a {" + repeat(10_000, func(i int) string { return fmt.Sprintf("k%d: v, ", i) }) +
			"}\nlabels: {<<: [" + strings.Repeat("*a, ", 4_000) + "]}\n"},
		{"aliases of aliases", "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n" + repeat(30, func(i int) string {
			return fmt.Sprintf("a%d: &a%d [%s*a%d]\n", i+1, i+1, strings.Repeat(fmt.Sprintf("*a%d, ", i), 9), i)
		})},
		{"wrong variables", jobDocument(name, `"task":{"shell":"true","env":[{"name":"A"}`+repeat(10_000, func(i int) string { return fmt.Sprintf(`,{"name":"=%d"}`, i) })+`]}`)},
		{"wrong labels", `{"apiVersion":"horae/v1","kind":"Job","metadata":{"name":"b","labels":{"a":"b"` + repeat(40_000, func(i int) string { return fmt.Sprintf(`,"%d=":"="`, i) }) + `}},"spec":{"task":{"shell":"true"}}}`},
		{"nested Lists", strings.Repeat(`{"apiVersion":"v1","kind":"List","items":[`, 4_000) + strings.Repeat("]}", 4_000)},
		{"deep brackets", strings.Repeat("[", 500_000)},
		{"unknown fields", jobDocument(name, repeat(70_000, func(i int) string { return fmt.Sprintf(`"f%d":1,`, i) })+`"z":1`)},
		{"large patterns", jobDocument(name, `"task":{"shell":"true","constraints":[{"attribute":"a","operator":"Exists"}`+
			strings.Repeat(`,{"attribute":"a","operator":"Unlike","value":"`+strings.Repeat("a{999}", 600)+`"}`, 63)+`]}`)},
		{"a schedule without end", jobDocument(name, `"schedule":"0 0 30 2 *","task":{"shell":"true"}`)},
		{"a long schedule", jobDocument(name, `"schedule":"`+strings.Repeat("1,", 200_000)+`1 * * * *","task":{"shell":"true"}`)},
		{"a repetition of ages", jobDocument(name, `"schedule":"R/0001-01-01T00:00:00Z/PT1S","missedRuns":"All","concurrencyPolicy":"Queue","task":{"shell":"true","labels":{"sim":"ok"}}`)},
		{"a rule without days", `{"apiVersion":"horae/v1","kind":"Calendar","metadata":{"name":"` + name + `"},"spec":{"ics":"BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART;VALUE=DATE:20260101\nRRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30\nEND:VEVENT\nEND:VCALENDAR\n"}}`},
		{"all zero", strings.Repeat("\x00", 1<<20)},
		{"nothing", ""},
		{"null", "null"},
	}
}

// badDocuments sends them to the API: as they are and as a patch.
func badDocuments(contentType string) func(context.Context, target) error {
	return func(ctx context.Context, t target) error {
		all := documents("bad")
		return forever(ctx, 4, func(i int) error {
			d := all[i%len(all)]
			code := t.do(ctx, http.MethodPost, jobsPath, contentType, d.text)
			if code >= 500 {
				return fmt.Errorf("%s: %d", d.name, code)
			}
			if code == http.StatusCreated {
				t.do(ctx, http.MethodDelete, jobsPath+"/bad", "", "")
			}
			return nil
		})
	}
}

// patchBombs are JSON patches that copy what they have copied, or look through much.
func patchBombs(ctx context.Context, t target) error {
	add := func(path, value string) string { return fmt.Sprintf(`{"op":"add","path":%q,"value":%s}`, path, value) }
	notes := add("/metadata/annotations", `{"a":"`+strings.Repeat("x", 1000)+`"}`)
	bombs := []string{
		"[" + notes + repeat(24, func(i int) string {
			return fmt.Sprintf(`,{"op":"copy","from":"/metadata/annotations","path":"/metadata/annotations/b%d"}`, i)
		}) + "]",
		"[" + add("/metadata/annotations", `{"a":"`+strings.Repeat("x", 500_000)+`"}`) +
			strings.Repeat(`,{"op":"test","path":"/metadata/annotations","value":{}}`, 9_000) + "]",
		"[" + add("/spec/task/args", "["+strings.Repeat(`"",`, 100_000)+`""]`) +
			strings.Repeat(`,{"op":"move","from":"/spec/task/args/0","path":"/spec/task/args/-"}`, 9_000) + "]",
		"[" + add(strings.Repeat("/a", 100_000), "1") + "]",
	}
	return forever(ctx, 4, func(i int) error {
		code := t.do(ctx, http.MethodPatch, jobsPath+"/idle-00001", "application/json-patch+json", bombs[i%len(bombs)])
		switch code {
		case 0, http.StatusUnprocessableEntity, http.StatusTooManyRequests, http.StatusBadRequest:
			return nil
		}
		return fmt.Errorf("patch %d: %d", i%len(bombs), code)
	})
}

// storedDocuments puts them into etcd, as specs and as statuses of every kind, under keys that are no object's, and a candidate that is none.
// They stay there.
func storedDocuments(ctx context.Context, t target) error {
	c, err := clientv3.New(clientv3.Config{Endpoints: []string{t.Etcd}, Logger: zap.NewNop()})
	if err != nil {
		return err
	}
	defer c.Close()
	put := func(key, value string) {
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		_, _ = c.Put(ctx, key, value)
		t.sent.Add(1)
	}
	return forever(ctx, 1, func(i int) error {
		for n, d := range documents("") {
			name := fmt.Sprintf("evil-%d", n)
			text := strings.ReplaceAll(d.text, `"name":""`, `"name":"`+name+`"`)
			for _, kind := range []string{"jobs", "runs", "calendars"} {
				put("/horae/spec/"+kind+"/default/"+name, text)
				put("/horae/status/"+kind+"/default/"+name, text)
			}
			put("/horae/status/jobs/default/idle-0000"+fmt.Sprint(n%10), text)
		}
		for n := 0; n < 2000 && ctx.Err() == nil; n++ {
			put(fmt.Sprintf("/horae/spec/jobs/%s/Stray_%d", strings.Repeat("x", 200), n), "{}")
		}
		put("/horae/system/leader/zzz", `{"name":"ghost"}`)
		return nil
	})
}

// costlySchedules are Jobs that are valid and whose next occurrence is hard to find.
func costlySchedules(ctx context.Context, t target) error {
	calendar := `{"apiVersion":"horae/v1","kind":"Calendar","metadata":{"name":"never"},"spec":{"weekdays":["Monday","Tuesday","Wednesday","Thursday","Friday","Saturday","Sunday"]}}`
	t.do(ctx, http.MethodPost, strings.Replace(jobsPath, "jobs", "calendars", 1), asJSON, calendar)
	schedules := []string{"R/2020-01-01T00:00:00Z/PT1S", "* * * * * *", "* * * * *", "0 0 29 2 1", "0 0 29 2 *", "R/0001-01-01T00:00:00Z/P1M"}
	return forever(ctx, 2, func(i int) error {
		more := []string{`"calendars":{"exclude":["never"],"onExcluded":"NextDay"},`, `"calendars":{"exclude":["never"]},`, `"calendars":{"only":["never"],"onExcluded":"NextDay"},`, ""}[i%4]
		name := fmt.Sprintf("costly-%d", i%40)
		doc := jobDocument(name, more+fmt.Sprintf(`"schedule":%q,"timeZone":"Europe/Berlin","concurrencyPolicy":"Forbid","task":{"shell":"true","labels":{"sim":"ok"}}`, schedules[i%len(schedules)]))
		if code := t.do(ctx, http.MethodPost, jobsPath, asJSON, doc); code >= 500 {
			return fmt.Errorf("%s: %d", doc, code)
		}
		t.do(ctx, http.MethodGet, jobsPath+"/"+name+"/schedule?count=10000", "", "")
		rest(ctx, 20*time.Millisecond)
		return nil
	})
}
