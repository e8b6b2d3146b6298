package mesos

import (
	"maps"
	"slices"

	mesosv1 "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
)

// subscribeCall makes SUBSCRIBE; id is "" for a new framework.
func (c Config) subscribeCall(id string) *scheduler.Call {
	info := c.Framework.info()
	call := &scheduler.Call{Type: scheduler.Call_SUBSCRIBE, Subscribe: &scheduler.Call_Subscribe{FrameworkInfo: info}}
	if id != "" {
		info.ID = &mesosv1.FrameworkID{Value: id}
		call.FrameworkID = info.ID
	}
	if c.Framework.SuppressedRoles != nil {
		call.Subscribe.SuppressedRoles = c.Framework.SuppressedRoles()
	}
	return call
}

func (f FrameworkConfig) info() *mesosv1.FrameworkInfo {
	failover, checkpoint := f.FailoverTimeout.Seconds(), !f.NoCheckpoint
	capabilities := []mesosv1.FrameworkInfo_Capability_Type{
		mesosv1.FrameworkInfo_Capability_MULTI_ROLE,
		mesosv1.FrameworkInfo_Capability_PARTITION_AWARE,
		mesosv1.FrameworkInfo_Capability_TASK_KILLING_STATE,
		mesosv1.FrameworkInfo_Capability_RESERVATION_REFINEMENT,
		mesosv1.FrameworkInfo_Capability_REGION_AWARE,
	}
	if f.GPUs {
		capabilities = append(capabilities, mesosv1.FrameworkInfo_Capability_GPU_RESOURCES)
	}
	if f.Revocable {
		capabilities = append(capabilities, mesosv1.FrameworkInfo_Capability_REVOCABLE_RESOURCES)
	}
	info := &mesosv1.FrameworkInfo{
		Name: f.Name, User: f.User, Roles: f.Roles, FailoverTimeout: &failover, Checkpoint: &checkpoint,
		Principal: optional(f.Principal), WebUiURL: optional(f.WebUIURL), Hostname: optional(f.Hostname),
		Labels: toLabels(f.Labels),
	}
	for _, c := range capabilities {
		info.Capabilities = append(info.Capabilities, mesosv1.FrameworkInfo_Capability{Type: c})
	}
	return info
}

// optional returns nil for the empty string, which Mesos would take for a value.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// toLabels sorts by key, so that equal maps make equal messages.
func toLabels(m map[string]string) *mesosv1.Labels {
	if len(m) == 0 {
		return nil
	}
	out := &mesosv1.Labels{Labels: make([]mesosv1.Label, 0, len(m))}
	for _, k := range slices.Sorted(maps.Keys(m)) {
		v := m[k]
		out.Labels = append(out.Labels, mesosv1.Label{Key: k, Value: &v})
	}
	return out
}
