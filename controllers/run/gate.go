package run

import "horae/controllers/run/placement"

// gateState says whether attempts may be launched (I9).
type gateState int

const (
	gateDisconnected gateState = iota
	gateReconciling
	gateOpen
)

// Reasons for waiting while nothing is launched at all, as they stand in status.reason.
const (
	waitDisconnected = "MesosNotConnected"
	waitReconciling  = "Reconciling"
)

// closed is why nothing is launched at all; its zero value: attempts are launched.
func (g gateState) closed() placement.Why {
	switch g {
	case gateDisconnected:
		return placement.Why{Reason: waitDisconnected, Message: "no attempt is launched before Mesos is connected"}
	case gateReconciling:
		return placement.Why{
			Reason: waitReconciling, Message: "no attempt is launched before Mesos has reported what became of those that were live",
		}
	}
	return placement.Why{}
}
