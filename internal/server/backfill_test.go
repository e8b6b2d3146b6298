package server

import (
	"net/http"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"horae/api"
	v1 "horae/api/v1"
)

const backfillsPath = "/apis/horae/v1/namespaces/default/backfills"

// TestBackfillsAreAdmitted: what validation alone cannot know is asked once the Job is there and the cache is up to date.
func TestBackfillsAreAdmitted(t *testing.T) {
	var asked []string
	f := start(t, func(c *Config) {
		c.Admit = func(o api.Object) field.ErrorList {
			asked = append(asked, o.GetName())
			if b := o.(*v1.Backfill); b.Name == "long" {
				return field.ErrorList{field.Invalid(field.NewPath("spec", "to"), b.Spec.To, "is too far")}
			}
			return nil
		}
	})
	f.createJob("hello")
	body := func(name, job string) string {
		return `{"apiVersion":"horae/v1","kind":"Backfill","metadata":{"name":"` + name + `"},"spec":{"job":"` + job +
			`","from":"2026-10-01T00:00:00Z","to":"2026-10-02T00:00:00Z"}}`
	}
	f.want(201, f.do("POST", backfillsPath, body("october", "hello")))
	if msg := string(f.want(422, f.do("POST", backfillsPath, body("long", "hello"))).body); !strings.Contains(msg, `"field":"spec.to"`) {
		t.Error(msg)
	}
	if msg := string(f.want(422, f.do("POST", backfillsPath+"?dryRun=All", body("long", "hello"))).body); !strings.Contains(msg, "is too far") {
		t.Error(msg)
	}
	if msg := string(f.want(422, f.do("POST", backfillsPath, body("foreign", "none"))).body); !strings.Contains(msg, "there is no Job of this name") {
		t.Error(msg)
	}
	if got := strings.Join(asked, " "); got != "october long long" {
		t.Errorf("asked about %s", got)
	}
	if msg := string(f.want(422, f.do("PATCH", backfillsPath+"/october", `{"spec":{"order":"NewestFirst"}}`, "Content-Type", "application/merge-patch+json")).body); !strings.Contains(msg, "spec.order") {
		t.Error(msg)
	}
	f.want(200, f.do("PATCH", backfillsPath+"/october", `{"spec":{"suspend":true}}`, "Content-Type", "application/merge-patch+json"))
	if list := decode[v1.BackfillList](t, f.want(200, f.do("GET", backfillsPath+"?fieldSelector=spec.job=hello", ""))); len(list.Items) != 1 {
		t.Errorf("listed %+v", list.Items)
	}
}

func TestPreviewOfABackfill(t *testing.T) {
	var spec v1.BackfillSpec
	var limit int
	f := start(t, func(c *Config) {
		c.PreviewBackfill = func(b *v1.Backfill, n int) (*v1.BackfillPreview, field.ErrorList) {
			spec, limit = b.Spec, n
			if b.Spec.Runs == v1.BackfillAll {
				return nil, field.ErrorList{field.Invalid(field.NewPath("spec", "to"), b.Spec.To, "is in the future")}
			}
			return &v1.BackfillPreview{Spec: b.Spec, Total: 7, Occurrences: []v1.BackfillOccurrence{}}, nil
		}
	})
	f.createJob("hello")
	path := jobsPath + "/hello/backfill?from=2026-10-01T00:00:00Z&to=2026-10-02T00:00:00%2B02:00"
	if p := decode[v1.BackfillPreview](t, f.want(200, f.do("GET", path, ""))); p.Total != 7 || spec.Job != "hello" || limit != defaultOccurrences ||
		spec.Runs != v1.BackfillMissing || spec.To.Hour() != 22 {
		t.Errorf("previewed %+v, of %+v", p, spec)
	}
	f.want(200, f.do("GET", path+"&order=NewestFirst&runs=Failed&limit=100", ""))
	if spec.Order != v1.BackfillNewestFirst || spec.Runs != v1.BackfillFailed || limit != 100 {
		t.Errorf("asked for %+v, %d", spec, limit)
	}
	for _, tt := range []struct {
		path, says string
		code       int
	}{
		{path: jobsPath + "/hello/backfill", code: 400, says: "must be a time"},
		{path: jobsPath + "/none/backfill?from=2026-10-01T00:00:00Z&to=2026-10-02T00:00:00Z", code: 404, says: "not found"},
		{path: path + "&limit=10001", code: 400, says: "the limit is 10000"},
		{path: path + "&runs=All", code: 422, says: "is in the future"},
	} {
		if msg := string(f.want(tt.code, f.do("GET", tt.path, "")).body); !strings.Contains(msg, tt.says) {
			t.Errorf("%s: %s", tt.path, msg)
		}
	}
	without := start(t)
	without.createJob("hello")
	if resp := without.do("GET", path, ""); resp.code != http.StatusNotImplemented {
		t.Errorf("without previews: %d", resp.code)
	}
}
