package etcdtest

import (
	"bufio"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// peers stands between the members: one listener for each, at the URL that all of them know it by, and one Proxy for each direction
// between two. The kernel knows who dials: all members have the same address.
type peers struct {
	cluster   *Cluster
	listeners []net.Listener
	links     [][]*Proxy // [from][to]; nil from a member to itself
	wg        sync.WaitGroup
}

// openPeers puts the proxies in place; the members must not run yet.
func (c *Cluster) openPeers() {
	c.t.Helper()
	p := &peers{cluster: c, links: make([][]*Proxy, len(c.members))}
	c.peers = p
	c.t.Cleanup(p.close)
	for i := range c.members {
		p.links[i] = make([]*Proxy, len(c.members))
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			c.t.Fatalf("start an etcd cluster: %v", err)
		}
		p.listeners = append(p.listeners, l)
		c.members[i].Peer, c.members[i].PeerListen = "http://"+l.Addr().String(), c.members[i].Peer
	}
	for to, m := range c.members {
		u, err := url.Parse(m.PeerListen)
		if err != nil {
			c.t.Fatalf("start an etcd cluster: %v", err)
		}
		for from := range c.members {
			if from != to {
				p.links[from][to] = newProxy(u.Host)
			}
		}
		p.wg.Go(func() { p.serve(to) })
	}
}

func (p *peers) close() {
	for _, l := range p.listeners {
		_ = l.Close()
	}
	p.wg.Wait()
	for _, of := range p.links {
		for _, link := range of {
			if link != nil {
				link.close()
			}
		}
	}
}

// serve sends each connection to a member on its way.
func (p *peers) serve(to int) {
	for {
		conn, err := p.listeners[to].Accept()
		if err != nil {
			return
		}
		from, ok := p.cluster.dialer(conn)
		if !ok || from == to { // it is over already, or none of a member
			_ = conn.Close()
			continue
		}
		p.links[from][to].take(conn)
	}
}

// dialer is the member that has dialled.
func (c *Cluster) dialer(conn net.Conn) (int, bool) {
	inode, err := inodeOf(conn)
	if err != nil {
		return 0, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, p := range c.procs {
		if p != nil && holds(p.cmd.Process.Pid, inode) {
			return i, true
		}
	}
	return 0, false
}

// inodeOf finds the socket at the other end of a loopback connection in the kernel's table.
func inodeOf(conn net.Conn) (string, error) {
	table, err := os.Open("/proc/net/tcp")
	if err != nil {
		return "", err
	}
	defer table.Close()
	ours, theirs := conn.LocalAddr().(*net.TCPAddr).Port, conn.RemoteAddr().(*net.TCPAddr).Port
	for lines := bufio.NewScanner(table); lines.Scan(); {
		// sl local_address rem_address st tx_queue:rx_queue tr:tm->when retrnsmt uid timeout inode ...
		fields := strings.Fields(lines.Text())
		if len(fields) > 9 && port(fields[1]) == theirs && port(fields[2]) == ours {
			return fields[9], nil
		}
	}
	return "", fmt.Errorf("no socket is connected from port %d to %d", theirs, ours)
}

// port of an address as the kernel prints it, such as 0100007F:1F90; -1 for none.
func port(address string) int {
	_, hex, _ := strings.Cut(address, ":")
	n, err := strconv.ParseUint(hex, 16, 16)
	if err != nil {
		return -1
	}
	return int(n)
}

// holds reports whether the process has the socket.
func holds(pid int, inode string) bool {
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	files, err := os.ReadDir(dir)
	if err != nil {
		return false
	}
	for _, f := range files {
		if to, err := os.Readlink(filepath.Join(dir, f.Name())); err == nil && to == "socket:["+inode+"]" {
			return true
		}
	}
	return false
}

// Partition has nothing pass between the members named and the others, with connections left open, as when a network swallows packets. It
// needs WithPartitions, and adds to what there is already.
func (c *Cluster) Partition(members ...int) {
	c.t.Helper()
	for i := range c.members {
		for j := range c.members {
			if slices.Contains(members, i) && !slices.Contains(members, j) {
				c.Part(i, j)
				c.Part(j, i)
			}
		}
	}
}

// Part has nothing pass that one member sends to another; the way back stays.
func (c *Cluster) Part(from, to int) {
	c.t.Helper()
	if c.peers == nil {
		c.t.Fatalf("part etcd members: the cluster was started without WithPartitions")
	}
	// Raft sends most messages as answers to requests of the member that gets them.
	c.peers.links[from][to].withhold(toServer)
	c.peers.links[to][from].withhold(toClient)
}

// Heal ends every partition; what was kept back arrives.
func (c *Cluster) Heal() {
	for _, of := range c.peers.links {
		for _, link := range of {
			if link != nil {
				link.Restore()
			}
		}
	}
}
