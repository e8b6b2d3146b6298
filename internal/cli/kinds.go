package cli

import (
	"fmt"
	"strings"

	v1 "horae/api/v1"
)

// kind is a resource of the API with the words for it on the command line.
type kind struct {
	plural, singular, name string
}

var (
	jobKind      = &kind{"jobs", "job", v1.KindJob}
	runKind      = &kind{"runs", "run", v1.KindRun}
	calendarKind = &kind{"calendars", "calendar", v1.KindCalendar}
	kinds        = []*kind{jobKind, runKind, calendarKind}
)

// String is how kubectl names a resource in its messages: job.horae.
func (k *kind) String() string { return k.singular + "." + v1.GroupVersion.Group }

// kindNamed finds a kind by a word of the command line.
func kindNamed(word string) (*kind, error) {
	w := strings.ToLower(word)
	w = strings.TrimSuffix(strings.TrimSuffix(w, "."+v1.GroupVersion.Group), "."+v1.GroupVersion.Version+"."+v1.GroupVersion.Group)
	for _, k := range kinds {
		if w == k.plural || w == k.singular {
			return k, nil
		}
	}
	return nil, usagef("there is no resource type %q: there are jobs, runs and calendars", word)
}

// kindOf finds a kind by the type of a document.
func kindOf(apiVersion, name string) (*kind, error) {
	for _, k := range kinds {
		if k.name == name && apiVersion == v1.GroupVersion.String() {
			return k, nil
		}
	}
	return nil, fmt.Errorf("no kind %q in version %q: there are Job, Run and Calendar of %s", name, apiVersion, v1.GroupVersion)
}
