package run

import (
	"strconv"
	"strings"
	"time"

	v1 "horae/api/v1"
	"horae/controllers/run/placement"
	"horae/internal/offer"
)

// Labels of the Mesos task, besides those of the Job and of its task.
const (
	labelRun       = "horae/run"
	labelNamespace = "horae/namespace"
)

// NewTask makes the Mesos task of an attempt that was placed on an agent.
func NewTask(p *placement.Placed, id TaskID, agentID, hostname string) offer.Task {
	r := p.Run.Object
	spec := withOverrides(&r.Spec)
	t := offer.Task{
		ID: id.String(), Name: r.Spec.Job, AgentID: agentID, Spec: spec,
		Labels: labels(r, id), Resources: p.Resources, Ports: p.Ports,
	}
	if r.Spec.Timeout != nil {
		t.Timeout = r.Spec.Timeout.Duration
	}
	t.Env = environment(r, p, id, hostname)
	return t
}

// withOverrides is the Run's task with the arguments of a manual trigger, which stand in place of the task's. A
// shell line has no arguments of its own: they are put behind it, as Chronos did, but quoted, so that they stay
// arguments.
func withOverrides(s *v1.RunSpec) *v1.TaskSpec {
	if len(s.Args) == 0 {
		return &s.Task
	}
	t := s.Task
	if t.Shell == "" {
		t.Args = s.Args
		return &t
	}
	var line strings.Builder
	line.WriteString(strings.TrimRight(t.Shell, " \t\r\n"))
	for _, arg := range s.Args {
		line.WriteByte(' ')
		line.WriteString(shellQuote(arg))
	}
	t.Shell = line.String()
	return &t
}

// shellQuote makes a text one word for /bin/sh. Words of harmless characters stay as they are.
func shellQuote(arg string) string {
	harmless := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:=@%+,", r)
	}
	if arg != "" && strings.IndexFunc(arg, func(r rune) bool { return !harmless(r) }) < 0 {
		return arg
	}
	return "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
}

// labels are the Run's, which are its Job's, then the task's own, then ours.
func labels(r *v1.Run, id TaskID) map[string]string {
	m := make(map[string]string, len(r.Labels)+len(r.Spec.Task.Labels)+3)
	for k, v := range r.Labels {
		m[k] = v
	}
	for k, v := range r.Spec.Task.Labels {
		m[k] = v
	}
	m[v1.LabelJob], m[labelRun], m[labelNamespace] = r.Spec.Job, id.Run, id.Namespace
	return m
}

// environment is the attempt's complete environment: the task's, overridden by the trigger's, and the variables
// that Horae sets for every attempt (docs/tasks.md). A Job cannot override the latter: its variables of those
// names are left out.
func environment(r *v1.Run, p *placement.Placed, id TaskID, hostname string) []v1.EnvVar {
	given := append(horaeVariables(r, id), chronosVariables(r, p, id, hostname)...)
	given = append(given, portVariables(p.Ports)...)

	own := append(append(make([]v1.EnvVar, 0, len(r.Spec.Task.Env)+len(r.Spec.Env)+len(given)),
		r.Spec.Task.Env...), r.Spec.Env...)
	last := make(map[string]int, cap(own))
	for i := range own {
		last[own[i].Name] = i
	}
	for i := range given {
		last[given[i].Name] = -1
	}
	env := own[:0]
	for i := range own {
		if last[own[i].Name] == i {
			env = append(env, own[i])
		}
	}
	return append(env, given...)
}

func horaeVariables(r *v1.Run, id TaskID) []v1.EnvVar {
	scheduled := ""
	if t := r.Spec.ScheduledTime; t != nil {
		scheduled = t.UTC().Format(time.RFC3339Nano)
	}
	return []v1.EnvVar{
		{Name: "HORAE_JOB", Value: r.Spec.Job},
		{Name: "HORAE_NAMESPACE", Value: id.Namespace},
		{Name: "HORAE_RUN", Value: id.Run},
		{Name: "HORAE_ATTEMPT", Value: strconv.Itoa(id.Attempt)},
		{Name: "HORAE_TASK_ID", Value: id.String()},
		{Name: "HORAE_SCHEDULED_TIME", Value: scheduled},
		{Name: "HORAE_REASON", Value: string(r.Spec.Reason)},
		{Name: "HORAE_PARENTS", Value: strings.Join(r.Spec.Parents, ",")},
	}
}

// chronosVariables are the ten that Chronos gave. Its attempts count from 0, and its run time is the scheduled one in
// milliseconds; a Run without one has the time it was created.
func chronosVariables(r *v1.Run, p *placement.Placed, id TaskID, hostname string) []v1.EnvVar {
	due := r.CreationTimestamp.Time
	if t := r.Spec.ScheduledTime; t != nil {
		due = t.Time
	}
	need := p.Need()
	return []v1.EnvVar{
		{Name: "mesos_task_id", Value: id.String()},
		{Name: "MESOS_TASK_ID", Value: id.String()},
		{Name: "CHRONOS_JOB_OWNER", Value: r.Spec.Owner},
		{Name: "CHRONOS_JOB_NAME", Value: r.Spec.Job},
		{Name: "HOST", Value: hostname},
		{Name: "CHRONOS_RESOURCE_MEM", Value: placement.JavaDouble(need.Memory())},
		{Name: "CHRONOS_RESOURCE_CPU", Value: placement.JavaDouble(need.CPUs())},
		{Name: "CHRONOS_RESOURCE_DISK", Value: placement.JavaDouble(need.Disk())},
		{Name: "CHRONOS_JOB_RUN_TIME", Value: strconv.FormatInt(due.UnixMilli(), 10)},
		{Name: "CHRONOS_JOB_RUN_ATTEMPT", Value: strconv.Itoa(id.Attempt - 1)},
	}
}

// portVariables are PORT0, PORT1, ... and, with all of them, PORTS. A task without ports gets none.
func portVariables(ports []int32) []v1.EnvVar {
	if len(ports) == 0 {
		return nil
	}
	env := make([]v1.EnvVar, 0, len(ports)+1)
	all := make([]string, len(ports))
	for i, port := range ports {
		all[i] = strconv.Itoa(int(port))
		env = append(env, v1.EnvVar{Name: "PORT" + strconv.Itoa(i), Value: all[i]})
	}
	return append(env, v1.EnvVar{Name: "PORTS", Value: strings.Join(all, ",")})
}
