package leader

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestDoubtEndsWithTheLead: the doubt that is reported ends with the lead, so that the next one does not begin with the doubt of this one.
func TestDoubtEndsWithTheLead(t *testing.T) {
	const begin, end, doubt, certain = "begin", "end", "doubt", "certain"
	for name, tt := range map[string]struct {
		happens []string
		want    []bool
	}{
		"none":                         {happens: []string{begin, end}},
		"while we lead":                {happens: []string{begin, doubt, certain, end}, want: []bool{true, false}},
		"until the lead is over":       {happens: []string{begin, doubt, end}, want: []bool{true, false}},
		"after the lead":               {happens: []string{begin, end, doubt}},
		"before the lead alone":        {happens: []string{doubt, certain, begin, end}},
		"since before the lead":        {happens: []string{doubt, begin, certain, end}, want: []bool{true, false}},
		"from before to after":         {happens: []string{doubt, begin, end, certain}, want: []bool{true, false}},
		"twice":                        {happens: []string{begin, doubt, certain, doubt, end, certain}, want: []bool{true, false, true, false}},
		"no candidate becomes certain": {happens: []string{doubt, certain}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []bool
			d := &doubts{cfg: Config{Doubt: func(doubt bool) { got = append(got, doubt) }}}
			for _, what := range tt.happens {
				map[string]func(){begin: d.begin, end: d.end, doubt: func() { d.set(true) }, certain: func() { d.set(false) }}[what]()
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("reported (-want +got):\n%s", diff)
			}
		})
	}
}
