package store

import (
	"fmt"
	"strings"

	"horae/api"
	v1 "horae/api/v1"
)

// Prefix of everything that Horae keeps in etcd. The layout below it is a public contract: docs/etcd.md.
const Prefix = "/horae/"

const (
	specPrefix   = Prefix + "spec/"
	statusPrefix = Prefix + "status/"
	systemPrefix = Prefix + "system/"
	// statisticsPrefix: what is too large, and too rarely read, to stand in a status.
	statisticsPrefix = Prefix + "statistics/"
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
	Backfills Kind = "backfills"
	Tokens    Kind = "tokens"

	Roles               Kind = "roles"
	ClusterRoles        Kind = "clusterroles"
	RoleBindings        Kind = "rolebindings"
	ClusterRoleBindings Kind = "clusterrolebindings"
)

// Key names one object. The Namespace of one that is in none is empty.
type Key struct {
	Kind      Kind
	Namespace string
	Name      string
}

// JobKey names a Job.
func JobKey(namespace, name string) Key { return Key{Jobs, namespace, name} }

// RunKey names a Run.
func RunKey(namespace, name string) Key { return Key{Runs, namespace, name} }

// CalendarKey names a Calendar.
func CalendarKey(namespace, name string) Key { return Key{Calendars, namespace, name} }

// BackfillKey names a Backfill.
func BackfillKey(namespace, name string) Key { return Key{Backfills, namespace, name} }

// String is kind/namespace/name; kind/name for an object that is in no namespace.
func (k Key) String() string {
	if k.Namespace == "" {
		return string(k.Kind) + "/" + k.Name
	}
	return string(k.Kind) + "/" + k.Namespace + "/" + k.Name
}

// Spec returns the etcd key of what the user wrote.
func (k Key) Spec() string { return specPrefix + k.String() }

// Status returns the etcd key of what the controller observed.
func (k Key) Status() string { return statusPrefix + k.String() }

// Statistics returns the etcd key of a Job's statistics, as far as they do not stand in its status document.
func (k Key) Statistics() string { return statisticsPrefix + k.String() }

// Side is one of the two keys of an object.
type Side int

// The two sides.
const (
	SpecSide Side = iota
	StatusSide
)

// ParseKey parses an etcd key. It returns false for keys that are not an object's: the system's own, and stray ones.
func ParseKey(etcdKey string) (Key, Side, bool) {
	side, rest, ok := cutSide(etcdKey)
	if !ok {
		return Key{}, 0, false
	}
	kind, rest, ok1 := strings.Cut(rest, "/")
	namespace, name, ok2 := strings.Cut(rest, "/")
	if ok1 && !ok2 && inNoNamespace(Kind(kind)) && rest != "" {
		return Key{Kind: Kind(kind), Name: rest}, side, true
	}
	if !ok1 || !ok2 || inNoNamespace(Kind(kind)) || !isLabel(namespace) || name == "" || strings.Contains(name, "/") {
		return Key{}, 0, false
	}
	return Key{Kind(kind), namespace, name}, side, true
}

// inNoNamespace reports whether objects of a kind are in no namespace. Unknown kinds are in one.
func inNoNamespace(kind Kind) bool {
	k := api.KindOfPlural(string(kind))
	return k != nil && !k.Namespaced
}

func cutSide(etcdKey string) (side Side, rest string, ok bool) {
	if rest, ok = strings.CutPrefix(etcdKey, specPrefix); ok {
		return SpecSide, rest, true
	}
	rest, ok = strings.CutPrefix(etcdKey, statusPrefix)
	return StatusSide, rest, ok
}

// Stray returns why an etcd key under the objects' prefixes is not an object's: Horae ignores it, and the API cannot
// reach it. It returns "" for the keys of objects, and for those elsewhere.
func Stray(etcdKey string) string {
	_, rest, ok := cutSide(etcdKey)
	if !ok {
		return ""
	}
	parts := strings.Split(rest, "/")
	switch {
	case newEntry[Kind(parts[0])] == nil:
		return fmt.Sprintf("this version knows no kind %q", v1.Shorten(parts[0], 64))
	case inNoNamespace(Kind(parts[0])):
		if len(parts) != 2 || parts[1] == "" {
			return "the key of an object that is in no namespace is <kind>/<name>"
		}
	case len(parts) < 3:
		return "the namespace is missing: a key is <kind>/<namespace>/<name>"
	case len(parts) > 3:
		return "there are too many slashes: a key is <kind>/<namespace>/<name>"
	case !isLabel(parts[1]):
		return fmt.Sprintf("%q cannot be a namespace: it must have lower-case letters, digits and - only, and at "+
			"most 63 of them", v1.Shorten(parts[1], 64))
	case parts[2] == "":
		return "the name is missing: a key is <kind>/<namespace>/<name>"
	}
	return ""
}

// isLabel reports whether s is a DNS label. It is faster than the validation of names, because keys are parsed at
// every event.
func isLabel(s string) bool {
	if s == "" || len(s) > 63 || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}
