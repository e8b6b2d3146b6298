package job

import (
	"fmt"
	"slices"
	"sync"

	v1 "horae/api/v1"
	"horae/internal/calendar"
	"horae/internal/schedule"
	"horae/internal/store"
)

// Calendar is a Calendar that a Job names, as a plan needs it.
type Calendar struct {
	Name string
	// Days of the Calendar; nil has none.
	Days *calendar.Set
	// Reason and Problem are why the Calendar has no days: it does not exist, or is not valid. Empty for one that has.
	Reason, Problem string
}

// ruleOf makes the rule of the days on which the Job runs. A Calendar that is missing has no days: under exclude it
// excludes none, under only it allows none.
func ruleOf(spec *v1.JobCalendars, named []Calendar) *calendar.Rule {
	rule := &calendar.Rule{}
	if spec == nil {
		return rule
	}
	pick := func(names []string) (sets []*calendar.Set) {
		for _, c := range named {
			if c.Days != nil && slices.Contains(names, c.Name) {
				sets = append(sets, c.Days)
			}
		}
		return sets
	}
	rule.Exclude, rule.Only, rule.Restricted = pick(spec.Exclude), pick(spec.Only), len(spec.Only) > 0
	return rule
}

// Split divides a Job's occurrences by its Calendars. named are those that spec names.
func Split(all Occurrences, timeZone string, spec *v1.JobCalendars, named []Calendar) (*calendar.Split, error) {
	zone, err := schedule.LoadLocation(timeZone)
	if err != nil {
		return nil, err
	}
	return &calendar.Split{All: all, Rule: ruleOf(spec, named), Zone: zone}, nil
}

// CalendarCache is where Calendars are read. Its objects are shared and never modified (I8).
type CalendarCache interface {
	// Calendar returns nil for one that does not exist.
	Calendar(namespace, name string) *store.Calendar
}

// Calendars finds the Calendars that Jobs name, and keeps their days, so that a plan does not compile them again. It
// is safe for concurrent use.
type Calendars struct {
	cache CalendarCache
	mu    sync.Mutex
	// known is guarded by mu.
	known map[store.Key]knownCalendar
}

type knownCalendar struct {
	// of is the entry that was read. Comparing revisions would not be enough: an etcd that is restored from an older
	// state assigns them again.
	of       *store.Calendar
	calendar Calendar
}

// maxKnown bounds the Calendars that are kept. Beyond it all are forgotten, and read again.
const maxKnown = 4096

// NewCalendars returns Calendars that reads from a cache.
func NewCalendars(cache CalendarCache) *Calendars { return &Calendars{cache: cache} }

// Of returns the Calendars that a Job names, each once, as they are now.
func (c *Calendars) Of(namespace string, spec *v1.JobCalendars) []Calendar {
	var list []Calendar
	for _, name := range spec.Names() {
		if !slices.ContainsFunc(list, func(other Calendar) bool { return other.Name == name }) {
			list = append(list, c.get(store.CalendarKey(namespace, name)))
		}
	}
	return list
}

func (c *Calendars) get(key store.Key) Calendar {
	e := c.cache.Calendar(key.Namespace, key.Name)
	if e == nil || e.Rev.Deleted() {
		return Calendar{Name: key.Name, Reason: v1.ReasonNotFound, Problem: "is not there"}
	}
	c.mu.Lock()
	found, ok := c.known[key]
	c.mu.Unlock()
	if ok && found.of == e {
		return found.calendar
	}
	made := readCalendar(e)
	c.mu.Lock()
	if c.known == nil || len(c.known) >= maxKnown {
		c.known = map[store.Key]knownCalendar{}
	}
	c.known[key] = knownCalendar{e, made}
	c.mu.Unlock()
	return made
}

func readCalendar(e *store.Calendar) Calendar {
	days, err := calendar.Read(e.Object, e.SpecErr())
	if err != nil {
		return Calendar{Name: e.Key.Name, Reason: v1.ReasonCalendarInvalid, Problem: fmt.Sprintf("is not valid (%v)", err)}
	}
	return Calendar{Name: e.Key.Name, Days: days}
}
