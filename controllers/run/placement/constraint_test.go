package placement

import (
	"testing"

	v1 "horae/api/v1"
	"horae/internal/offer"
)

// Attributes as Chronos's tests had them.
var (
	northRack1 = []offer.Attribute{text("dc", "north"), text("rack", "rack-1")}
	number1    = []offer.Attribute{{Name: "number", Type: offer.Scalar, Scalar: 1}}
	setNorth   = []offer.Attribute{{Name: "dc", Type: offer.Set, Set: []string{"north"}}}
	setSouth   = []offer.Attribute{{Name: "dc", Type: offer.Set, Set: []string{"south"}}}
	vlans      = []offer.Attribute{{Name: "vlans", Type: offer.Ranges, Ranges: []offer.Range{{Begin: 10, End: 20}}}}
)

func text(name, value string) offer.Attribute {
	return offer.Attribute{Name: name, Type: offer.Text, Text: value}
}

// TestConstraintsAsChronosHadThem: Equals, Like and Unlike answer as Chronos's EQUALS, LIKE and UNLIKE did.
func TestConstraintsAsChronosHadThem(t *testing.T) {
	explicit := []offer.Attribute{text("hostname", "slave.explicit.com")}
	for name, tc := range map[string]struct {
		constraints []v1.Constraint
		attributes  []offer.Attribute
		want        bool
	}{
		"equals":                                  {one("rack", v1.OpEquals, "rack-1"), northRack1, true},
		"equals another":                          {one("rack", v1.OpEquals, "rack-2"), northRack1, false},
		"like":                                    {one("rack", v1.OpLike, "rack-[1-3]"), northRack1, true},
		"like alternatives":                       {one("dc", v1.OpLike, "north|south"), northRack1, true},
		"like, a scalar is a Java double":         {one("number", v1.OpLike, `\d\.\d`), number1, true},
		"like, an item of a set":                  {one("dc", v1.OpLike, "^n.*"), setNorth, true},
		"like, no item of a set":                  {one("dc", v1.OpLike, "^n.*"), setSouth, false},
		"like, no match":                          {one("rack", v1.OpLike, "rack-[2-3]"), northRack1, false},
		"like matches the whole":                  {one("rack", v1.OpLike, "rack"), northRack1, false},
		"unlike":                                  {one("rack", v1.OpUnlike, "rack-[1-3]"), []offer.Attribute{text("rack", "rack-4")}, true},
		"unlike alternatives":                     {one("dc", v1.OpUnlike, "north|south"), northRack1, false},
		"unlike, a scalar":                        {one("number", v1.OpUnlike, `\d\.\d`), number1, false},
		"unlike, another scalar":                  {one("number", v1.OpUnlike, `100.\d`), number1, true},
		"unlike, an item of a set":                {one("dc", v1.OpUnlike, "^n.*"), setNorth, false},
		"unlike, no item of a set":                {one("dc", v1.OpUnlike, "^n.*"), setSouth, true},
		"both hold":                               {append(one("rack", v1.OpEquals, "rack-1"), one("rack", v1.OpLike, "rack-[1-3]")...), northRack1, true},
		"neither holds":                           {append(one("rack", v1.OpEquals, "rack-2"), one("rack", v1.OpLike, "rack-[2-3]")...), northRack1, false},
		"one of two holds":                        {append(one("rack", v1.OpEquals, "rack-1"), one("rack", v1.OpLike, "rack-[2-3]")...), northRack1, false},
		"hostname comes from the offer":           {one("hostname", v1.OpEquals, "slave.one.com"), nil, true},
		"another hostname":                        {one("hostname", v1.OpEquals, "slave.two.com"), nil, false},
		"the agent's own hostname attribute wins": {one("hostname", v1.OpEquals, "slave.one.com"), explicit, false},
		"the agent's own hostname attribute is matched": {one("hostname", v1.OpEquals, "slave.explicit.com"), explicit, true},
		"like on a missing attribute":                   {one("none", v1.OpLike, ".*"), northRack1, false},
		"unlike on a missing attribute":                 {one("none", v1.OpUnlike, "x"), northRack1, false},
		"equals on a missing attribute":                 {one("none", v1.OpEquals, "x"), northRack1, false},
		"like, a large scalar": {one("number", v1.OpLike, `1\.0E7`),
			[]offer.Attribute{{Name: "number", Type: offer.Scalar, Scalar: 10000000}}, true},
		"equals never matches a scalar": {one("number", v1.OpEquals, "1.0"), number1, false},
		"equals never matches a set":    {one("dc", v1.OpEquals, "north"), setNorth, false},
		"equals never matches ranges":   {one("vlans", v1.OpEquals, "10"), vlans, false},
		"like never matches ranges":     {one("vlans", v1.OpLike, ".*"), vlans, false},
		"unlike never matches ranges":   {one("vlans", v1.OpUnlike, "x"), vlans, false},
		"the first attribute of a name is the one for like": {one("rack", v1.OpLike, "b"),
			[]offer.Attribute{text("rack", "a"), text("rack", "b")}, false},
	} {
		t.Run(name, func(t *testing.T) { checkConstraints(t, tc.constraints, tc.attributes, tc.want) })
	}
}

func TestConstraintsOfHoraesOwn(t *testing.T) {
	for name, tc := range map[string]struct {
		constraints []v1.Constraint
		attributes  []offer.Attribute
		want        bool
	}{
		"exists":                   {one("rack", v1.OpExists, ""), northRack1, true},
		"exists, missing":          {one("none", v1.OpExists, ""), northRack1, false},
		"does not exist":           {one("none", v1.OpNotExists, ""), northRack1, true},
		"does not exist, but does": {one("rack", v1.OpNotExists, ""), northRack1, false},
		"not equals":               {one("rack", v1.OpNotEquals, "rack-2"), northRack1, true},
		"not equals, but does":     {one("rack", v1.OpNotEquals, "rack-1"), northRack1, false},
		"not equals holds for a missing attribute": {one("none", v1.OpNotEquals, "x"), northRack1, true},
		"not equals a scalar of that value":        {one("number", v1.OpNotEquals, "1"), number1, false},
		"in":                                       {one("rack", v1.OpIn, "rack-2, rack-1"), northRack1, true},
		"in none":                                  {one("rack", v1.OpIn, "rack-2,rack-3"), northRack1, false},
		"in, missing":                              {one("none", v1.OpIn, "a,b"), northRack1, false},
		"in, an item of a set":                     {one("dc", v1.OpIn, "east,north"), setNorth, true},
		"in, a scalar":                             {one("number", v1.OpIn, "2,1.0"), number1, true},
		"in, a number of a range":                  {one("vlans", v1.OpIn, "9,15"), vlans, true},
		"in, a number of no range":                 {one("vlans", v1.OpIn, "9,21"), vlans, false},
		"not in":                                   {one("rack", v1.OpNotIn, "rack-2,rack-3"), northRack1, true},
		"not in, but is":                           {one("rack", v1.OpNotIn, "rack-1,rack-3"), northRack1, false},
		"not in holds for a missing attribute":     {one("none", v1.OpNotIn, "a"), northRack1, true},
		"greater":                                  {one("number", v1.OpGt, "0.5"), number1, true},
		"not greater than itself":                  {one("number", v1.OpGt, "1"), number1, false},
		"less":                                     {one("number", v1.OpLt, "1.5"), number1, true},
		"greater, a text that is a number":         {one("kernel", v1.OpGt, "5"), []offer.Attribute{text("kernel", "6.1")}, true},
		"greater, a text that is none":             {one("rack", v1.OpGt, "0"), northRack1, false},
		"greater, missing":                         {one("none", v1.OpGt, "0"), nil, false},
		"less, a set":                              {one("dc", v1.OpLt, "100"), setNorth, false},
		"the agent's id":                           {one("agent", v1.OpEquals, "S7"), nil, true},
		"the agent's region and zone":              {append(one("region", v1.OpEquals, "eu"), one("zone", v1.OpEquals, "eu-1")...), nil, true},
		"no constraints at all are met by any agent": {nil, nil, true},
	} {
		t.Run(name, func(t *testing.T) { checkConstraints(t, tc.constraints, tc.attributes, tc.want) })
	}
}

func one(attribute string, op v1.ConstraintOperator, value string) []v1.Constraint {
	return []v1.Constraint{{Attribute: attribute, Operator: op, Value: value}}
}

func checkConstraints(t *testing.T, cs []v1.Constraint, as []offer.Attribute, want bool) {
	t.Helper()
	c, err := compile(cs)
	if err != nil {
		t.Fatal(err)
	}
	o := &offer.Offer{AgentID: "S7", Hostname: "slave.one.com", Region: "eu", Zone: "eu-1", Attributes: as}
	if unmet := c.unmet(o); (unmet == nil) != want {
		t.Errorf("%v on %+v: unmet = %v", cs, as, unmet)
	}
}

func TestConstraintsThatCannotBeRead(t *testing.T) {
	for name, c := range map[string]v1.Constraint{
		"like, not a pattern":               {Attribute: "invalid-regex", Operator: v1.OpLike, Value: "[[["},
		"unlike, not a pattern":             {Attribute: "invalid-regex", Operator: v1.OpUnlike, Value: "[[["},
		"greater, not a number":             {Attribute: "a", Operator: v1.OpGt, Value: "many"},
		"a number of attempts that is none": {Attribute: "a", Operator: v1.OpMaxPer, Value: "x"},
		"no attempts at all":                {Attribute: "a", Operator: v1.OpMaxPer, Value: "0"},
		"a number of groups that is none":   {Attribute: "a", Operator: v1.OpGroupBy, Value: "x"},
		"an operator that there is not":     {Attribute: "a", Operator: "Close"},
		"no operator":                       {Attribute: "a"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := compile([]v1.Constraint{c}); err == nil {
				t.Errorf("%+v was accepted", c)
			}
		})
	}
}

func TestJavaDouble(t *testing.T) {
	for want, f := range map[string]float64{
		"1.0": 1, "0.001": 0.001, "1.0E7": 1e7, "1.23456789E8": 123456789, "128.0": 128, "0.1": 0.1, "9999999.0": 9999999,
		"1.0E-4": 0.0001, "0.0": 0, "-2.5": -2.5, "1.5E-5": 0.000015,
	} {
		if got := JavaDouble(f); got != want {
			t.Errorf("JavaDouble(%v) = %q, want %q", f, got, want)
		}
	}
}
