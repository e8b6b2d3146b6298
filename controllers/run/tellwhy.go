package run

import "time"

// This file is the placer's part that tells Runs why they wait.

// tellWhys tells those who have waited for a while why, when the meaning of that has changed. It returns when to do so again;
// zero: when something waits.
func (p *placer) tellWhys(now time.Time) time.Time {
	if len(p.waiting) == 0 {
		return time.Time{}
	}
	if now.Before(p.whyAt) {
		return p.whyAt
	}
	left := whysAtATime
	for _, ps := range p.backlog.unexplained(whysAtATime) {
		if left = p.tellPeers(ps, now, left); left == 0 {
			break
		}
		ps.explained = now
	}
	p.whyAt = now.Add(whyTick)
	return p.whyAt
}

// tellPeers tells at most so many of peers, and returns how many more may be told.
func (p *placer) tellPeers(ps *peers, now time.Time, most int) (left int) {
	for _, r := range ps.waiting {
		if now.Before(r.Since.Add(whyAfter)) && p.knows(r) {
			continue
		}
		if why := p.why(ps, r); why.Reason != r.told.Reason || why != r.told && !now.Before(r.toldAt.Add(whyRefresh)) {
			r.told, r.toldAt = why, now
			p.tellWhy(r.Run.Key, why)
			if most--; most == 0 {
				break
			}
		}
	}
	return most
}

func (p *placer) why(ps *peers, r *Request) Why {
	switch {
	case !p.knows(r):
		return unknownRole(r.shape.role, p.roles)
	case p.gate == gateDisconnected:
		return Why{waitDisconnected, "no attempt is launched before Mesos is connected"}
	case p.gate == gateReconciling:
		return Why{waitReconciling, "no attempt is launched before Mesos has told what became of those that were live"}
	case ps.failed == nil:
		return Why{waitNoOffers, "Mesos has offered nothing yet"}
	}
	return ps.failed.Why(r)
}
