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

// backlog has those who wait for a place, in lines (order.go) and put together with their peers, so that a placement need not look at
// each of them. Its zero value is empty.
type backlog struct {
	lines map[lineKey]*line
	peers map[peersKey]*peers
	// even are those, by Job, whose attempts have to be even (GroupBy): an attempt of the Job's makes room for them.
	even map[store.Key][]*peers
	// untried are those of whom one has not been tried with the offers in hand; batch is the last one that all others were tried with.
	untried map[*peers]struct{}
	batch   int64
}

// lineKey names a line: the Runs of one namespace and one priority.
type lineKey struct {
	namespace string
	priority  int32
}

// line is a line of those who wait, the one that has waited longest in front.
type line struct {
	lineKey
	waiting []*Request
	peers   int // different ones
}

// peers stand in one line and fit the same places, but for when each of them would be over.
type peers struct {
	peersKey
	line    *line
	waiting []*Request // in the order of the line; never empty
	// tried is the last batch of offers that certainly has no place for any of them, like all before.
	tried int64
	// failed is what was left when they were last tried in vain; nil: they were not.
	failed    *leftovers
	explained time.Time // when somebody last looked whether there is something new to be told about why they wait

	// The fields below are those of the placement that is under way.
	at  *progress
	out bool // None of them will find a place.
}

type peersKey struct {
	line lineKey
	kind unique.Handle[kind]
}

func (r *Request) lineKey() lineKey   { return lineKey{r.Run.Key.Namespace, r.Priority} }
func (r *Request) peersKey() peersKey { return peersKey{r.lineKey(), r.kind} }

// byAge is the order within a line. Runs are created by the second: those that became due together have waited equally long, and
// lots decide.
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

// stand puts a request in its place among others.
func stand(waiting []*Request, r *Request) []*Request {
	at, _ := slices.BinarySearchFunc(waiting, r, byAge)
	return slices.Insert(waiting, at, r)
}

// leave takes one out of them.
func leave(waiting []*Request, r *Request) []*Request {
	at, _ := slices.BinarySearchFunc(waiting, r, byAge)
	if at == 0 { // as for most that find a place
		waiting[0] = nil
		return waiting[1:]
	}
	return slices.Delete(waiting, at, at+1)
}

// replace puts a newer state of a Run in its place: it may fit where the older one did, and nowhere else.
func (b *backlog) replace(old, r *Request) {
	if old.peersKey() != r.peersKey() {
		b.remove(old)
		b.add(r)
		return
	}
	old.peers.take(old)
	old.peers.put(r)
}

// due are those for whom there may be a place now that the last batch of offers is in hand. The offers in hand only get fewer until
// more come: who was tried in vain need not be tried again before.
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

// retry has those tried again, though no more is offered, of whom the function says so.
func (b *backlog) retry(again func(*peers) bool) {
	for _, ps := range b.peers {
		if again(ps) {
			b.untried[ps] = struct{}{}
		}
	}
}

// unexplained are at most so many, those who have gone longest without an explanation.
func (b *backlog) unexplained(most int) []*peers {
	all := slices.AppendSeq(make([]*peers, 0, len(b.peers)), maps.Values(b.peers))
	if len(all) > most {
		slices.SortFunc(all, func(x, y *peers) int { return x.explained.Compare(y.explained) })
		all = all[:most]
	}
	return all
}

// together are requests with their peers, in a fixed order.
func together(requests []*Request) []*peers {
	var b backlog
	for _, r := range requests {
		b.add(r)
	}
	return slices.SortedFunc(maps.Values(b.peers), func(x, y *peers) int {
		return cmp.Or(
			strings.Compare(x.line.namespace, y.line.namespace), cmp.Compare(x.line.priority, y.line.priority), byAge(x.waiting[0], y.waiting[0]))
	})
}
