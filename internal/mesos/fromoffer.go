package mesos

import (
	"net"
	"strconv"
	"time"

	mesosv1 "github.com/mesos/mesos-go/api/v1/lib"

	"horae/internal/offer"
)

// fromOffers turns the offers of one event into values of ours. Strings are shared with the event, which nobody changes.
func fromOffers(in []mesosv1.Offer) []offer.Offer {
	out := make([]offer.Offer, len(in))
	for i := range in {
		fromOffer(&in[i], &out[i])
	}
	return out
}

func fromOffer(in *mesosv1.Offer, out *offer.Offer) {
	role := in.GetAllocationInfo().GetRole()
	*out = offer.Offer{
		ID: in.ID.Value, AgentID: in.AgentID.Value, Hostname: in.Hostname, AgentURL: agentURL(in.URL), Role: role,
		Attributes: fromAttributes(in.Attributes), Unavailable: fromUnavailability(in.Unavailability),
	}
	if fd := in.GetDomain().GetFaultDomain(); fd != nil {
		out.Region, out.Zone = fd.Region.Name, fd.Zone.Name
	}
	out.Resources = make([]offer.Resource, 0, len(in.Resources))
	for i := range in.Resources {
		if r, ok := fromResource(&in.Resources[i], role); ok {
			out.Resources = append(out.Resources, r)
		}
	}
}

// fromResource reports false for what is not handed on: see the package documentation.
func fromResource(in *mesosv1.Resource, offerRole string) (offer.Resource, bool) {
	kind, known := resourceType(in.GetType())
	if in.Disk != nil || !known {
		return offer.Resource{}, false
	}
	out := offer.Resource{
		Name: in.Name, Type: kind, AllocatedRole: offerRole,
		Revocable: in.Revocable != nil, Shared: in.Shared != nil, ProviderID: in.GetProviderID().GetValue(),
	}
	switch kind {
	case offer.Scalar:
		out.Scalar = in.GetScalar().GetValue()
	case offer.Ranges:
		out.Ranges = fromRanges(in.Ranges)
	case offer.Set:
		out.Set = in.GetSet().GetItem()
	}
	if a := in.AllocationInfo; a != nil {
		out.AllocatedRole = a.GetRole()
	}
	reservations, ok := fromReservations(in)
	out.Reservations = reservations
	return out, ok
}

// resourceType maps the type of a value; resources are never TEXT.
func resourceType(t mesosv1.Value_Type) (offer.ResourceType, bool) {
	switch t {
	case mesosv1.SCALAR:
		return offer.Scalar, true
	case mesosv1.RANGES:
		return offer.Ranges, true
	case mesosv1.SET:
		return offer.Set, true
	}
	return 0, false
}

// fromReservations reads both formats: the stack of frameworks with RESERVATION_REFINEMENT, and the older role with at most
// one dynamic reservation. It reports false if a reservation cannot be named again as it is.
func fromReservations(in *mesosv1.Resource) ([]offer.Reservation, bool) {
	if len(in.Reservations) > 0 {
		out := make([]offer.Reservation, len(in.Reservations))
		for i := range in.Reservations {
			r := &in.Reservations[i]
			labels, ok := fromLabels(r.Labels)
			if !ok {
				return nil, false
			}
			out[i] = offer.Reservation{
				Dynamic: r.GetType() == mesosv1.Resource_ReservationInfo_DYNAMIC,
				Role:    r.GetRole(), Principal: r.GetPrincipal(), Labels: labels,
			}
		}
		return out, true
	}
	role := in.Role
	if role == nil || *role == "*" || *role == "" {
		return nil, true
	}
	one := offer.Reservation{Role: *role}
	if in.Reservation != nil {
		labels, ok := fromLabels(in.Reservation.Labels)
		if !ok {
			return nil, false
		}
		one.Dynamic, one.Principal, one.Labels = true, in.Reservation.GetPrincipal(), labels
	}
	return []offer.Reservation{one}, true
}

// fromLabels reports false for labels that a map cannot hold: the same key twice, or a key without a value.
func fromLabels(in *mesosv1.Labels) (map[string]string, bool) {
	if len(in.GetLabels()) == 0 {
		return nil, true
	}
	out := make(map[string]string, len(in.Labels))
	for _, l := range in.Labels {
		if _, twice := out[l.Key]; twice || l.Value == nil {
			return nil, false
		}
		out[l.Key] = *l.Value
	}
	return out, true
}

func fromRanges(in *mesosv1.Value_Ranges) []offer.Range {
	out := make([]offer.Range, len(in.GetRange()))
	for i, r := range in.GetRange() {
		out[i] = offer.Range{Begin: r.Begin, End: r.End}
	}
	return out
}

func fromAttributes(in []mesosv1.Attribute) []offer.Attribute {
	if len(in) == 0 {
		return nil
	}
	out := make([]offer.Attribute, len(in))
	for i := range in {
		a := &in[i]
		out[i].Name = a.Name
		switch a.Type {
		case mesosv1.SCALAR:
			out[i].Type, out[i].Scalar = offer.Scalar, a.GetScalar().GetValue()
		case mesosv1.RANGES:
			out[i].Type, out[i].Ranges = offer.Ranges, fromRanges(a.Ranges)
		case mesosv1.SET:
			out[i].Type, out[i].Set = offer.Set, a.GetSet().GetItem()
		default:
			out[i].Type, out[i].Text = offer.Text, a.GetText().GetValue()
		}
	}
	return out
}

func fromUnavailability(in *mesosv1.Unavailability) *offer.Window {
	if in == nil {
		return nil
	}
	return &offer.Window{
		Start:    time.Unix(0, in.Start.Nanoseconds).UTC(),
		Duration: time.Duration(in.GetDuration().GetNanoseconds()),
	}
}

func fromInverseOffers(in []mesosv1.InverseOffer) []offer.InverseOffer {
	out := make([]offer.InverseOffer, len(in))
	for i := range in {
		out[i] = offer.InverseOffer{
			ID: in[i].OfferID.Value, AgentID: in[i].GetAgentID().GetValue(), Unavailable: *fromUnavailability(&in[i].Unavailability),
		}
	}
	return out
}

// agentURL returns "http://host:port/slave(1)", by the name that the agent advertises rather than its IP.
func agentURL(u *mesosv1.URL) string {
	if u == nil {
		return ""
	}
	host := u.Address.GetHostname()
	if host == "" {
		host = u.Address.GetIP()
	}
	scheme := u.Scheme
	if scheme == "" {
		scheme = "http"
	}
	return scheme + "://" + net.JoinHostPort(host, strconv.Itoa(int(u.Address.Port))) + u.GetPath()
}
