package api

import (
	"bytes"
	"strings"
	"testing"

	v1 "horae/api/v1"
)

// escaped is JSON in which a character is written as two escapes: valid, and not YAML.
const escaped = `{"apiVersion":"horae/v1","kind":"Job","metadata":{"name":"escapes"},"spec":{"schedule":"0 2 * * *","description":"nightly \ud83d\ude80 load","task":{"shell":"echo done"}}}`

func TestJSONIsReadAsJSONWhereverItStands(t *testing.T) {
	for name, input := range map[string]string{
		"alone":                   escaped,
		"with space around":       "\n\n " + escaped + "\n",
		"with a byte order mark":  "\ufeff" + escaped,
		"behind a separator":      "---\n" + escaped,
		"on the separator's line": "--- " + escaped + "\n---\n# nothing\n",
		"in a stream of JSON":     escaped + escaped,
		"in a stream of YAML":     "---\n# first\n" + smallJob + "---\n\n" + escaped + "\n---\n" + smallJob + "---\n" + escaped,
		"in a List":               `{"apiVersion":"v1","kind":"List","items":[` + escaped + `]}`,
	} {
		objs, err := Parse([]byte(input))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		found := 0
		for _, obj := range objs {
			if obj.(*v1.Job).Spec.Description == "nightly \U0001f680 load" {
				found++
			}
		}
		if want := strings.Count(input, "ud83d"); found != want {
			t.Errorf("%s: %d are as they should be, want %d", name, found, want)
		}
		if len(objs) > 1 {
			continue
		}
		raw, err := YAMLToJSON([]byte(input))
		if err != nil || !bytes.Contains(raw, []byte(`\ud83d\ude80`)) {
			t.Errorf("%s: YAMLToJSON: %s, %v", name, raw, err)
		}
	}
}

func TestMistakesInJSONThatStandsInAStreamOfYAML(t *testing.T) {
	_, err := Parse([]byte("---\n" + smallJob + "---\n\n\n" + strings.Replace(escaped, `"schedule"`, `"scheduel"`, 1)))
	if want := "document 2 (line 13): spec.scheduel: unknown field; did you mean schedule?"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	for input, want := range map[string]string{
		strings.Replace(escaped, `"spec":{`, `"spec":{"suspend":true,"suspend":true,`, 1): "spec.suspend: is given twice",
		strings.Replace(escaped, `"escapes"`, `123`, 1):                                   `metadata.name: must be text: put it in quotes, "123"`,
		`{"a":1,,}`: "line 1, column 8: not JSON",
	} {
		for what, read := range map[string]func([]byte) error{
			"Parse":      func(data []byte) error { _, err := Parse(data); return err },
			"YAMLToJSON": func(data []byte) error { _, err := YAMLToJSON(data); return err },
		} {
			if err := read([]byte(input)); err == nil || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("%s: %v, want %s", what, err, want)
			}
		}
	}
}

func TestHintsShowWhatStandsInTheFile(t *testing.T) {
	for _, value := range []string{"0755", "1.10", "12345678901234567890", "1_000", "0x1F", "0o17", "1e3", "1.50", "true", "-0.0", ".5"} {
		yaml := head + "  task:\n    shell: x\n    env: [{name: A, value: " + value + "}]\n"
		want := `spec.task.env[0].value: must be text: put it in quotes, "` + value + `"`
		_, parsed := Parse([]byte(yaml))
		_, converted := YAMLToJSON([]byte(yaml))
		for what, err := range map[string]error{"Parse": parsed, "YAMLToJSON": converted} {
			if err == nil || err.Error() != want {
				t.Errorf("%s: %v, want %s", what, err, want)
			}
		}
	}
	_, err := YAMLToJSON([]byte("apiVersion: horae/v1\nkind: Job\nmetadata: {name: 123}\nspec: {task: {shell: x, command: y}}\n"))
	if want := `metadata.name: must be text: put it in quotes, "123"`; err == nil || err.Error() != want {
		t.Errorf("a name: %v, want %s", err, want)
	}
	_, err = Parse([]byte("schedule: * * * * *\n"))
	if err == nil || !strings.Contains(err.Error(), "quote text that begins with *") {
		t.Errorf("a schedule without quotes: %v", err)
	}
}

func TestUnmarshalIsStrict(t *testing.T) {
	var got v1.Trigger
	if err := Unmarshal([]byte(`{"args":["\ud83d\ude80"],"env":[{"name":"A"}]}`), &got); err != nil || got.Args[0] != "\U0001f680" {
		t.Errorf("%+v, %v", got, err)
	}
	for input, want := range map[string]string{
		"args: x":               "args: must be a list",
		"arg: [x]":              "arg: unknown field; did you mean args?",
		"{args: [], args: []}":  "args: is given twice, first in line 1 (line 1)",
		`{"args":[],"args":[]}`: "args: is given twice",
		"env: [{name: 1}]":      `env[0].name: must be text: put it in quotes, "1"`,
		"- a":                   "a document must be a mapping",
		"":                      "no document",
	} {
		if err := Unmarshal([]byte(input), &v1.Trigger{}); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, want %s", input, err, want)
		}
	}
}
