package placement

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"
	"unique"

	"horae/internal/store"
)

// backlog holds the waiting requests: in lines (turns.go), and grouped with their peers, so that a placement
// does not look at each request. Its zero value is empty.
type backlog struct {
	lines map[lineKey]*line
	peers map[peersKey]*peers
	// even are the peers with GroupBy, by Job: a new attempt of the Job can make room for them.
	even map[store.Key][]*peers
	// untried are the peers that have a request which was not tried with the held offers. All others were
	// tried with the offers up to batch.
	untried map[*peers]struct{}
	batch   int64
}

// lineKey names a line: the Runs of one namespace and one priority.
type lineKey struct {
	namespace string
	priority  int32
}

// line is one line of waiting requests. The one that has waited longest stands in front.
type line struct {
	lineKey
	waiting []*Request
	peers   int // how many different ones
}

// peers are requests of one line that fit the same places. They may differ in when their attempts would end.
type peers struct {
	peersKey
	line    *line
	waiting []*Request // in the order of the line; never empty
	// tried: the offers up to this batch certainly have no place for any of them.
	tried int64
	// failed is what was left when they were last tried without success; nil: that was never so.
	failed    *leftovers
	explained time.Time // when Explain last looked at them

	// The fields below belong to the placement under way.
	at  *progress
	out bool // none of them will find a place
}

type peersKey struct {
	line lineKey
	kind unique.Handle[kind]
}

func (r *Request) lineKey() lineKey   { return lineKey{r.Run.Key.Namespace, r.Priority} }
func (r *Request) peersKey() peersKey { return peersKey{r.lineKey(), r.kind} }

// byAge is the order within a line. Runs are created by the second: those that became due together have waited
// equally long, and lots decide.
func byAge(a, b *Request) int {
	if c := a.Since.Compare(b.Since); c != 0 {
		return c
	}
	if c := cmp.Compare(a.lot, b.lot); c != 0 {
		return c
	}
	return strings.Compare(a.Run.Key.Name, b.Run.Key.Name)
}

// add puts a request in its line.
func (b *backlog) add(r *Request) {
	if b.lines == nil {
		b.lines, b.peers, b.even, b.untried = map[lineKey]*line{}, map[peersKey]*peers{}, map[store.Key][]*peers{}, map[*peers]struct{}{}
	}
	ps := b.peers[r.peersKey()]
	if ps == nil {
		ps = &peers{peersKey: r.peersKey(), line: b.lines[r.lineKey()]}
		if ps.line == nil {
			ps.line = &line{lineKey: r.lineKey()}
			b.lines[r.lineKey()] = ps.line
		}
		ps.line.peers++
		b.peers[ps.peersKey] = ps
		if len(r.constraints.even) > 0 {
			b.even[r.job] = append(b.even[r.job], ps)
		}
	}
	ps.put(r)
	b.untried[ps] = struct{}{}
	for _, ps := range b.even[r.job] {
		b.untried[ps] = struct{}{}
	}
}

func (ps *peers) put(r *Request) {
	r.peers = ps
	ps.waiting, ps.line.waiting = stand(ps.waiting, r), stand(ps.line.waiting, r)
}

// remove takes a request out.
func (b *backlog) remove(r *Request) {
	ps := r.peers
	ps.take(r)
	if len(ps.waiting) > 0 {
		return
	}
	delete(b.peers, ps.peersKey)
	delete(b.untried, ps)
	if rest := slices.DeleteFunc(b.even[r.job], func(o *peers) bool { return o == ps }); len(rest) > 0 {
		b.even[r.job] = rest
	} else {
		delete(b.even, r.job)
	}
	if ps.line.peers--; ps.line.peers == 0 {
		delete(b.lines, ps.line.lineKey)
	}
}

func (ps *peers) take(r *Request) {
	ps.waiting, ps.line.waiting = leave(ps.waiting, r), leave(ps.line.waiting, r)
}

// stand inserts a request where it belongs by age.
func stand(waiting []*Request, r *Request) []*Request {
	at, _ := slices.BinarySearchFunc(waiting, r, byAge)
	return slices.Insert(waiting, at, r)
}

// leave removes a request.
func leave(waiting []*Request, r *Request) []*Request {
	at, _ := slices.BinarySearchFunc(waiting, r, byAge)
	if at == 0 { // the usual case: the front of the line found a place
		waiting[0] = nil
		return waiting[1:]
	}
	return slices.Delete(waiting, at, at+1)
}

// replace puts a newer request of a Run in the place of the older one. It fits the same places.
func (b *backlog) replace(old, r *Request) {
	if old.peersKey() != r.peersKey() {
		b.remove(old)
		b.add(r)
		return
	}
	old.peers.take(old)
	old.peers.put(r)
}

// due returns the peers that may find a place now. The held offers only get fewer until a new batch comes, so
// that what was tried without success is not tried again before.
func (b *backlog) due(batch int64) []*peers {
	var all []*peers
	if batch != b.batch {
		all = slices.AppendSeq(make([]*peers, 0, len(b.peers)), maps.Values(b.peers))
	} else {
		all = slices.AppendSeq(all, maps.Keys(b.untried))
	}
	clear(b.untried)
	b.batch = batch
	return slices.DeleteFunc(all, func(ps *peers) bool { return ps.tried == batch })
}

// retry has the chosen peers tried again, although nothing more is offered.
func (b *backlog) retry(again func(*peers) bool) {
	for _, ps := range b.peers {
		if again(ps) {
			b.untried[ps] = struct{}{}
		}
	}
}

// unexplained returns a bounded number of peers: those that Explain has not looked at for longest.
func (b *backlog) unexplained(most int) []*peers {
	all := slices.AppendSeq(make([]*peers, 0, len(b.peers)), maps.Values(b.peers))
	if len(all) > most {
		slices.SortFunc(all, func(x, y *peers) int { return x.explained.Compare(y.explained) })
		all = all[:most]
	}
	return all
}
