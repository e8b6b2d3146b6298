package mesos

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode"

	mesosv1 "github.com/mesos/mesos-go/api/v1/lib"

	v1 "horae/api/v1"
	"horae/internal/offer"
)

// maxTaskID is Mesos's limit (mesos/recordings/bad_requests: "ID must not be greater than 255 characters").
const maxTaskID = 255

// toTaskInfo turns a task of the given framework into Mesos's words. Errors name the field of the task's spec.
func toTaskInfo(t *offer.Task, framework *mesosv1.FrameworkID, out *mesosv1.TaskInfo) error {
	if err := checkTask(t); err != nil {
		return err
	}
	*out = mesosv1.TaskInfo{
		Name: t.Name, TaskID: mesosv1.TaskID{Value: t.ID}, AgentID: mesosv1.AgentID{Value: t.AgentID},
		Labels: toLabels(t.Labels),
	}
	if out.Name == "" {
		out.Name = t.ID
	}
	if t.Timeout > 0 {
		out.MaxCompletionTime = &mesosv1.DurationInfo{Nanoseconds: t.Timeout.Nanoseconds()}
	}
	if g := t.Spec.KillGracePeriod; g != nil {
		out.KillPolicy = &mesosv1.KillPolicy{GracePeriod: &mesosv1.DurationInfo{Nanoseconds: g.Nanoseconds()}}
	}
	// The parts, each of which reads the task and writes its own fields.
	for _, part := range []func(*offer.Task, *mesosv1.TaskInfo) error{addResources, addCommand, addContainer, addHealthCheck} {
		if err := part(t, out); err != nil {
			return err
		}
	}
	if out.Executor != nil {
		out.Executor.FrameworkID = framework
	}
	return nil
}

// checkTask finds what the master would answer with TASK_ERROR, and what has no meaning.
func checkTask(t *offer.Task) error {
	switch {
	case t.Spec == nil:
		return errors.New("task has no spec")
	case t.ID == "":
		return errors.New("task has no id")
	case len(t.ID) > maxTaskID:
		return fmt.Errorf("task id has %d characters; Mesos takes %d", len(t.ID), maxTaskID)
	case t.ID == "." || t.ID == ".." ||
		strings.ContainsFunc(t.ID, func(r rune) bool { return unicode.IsControl(r) || r == '/' || r == '\\' }):
		return fmt.Errorf("task id %q has characters that Mesos refuses", t.ID)
	case t.AgentID == "":
		return errors.New("task has no agent id")
	case len(t.Resources) == 0:
		return errors.New("task has no resources")
	case t.Timeout < 0:
		return fmt.Errorf("timeout: %s is negative", t.Timeout)
	case t.Spec.KillGracePeriod != nil && t.Spec.KillGracePeriod.Duration < 0:
		return fmt.Errorf("killGracePeriod: %s is negative", t.Spec.KillGracePeriod)
	}
	return nil
}

// addCommand says what runs: an executor of the user's own, or a command.
func addCommand(t *offer.Task, out *mesosv1.TaskInfo) error {
	if t.Spec.Executor != nil {
		return addExecutor(t, out)
	}
	command, err := toCommand(t.Spec)
	if err != nil {
		return err
	}
	if command.Environment, err = toEnvironment(t); err != nil {
		return err
	}
	command.URIs = toURIs(t.Spec.Fetch)
	command.User = optional(t.Spec.User)
	out.Command = command
	return nil
}

// toCommand maps the three ways to say it.
func toCommand(spec *v1.TaskSpec) (*mesosv1.CommandInfo, error) {
	shell := spec.Shell != ""
	out := &mesosv1.CommandInfo{Shell: &shell}
	switch {
	case shell && len(spec.Command) > 0:
		return nil, errors.New("command: must not be set beside shell")
	case shell && len(spec.Args) > 0:
		return nil, errors.New("args: must not be set beside shell")
	case shell:
		out.Value = &spec.Shell
	case len(spec.Command) > 0:
		addProgram(spec, out)
	case spec.Container == nil || spec.Container.Image == "":
		return nil, errors.New("shell: one of shell, command, executor and a container's image must say what runs")
	default:
		out.Arguments = spec.Args // of the image's own entry point
	}
	return out, nil
}

// addProgram says which program is executed as it is. Mesos's own containerizer wants it in value, and all of argv, the program
// too, in arguments; the Docker containerizer writes value and arguments behind the image, where they would become arguments of
// the image's entry point. There the program takes the entry point's place (addDocker), and arguments are what follows it.
func addProgram(spec *v1.TaskSpec, out *mesosv1.CommandInfo) {
	argv := slices.Concat(spec.Command, spec.Args)
	if spec.Container != nil && spec.Container.Type == v1.ContainerDocker {
		out.Arguments = argv[1:]
		return
	}
	out.Value, out.Arguments = &spec.Command[0], argv
}

// addExecutor hands the task to a custom executor: its command line is run by a shell, in an executor of the task's own id, which
// no other task shares. It gets no resources besides the task's.
func addExecutor(t *offer.Task, out *mesosv1.TaskInfo) error {
	spec := t.Spec
	switch {
	case spec.Executor.Command == "":
		return errors.New("executor.command: must be set")
	case spec.Shell != "":
		return errors.New("shell: must not be set beside executor")
	case len(spec.Command) > 0:
		return errors.New("command: must not be set beside executor")
	case len(spec.Args) > 0:
		return errors.New("args: must not be set beside executor")
	}
	env, err := toEnvironment(t)
	if err != nil {
		return err
	}
	shell := true
	uris := slices.Concat(spec.Fetch, spec.Executor.Fetch)
	out.Executor = &mesosv1.ExecutorInfo{
		Type:       mesosv1.ExecutorInfo_CUSTOM,
		ExecutorID: mesosv1.ExecutorID{Value: t.ID},
		Command: &mesosv1.CommandInfo{
			Shell: &shell, Value: &spec.Executor.Command, Environment: env, URIs: toURIs(uris), User: optional(spec.User),
		},
	}
	if spec.Executor.Data != "" {
		out.Data = []byte(spec.Executor.Data)
	}
	return nil
}

func toEnvironment(t *offer.Task) (*mesosv1.Environment, error) {
	env := t.Env
	if len(env)+len(t.SecretEnv) == 0 {
		return nil, nil
	}
	out := &mesosv1.Environment{Variables: make([]mesosv1.Environment_Variable, len(env), len(env)+len(t.SecretEnv))}
	for i := range env {
		e, o := &env[i], &out.Variables[i]
		o.Name = e.Name
		switch {
		case e.Name == "":
			return nil, fmt.Errorf("env[%d].name: must be set", i)
		case e.Secret == nil:
			o.Type, o.Value = mesosv1.Environment_Variable_VALUE.Enum(), &e.Value
		case e.Value != "":
			return nil, fmt.Errorf("env[%d].value: must not be set beside secret", i)
		default:
			o.Type = mesosv1.Environment_Variable_SECRET.Enum()
			o.Secret = &mesosv1.Secret{Type: mesosv1.Secret_REFERENCE, Reference: &mesosv1.Secret_Reference{
				Name: e.Secret.Name, Key: optional(e.Secret.Key),
			}}
		}
	}
	for _, e := range t.SecretEnv {
		out.Variables = append(out.Variables, mesosv1.Environment_Variable{
			Name: e.Name, Type: mesosv1.Environment_Variable_SECRET.Enum(),
			Secret: &mesosv1.Secret{Type: mesosv1.Secret_VALUE, Value: &mesosv1.Secret_Value{Data: []byte(e.Value)}},
		})
	}
	return out, nil
}

func toURIs(fetch []v1.FetchURI) []mesosv1.CommandInfo_URI {
	if len(fetch) == 0 {
		return nil
	}
	out := make([]mesosv1.CommandInfo_URI, len(fetch))
	for i := range fetch {
		f := &fetch[i]
		extract := f.Extract == nil || *f.Extract
		out[i] = mesosv1.CommandInfo_URI{
			Value: f.URI, Extract: &extract, Executable: &f.Executable, Cache: &f.Cache, OutputFile: optional(f.OutputFile),
		}
	}
	return out
}

// addResources names the resources as they were offered. Reservations are written as a stack, which Mesos 1.4 and later
// take from every framework; scalars are rounded to the thousandths in which Mesos counts.
func addResources(t *offer.Task, out *mesosv1.TaskInfo) error {
	out.Resources = make([]mesosv1.Resource, len(t.Resources))
	for i := range t.Resources {
		if err := toResource(&t.Resources[i], &out.Resources[i]); err != nil {
			return fmt.Errorf("resources[%d]: %w", i, err)
		}
	}
	return nil
}

func toResource(in *offer.Resource, out *mesosv1.Resource) error {
	*out = mesosv1.Resource{Name: in.Name}
	switch in.Type {
	case offer.Scalar:
		if !(in.Scalar > 0) || math.IsInf(in.Scalar, 0) {
			return fmt.Errorf("%s: %v is not a positive amount", in.Name, in.Scalar)
		}
		out.Type, out.Scalar = mesosv1.SCALAR.Enum(), &mesosv1.Value_Scalar{Value: math.Round(in.Scalar*1000) / 1000}
	case offer.Ranges:
		out.Type, out.Ranges = mesosv1.RANGES.Enum(), &mesosv1.Value_Ranges{Range: make([]mesosv1.Value_Range, len(in.Ranges))}
		for i, r := range in.Ranges {
			if r.End < r.Begin {
				return fmt.Errorf("%s: %d-%d is not a range", in.Name, r.Begin, r.End)
			}
			out.Ranges.Range[i] = mesosv1.Value_Range{Begin: r.Begin, End: r.End}
		}
	case offer.Set:
		out.Type, out.Set = mesosv1.SET.Enum(), &mesosv1.Value_Set{Item: in.Set}
	default:
		return fmt.Errorf("%s: resources are scalars, ranges or sets", in.Name)
	}
	if in.AllocatedRole != "" {
		out.AllocationInfo = &mesosv1.Resource_AllocationInfo{Role: &in.AllocatedRole}
	}
	if in.Revocable {
		out.Revocable = &mesosv1.Resource_RevocableInfo{}
	}
	if in.Shared {
		out.Shared = &mesosv1.Resource_SharedInfo{}
	}
	if in.ProviderID != "" {
		out.ProviderID = &mesosv1.ResourceProviderID{Value: in.ProviderID}
	}
	out.Reservations = toReservations(in.Reservations)
	return nil
}

func toReservations(in []offer.Reservation) []mesosv1.Resource_ReservationInfo {
	if len(in) == 0 {
		return nil
	}
	out := make([]mesosv1.Resource_ReservationInfo, len(in))
	for i := range in {
		r := &in[i]
		kind := mesosv1.Resource_ReservationInfo_STATIC
		if r.Dynamic {
			kind = mesosv1.Resource_ReservationInfo_DYNAMIC
		}
		out[i] = mesosv1.Resource_ReservationInfo{
			Type: &kind, Role: &r.Role, Principal: optional(r.Principal), Labels: toLabels(r.Labels),
		}
	}
	return out
}
