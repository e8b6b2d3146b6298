package store

import (
	"fmt"
	"strings"
)

// Prefix of everything that Horae keeps in etcd. The layout below it is a public contract: docs/etcd.md.
const Prefix = "/horae/"

const (
	specPrefix   = Prefix + "spec/"
	statusPrefix = Prefix + "status/"
	systemPrefix = Prefix + "system/"
)

// Keys of the system's own state.
const (
	LeaderPrefix   = systemPrefix + "leader/"
	FrameworkIDKey = systemPrefix + "framework-id"
)

// Kind is a kind of object as keys and URLs spell it: the plural in lower case.
type Kind string

// The kinds.
const (
	Jobs      Kind = "jobs"
	Runs      Kind = "runs"
	Calendars Kind = "calendars"
)

// Key names one object.
type Key struct {
	Kind      Kind
	Namespace string
	Name      string
}

// JobKey and RunKey spare the field names.
func JobKey(namespace, name string) Key { return Key{Jobs, namespace, name} }

// RunKey names a Run.
func RunKey(namespace, name string) Key { return Key{Runs, namespace, name} }

// CalendarKey names a Calendar.
func CalendarKey(namespace, name string) Key { return Key{Calendars, namespace, name} }

// String is kind/namespace/name.
func (k Key) String() string { return fmt.Sprintf("%s/%s/%s", k.Kind, k.Namespace, k.Name) }

// Spec is the etcd key of what the user wrote.
func (k Key) Spec() string { return specPrefix + k.String() }

// Status is the etcd key of what the controller saw.
func (k Key) Status() string { return statusPrefix + k.String() }

// Side tells the two keys of an object apart.
type Side int

// The two sides.
const (
	SpecSide Side = iota
	StatusSide
)

// ParseKey reads an etcd key back. It answers false for keys that are not an object's, the system's own among them.
func ParseKey(etcdKey string) (Key, Side, bool) {
	side := SpecSide
	rest, ok := strings.CutPrefix(etcdKey, specPrefix)
	if !ok {
		side = StatusSide
		if rest, ok = strings.CutPrefix(etcdKey, statusPrefix); !ok {
			return Key{}, 0, false
		}
	}
	kind, rest, ok1 := strings.Cut(rest, "/")
	namespace, name, ok2 := strings.Cut(rest, "/")
	if !ok1 || !ok2 || namespace == "" || name == "" || strings.Contains(name, "/") {
		return Key{}, 0, false
	}
	return Key{Kind(kind), namespace, name}, side, true
}
