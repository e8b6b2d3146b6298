package mesos

import (
	"math"
	"strconv"
	"strings"
	"time"

	mesosv1 "github.com/mesos/mesos-go/api/v1/lib"

	"horae/internal/offer"
)

// fromStatus turns a task's status into an update of ours.
func fromStatus(in *mesosv1.TaskStatus) offer.Update {
	u := offer.Update{
		TaskID:      in.TaskID.Value,
		AgentID:     in.GetAgentID().GetValue(),
		State:       fromState(in.State),
		Message:     in.GetMessage(),
		UUID:        in.UUID,
		ExitCode:    exitCode(in),
		Healthy:     in.Healthy,
		ContainerID: in.GetContainerStatus().GetContainerID().GetValue(),
		ExecutorID:  in.GetExecutorID().GetValue(),
	}
	if in.Reason != nil {
		u.Reason = enumName(mesosv1.TaskStatus_Reason_name, int32(*in.Reason), "REASON_")
	}
	if in.Source != nil {
		u.Source = enumName(mesosv1.TaskStatus_Source_name, int32(*in.Source), "SOURCE_")
	}
	if t := in.GetTimestamp(); t > 0 {
		u.Timestamp = fromSeconds(t)
	}
	if t := in.GetUnreachableTime(); t != nil {
		u.UnreachableTime = time.Unix(0, t.Nanoseconds).UTC()
	}
	return u
}

// fromState names the state. One that a future Mesos invents keeps its number as a name, which no controller takes for an end.
// (The state is a required field: an event without it is not decoded.)
func fromState(s *mesosv1.TaskState) offer.State {
	if name, ok := mesosv1.TaskState_name[int32(*s)]; ok {
		return offer.State(name)
	}
	return offer.State("TASK_STATE_" + strconv.Itoa(int(*s)))
}

// enumName returns the name without its prefix, or the number of a value that mesos-go does not know.
func enumName(names map[int32]string, value int32, prefix string) string {
	if name, ok := names[value]; ok {
		return strings.TrimPrefix(name, prefix)
	}
	return strconv.Itoa(int(value))
}

// fromSeconds reads Mesos's seconds with a fraction, to the microsecond: a float64 of today holds no more.
func fromSeconds(t float64) time.Time {
	whole, part := math.Modf(t)
	if math.Abs(whole) > math.MaxInt64/2 {
		return time.Time{}
	}
	return time.Unix(int64(whole), int64(math.Round(part*1e6))*1000).UTC()
}

// exitPrefixes begin the messages of the command executor, the default executor and the Docker executor about how a
// command ended (mesos/recordings/lifecycle). A signal ("Command terminated with signal Killed") leaves no exit code; nor does a
// fetcher that "exited with status 1", which is not the command.
var exitPrefixes = []string{"Command exited with status ", "Container exited with status "}

// exitCode of an ended command, or nil where the message does not have it. The message of an agent or a master is no executor's.
func exitCode(in *mesosv1.TaskStatus) *int32 {
	if in.Message == nil || !ended(in.GetState()) {
		return nil
	}
	for _, prefix := range exitPrefixes {
		rest, ok := strings.CutPrefix(*in.Message, prefix)
		if !ok {
			continue
		}
		digits := rest
		if i := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' }); i >= 0 {
			digits = rest[:i]
		}
		n, err := strconv.ParseInt(digits, 10, 32)
		if err != nil {
			return nil
		}
		code := int32(n)
		return &code
	}
	return nil
}

// ended reports whether it is a state in which a command executor reports an exit.
func ended(s mesosv1.TaskState) bool {
	return s == mesosv1.TASK_FINISHED || s == mesosv1.TASK_FAILED || s == mesosv1.TASK_KILLED
}
