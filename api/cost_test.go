package api

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"horae/internal/costtest"
)

// costly are inputs that once took minutes, or all of the memory, or may be thought to.
func costly(size int) map[string]string {
	fill := func(s string) string { return strings.Repeat(s, max(size/len(s), 1)) }
	list := func(n int, f func(i int) string) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(f(i))
		}
		return b.String()
	}
	jsonJob := func(spec string) string {
		return `{"apiVersion":"horae/v1","kind":"Job","metadata":{"name":"a"},"spec":` + spec + `}`
	}
	cpus := func(q string) string {
		return jsonJob(`{"task":{"shell":"true","resources":{"cpus":` + q + `}}}`)
	}
	return map[string]string{
		"quantity: small":                cpus(`"1e-100000000"`),
		"quantity: smaller":              cpus(`"1e-2000000000"`),
		"quantity: large":                cpus(`"1E+2147483648"`),
		"quantity: a number":             cpus(`1e-100000000`),
		"quantity: escaped":              cpus(`"1\u0065-100000000"`),
		"quantity: many digits":          cpus(`"` + fill("9") + `"`),
		"quantity: a number of digits":   cpus(fill("9")),
		"quantity: escaped name":         strings.Replace(cpus(`"1e-100000000"`), `"task"`, `"t\u0061sk"`, 1),
		"quantity: YAML":                 head + "  task: {shell: x, resources: {memory: 1e-100000000}}",
		"quantity: YAML text":            head + "  task: {shell: x, resources: {disk: '1e-100000000'}}",
		"quantity: in a List":            `{"apiVersion":"v1","kind":"List","items":[` + cpus(`"1e-100000000"`) + `]}`,
		"number: many digits":            jsonJob(`{"priority":` + fill("9") + `,"task":{"shell":"true"}}`),
		"number: YAML":                   head + "  priority: " + fill("9"),
		"merges of a large mapping":      "annotations: &a {" + list(size/10, func(i int) string { return fmt.Sprintf("k%d: v, ", i) }) + "}\nlabels: {<<: [" + fill("*a, ") + "]}\n",
		"merges in documents":            fill("a: &a {b: c, d: e, f: g}\nh: {<<: [*a, *a, *a, *a, *a, *a, *a, *a]}\n---\n"),
		"nested Lists":                   strings.Repeat(`{"apiVersion":"v1","kind":"List","items":[`, 4000) + strings.Repeat(`]}`, 4000),
		"nested Lists that are allowed":  strings.Repeat(`{"apiVersion":"v1","kind":"List","items":[`, 40) + jsonJob(`{"task":{"shell":"`+fill("x")+`"}}`) + strings.Repeat(`]}`, 40),
		"unknown fields":                 jsonJob("{" + list(size/10, func(i int) string { return fmt.Sprintf(`"f%d":1,`, i) }) + `"z":1}`),
		"unknown fields, YAML":           head + list(size/10, func(i int) string { return fmt.Sprintf("  f%d: 1\n", i) }),
		"wrong types":                    jsonJob(`{"task":{"args":[` + fill("1,") + `1]}}`),
		"empty attempts":                 `{"apiVersion":"horae/v1","kind":"Run","metadata":{"name":"a"},"spec":{},"status":{"attempts":[` + fill("{},") + `{}]}}`,
		"duplicates":                     jsonJob("{" + fill(`"schedule":"",`) + `"schedule":""}`),
		"a long name":                    jsonJob(`{"` + fill("x") + `":1}`),
		"a long name above many values":  "{" + fill("x") + ": [" + fill("a,") + "]}",
		"long names, nested":             list(20, func(i int) string { return `{"` + strings.Repeat("x", size/40) + `":` }) + "[" + fill("1,") + "1]" + strings.Repeat("}", 20),
		"nesting":                        fill("["),
		"nesting, JSON":                  jsonJob(fill("[") + strings.Repeat("]", size)),
		"documents":                      fill("---\n"),
		"documents of JSON":              "---\n" + fill("{}\n---\n"),
		"a stream of JSON":               fill("{}"),
		"tags":                           "%YAML 1.1\n" + list(size/20, func(i int) string { return fmt.Sprintf("%%TAG !a%d! x\n", i) }) + "--- a",
		"aliases":                        "a: &a b\nc: [" + fill("*a, ") + "]",
		"comments":                       "a: b\n" + fill("- a # b\n# c\n\n"),
		"question marks":                 fill("?\n"),
		"long text":                      head + "  description: \"" + fill(`\0`) + `"`,
		"a kind that is not known":       `{"apiVersion":"horae/v1","kind":"` + fill("x") + `"}`,
		"an API version that is unknown": "kind: Job\napiVersion: " + fill("x"),
		"a duration":                     jsonJob(`{"timeout":"` + fill("9") + `h"}`),
		"an ISO 8601 duration":           jsonJob(`{"timeout":"PT` + fill("9") + `S"}`),
		"a time":                         `{"apiVersion":"horae/v1","kind":"Run","metadata":{"name":"a"},"spec":{"scheduledTime":"` + fill("9") + `"}}`,
	}
}

func TestNoInputCostsMoreThanItsSizeAllows(t *testing.T) {
	for name, input := range costly(100_000) {
		t.Run(name, func(t *testing.T) {
			for what, read := range map[string]func([]byte) error{
				"Parse":      func(data []byte) error { _, err := Parse(data); return err },
				"YAMLToJSON": func(data []byte) error { _, err := YAMLToJSON(data); return err },
			} {
				var err error
				costtest.Check(t, len(input), func() { err = read([]byte(input)) })
				if err != nil && len(err.Error()) > 20_000 {
					t.Errorf("%s: the error has %d bytes", what, len(err.Error()))
				}
			}
		})
	}
}

func TestQuantitiesAreBoundedBeforeTheyAreRead(t *testing.T) {
	for name, input := range costly(1000) {
		if !strings.HasPrefix(name, "quantity") {
			continue
		}
		_, err := Parse([]byte(input))
		if err == nil || !strings.Contains(err.Error(), "spec.task.resources.") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, text := range []string{"1e-3", `"1e3"`, `"2E"`, `"2Ei"`, "0.25", `"1500m"`, `"1e99"`} {
		input := fmt.Sprintf(`{"apiVersion":"horae/v1","kind":"Job","metadata":{"name":"a"},"spec":{"task":{"shell":"true","resources":{"disk":%s}}}}`, text)
		if _, err := Parse([]byte(input)); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestMistakesAreCounted(t *testing.T) {
	for name, input := range map[string]string{
		"unknown fields": head + "  x: 1\n" + func() string {
			var b strings.Builder
			for i := range 9_999 {
				fmt.Fprintf(&b, "  f%d: 1\n", i)
			}
			return b.String()
		}(),
		"wrong types": head + "  task: {shell: x, args: [" + strings.Repeat("1, ", 10_000) + "]}\n",
	} {
		_, err := Parse([]byte(input))
		var e *Error
		if !errors.As(err, &e) || len(e.Fields) != MaxMistakes || e.More != 10_000-MaxMistakes || !strings.HasSuffix(err.Error(), "\nand 9,950 more") {
			t.Errorf("%s: %.200v", name, err)
		}
	}
}

// FuzzCost: no input costs more than its size allows.
func FuzzCost(f *testing.F) {
	for _, input := range costly(2000) {
		f.Add([]byte(input))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		costtest.Check(t, len(data), func() {
			_, _ = Parse(data)
			_, _ = YAMLToJSON(data)
		})
	})
}
