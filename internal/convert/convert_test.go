package convert

import (
	"encoding/json"
	"testing"
)

// FuzzDocument: whatever the fields hold, there is an answer, and never a panic.
func FuzzDocument(f *testing.F) {
	for _, seed := range []string{
		`{"apiVersion":"batch/v1","kind":"CronJob","metadata":{"name":"a"},"spec":{"schedule":"* * * * *","jobTemplate":{"spec":{"template":{"spec":{"containers":[{"image":"a","env":[{"name":"A"}]}]}}}}}}`,
		`{"apiVersion":"batch/v1","kind":"Job","metadata":[],"spec":{"template":{"spec":{"containers":[7]}}}}`,
		`{"id":"a.b","run":{"cmd":"x","mem":1,"env":{"A":"b"},"artifacts":[{"uri":"a"}],"docker":{"image":"a"}},"schedules":[{"cron":"0 0 * * *"}]}`,
		`{"id":7,"run":{"env":[],"artifacts":{},"docker":7},"schedules":[7]}`, `{"name":"a","schedule":"R//P1D","command":"x"}`, `{}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var doc map[string]any
		if json.Unmarshal(data, &doc) != nil || doc == nil {
			return
		}
		if r, err := Document(doc); (r == nil) == (err == nil) {
			t.Errorf("%v, %v", r, err)
		}
	})
}

// FuzzCrontab: each line is a Job, an assignment or a comment, and names are unique.
func FuzzCrontab(f *testing.F) {
	f.Add("A=b\n* * * * * x\n@daily y %\n", false)
	f.Add("0 0 * * * root /a/b c\n# no\n\n@reboot root\n", true)
	f.Fuzz(func(t *testing.T, text string, users bool) {
		if len(text) > 1<<16 || !IsCrontab(text) {
			return
		}
		names := map[string]bool{}
		for _, r := range Crontab(text, "a", users) {
			if names[r.Name()] || r.Name() == "" {
				t.Errorf("the name %q is there twice", r.Name())
			}
			names[r.Name()] = true
		}
	})
}

func TestIsCrontab(t *testing.T) {
	for text, want := range map[string]bool{
		"* * * * * x": true, "# a\nMAILTO=x\n@daily y\n": true, "A=b\n": false, "": false,
		"apiVersion: v1\nkind: Job\n": false, `{"id": "a"}`: false, "0 0 * * 0 x\nwhat is this\n": false,
	} {
		if got := IsCrontab(text); got != want {
			t.Errorf("%q: %t", text, got)
		}
	}
}
