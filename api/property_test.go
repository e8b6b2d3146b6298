package api

import (
	"bytes"
	"math"
	"reflect"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"pgregory.net/rapid"
	"sigs.k8s.io/yaml"

	v1 "horae/api/v1"
)

// anyText is text of any characters; printable leaves out those that YAML cannot hold unescaped.
var (
	anyText   = rapid.OneOf(rapid.String(), rapid.SampledFrom(awkward), rapid.SampledFrom([]string{"\u2028", "\u0085", "\ufeff", "\x00", "\x7f"}))
	printable = rapid.OneOf(rapid.StringOf(rapid.RuneFrom([]rune(" \n"), unicode.Letter, unicode.Digit, unicode.Punct)), rapid.SampledFrom(awkward))
)

// drawObject makes any Job, Run, Calendar or Backfill: every field may be set, to any value of its type.
func drawObject(t *rapid.T, text *rapid.Generator[string]) runtime.Object {
	meta := metav1.ObjectMeta{
		Name: rapid.StringMatching(`[a-z]{1,8}`).Draw(t, "name"), Namespace: rapid.StringMatching(`[a-z]{0,4}`).Draw(t, "namespace"),
		Labels: rapid.MapOfN(text, text, -1, 3).Draw(t, "labels"),
	}
	if rapid.Bool().Draw(t, "a Job") {
		job := &v1.Job{TypeMeta: Jobs.TypeMeta(), ObjectMeta: meta}
		draw(t, text, reflect.ValueOf(&job.Spec).Elem())
		return job
	}
	if rapid.Bool().Draw(t, "a Calendar") {
		calendar := &v1.Calendar{TypeMeta: Calendars.TypeMeta(), ObjectMeta: meta}
		draw(t, text, reflect.ValueOf(&calendar.Spec).Elem())
		return calendar
	}
	if rapid.Bool().Draw(t, "a Backfill") {
		backfill := &v1.Backfill{TypeMeta: Backfills.TypeMeta(), ObjectMeta: meta}
		draw(t, text, reflect.ValueOf(&backfill.Spec).Elem())
		return backfill
	}
	run := &v1.Run{TypeMeta: Runs.TypeMeta(), ObjectMeta: meta}
	draw(t, text, reflect.ValueOf(&run.Spec).Elem())
	return run
}

// draw fills a value of any of the API's types.
func draw(t *rapid.T, text *rapid.Generator[string], v reflect.Value) {
	switch p := v.Addr().Interface().(type) {
	case *v1.Duration:
		p.Duration = time.Duration(rapid.Int64Range(0, math.MaxInt64).Draw(t, "duration"))
		return
	case *v1.Time:
		*p = v1.NewTime(time.UnixMicro(rapid.Int64Range(0, 4e15).Draw(t, "time")))
		return
	case *resource.Quantity:
		*p = resource.MustParse(rapid.StringMatching(`[0-9]{1,5}(\.[0-9]{1,3})?(m|k|M|Ki|Mi|Gi)?`).Draw(t, "quantity"))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			draw(t, text, v.Field(i))
		}
	case reflect.Pointer:
		if rapid.Bool().Draw(t, "set") {
			v.Set(reflect.New(v.Type().Elem()))
			draw(t, text, v.Elem())
		}
	case reflect.Slice:
		if n := rapid.IntRange(0, 2).Draw(t, "length"); n > 0 {
			v.Set(reflect.MakeSlice(v.Type(), n, n))
			for i := range n {
				draw(t, text, v.Index(i))
			}
		}
	case reflect.Map:
		if m := rapid.MapOfN(text, text, -1, 2).Draw(t, "map"); len(m) > 0 {
			v.Set(reflect.ValueOf(m))
		}
	case reflect.String:
		v.SetString(text.Draw(t, "text"))
	case reflect.Bool:
		v.SetBool(rapid.Bool().Draw(t, "bool"))
	case reflect.Int32:
		v.SetInt(int64(rapid.Int32().Draw(t, "int")))
	case reflect.Float64:
		v.SetFloat(float64(rapid.IntRange(0, 1000).Draw(t, "float")) / 8)
	default:
		t.Fatalf("no values of %s", v.Type())
	}
}

// awkward texts mean something else in one YAML or another, or to a careless decoder.
var awkward = []string{
	"on", "yes", "no", "y", "null", "~", "true", "0o7", "010", "0x1f", "1_000", "1e3", ".inf", "12:30", "2026-11-22", "=", "<<", "- a", "a: b",
	" a ", "a\n", "\na", "a\n\n", "\t", "#a", "a #b", "\"", "'", "&a", "*a", "!!a", "|", ">", "%", "@", "`", "{", "[", "\\u0041", "😀",
}

func TestWhatIsWrittenIsReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		obj := drawObject(t, anyText)
		written := encodeSpec(t, obj)
		read, err := ParseOne(written)
		if err != nil {
			t.Fatalf("%v\n%s", err, written)
		}
		if !equality.Semantic.DeepEqual(obj, read) {
			t.Fatalf("got  %+v\nwant %+v", read, obj)
		}
		if again := encodeSpec(t, read); !bytes.Equal(written, again) {
			t.Fatalf("written twice:\n%s\n%s", written, again)
		}
	})
}

// TestYAMLAndJSONSayTheSame: what kubectl and horae print (get -o yaml) can be applied again.
func TestYAMLAndJSONSayTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		written := encodeSpec(t, drawObject(t, printable))
		want, err := ParseOne(written)
		if err != nil {
			t.Fatal(err)
		}
		text, err := yaml.JSONToYAML(written)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := yaml.YAMLToJSON(text); err != nil || !sameSpec(back, want) {
			t.Skip("the printer's own reader cannot read it back")
		}
		got, err := ParseOne(text)
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if !equality.Semantic.DeepEqual(want, got) {
			t.Fatalf("%s\n%s", cmp.Diff(want, got), text)
		}
	})
}

func sameSpec(json []byte, want runtime.Object) bool {
	obj, err := ParseOne(json)
	return err == nil && equality.Semantic.DeepEqual(want, obj)
}

func TestDefaultsTwiceAreDefaultsOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		obj := drawObject(t, anyText)
		SetDefaults(obj)
		once := obj.DeepCopyObject()
		SetDefaults(obj)
		if !reflect.DeepEqual(once, obj) {
			t.Fatalf("once %+v\ntwice %+v", once, obj)
		}
		read, err := DecodeOne(encodeSpec(t, obj))
		if err != nil {
			t.Fatal(err)
		}
		if !equality.Semantic.DeepEqual(once, read) {
			t.Fatalf("written with its defaults and read: got  %+v\nwant %+v", read, once)
		}
	})
}

// Whatever is in an object, validation answers and leaves it as it is (I8).
func TestValidationOnlyLooks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		obj := drawObject(t, anyText)
		before := obj.DeepCopyObject()
		switch o := obj.(type) {
		case *v1.Job:
			v1.ValidateJob(o)
			v1.ValidateJobUpdate(o, o)
		case *v1.Run:
			v1.ValidateRun(o)
			if errs := v1.ValidateRunUpdate(o, o); len(errs) != len(v1.ValidateRun(o)) {
				t.Fatalf("a Run differs from itself: %v", errs)
			}
		}
		if !reflect.DeepEqual(before, obj) {
			t.Fatalf("before %+v\nafter %+v", before, obj)
		}
	})
}

func encodeSpec(t rapid.TB, obj runtime.Object) []byte {
	t.Helper()
	data, err := EncodeSpec(obj)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
