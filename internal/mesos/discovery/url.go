package discovery

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
)

// Scheme begins the URLs that Parse reads.
const Scheme = "zk://"

// URL says where Mesos's masters stand for election, in Mesos's own form: zk://[user:password@]host:port[,host:port...]/path.
type URL struct {
	// Credentials are "user:password" of ZooKeeper's digest scheme, taken as they stand; "": none.
	Credentials string
	// Servers are each host:port.
	Servers []string
	// Path of the znode that holds the masters', such as /mesos.
	Path string
}

// Parse reads a URL as Mesos does: nothing in it is percent-encoded, the path begins at the first slash, and the servers after the last
// at sign before it. The errors show no password.
func Parse(s string) (URL, error) {
	rest, ok := strings.CutPrefix(s, Scheme)
	if !ok {
		return URL{}, errors.New("must begin with " + Scheme)
	}
	hosts, path, _ := strings.Cut(rest, "/")
	u := URL{Path: "/" + strings.TrimRight(path, "/")}
	if i := strings.LastIndexByte(hosts, '@'); i >= 0 {
		u.Credentials, hosts = hosts[:i], hosts[i+1:]
		if user, password, ok := strings.Cut(u.Credentials, ":"); !ok || user == "" || password == "" {
			return URL{}, errors.New("what stands before the @ must be user:password")
		}
	}
	if hosts == "" {
		return URL{}, errors.New("names no server, such as zk1.example.com:2181")
	}
	for server := range strings.SplitSeq(hosts, ",") {
		if err := checkServer(server); err != nil {
			return URL{}, err
		}
		u.Servers = append(u.Servers, server)
	}
	switch {
	case u.Path == "/":
		return URL{}, errors.New("names no path, such as /mesos, at which the masters stand for election")
	case strings.Contains(u.Path, "//") || strings.ContainsFunc(u.Path, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return URL{}, fmt.Errorf("path %q: has an empty name or a control character in it", u.Path)
	}
	for name := range strings.SplitSeq(u.Path[1:], "/") {
		if name == "." || name == ".." {
			return URL{}, fmt.Errorf("path %q: ZooKeeper does not allow %q as a name", u.Path, name)
		}
	}
	return u, nil
}

func checkServer(server string) error {
	host, port, err := net.SplitHostPort(server)
	if err != nil || host == "" {
		return fmt.Errorf("server %q: must be host:port; ZooKeeper's usual port is 2181", server)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return fmt.Errorf("server %q: %q is not a port", server, port)
	}
	return nil
}

// String leaves the credentials out: it is for logs.
func (u URL) String() string { return Scheme + strings.Join(u.Servers, ",") + u.Path }
