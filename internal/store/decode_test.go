package store

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"pgregory.net/rapid"

	"horae/api"
	v1 "horae/api/v1"
	"horae/internal/costtest"
)

func kv(key, value string, create, mod, version int64) *KeyValue {
	return &KeyValue{Key: []byte(key), Value: []byte(value), CreateRevision: create, ModRevision: mod, Version: version}
}

// jobYAML is what somebody puts with etcdctl: no name, no namespace, defaults left out.
const jobYAML = "apiVersion: horae/v1\nkind: Job\nmetadata:\n  labels: {team: data}\nspec:\n  schedule: '0 * * * *'\n  task: {shell: 'true'}\n"

func statusDocument(uid types.UID, created string) string {
	doc := `{"apiVersion":"horae/v1","kind":"Job","metadata":{"name":"a","namespace":"ns"`
	if uid != "" {
		doc += `,"uid":"` + string(uid) + `"`
	}
	if created != "" {
		doc += `,"creationTimestamp":"` + created + `"`
	}
	return doc + `},"status":{"occurrences":7}}`
}

func TestEntryMetadata(t *testing.T) {
	key := JobKey("ns", "a")
	spec := kv(key.Spec(), jobYAML, 10, 12, 3)
	day := metav1.NewTime(time.Date(2026, 11, 22, 2, 0, 0, 0, time.UTC).Local())
	dated := strings.Replace(jobYAML, "metadata:\n", "metadata:\n  creationTimestamp: '2026-11-22T02:00:00Z'\n", 1)

	for name, c := range map[string]struct {
		spec, status *KeyValue
		want         metav1.ObjectMeta
		occurrences  int64
		earlier      bool
	}{
		"a spec alone, put as YAML without a name: name and namespace come from the key": {
			spec: spec,
			want: metav1.ObjectMeta{Labels: map[string]string{"team": "data"}, Generation: 3, ResourceVersion: "12", UID: UID(key, 10)},
		},
		"spec and status: the later revision is the resource version, the status gives the creation time": {
			spec:   spec,
			status: kv(key.Status(), statusDocument(UID(key, 10), "2026-11-22T02:00:00Z"), 11, 15, 2),
			want: metav1.ObjectMeta{
				Labels: map[string]string{"team": "data"}, Generation: 3, ResourceVersion: "15", UID: UID(key, 10), CreationTimestamp: day,
			},
			occurrences: 7,
		},
		"the spec's creation time wins over the status's": {
			spec:   kv(key.Spec(), dated, 10, 12, 3),
			status: kv(key.Status(), statusDocument(UID(key, 10), "2020-01-01T00:00:00Z"), 11, 11, 1),
			want: metav1.ObjectMeta{
				Labels: map[string]string{"team": "data"}, Generation: 3, ResourceVersion: "12", UID: UID(key, 10), CreationTimestamp: day,
			},
			occurrences: 7,
		},
		"a status of an earlier incarnation is not shown as the object's": {
			spec:    spec,
			status:  kv(key.Status(), statusDocument(UID(key, 4), "2026-11-22T02:00:00Z"), 5, 15, 2),
			want:    metav1.ObjectMeta{Labels: map[string]string{"team": "data"}, Generation: 3, ResourceVersion: "15", UID: UID(key, 10)},
			earlier: true,
		},
		"a status without uid, written with the spec, is the object's": {
			spec:        spec,
			status:      kv(key.Status(), statusDocument("", ""), 10, 10, 1),
			want:        metav1.ObjectMeta{Labels: map[string]string{"team": "data"}, Generation: 3, ResourceVersion: "12", UID: UID(key, 10)},
			occurrences: 7,
		},
		"a status without uid that is older than the spec is an earlier incarnation's": {
			spec:    spec,
			status:  kv(key.Status(), statusDocument("", ""), 5, 9, 2),
			want:    metav1.ObjectMeta{Labels: map[string]string{"team": "data"}, Generation: 3, ResourceVersion: "12", UID: UID(key, 10)},
			earlier: true,
		},
		"a deleted object is what its status says": {
			status:      kv(key.Status(), statusDocument(UID(key, 4), "2026-11-22T02:00:00Z"), 5, 15, 2),
			want:        metav1.ObjectMeta{ResourceVersion: "15", UID: UID(key, 4), CreationTimestamp: day},
			occurrences: 7,
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := NewEntry[v1.Job](key, c.spec, c.status)
			if e.Err != nil {
				t.Fatal(e.Err)
			}
			c.want.Name, c.want.Namespace = "a", "ns"
			if diff := cmp.Diff(c.want, e.Object.ObjectMeta); diff != "" {
				t.Errorf("metadata (-want +got):\n%s", diff)
			}
			if e.Object.Status.Occurrences != c.occurrences {
				t.Errorf("status %+v, want %d occurrences", e.Object.Status, c.occurrences)
			}
			if (e.Earlier != nil) != c.earlier || c.earlier && e.Earlier.Status.Occurrences != 7 {
				t.Errorf("earlier incarnation: %+v, want one: %v", e.Earlier, c.earlier)
			}
			if e.Rev.Deleted() != (c.spec == nil) {
				t.Errorf("deleted: %v", e.Rev.Deleted())
			}
			if c.spec != nil && (e.Object.Spec.Task.Shell != "true" || e.Object.Spec.TimeZone == "") {
				t.Errorf("spec %+v, want it decoded and defaulted", e.Object.Spec)
			}
		})
	}
}

func TestEntryThatCannotBeDecoded(t *testing.T) {
	key := JobKey("ns", "a")
	uid := UID(key, 10)
	for name, c := range map[string]struct {
		spec, status string
		want         []string // parts of Err
		statusErr    bool
	}{
		"not YAML at all":                           {spec: "{]", want: []string{""}},
		"an empty value":                            {spec: "", want: []string{"no document"}},
		"an unknown field":                          {spec: jobYAML + "  retriez: 3\n", want: []string{"spec.retriez"}},
		"a wrong type":                              {spec: strings.Replace(jobYAML, "'true'", "[1]", 1), want: []string{"spec.task.shell"}},
		"another kind":                              {spec: strings.NewReplacer("Job", "Run", "  schedule: '0 * * * *'\n", "  job: a\n").Replace(jobYAML), want: []string{"kind", "Run", "jobs"}},
		"another name":                              {spec: strings.Replace(jobYAML, "metadata:", "metadata:\n  name: b", 1), want: []string{"metadata.name", `"b"`, `"a"`}},
		"another namespace":                         {spec: strings.Replace(jobYAML, "metadata:", "metadata:\n  namespace: other", 1), want: []string{"metadata.namespace", `"other"`, `"ns"`}},
		"two documents":                             {spec: jobYAML + "---\n" + jobYAML, want: []string{"one object"}},
		"a status that is JSON of another shape":    {spec: jobYAML, status: `{"kind":"Job","status":[]}`, want: []string{"status", key.Status()}, statusErr: true},
		"a status that is no JSON":                  {spec: jobYAML, status: "???", want: []string{"status", key.Status()}, statusErr: true},
		"a status of another kind":                  {spec: jobYAML, status: `{"kind":"Run","status":{}}`, want: []string{"status", "Run"}, statusErr: true},
		"neither can be decoded: the spec is named": {spec: jobYAML + "  retriez: 3\n", status: "???", want: []string{"spec.retriez"}, statusErr: true},
	} {
		t.Run(name, func(t *testing.T) {
			var status *KeyValue
			if c.status != "" {
				status = kv(key.Status(), c.status, 11, 11, 1)
			}
			e := NewEntry[v1.Job](key, kv(key.Spec(), c.spec, 10, 10, 1), status)
			if e.Err == nil {
				t.Fatal("no error")
			}
			for _, part := range c.want {
				if !strings.Contains(e.Err.Error(), part) {
					t.Errorf("error %q does not name %q", e.Err, part)
				}
			}
			if (e.StatusErr() != nil) != c.statusErr {
				t.Errorf("StatusErr = %v", e.StatusErr())
			}
			if e.Object.Name != "a" || e.Object.Namespace != "ns" || e.Object.UID != uid || e.Object.Kind != v1.KindJob {
				t.Errorf("the object is not named: %+v", e.Object.ObjectMeta)
			}
			// A later good write heals it.
			healed := e.WithSpec(kv(key.Spec(), jobYAML, 10, 20, 2)).WithoutStatus()
			if healed.Err != nil || healed.Object.Spec.Task.Shell != "true" {
				t.Errorf("after a good write: %v, %+v", healed.Err, healed.Object.Spec)
			}
		})
	}
}

func TestAStatusCannotBeSmuggledIntoASpec(t *testing.T) {
	key := JobKey("ns", "a")
	e := NewEntry[v1.Job](key, kv(key.Spec(), jobYAML+"status: {occurrences: 9}\n", 10, 10, 1), nil)
	if e.Err != nil || e.Object.Status.Occurrences != 0 {
		t.Errorf("got %v, %+v", e.Err, e.Object.Status)
	}
}

// An entry that followed its keys' changes is the same as one made from the keys as they are in the end; and following them
// never modified an entry that somebody may hold (I8).
func TestEntryFollowsLikeARead(t *testing.T) {
	key := JobKey("ns", "a")
	rapid.Check(t, func(t *rapid.T) {
		var spec, status *KeyValue
		var e *Job
		revision := int64(1)
		uids := []types.UID{"", "nobody"}
		type seen struct{ entry, want *Job }
		var held []seen
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			revision++
			switch rapid.SampledFrom([]string{"put spec", "put bad spec", "delete spec", "put status", "put bad status", "delete status"}).Draw(t, "op") {
			case "put spec":
				spec = put(spec, key.Spec(), strings.Replace(jobYAML, "data", rapid.SampledFrom([]string{"x", "y"}).Draw(t, "team"), 1), revision)
				uids = append(uids, UID(key, spec.CreateRevision))
				e = with(e, key, spec, nil)
			case "put bad spec":
				spec = put(spec, key.Spec(), jobYAML+"  retriez: 3\n", revision)
				e = with(e, key, spec, nil)
			case "delete spec":
				if e = without(e, spec, status, true); spec != nil {
					spec = nil
				}
			case "put status":
				created := rapid.SampledFrom([]string{"", "2026-11-22T02:00:00Z"}).Draw(t, "created")
				status = put(status, key.Status(), statusDocument(rapid.SampledFrom(uids).Draw(t, "uid"), created), revision)
				e = with(e, key, nil, status)
			case "put bad status":
				status = put(status, key.Status(), "???", revision)
				e = with(e, key, nil, status)
			case "delete status":
				if e = without(e, spec, status, false); status != nil {
					status = nil
				}
			}
			if spec == nil && status == nil {
				e = nil
				continue
			}
			want := NewEntry[v1.Job](key, spec, status)
			if diff := cmp.Diff(want, e, same...); diff != "" {
				t.Fatalf("followed and read differ (-read +followed):\n%s", diff)
			}
			held = append(held, seen{e, want})
		}
		for _, h := range held {
			if diff := cmp.Diff(h.want, h.entry, same...); diff != "" {
				t.Fatalf("an entry was modified later (-was +is):\n%s", diff)
			}
		}
	})
}

var same = []cmp.Option{
	cmp.AllowUnexported(Job{}, statusDoc{}),
	cmp.Comparer(func(a, b error) bool { return (a == nil) == (b == nil) && (a == nil || a.Error() == b.Error()) }),
}

func put(old *KeyValue, key, value string, revision int64) *KeyValue {
	if old == nil {
		return kv(key, value, revision, revision, 1)
	}
	return kv(key, value, old.CreateRevision, revision, old.Version+1)
}

func with(e *Job, key Key, spec, status *KeyValue) *Job {
	switch {
	case e == nil:
		return NewEntry[v1.Job](key, spec, status)
	case spec != nil:
		return e.WithSpec(spec)
	}
	return e.WithStatus(status)
}

func without(e *Job, spec, status *KeyValue, theSpec bool) *Job {
	switch {
	case theSpec && spec != nil && status != nil:
		return e.WithoutSpec()
	case !theSpec && spec != nil && status != nil:
		return e.WithoutStatus()
	case theSpec && spec == nil || !theSpec && status == nil:
		return e
	}
	return nil
}

func TestParseKeyIsTheInverse(t *testing.T) {
	for _, key := range []Key{JobKey("default", "a"), RunKey("ns", "a-20261122t020000z"), {"calendars", "ns", "x.y"}} {
		for side, etcdKey := range map[Side]string{SpecSide: key.Spec(), StatusSide: key.Status()} {
			got, gotSide, ok := ParseKey(etcdKey)
			if !ok || got != key || gotSide != side {
				t.Errorf("ParseKey(%q) = %v, %v, %v", etcdKey, got, gotSide, ok)
			}
		}
	}
	for _, other := range []string{
		"", "/horae/", FrameworkIDKey, LeaderPrefix + "1", "/horae/spec/jobs", "/horae/spec/jobs/default", "/horae/spec/jobs/default/",
		"/horae/spec/jobs//a", "/horae/spec/jobs/default/a/b", "/other/spec/jobs/default/a",
	} {
		if key, _, ok := ParseKey(other); ok {
			t.Errorf("ParseKey(%q) = %v, want none", other, key)
		}
	}
}

func TestEveryKindHasEntries(t *testing.T) {
	for _, k := range api.Kinds() {
		key := Key{Kind(k.Plural), "default", "a"}
		if newEntry[key.Kind] == nil {
			t.Errorf("internal/store/entry.go has no line for the entries of %s", k.Name)
			continue
		}
		e := After(nil, key, SpecSide, &KeyValue{Value: []byte(`{"apiVersion":"horae/v1","kind":"` + k.Name + `"}`), CreateRevision: 1, ModRevision: 1})
		if got := api.KindOf(e.GetObject()); got != k {
			t.Errorf("entries of %s hold a %T", k.Name, e.GetObject())
		}
	}
}

func TestOneDocumentCostsItselfAlone(t *testing.T) {
	large := strings.Repeat(" ", api.MaxDocument) + "{}"
	for name, doc := range map[string]string{
		"too large":   large,
		"a quantity":  `{"apiVersion":"horae/v1","kind":"Job","spec":{"task":{"shell":"true","resources":{"cpus":"1e-2000000000"}}}}`,
		"merges":      "annotations: &a {" + strings.Repeat("k: v, ", 1) + "}\nlabels: {<<: [" + strings.Repeat("*a, ", 300_000) + "]}\n",
		"very nested": strings.Repeat("[", 1_000_000),
	} {
		costtest.Check(t, len(doc), func() {
			e := NewEntry[v1.Job](JobKey("default", "a"), &KeyValue{Value: []byte(doc), CreateRevision: 1, ModRevision: 1}, nil)
			if e.Err == nil || e.SpecErr() == nil || len(e.Err.Error()) > 10_000 {
				t.Errorf("a spec, %s: %v", name, e.Err)
			}
		})
	}
	for name, doc := range map[string]string{
		"too large":   large,
		"very nested": `{"kind":"Job","status":` + strings.Repeat("[", 500_000) + strings.Repeat("]", 500_000) + "}",
	} {
		costtest.Check(t, len(doc), func() {
			e := NewEntry[v1.Job](JobKey("default", "a"), nil, &KeyValue{Value: []byte(doc), ModRevision: 1})
			if e.StatusErr() == nil || len(e.Err.Error()) > 10_000 {
				t.Errorf("a status, %s: %v", name, e.Err)
			}
		})
	}
}

func TestAPanicInOneDocumentIsItsError(t *testing.T) {
	err := contained(func() error { panic("nobody thought of this") })
	if !errors.Is(err, ErrPanicked) || !strings.Contains(err.Error(), "nobody thought of this") || !strings.Contains(err.Error(), "decode_test.go") {
		t.Errorf("got %v", err)
	}
	if err := contained(func() error { return nil }); err != nil {
		t.Error(err)
	}
}
