package v1

import (
	"reflect"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

// unsupported lists the fields that this version of Horae has but does not implement. They are refused, because a
// field that is accepted and then ignored is a trap. When a field is implemented, delete its row, and its line in the
// lists of complete_test.go; no other code changes.
//
// A row is a path, with [] for each element of a list, and the one value that is refused; without a value, every
// value is.
var unsupported = []unsupportedRow{
	{path: "spec.notify"},
}

type unsupportedRow struct{ path, value string }

var (
	jobType, runType = reflect.TypeFor[Job](), reflect.TypeFor[Run]()

	jobUnsupported, runUnsupported = compileUnsupported(jobType), compileUnsupported(runType)
)

// unsupportedFields are the rows that one kind has, resolved to its fields.
type unsupportedFields []struct {
	steps []fieldStep
	value string
}

// fieldStep goes from a struct to one of its fields, and into the elements of that field when each is set.
type fieldStep struct {
	name  string
	index []int
	each  bool
}

func (u unsupportedFields) check(obj any) field.ErrorList {
	var errs field.ErrorList
	for _, row := range u {
		visit(reflect.ValueOf(obj).Elem(), row.steps, func(at []int, v reflect.Value) {
			switch {
			case v.IsZero() || v.Kind() == reflect.Slice && v.Len() == 0:
			case row.value == "":
				errs = append(errs, field.Forbidden(pathOf(row.steps, at), "not supported yet"))
			case v.Kind() == reflect.String && v.String() == row.value:
				errs = append(errs, field.Forbidden(pathOf(row.steps, at), row.value+" is not supported yet"))
			}
		})
	}
	return errs
}

// visit calls found for every place in v that the steps lead to; at holds the indices of the lists on the way.
func visit(v reflect.Value, steps []fieldStep, found func(at []int, v reflect.Value), at ...int) {
	if len(steps) == 0 {
		found(at, v)
		return
	}
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return
		}
		v = v.Elem()
	}
	v = v.FieldByIndex(steps[0].index)
	if !steps[0].each {
		visit(v, steps[1:], found, at...)
		return
	}
	for i := range v.Len() {
		visit(v.Index(i), steps[1:], found, append(at, i)...)
	}
}

func pathOf(steps []fieldStep, at []int) *field.Path {
	var path *field.Path
	for _, step := range steps {
		path = path.Child(step.name)
		if step.each {
			path, at = path.Index(at[0]), at[1:]
		}
	}
	return path
}

// compileUnsupported keeps the rows whose path the type has.
func compileUnsupported(t reflect.Type) unsupportedFields {
	var fields unsupportedFields
	for _, row := range unsupported {
		if steps, ok := resolve(t, row.path); ok {
			fields = append(fields, struct {
				steps []fieldStep
				value string
			}{steps, row.value})
		}
	}
	return fields
}

func resolve(t reflect.Type, path string) ([]fieldStep, bool) {
	var steps []fieldStep
	for part := range strings.SplitSeq(path, ".") {
		name, each := strings.CutSuffix(part, "[]")
		for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
			t = t.Elem()
		}
		if t.Kind() != reflect.Struct {
			return nil, false
		}
		f, ok := fieldByJSONName(t, name)
		if !ok {
			return nil, false
		}
		steps = append(steps, fieldStep{name, f.Index, each})
		t = f.Type
	}
	return steps, true
}

func fieldByJSONName(t reflect.Type, name string) (reflect.StructField, bool) {
	for _, f := range reflect.VisibleFields(t) {
		if tag, _, _ := strings.Cut(f.Tag.Get("json"), ","); tag == name {
			return f, true
		}
	}
	return reflect.StructField{}, false
}
