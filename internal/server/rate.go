package server

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// rates bound how many requests a client may make in a second. One that makes more is slowed down, then refused.
type rates struct {
	perSecond float64 // 0: as many as it likes

	mu      sync.Mutex
	clients map[string]*rate.Limiter // guarded by mu: those that made requests lately
}

// What is more than a request that reads a little counts as several.
const (
	// writeCost: a write is a transaction on the disks of etcd's members.
	writeCost = 4
	// bodyBytes of a body count as one more: it is parsed, and may be worth many times its size in memory.
	bodyBytes = 1 << 10
	// scanned objects of a selection, and a chunk of a list, count as one more. YAML takes longer to write.
	scanned, chunkCost, yamlChunkCost = 1000, 1, 10
	// occurrencesPerCost of a schedule count as one more.
	occurrencesPerCost = 50
	// metricsCost and probeCost: all metrics are gathered; etcd is asked.
	metricsCost, probeCost = 25, 5
)

const (
	// burstSeconds is for how long a client that was idle may go at full speed.
	burstSeconds = 2
	// maxSlowed is how long a request is held back at most.
	maxSlowed = time.Second
	// maxDebt bounds what a client has to wait for what its requests turned out to be worth.
	maxDebt = 5 * time.Second
	// maxRated clients are remembered.
	maxRated = 10_000
)

func newRates(perSecond float64) *rates {
	return &rates{perSecond: perSecond, clients: map[string]*rate.Limiter{}}
}

// limit slows a request down so that its client keeps to its rate. Probes are counted by themselves, so that a client
// cannot make a manager look dead to others at the same address.
func (s *Server) limit(next http.Handler) http.Handler {
	refuse := s.handle(func(http.ResponseWriter, *http.Request) error {
		return apierrors.NewTooManyRequests(fmt.Sprintf("more than %v requests in a second (a write counts as %d)",
			s.rates.perSecond, writeCost), 1)
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		client, cost := s.client(r), 1
		switch probe := strings.HasSuffix(r.URL.Path, "z") && strings.Count(r.URL.Path, "/") == 1; {
		case probe || strings.HasPrefix(r.URL.Path, "/readyz/"):
			client, cost = client+" probing", probeCost
		case r.URL.Path == "/metrics":
			client, cost = client+" probing", metricsCost
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			cost = writeCost
		}
		slowed, ok := s.rates.take(client, cost, time.Now())
		if ok && slowed > 0 {
			timer := time.NewTimer(slowed)
			defer timer.Stop()
			select {
			case <-timer.C:
			case <-r.Context().Done():
				return
			}
		}
		if !ok {
			countRefusal(r)
			refuse.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// take counts a request, and returns how long it is to be held back; false: it is refused.
func (r *rates) take(client string, cost int, now time.Time) (time.Duration, bool) {
	return r.book(client, cost, maxSlowed, now)
}

// charge counts what a request turned out to be worth, on top of what take has counted. Later requests wait for it.
func (r *rates) charge(client string, cost int) { r.book(client, cost, maxDebt, time.Now()) }

// book takes tokens of a client's bucket if it is not further than most in debt then.
func (r *rates) book(client string, cost int, most time.Duration, now time.Time) (time.Duration, bool) {
	if r.perSecond == 0 || cost == 0 {
		return 0, true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.clients[client]
	if l == nil {
		if len(r.clients) >= maxRated {
			r.forgetLocked(now)
		}
		l = rate.NewLimiter(rate.Limit(r.perSecond), max(metricsCost, int(burstSeconds*r.perSecond)))
		r.clients[client] = l
	}
	booked := l.ReserveN(now, min(cost, l.Burst()))
	if slowed := booked.DelayFrom(now); slowed <= most {
		return slowed, true
	}
	booked.CancelAt(now)
	return 0, false
}

// forgetLocked drops clients that may go at full speed again: a new limiter is the same. If there are none, it drops
// half of all.
func (r *rates) forgetLocked(now time.Time) {
	for client, l := range r.clients {
		if l.TokensAt(now) >= float64(l.Burst()) {
			delete(r.clients, client)
		}
	}
	for client := range r.clients {
		if len(r.clients) <= maxRated/2 {
			return
		}
		delete(r.clients, client)
	}
}
