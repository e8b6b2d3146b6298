package placement

import (
	"encoding/binary"
	"slices"
	"strconv"
	"strings"

	v1 "horae/api/v1"
	"horae/internal/offer"
)

// hostPorts are ports of the host that a task asks for by their numbers: two bytes each, in rising order, so
// that shapes can be compared.
type hostPorts string

// hostPortsOf are those that a container's port mappings name.
func hostPortsOf(t *v1.TaskSpec) hostPorts {
	if t.Container == nil || t.Container.Network == nil {
		return ""
	}
	var ports []uint16
	for _, m := range t.Container.Network.PortMappings {
		if m.HostPort > 0 {
			ports = append(ports, uint16(m.HostPort))
		}
	}
	slices.Sort(ports)
	var text []byte
	for _, port := range slices.Compact(ports) { // one for tcp and one for udp are one port to Mesos
		text = binary.BigEndian.AppendUint16(text, port)
	}
	return hostPorts(text)
}

func (h hostPorts) count() int64 { return int64(len(h) / 2) }

// all yields the ports.
func (h hostPorts) all(yield func(uint64) bool) {
	for i := 0; i < len(h); i += 2 {
		if !yield(uint64(h[i])<<8 | uint64(h[i+1])) {
			return
		}
	}
}

func (h hostPorts) String() string {
	var words []string
	for port := range h.all {
		words = append(words, strconv.FormatUint(port, 10))
	}
	return strings.Join(words, ", ")
}

// hasPorts reports whether all of these ports are free.
func (b *bin) hasPorts(h hostPorts) bool {
	for port := range h.all {
		if !slices.ContainsFunc(b.parts, func(at part) bool { return at.rangeOf(port) >= 0 }) {
			return false
		}
	}
	return true
}

// rangeOf is which of the ranges a port is in; -1: none.
func (at *part) rangeOf(port uint64) int {
	return slices.IndexFunc(at.ranges, func(r offer.Range) bool { return r.Begin <= port && port <= r.End })
}

// takeHostPorts takes the ports, which must be there.
func (b *bin) takeHostPorts(h hostPorts, room *[]offer.Resource) {
	for i := range b.parts {
		var taken []offer.Range
		for port := range h.all {
			if b.parts[i].split(port) {
				taken = append(taken, offer.Range{Begin: port, End: port})
			}
		}
		if len(taken) > 0 {
			res := *b.parts[i].Resource
			res.Ranges = taken
			*room = append(*room, res)
		}
	}
}

// split takes a port out of the ranges, if it is in one of them.
func (at *part) split(port uint64) bool {
	i := at.rangeOf(port)
	if i < 0 {
		return false
	}
	r := at.ranges[i]
	var rest []offer.Range
	if r.Begin < port {
		rest = append(rest, offer.Range{Begin: r.Begin, End: port - 1})
	}
	if port < r.End {
		rest = append(rest, offer.Range{Begin: port + 1, End: r.End})
	}
	at.ranges = slices.Replace(at.ranges, i, i+1, rest...)
	return true
}

// takePorts takes those of the host that are asked for by their numbers, and then the task's own, lowest first.
func (b *bin) takePorts(r *Request, placed *Placed, room *[]offer.Resource) {
	b.free.ports -= r.shape.ports
	if r.shape.hostPorts != "" {
		b.takeHostPorts(r.shape.hostPorts, room)
	}
	want := r.shape.ports - r.shape.hostPorts.count()
	for i := range b.parts {
		if at := &b.parts[i]; want > 0 && len(at.ranges) > 0 {
			res := *at.Resource
			res.Ranges = at.takePorts(want)
			for _, taken := range res.Ranges {
				for port := taken.Begin; port <= taken.End; port++ {
					placed.Ports = append(placed.Ports, int32(port))
					want--
				}
			}
			*room = append(*room, res)
		}
	}
}

// takePorts takes up to want ports, lowest first.
func (at *part) takePorts(want int64) (taken []offer.Range) {
	for want > 0 && len(at.ranges) > 0 {
		r := &at.ranges[0]
		n := min(uint64(want), r.End-r.Begin+1)
		taken = append(taken, offer.Range{Begin: r.Begin, End: r.Begin + n - 1})
		want -= int64(n)
		if r.Begin += n; r.Begin > r.End {
			at.ranges = at.ranges[1:]
		}
	}
	return taken
}
