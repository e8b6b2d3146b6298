package placement

import (
	"cmp"

	"horae/internal/offer"
)

// labelTable has the value of an attribute for each bin of a lane, as a text that is equal for equal values.
type labelTable struct {
	lane      *lane
	attribute string
	known     []string // "": not asked yet
	bins      []*labelBins
}

// labelBins are the bins that have one value.
type labelBins struct {
	label string
	bins  []int32
}

type labelKey struct{ role, attribute string }

func (s *search) labelsOf(l *lane, role, attribute string) *labelTable {
	key := labelKey{role, attribute}
	if s.labels[key] == nil {
		s.labels[key] = &labelTable{lane: l, attribute: attribute, known: make([]string, len(l.bins))}
	}
	return s.labels[key]
}

// at is bin i's value; noLabel: it has none.
func (ls *labelTable) at(i int) string {
	if ls.known[i] == "" {
		ls.known[i] = labelOf(&ls.lane.bins[i].offers[0], ls.attribute)
	}
	return ls.known[i]
}

// values are the bins of each value, with the group's count of attempts there. It is never nil.
func (ls *labelTable) values(g *group) []valueBins {
	if ls.bins == nil {
		by := map[string]*labelBins{}
		for i, b := range ls.lane.bins {
			if b == nil {
				continue
			}
			label := ls.at(i)
			if by[label] == nil && label != noLabel {
				by[label] = &labelBins{label: label}
				ls.bins = append(ls.bins, by[label])
			}
			if label != noLabel {
				by[label].bins = append(by[label].bins, int32(i))
			}
		}
	}
	values := make([]valueBins, len(ls.bins))
	for i, b := range ls.bins {
		values[i] = valueBins{labelBins: b, count: g.counter(b.label)}
	}
	return values
}

// noLabel stands for an attribute that an agent does not have.
const noLabel = "\x00"

func labelOf(o *offer.Offer, name string) string {
	a, found := attribute(o, name)
	if !found {
		return noLabel
	}
	return cmp.Or(plainText(&a), `""`)
}
