package contract

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// usedLater reports whether one of these offers stands in a later line.
func (r *replay) usedLater(i int, list []any) bool {
	for _, o := range list {
		id := str(at(o, "id", "value"))
		for _, l := range r.lines[i+1:] {
			if l.What == "call" && strings.Contains(string(l.Body), `"`+id+`"`) || strings.Contains(string(l.Body), `"RESCIND"`) && strings.Contains(string(l.Body), id) {
				return true
			}
		}
	}
	return false
}

// offersOut waits until the offers that are out add up to the recorded ones, and learns the ids. One recorded offer may be several here:
// which resources are free when offers are made depends on milliseconds.
// At the end there may be more: what had not come back yet when the recording ended.
func (r *replay) offersOut(l *line, c *conn) error {
	atEnd := str(at(tree(l.Body), "type")) == "TEARDOWN"
	want := sum(c.recorded)
	if len(c.recorded) == 0 && r.real {
		return nil
	}
	ok := c.wait(r.patience, func() bool {
		switch got := sum(c.offers); {
		case c.ended != nil, r.real && len(c.offers) > 0:
			return true
		case atEnd:
			return covers(got, want)
		default:
			return maps.Equal(want, got)
		}
	})
	c.mu.Lock()
	defer c.mu.Unlock()
	if !ok {
		r.fail(l, "the offers that are out on %s: want %v, got %v", c.name, want, sum(c.offers))
		return errStuck
	}
	if len(c.recorded) == 0 || len(c.offers) == 0 {
		return nil
	}
	recorded, live := first(c.recorded), first(c.offers)
	if r.real || len(c.recorded) != 1 || len(c.offers) != 1 || atEnd && !maps.Equal(want, sum(c.offers)) {
		r.names.learn(str(at(recorded, "id", "value")), str(at(live, "id", "value")))
		r.names.learn(str(at(recorded, "agent_id", "value")), str(at(live, "agent_id", "value")))
		if !r.real && len(c.recorded) == 1 && !atEnd {
			r.pieces[str(at(recorded, "id", "value"))] = slices.Sorted(maps.Keys(c.offers))
		}
	} else {
		r.compare(l, "offer", recorded, live)
	}
	return r.learnAgent(live)
}

// liveOffers returns the ids of the offers that stand for a recorded one.
func (r *replay) liveOffers(recorded string) []string {
	if several := r.pieces[recorded]; len(several) > 0 {
		return several
	}
	return []string{r.names.text(recorded)}
}

// useLiveOffers has a call use all offers that stand for those that the recorded call used.
func (r *replay) useLiveOffers(call any, recorded []string) {
	for _, body := range []string{"accept", "decline"} {
		if fields, ok := at(call, body).(map[string]any); ok && fields["offer_ids"] != nil {
			var ids []any
			for _, id := range recorded {
				for _, live := range r.liveOffers(id) {
					ids = append(ids, map[string]any{"value": live})
				}
			}
			fields["offer_ids"] = ids
		}
	}
}

// unrecorded reports whether the live event is the end of an offer that stands for no recorded one, where the end of another is due.
func (r *replay) unrecorded(recorded, live any) bool {
	id := str(at(recorded, "rescind", "offer_id", "value"))
	want, got := r.names.text(id), str(at(live, "rescind", "offer_id", "value"))
	return id != "" && want != id && got != want && !r.names.stands(got)
}

// covers reports whether got has at least what want has.
func covers(got, want map[string]string) bool {
	for k, w := range want {
		g, err1 := strconv.ParseFloat(got[k], 64)
		n, err2 := strconv.ParseFloat(w, 64)
		if err1 != nil || err2 != nil {
			if got[k] != w {
				return false
			}
			continue
		}
		if g < n-1e-6 {
			return false
		}
	}
	return true
}

func first(m map[string]any) any {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return m[keys[0]]
}

// learnAgent finds out where the agent is and where it keeps sandboxes.
func (r *replay) learnAgent(offer any) error {
	if r.agent != "" {
		return nil
	}
	r.agent = fmt.Sprintf("%s:%v", str(at(offer, "url", "address", "ip")), at(offer, "url", "address", "port"))
	got := post(http.MethodGet, "http://"+r.agent+"/state", "", "", nil)
	if got.err != nil || got.status != http.StatusOK {
		return fmt.Errorf("state of the agent at %s: %d %w", r.agent, got.status, got.err)
	}
	state := tree([]byte(got.body))
	r.names.literal("127.0.0.1:5051", r.agent)
	r.names.literal("/var/lib/mesos/agent/", str(at(state, "flags", "work_dir"))+"/")
	return nil
}

// sum adds up the resources of offers, by name and reservation.
func sum(offers map[string]any) map[string]string {
	scalars, ranges := map[string]float64{}, map[string][]string{}
	for _, o := range offers {
		list, _ := at(o, "resources").([]any)
		for _, r := range list {
			k := str(at(r, "name")) + " for " + str(at(r, "role")) + " in " + str(at(r, "allocation_info", "role"))
			if v, ok := at(r, "scalar", "value").(float64); ok {
				scalars[k] += v
				continue
			}
			spans, _ := at(r, "ranges", "range").([]any)
			for _, s := range spans {
				ranges[k] = append(ranges[k], fmt.Sprintf("%.0f-%.0f", at(s, "begin"), at(s, "end")))
			}
		}
	}
	out := map[string]string{}
	for k, v := range scalars {
		out[k] = fmt.Sprintf("%.3f", v)
	}
	for k, v := range ranges {
		sort.Strings(v)
		out[k] = strings.Join(v, ",")
	}
	return out
}
