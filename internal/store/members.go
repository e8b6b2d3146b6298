package store

import (
	"cmp"
	"context"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"
)

const (
	// askEvery is how often each member is asked how it is, and askTimeout how long it may take to answer.
	askEvery   = time.Second
	askTimeout = time.Second
	// silentAfter questions in a row without an answer a member is taken to stand still. On a machine that is short of processors
	// single answers come late.
	silentAfter = 3
	// hangUpEvery bounds how often the connections to one member are broken.
	hangUpEvery = 15 * time.Second
)

// members watches over the members of an etcd cluster, each by a connection of its own. It sees two things that requests tell too
// late or not at all.
//
// A member that stands still (a frozen machine, a network that swallows packets) leaves its connections open. Watches through it
// say nothing more, and of the requests every third goes to it and waits in vain. gRPC's own probes find that out after 15
// seconds, and cannot be made quicker. So when one member is silent and another is not, the connections to the silent one are
// broken: what is on its way is of unknown outcome, watches go on elsewhere, and gRPC does not use the member again before it
// has answered.
//
// And that etcd is out of space, which does not hinder reads.
type members struct {
	onSpace func(full bool)

	mu    sync.Mutex
	conns map[string]map[net.Conn]bool // by address; guarded by mu
}

// dial is gRPC's dialer, which keeps account.
func (m *members) dial(ctx context.Context, address string) (net.Conn, error) {
	network, where := "tcp", address
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		network, where = "unix", path
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, network, where)
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.conns == nil {
		m.conns = map[string]map[net.Conn]bool{}
	}
	if m.conns[address] == nil {
		m.conns[address] = map[net.Conn]bool{}
	}
	c := &memberConn{Conn: conn, members: m, address: address}
	m.conns[address][c] = true
	return c, nil
}

// memberConn is a connection that takes itself from the account when it is closed.
type memberConn struct {
	net.Conn
	members *members
	address string
}

func (c *memberConn) Close() error {
	c.members.mu.Lock()
	delete(c.members.conns[c.address], c)
	c.members.mu.Unlock()
	return c.Conn.Close()
}

// hangUp breaks the connections to a member.
func (m *members) hangUp(address string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for c := range m.conns[address] {
		_ = c.(*memberConn).Conn.Close() // gRPC closes it once more, which takes it from the account
	}
}

// member is what is known of one.
type member struct {
	conn    *grpc.ClientConn
	address string
	misses  int // questions in a row without an answer
	hungUp  time.Time
}

// watch asks until ctx ends.
func (m *members) watch(ctx context.Context, client *clientv3.Client) {
	var all []*member
	for _, endpoint := range client.Endpoints() {
		conn, err := client.Dial(endpoint)
		if err != nil {
			continue // of an address that cannot be one; the client itself complains
		}
		defer conn.Close()
		all = append(all, &member{conn: conn, address: addressOf(endpoint)})
	}
	full := false
	ticker := time.NewTicker(askEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		answers := ask(ctx, all)
		if ctx.Err() != nil || len(answers) == 0 {
			// The end; or it is we who stood still, or all of them: no connection is better than another.
			for _, x := range all {
				x.misses = 0
			}
			continue
		}
		for _, x := range all {
			if x.misses == silentAfter && time.Since(x.hungUp) > hangUpEvery {
				x.hungUp = time.Now()
				m.hangUp(x.address)
			}
		}
		if now := outOfSpace(answers); now != full {
			full = now
			if m.onSpace != nil {
				m.onSpace(full)
			}
		}
	}
}

// ask puts the question to all members, and returns the answers that came in time.
func ask(ctx context.Context, all []*member) []*pb.StatusResponse {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	answers := make([]*pb.StatusResponse, len(all))
	var asked sync.WaitGroup
	for i, x := range all {
		asked.Go(func() {
			var err error
			if answers[i], err = pb.NewMaintenanceClient(x.conn).Status(ctx, &pb.StatusRequest{}); err == nil || refused(err) {
				x.misses = 0
			} else {
				x.misses++
			}
		})
	}
	asked.Wait()
	var came []*pb.StatusResponse
	for i, x := range all {
		if x.misses == 0 {
			came = append(came, answers[i])
		}
	}
	return came
}

// outOfSpace: each member knows of the alarms of all, as of what it has applied. One that is cut off from the others may know of an
// alarm that is over.
func outOfSpace(answers []*pb.StatusResponse) bool {
	furthest := slices.MaxFunc(answers, func(a, b *pb.StatusResponse) int {
		return cmp.Compare(a.GetRaftAppliedIndex(), b.GetRaftAppliedIndex())
	})
	return slices.ContainsFunc(furthest.GetErrors(), func(e string) bool { return strings.Contains(e, pb.AlarmType_NOSPACE.String()) })
}

// addressOf an endpoint, as gRPC gives it to the dialer.
func addressOf(endpoint string) string {
	if u, err := url.Parse(endpoint); err == nil && u.Host != "" {
		return u.Host
	}
	return endpoint
}
