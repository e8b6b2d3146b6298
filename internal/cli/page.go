package cli

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/duration"

	v1 "horae/api/v1"
)

// page is a description being written: fields in two columns, and tables below a heading.
type page struct {
	out *strings.Builder
	w   *tabwriter.Writer
}

func newPage(out *strings.Builder) *page {
	return &page{out, tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)}
}

// field writes one line; fields without a value are left out.
func (p *page) field(name, value string) {
	if value == "" {
		return
	}
	lines := strings.Split(strings.TrimRight(value, "\n"), "\n")
	fmt.Fprintf(p.w, "%s:\t%s\n", name, cell(lines[0]))
	for _, l := range lines[1:] {
		fmt.Fprintf(p.w, "\t%s\n", cell(l))
	}
}

// section ends the columns and begins with a heading anew.
func (p *page) section(name string) {
	_ = p.w.Flush()
	fmt.Fprintf(p.out, "%s:\n", name)
}

// table writes rows below a heading of their own.
func (p *page) table(name string, head []string, rows [][]string) {
	if len(rows) == 0 {
		return
	}
	p.section(name)
	t := tabwriter.NewWriter(p.out, 0, 8, 2, ' ', 0)
	writeRow(t, head)
	for _, r := range rows {
		writeRow(t, r)
	}
	_ = t.Flush()
}

func writeRow(w io.Writer, cells []string) {
	texts := make([]string, len(cells))
	for i, text := range cells {
		texts[i] = cmp.Or(cell(text), "-")
	}
	fmt.Fprintf(w, "  %s\n", strings.Join(texts, "\t"))
}

func (p *page) String() string {
	_ = p.w.Flush()
	return p.out.String()
}

func (p *page) meta(m *metav1.ObjectMeta, now time.Time) {
	p.field("Name", m.Name)
	p.field("Namespace", m.Namespace)
	p.field("Labels", pairs(m.Labels))
	annotations := maps.Clone(m.Annotations)
	delete(annotations, lastApplied)
	p.field("Annotations", pairs(annotations))
	p.field("Created", when(m.CreationTimestamp.Time, now))
}

func pairs(m map[string]string) string {
	lines := make([]string, 0, len(m))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		lines = append(lines, k+"="+m[k])
	}
	return strings.Join(lines, "\n")
}

// when is an instant with how long ago it was, or how far it is.
func when(t, now time.Time) string {
	switch {
	case t.IsZero():
		return ""
	case t.After(now):
		return fmt.Sprintf("%s (in %s)", t.UTC().Format(time.RFC3339Nano), duration.HumanDuration(t.Sub(now)))
	}
	return fmt.Sprintf("%s (%s ago)", t.UTC().Format(time.RFC3339Nano), duration.HumanDuration(now.Sub(t)))
}

func whenPtr(t *v1.Time, now time.Time) string {
	if t == nil {
		return ""
	}
	return when(t.Time, now)
}

// span is the time from one instant to another, or to now while it has not come.
func span(from, to *v1.Time, now time.Time) string {
	switch {
	case from == nil:
		return ""
	case to == nil:
		return now.Sub(from.Time).Round(time.Millisecond).String()
	}
	return to.Sub(from.Time).Round(time.Millisecond).String()
}

func stamp(t *v1.Time) string {
	if t == nil || t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

func durationOf(d *v1.Duration) string {
	if d == nil {
		return ""
	}
	return d.String()
}

func quoted(words []string) []string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = w
		if w == "" || strings.ContainsAny(w, " \"'\\$") || strings.ContainsFunc(w, unicode.IsControl) {
			out[i] = fmt.Sprintf("%q", w)
		}
	}
	return out
}

func (p *page) conditions(list []metav1.Condition, now time.Time) {
	var rows [][]string
	for _, c := range list {
		since := ""
		if !c.LastTransitionTime.IsZero() {
			since = age(c.LastTransitionTime.Time, now)
		}
		rows = append(rows, []string{c.Type, string(c.Status), c.Reason, since, c.Message})
	}
	p.table("Conditions", []string{"TYPE", "STATUS", "REASON", "SINCE", "MESSAGE"}, rows)
}

func age(t, now time.Time) string {
	if t.IsZero() {
		return ""
	}
	return duration.HumanDuration(now.Sub(t))
}
