package v1

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

// maxListed bounds the mistakes of one object that are listed.
const maxListed = 50

// Listed returns the first mistakes, with what they quote cut to a readable length, and how many others there are.
// Code that shows mistakes to a user must show these: an object may have as many mistakes as bytes.
func Listed(errs field.ErrorList) (first field.ErrorList, more int) {
	n := min(len(errs), maxListed)
	for _, e := range errs[:n] {
		short := *e
		if v := reflect.ValueOf(e.BadValue); v.Kind() == reflect.String { // of whatever type
			short.BadValue = Shorten(v.String(), 256)
		}
		short.Field, short.Detail = Shorten(e.Field, 512), Shorten(e.Detail, 1000)
		first = append(first, &short)
	}
	return first, len(errs) - n
}

// AsError returns the mistakes of an object as one error of one line; nil if there are none.
func AsError(errs field.ErrorList) error {
	if len(errs) == 0 {
		return nil
	}
	first, more := Listed(errs)
	var err error = first.ToAggregate()
	if more > 0 {
		return fmt.Errorf("%w, %s", err, AndMore(more))
	}
	return err
}

// AndMore ends a list that has no room for all: "and 9,950 more".
func AndMore(n int) string {
	digits := strconv.Itoa(n)
	var groups []string
	for len(digits) > 3 {
		groups = append([]string{digits[len(digits)-3:]}, groups...)
		digits = digits[:len(digits)-3]
	}
	return "and " + strings.Join(append([]string{digits}, groups...), ",") + " more"
}

// Shorten leaves out the middle of a long text.
func Shorten(s string, n int) string {
	if len(s) <= n {
		return s
	}
	head, tail := n/2, len(s)-n/2
	for head > 0 && !utf8.RuneStart(s[head]) {
		head--
	}
	for tail < len(s) && !utf8.RuneStart(s[tail]) {
		tail++
	}
	return s[:head] + "..." + s[tail:]
}
