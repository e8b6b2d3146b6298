package v1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Calendar is a set of days. Jobs refer to Calendars of their namespace in spec.calendars, to run on these days only,
// or on none of them. A day is one of the Job's time zone.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:path=calendars,singular=calendar
type Calendar struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   CalendarSpec   `json:"spec"`
	Status CalendarStatus `json:"status,omitempty,omitzero"`
}

// CalendarList is a list of Calendars as the API returns it.
//
// +kubebuilder:object:root=true
type CalendarList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Calendar `json:"items"`
}

// CalendarSpec says which days are in the Calendar: every day that dates, weekdays or ics name.
type CalendarSpec struct {
	// Description is for people; it may have several lines.
	// +optional
	Description string `json:"description,omitempty"`
	// Dates are days (2026-12-25), ranges of days, both ends included (2026-12-24/2027-01-01), and the same of every
	// year (--12-25, --12-24/--01-01).
	// +optional
	Dates []string `json:"dates,omitempty"`
	// Weekdays are days of every week.
	// +optional
	Weekdays []Weekday `json:"weekdays,omitempty"`
	// ICS is the text of an iCalendar file (RFC 5545). Each day of its all-day events is in the Calendar. An event
	// with a time of day is refused, and so is everything else that has no exact meaning here.
	// +optional
	ICS string `json:"ics,omitempty"`
}

// Weekday is a day of the week, as cron expressions spell it.
// +kubebuilder:validation:Enum=MON;TUE;WED;THU;FRI;SAT;SUN
type Weekday string

// Weekdays in the order of time.Weekday: Sunday is 0.
var Weekdays = [7]Weekday{"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"}

// Conditions of a Calendar: CalendarAccepted.
const (
	// CalendarAccepted: the spec can be decoded and is valid. If False, the message names the field path and the
	// reason, and the Calendar has no days. The reasons are those of a Job.
	CalendarAccepted = JobAccepted
)

// CalendarStatus is what the calendar controller observed, as of the present day in UTC. Users never write it.
type CalendarStatus struct {
	// ObservedGeneration is the generation of the spec that this status is about.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// Conditions: Accepted.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// Days is how many of the 366 days from today on are in the Calendar.
	// +optional
	Days int32 `json:"days,omitempty"`
	// NextDays are the next days in the Calendar from today on, at most five.
	// +optional
	NextDays []string `json:"nextDays,omitempty"`
	// LastDay is the last day in the Calendar; empty when there is none. It shows when a list of holidays ends that
	// nobody extends.
	// +optional
	LastDay string `json:"lastDay,omitempty"`
}

// JobCalendars say on which days a Job's schedule runs: on days that are in none of the excluded Calendars and, if
// only has Calendars, in at least one of those.
type JobCalendars struct {
	// Exclude names the Calendars on whose days the schedule does not run.
	// +optional
	Exclude []string `json:"exclude,omitempty"`
	// Only names the Calendars on whose days alone the schedule runs.
	// +optional
	Only []string `json:"only,omitempty"`
	// OnExcluded says what becomes of an occurrence on an excluded day.
	// +kubebuilder:default=Skip
	// +optional
	OnExcluded OnExcluded `json:"onExcluded,omitempty"`
}

// Names are those of all Calendars that the Job depends on.
func (c *JobCalendars) Names() []string {
	if c == nil {
		return nil
	}
	return append(c.Exclude[:len(c.Exclude):len(c.Exclude)], c.Only...)
}

// OnExcluded says what becomes of an occurrence on an excluded day.
// +kubebuilder:validation:Enum=Skip;NextDay
type OnExcluded string

// Values of OnExcluded.
const (
	// OnExcludedSkip: it is skipped and recorded.
	OnExcludedSkip OnExcluded = "Skip"
	// OnExcludedNextDay: it moves to the same local time of the next day on which the Job runs. Several that move to
	// the same instant are one.
	OnExcludedNextDay OnExcluded = "NextDay"
)
