package schedule

import (
	"fmt"
	"strings"
	"sync"
	"time"
	_ "time/tzdata" // zones are known on a machine without a zoneinfo directory
)

// DefaultTimeZone is the zone of a schedule that names none.
const DefaultTimeZone = "Etc/UTC"

var locations sync.Map // name → *time.Location, only names that are zones

// LoadLocation gives the IANA time zone of that name; "" is DefaultTimeZone. A name that is unknown, that depends on
// the machine ("Local"), or that means different things to different people ("EST", "IST") is refused with an *Error
// whose Field is "time zone" and whose Message says why and what was probably meant.
//
// The machine's own zoneinfo is preferred to the embedded copy, since it may be newer.
func LoadLocation(name string) (*time.Location, error) {
	if name == "" {
		name = DefaultTimeZone
	}
	if loc, ok := locations.Load(name); ok {
		return loc.(*time.Location), nil
	}
	if message := refusedZone(name); message != "" {
		return nil, errorf("time zone", name, "%s", message)
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return nil, errorf("time zone", name, "is not in the IANA time zone database%s", zoneHint(name))
	}
	kept, loaded := locations.LoadOrStore(name, loc)
	loc = kept.(*time.Location)
	if !loaded {
		tables.Store(loc, newZoneTable(loc))
	}
	return loc, nil
}

// abbreviations maps the short names of zones that people write, most of them Java's, to what they may have meant.
// The ones that are in the IANA database are there for old systems; EST, MST and HST have no daylight saving.
var abbreviations = map[string]string{
	"ACT": "Australia/Darwin", "AET": "Australia/Sydney", "AGT": "America/Argentina/Buenos_Aires", "ART": "Africa/Cairo",
	"AST": "America/Halifax, America/Anchorage or Asia/Riyadh", "BET": "America/Sao_Paulo",
	"BST": "Europe/London or Asia/Dhaka", "CAT": "Africa/Maputo", "CDT": "America/Chicago",
	"CET": "Europe/Berlin, or Etc/GMT-1 without daylight saving", "CNT": "America/St_Johns",
	"CST": "America/Chicago, America/Havana or Asia/Shanghai", "CTT": "Asia/Shanghai", "EAT": "Africa/Nairobi",
	"ECT": "Europe/Paris or America/Guayaquil", "EDT": "America/New_York",
	"EET": "Europe/Athens, or Etc/GMT-2 without daylight saving",
	"EST": "America/New_York, or Etc/GMT+5 without daylight saving",
	"HST": "Pacific/Honolulu", "IET": "America/Indiana/Indianapolis",
	"IST": "Asia/Kolkata, Asia/Jerusalem or Europe/Dublin", "JST": "Asia/Tokyo", "KST": "Asia/Seoul",
	"MDT": "America/Denver", "MET": "Europe/Berlin, or Etc/GMT-1 without daylight saving", "MIT": "Pacific/Apia",
	"MSK": "Europe/Moscow", "MST": "America/Denver, or America/Phoenix without daylight saving",
	"NET": "Asia/Yerevan", "NST": "America/St_Johns or Pacific/Auckland", "PDT": "America/Los_Angeles",
	"PLT": "Asia/Karachi", "PNT": "America/Phoenix", "PRT": "America/Puerto_Rico",
	"PST": "America/Los_Angeles, or Asia/Manila", "SST": "Pacific/Guadalcanal or Pacific/Pago_Pago",
	"VST": "Asia/Ho_Chi_Minh", "WET": "Europe/Lisbon, or Etc/UTC without daylight saving",
	"AEST": "Australia/Brisbane", "AEDT": "Australia/Sydney", "CEST": "Europe/Berlin", "EEST": "Europe/Athens",
	"WEST": "Europe/Lisbon", "NZST": "Pacific/Auckland", "NZDT": "Pacific/Auckland", "AKST": "America/Anchorage",
}

// clearIDs are the three-letter names of the database that mean one thing only.
var clearIDs = map[string]bool{"UTC": true, "GMT": true, "UCT": true, "PRC": true, "ROC": true, "ROK": true}

// refusedZone says why a name is refused whether or not there is a zone file of that name; "" if it is not.
func refusedZone(name string) string {
	switch {
	case name == "Local" || name == "localtime" || name == "posixrules":
		return "depends on the machine; must be an IANA time zone, such as Europe/Berlin"
	case name == "Factory":
		return "is a placeholder; must be an IANA time zone, such as Europe/Berlin"
	case strings.HasPrefix(name, "posix/") || strings.HasPrefix(name, "right/"):
		return fmt.Sprintf("must be the IANA name: %q", name[len("posix/"):])
	case len(name) == 3 && !clearIDs[name] && abbreviations[name] != "":
		return "three-letter time zones are ambiguous; write the IANA time zone, probably " + abbreviations[name]
	}
	return ""
}

func zoneHint(name string) string {
	if meant, ok := abbreviations[strings.ToUpper(name)]; ok {
		return "; probably " + meant
	}
	// Names are case-sensitive; "europe/berlin" is the usual slip.
	parts := strings.FieldsFunc(name, func(r rune) bool { return r == '/' || r == '_' || r == '-' })
	proper := []byte(strings.ToLower(name))
	at := 0
	for _, p := range parts {
		at += strings.Index(name[at:], p)
		if at >= len(proper) {
			break // not ASCII: lower case has another length
		}
		if 'a' <= proper[at] && proper[at] <= 'z' {
			proper[at] -= 'a' - 'A'
		}
		at += len(p)
	}
	for _, try := range []string{strings.ReplaceAll(name, " ", "_"), string(proper), strings.ToUpper(name)} {
		if try != name && refusedZone(try) == "" {
			if _, err := time.LoadLocation(try); err == nil {
				return fmt.Sprintf("; write %q", try)
			}
		}
	}
	if strings.HasPrefix(name, "+") || strings.HasPrefix(name, "-") || strings.HasPrefix(name, "UTC") || strings.HasPrefix(name, "GMT") {
		return "; a fixed offset is written Etc/GMT-2 (two hours east of Greenwich: the sign is reversed there)"
	}
	return ", such as Europe/Berlin"
}
