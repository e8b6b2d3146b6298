package discovery

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// label begins the names of the masters' znodes. Those of masters before Mesos 0.24 (info_) hold another format and are not read;
// log_replicas beside them is no master.
const label = "json.info_"

// leaderOf picks the leader's znode among the children of the path: the one with the lowest sequence number. "" if no master stands
// for election.
func leaderOf(children []string) string {
	var leader string
	var lowest int64
	for _, name := range children {
		digits, ok := strings.CutPrefix(name, label)
		if !ok {
			continue
		}
		// ZooKeeper's counter is a signed 32 bit number that wraps around.
		n, err := strconv.ParseInt(digits, 10, 32)
		if err != nil {
			continue
		}
		if leader == "" || n < lowest {
			leader, lowest = name, n
		}
	}
	return leader
}

// masterInfo is the part of Mesos's MasterInfo that says where a master answers.
type masterInfo struct {
	Hostname string  `json:"hostname"`
	IP       *uint32 `json:"ip"` // in network byte order, read as a little endian number
	Port     int     `json:"port"`
	Address  *struct {
		Hostname string `json:"hostname"`
		IP       string `json:"ip"`
		Port     int    `json:"port"`
	} `json:"address"`
}

// addresses reads the content of a leader's znode and returns host:port, first by its host name, which a certificate is about,
// and then by its IP, if that is another: names are not resolvable everywhere.
func addresses(data []byte) ([]string, error) {
	var info masterInfo
	if err := json.Unmarshal(data, &info); err != nil {
		return nil, fmt.Errorf("is no MasterInfo in JSON: %w", err)
	}
	hosts, port := []string{info.Hostname}, info.Port
	if a := info.Address; a != nil {
		hosts, port = []string{a.Hostname, a.IP}, a.Port
	} else if info.IP != nil {
		var ip [4]byte
		binary.LittleEndian.PutUint32(ip[:], *info.IP)
		hosts = append(hosts, netip.AddrFrom4(ip).String())
	}
	if port < 1 || port > 65535 {
		return nil, fmt.Errorf("has no usable port: %d", port)
	}
	var out []string
	for _, host := range hosts {
		if address := net.JoinHostPort(host, strconv.Itoa(port)); host != "" && !slices.Contains(out, address) {
			out = append(out, address)
		}
	}
	if len(out) == 0 {
		return nil, errors.New("names neither a host nor an address")
	}
	return out, nil
}
