package devcluster

import (
	"fmt"
	"strings"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
)

// validateTask checks a task in the order in which Mesos does, and returns what it uses, or what is wrong with it.
func (m *Master) validateTask(f *framework, n *node, info *mesos.TaskInfo, role string, free resources) (resources, string) {
	if text := invalidID(info.TaskID.Value); text != "" {
		return nil, text
	}
	if f.tasks[info.TaskID.Value] != nil || f.lost[info.TaskID.Value] != nil {
		return nil, "Task has duplicate ID: " + info.TaskID.Value
	}
	if info.AgentID.Value != n.id {
		return nil, fmt.Sprintf("Task uses invalid agent %s while agent %s is expected", info.AgentID.Value, n.id)
	}
	if info.KillPolicy.GetGracePeriod() != nil && info.KillPolicy.GracePeriod.Nanoseconds < 0 {
		return nil, "Task's 'kill_policy.grace_period' must be non-negative"
	}
	if info.MaxCompletionTime != nil && info.MaxCompletionTime.Nanoseconds < 0 {
		return nil, "Task's 'max_completion_time' must be non-negative"
	}
	if text := invalidChecks(info); text != "" {
		return nil, text
	}
	uses, err := fromMesos(info.Resources)
	if err != nil {
		return nil, "Task uses invalid resources: " + err.Error()
	}
	if (info.Command == nil) == (info.Executor == nil) {
		return nil, "Task should have at least one (but not both) of CommandInfo or ExecutorInfo present"
	}
	if info.Executor != nil {
		extra, err := fromMesos(info.Executor.Resources)
		if err != nil {
			return nil, "Executor uses invalid resources: " + err.Error()
		}
		uses = uses.plus(extra)
		if text := m.invalidExecutor(f, n, info.Executor); text != "" {
			return nil, text
		}
	}
	if len(uses) == 0 {
		return nil, "Task uses no resources"
	}
	if !free.contains(uses) {
		return nil, tooMuch(uses, free, role)
	}
	return uses, ""
}

func tooMuch(uses, free resources, role string) string {
	return fmt.Sprintf("Total resources %s required by task and its executor is more than available %s", uses.text(role), free.text(role))
}

func (m *Master) invalidExecutor(f *framework, n *node, e *mesos.ExecutorInfo) string {
	if text := invalidID(e.ExecutorID.Value); text != "" {
		return text
	}
	if id := e.GetFrameworkID().GetValue(); id != f.id {
		return fmt.Sprintf("ExecutorInfo has an invalid FrameworkID (Actual: %s vs Expected: %s)", id, f.id)
	}
	if e.Type == mesos.ExecutorInfo_DEFAULT {
		return "'ExecutorInfo.type' must not be 'DEFAULT' for tasks launched by LAUNCH"
	}
	if e.Command == nil {
		return "'ExecutorInfo.command' must be set for 'CUSTOM' executor"
	}
	for _, t := range n.tasks {
		if t.key.framework == f.id && t.executor == e.ExecutorID.Value {
			return "Custom executors with more than one task are not supported by the dev cluster"
		}
	}
	if m.c.cfg.Simulate {
		return "Custom executors are not supported in simulated mode"
	}
	return ""
}

// invalidID says what is wrong with the id of a task or an executor: it becomes a file name.
func invalidID(id string) string {
	switch {
	case id == "":
		return "ID must not be empty"
	case len(id) > 255:
		return "ID must not be greater than 255 characters"
	case id == "." || id == "..":
		return fmt.Sprintf("'%s' is disallowed", id)
	case strings.ContainsFunc(id, func(r rune) bool { return r < 32 || r == 127 || r == '/' || r == '\\' }):
		return fmt.Sprintf("'%s' contains invalid characters", id)
	}
	return ""
}

func invalidChecks(info *mesos.TaskInfo) string {
	if h := info.HealthCheck; h != nil {
		switch {
		case h.Type == mesos.HealthCheck_COMMAND && h.Command == nil:
			return "Task uses invalid health check: Expecting 'command' to be set for COMMAND health check"
		case h.Type == mesos.HealthCheck_HTTP && h.HTTP == nil:
			return "Task uses invalid health check: Expecting 'http' to be set for HTTP health check"
		case h.Type == mesos.HealthCheck_TCP && h.TCP == nil:
			return "Task uses invalid health check: Expecting 'tcp' to be set for TCP health check"
		case h.Type == mesos.HealthCheck_UNKNOWN:
			return "Task uses invalid health check: 'UNKNOWN' is not a valid health check type"
		case negative(h.DelaySeconds, h.GracePeriodSeconds, h.IntervalSeconds, h.TimeoutSeconds):
			return "Task uses invalid health check: Expecting its times to be non-negative"
		}
	}
	if c := info.Check; c != nil {
		switch {
		case c.Type == mesos.CheckInfo_COMMAND && (c.Command == nil || c.Command.Command.Value == nil):
			return "Task uses invalid check: Expecting 'command' to be set for COMMAND check"
		case c.Type == mesos.CheckInfo_HTTP && c.HTTP == nil:
			return "Task uses invalid check: Expecting 'http' to be set for HTTP check"
		case c.Type == mesos.CheckInfo_TCP && c.TCP == nil:
			return "Task uses invalid check: Expecting 'tcp' to be set for TCP check"
		case c.Type == mesos.CheckInfo_UNKNOWN:
			return "Task uses invalid check: 'UNKNOWN' is not a valid check type"
		case negative(c.DelaySeconds, c.IntervalSeconds, c.TimeoutSeconds):
			return "Task uses invalid check: Expecting its times to be non-negative"
		}
	}
	return ""
}

func negative(values ...*float64) bool {
	for _, v := range values {
		if v != nil && *v < 0 {
			return true
		}
	}
	return false
}

// invalidFramework says what is wrong with a FrameworkInfo.
func invalidFramework(info *mesos.FrameworkInfo, suppressed []string) string {
	multiRole := false
	for _, c := range info.Capabilities {
		multiRole = multiRole || c.Type == mesos.FrameworkInfo_Capability_MULTI_ROLE
	}
	switch {
	case multiRole && info.Role != nil:
		return "'FrameworkInfo.role' must not be set when the framework is MULTI_ROLE capable"
	case !multiRole && len(info.Roles) > 0:
		return "'FrameworkInfo.roles' must not be set when the framework is not MULTI_ROLE capable"
	case info.GetFailoverTimeout() < 0:
		return fmt.Sprintf("The framework failover_timeout (%v) is invalid", *info.FailoverTimeout)
	}
	seen := map[string]bool{}
	for _, role := range info.Roles {
		if text := invalidRole(role); text != "" {
			return "'FrameworkInfo.roles' contains invalid role: " + text
		}
		if seen[role] {
			return "'FrameworkInfo.roles' contains duplicate items: " + role
		}
		seen[role] = true
	}
	if info.Role != nil {
		if text := invalidRole(*info.Role); text != "" {
			return "'FrameworkInfo.role' is not a valid role: " + text
		}
	}
	for _, role := range suppressed {
		if multiRole && !seen[role] {
			return fmt.Sprintf("Suppressed role '%s' is not contained in the list of roles", role)
		}
	}
	return ""
}

func invalidRole(role string) string {
	switch {
	case role == unreserved:
		return ""
	case role == "":
		return "Empty role name is invalid"
	case strings.HasPrefix(role, "/"):
		return fmt.Sprintf("Role '%s' cannot start with a slash", role)
	case strings.HasSuffix(role, "/"):
		return fmt.Sprintf("Role '%s' cannot end with a slash", role)
	}
	for _, part := range strings.Split(role, "/") {
		switch {
		case part == "":
			return fmt.Sprintf("Role '%s' cannot contain two adjacent slashes", role)
		case part == "." || part == ".." || part == "*":
			return fmt.Sprintf("Role '%s' cannot include '%s' as a component", role, part)
		case strings.HasPrefix(part, "-"):
			return fmt.Sprintf("Role component '%s' is invalid because it begins with a dash", part)
		case strings.ContainsAny(part, "\x09\x0a\x0b\x0c\x0d\x20\x08\x7f"):
			return fmt.Sprintf("Role component '%s' is invalid because it contains backspace or whitespace", part)
		}
	}
	return ""
}
