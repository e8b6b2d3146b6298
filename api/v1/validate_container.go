package v1

import (
	"fmt"
	"math"
	"path"
	"regexp"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Bounds of a task's constraints. Each pattern is compiled again for every Run that waits, and a few characters such as
// (\pL{1000}){100} may compile to very many instructions.
const (
	maxConstraints  = 64
	maxPattern      = 4096
	maxInstructions = 10_000 // of all patterns of a task together
)

func validateConstraints(list []Constraint, path *field.Path) field.ErrorList {
	if n := len(list); n > maxConstraints {
		return field.ErrorList{field.TooMany(path, n, maxConstraints)}
	}
	var errs field.ErrorList
	instructions := maxInstructions
	for i := range list {
		errs = append(errs, validateConstraint(&list[i], path.Index(i), &instructions)...)
	}
	return errs
}

// validateConstraint takes what the constraint's pattern needs from the instructions that are left.
func validateConstraint(c *Constraint, path *field.Path, instructions *int) field.ErrorList {
	var errs field.ErrorList
	if c.Attribute == "" {
		errs = append(errs, field.Required(path.Child("attribute"), "an agent's attribute, or hostname, agent, region, zone"))
	}
	if c.Operator == "" {
		return append(errs, field.Required(path.Child("operator"), "such as Equals or Like"))
	}
	operators := []ConstraintOperator{
		OpEquals, OpNotEquals, OpLike, OpUnlike, OpExists, OpNotExists, OpIn, OpNotIn, OpGt, OpLt, OpUnique, OpMaxPer, OpGroupBy,
	}
	if bad := oneOf(path.Child("operator"), c.Operator, operators...); bad != nil {
		return append(errs, bad...)
	}
	if msg := badConstraintValue(c.Operator, c.Value, instructions); msg != "" {
		if c.Value == "" {
			return append(errs, field.Required(path.Child("value"), msg))
		}
		errs = append(errs, field.Invalid(path.Child("value"), c.Value, msg))
	}
	return errs
}

// badConstraintValue returns what is wrong with the value of a constraint with that operator; "" if nothing is.
func badConstraintValue(op ConstraintOperator, value string, instructions *int) string {
	switch op {
	case OpEquals, OpNotEquals:
		if value == "" {
			return "the value to compare with"
		}
	case OpLike, OpUnlike:
		if value == "" {
			return "a regular expression that the whole value matches"
		}
		return badPattern(value, instructions)
	case OpExists, OpNotExists, OpUnique:
		if value != "" {
			return "must be empty: " + string(op) + " compares with nothing"
		}
	case OpIn, OpNotIn:
		if slices.ContainsFunc(strings.Split(value, ","), func(s string) bool { return strings.TrimSpace(s) == "" }) {
			return "must be values separated by commas"
		}
	case OpGt, OpLt:
		if n, err := strconv.ParseFloat(value, 64); err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
			return "must be a number"
		}
	case OpMaxPer:
		if n, err := strconv.ParseInt(value, 10, 32); err != nil || n < 1 {
			return "must be a whole number from 1 on"
		}
	case OpGroupBy:
		if n, err := strconv.ParseInt(value, 10, 32); value != "" && (err != nil || n < 1) {
			return "must be empty or the number of groups, from 1 on"
		}
	}
	return ""
}

// badPattern returns what is wrong with a pattern; "" if nothing is. Once no instructions are left, which has been reported, it
// compiles no more.
func badPattern(pattern string, instructions *int) string {
	if len(pattern) > maxPattern {
		return fmt.Sprintf("must have at most %d characters", maxPattern)
	}
	if *instructions < 0 {
		return ""
	}
	parsed, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return "must be a regular expression (RE2: no look-ahead, no back-references): " +
			strings.TrimPrefix(err.Error(), "error parsing regexp: ")
	}
	prog, err := syntax.Compile(parsed.Simplify())
	if err != nil || len(prog.Inst) > maxInstructions {
		*instructions = -1
		return "is too large a regular expression: its repetitions stand for too much"
	}
	if *instructions -= len(prog.Inst); *instructions < 0 {
		return "is too large a regular expression beside those of the other constraints: their repetitions stand for too much"
	}
	return ""
}

// imageName is Docker's grammar of references (github.com/distribution/reference): host/path:tag@digest, or an
// image's id.
var imageName = regexp.MustCompile(`^(([a-zA-Z0-9]([a-zA-Z0-9.-]*[a-zA-Z0-9])?|\[[0-9a-fA-F:]+\])(:[0-9]+)?/)?` +
	imagePart + `(/` + imagePart + `)*(:[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,127})?(@[a-zA-Z][a-zA-Z0-9.+_-]*:[0-9a-fA-F]{32,})?$`)

const imagePart = `[a-z0-9]+(([._]|__|-+)[a-z0-9]+)*`

func validateContainer(c *Container, ports int32, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if c.Type == "" {
		errs = append(errs, field.Required(path.Child("type"), "Docker or Mesos"))
	}
	errs = append(errs, oneOf(path.Child("type"), c.Type, ContainerDocker, ContainerMesos)...)
	switch {
	case c.Image == "" && c.Type == ContainerDocker:
		errs = append(errs, field.Required(path.Child("image"), "with type Docker"))
	case c.Image == "" && c.ForcePull:
		errs = append(errs, field.Forbidden(path.Child("forcePull"), "means nothing without an image"))
	case strings.ContainsAny(c.Image, " \t\r\n\x00"):
		errs = append(errs, field.Invalid(path.Child("image"), c.Image, "must not contain white space"))
	case c.Image != "" && !imageName.MatchString(c.Image):
		errs = append(errs, field.Invalid(path.Child("image"), c.Image,
			"must be the name of an image: a registry's host if it is not the agents' default, lower-case names, "+
				"and a tag or digest if it is not latest, such as repo.example.com/data/job:1.2"))
	}
	if c.Type == ContainerMesos {
		if len(c.Parameters) > 0 {
			errs = append(errs, field.Forbidden(path.Child("parameters"), "are options of docker run; type Mesos has none"))
		}
		if c.Privileged {
			errs = append(errs, field.Forbidden(path.Child("privileged"), "is for type Docker only"))
		}
	}
	for i := range c.Parameters {
		if c.Type == ContainerDocker {
			errs = append(errs, validateParameter(c.Parameters[i], path.Child("parameters").Index(i))...)
		}
	}
	if c.Network != nil {
		errs = append(errs, validateNetwork(c.Network, c.Type, ports, path.Child("network"))...)
	}
	return append(errs, validateVolumes(c.Volumes, c.Type, path.Child("volumes"))...)
}

// takenParameters are options of docker run that other fields set: a second value would contradict the first.
var takenParameters = map[string]string{
	"name":        "Mesos names the container, and finds it by its name",
	"rm":          "Mesos removes the container",
	"detach":      "Mesos waits for the end of docker run",
	"net":         "use network.mode, and network.name with mode: User",
	"network":     "use network.mode, and network.name with mode: User",
	"publish":     "use network.portMappings",
	"privileged":  "use privileged",
	"pull":        "use forcePull",
	"env":         "use spec.task.env",
	"cpu-shares":  "follows from resources.cpus",
	"memory":      "follows from resources.memory",
	"interactive": "a task has no terminal",
	"tty":         "a task has no terminal",
}

var parameterKey = regexp.MustCompile(`^[a-z][a-z0-9-]+$`)

// validateParameter checks an option of docker run, which Mesos writes as --KEY=VALUE.
func validateParameter(p Parameter, at *field.Path) field.ErrorList {
	key := at.Child("key")
	switch {
	case strings.TrimLeft(p.Key, "-") == "":
		return field.ErrorList{field.Required(key, "an option of docker run, without its dashes")}
	case !parameterKey.MatchString(p.Key):
		return field.ErrorList{field.Invalid(key, p.Key,
			"must be the long name of an option of docker run, without its dashes, such as hostname")}
	case takenParameters[p.Key] != "":
		return field.ErrorList{field.Forbidden(key, p.Key+" cannot be given here: "+takenParameters[p.Key])}
	}
	return append(noNUL(at.Child("value"), p.Value), argument(at.Child("value"), len("--=")+len(p.Key)+len(p.Value))...)
}

func validateNetwork(n *Network, containerType string, ports int32, path *field.Path) field.ErrorList {
	errs := oneOf(path.Child("mode"), n.Mode, NetworkHost, NetworkBridge, NetworkNone, NetworkUser)
	if containerType == ContainerMesos && (n.Mode == NetworkBridge || n.Mode == NetworkNone) {
		errs = append(errs, field.Invalid(path.Child("mode"), n.Mode, "type Mesos has Host, and User with the name of a CNI network"))
	}
	switch user := n.Mode == NetworkUser; {
	case user && n.Name == "":
		errs = append(errs, field.Required(path.Child("name"), "with mode User"))
	case user && (strings.HasPrefix(n.Name, "-") || strings.ContainsAny(n.Name, " \t\r\n\x00")):
		errs = append(errs, field.Invalid(path.Child("name"), n.Name, "must not contain white space or begin with -"))
	case !user && n.Name != "":
		errs = append(errs, field.Forbidden(path.Child("name"), "means nothing without mode: User"))
	}
	switch {
	case len(n.Labels) == 0:
	case n.Mode != NetworkUser:
		errs = append(errs, field.Forbidden(path.Child("labels"), "mean nothing without mode: User"))
	case containerType == ContainerDocker:
		errs = append(errs, field.Forbidden(path.Child("labels"), "are for CNI plug-ins, with type Mesos; Docker's networks get none"))
	}
	if len(n.PortMappings) > 0 && n.Mode != NetworkBridge && n.Mode != NetworkUser {
		errs = append(errs, field.Forbidden(path.Child("portMappings"), "mean nothing without mode: Bridge or User"))
	}
	return append(errs, validatePortMappings(n.PortMappings, ports, path.Child("portMappings"))...)
}

// validatePortMappings also checks that the task requests as many ports as its mappings need.
func validatePortMappings(list []PortMapping, ports int32, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	var fromTask int32
	type port struct {
		number int32
		udp    bool
	}
	inside, outside := make([]port, len(list)), make([]port, len(list))
	for i, m := range list {
		inside[i], outside[i] = port{m.ContainerPort, m.Protocol == ProtocolUDP}, port{m.HostPort, m.Protocol == ProtocolUDP}
	}
	sameInside, sameOutside := repeats(inside), repeats(outside)
	for i, m := range list {
		at := path.Index(i)
		errs = append(errs, inRange(at.Child("hostPort"), m.HostPort, 0, 65535)...)
		errs = append(errs, inRange(at.Child("containerPort"), m.ContainerPort, 1, 65535)...)
		errs = append(errs, oneOf(at.Child("protocol"), m.Protocol, ProtocolTCP, ProtocolUDP)...)
		if m.HostPort == 0 {
			fromTask++
		}
		if sameInside[i] {
			errs = append(errs, field.Duplicate(at.Child("containerPort"), m.ContainerPort))
		}
		if m.HostPort != 0 && sameOutside[i] {
			errs = append(errs, field.Duplicate(at.Child("hostPort"), m.HostPort))
		}
	}
	if fromTask > ports {
		errs = append(errs, field.Invalid(path, field.OmitValueType{},
			"take "+strconv.Itoa(int(fromTask))+" of the task's ports (hostPort 0); ask for as many in resources.ports"))
	}
	return errs
}

func validateVolumes(list []Volume, containerType string, at *field.Path) field.ErrorList {
	var errs field.ErrorList
	provider := ""
	paths := make([]string, len(list))
	for i, v := range list {
		paths[i] = path.Clean(v.ContainerPath)
	}
	mounted := repeats(paths)
	for i, v := range list {
		at := at.Index(i)
		switch {
		case v.ContainerPath == "":
			errs = append(errs, field.Required(at.Child("containerPath"), ""))
		case !path.IsAbs(v.ContainerPath):
			errs = append(errs, field.Invalid(at.Child("containerPath"), v.ContainerPath, "must be an absolute path"))
		case strings.Contains(v.ContainerPath, ":"):
			errs = append(errs, field.Invalid(at.Child("containerPath"), v.ContainerPath, "must not contain a colon"))
		case mounted[i]:
			errs = append(errs, field.Duplicate(at.Child("containerPath"), v.ContainerPath))
		}
		errs = append(errs, oneOf(at.Child("mode"), v.Mode, VolumeReadWrite, VolumeReadOnly)...)
		switch {
		case v.HostPath != "" && v.External != nil:
			errs = append(errs, field.Forbidden(at.Child("external"), "give hostPath or external, not both"))
		case v.HostPath == "" && v.External == nil:
			errs = append(errs, field.Required(at.Child("hostPath"), "or external: absolute, or relative to the sandbox"))
		case strings.Contains(v.HostPath, ":"):
			errs = append(errs, field.Invalid(at.Child("hostPath"), v.HostPath, "must not contain a colon"))
		case slices.Contains(strings.Split(v.HostPath, "/"), ".."):
			errs = append(errs, field.Invalid(at.Child("hostPath"), v.HostPath, "must not contain .."))
		}
		errs = append(errs, noNUL(at.Child("hostPath"), v.HostPath)...)
		if e := v.External; e != nil {
			errs = append(errs, validateExternal(e, containerType, at.Child("external"))...)
			if containerType == ContainerDocker && provider != "" && e.Provider != provider {
				errs = append(errs, field.Invalid(at.Child("external", "provider"), e.Provider,
					"must be the same as of the other volumes: docker run takes one volume driver"))
			}
			provider = e.Provider
		}
	}
	return errs
}

func validateExternal(e *ExternalVolume, containerType string, at *field.Path) field.ErrorList {
	var errs field.ErrorList
	if e.Provider == "" {
		errs = append(errs, field.Required(at.Child("provider"), "the volume driver"))
	}
	switch {
	case e.Name == "":
		errs = append(errs, field.Required(at.Child("name"), ""))
	case strings.ContainsAny(e.Name, ":/"):
		errs = append(errs, field.Invalid(at.Child("name"), e.Name, "must not contain a colon or a slash"))
	}
	if len(e.Options) > 0 && containerType == ContainerDocker {
		errs = append(errs, field.Forbidden(at.Child("options"),
			"are not passed on by Mesos's Docker containerizer; make the volume beforehand, or use type Mesos"))
	}
	return errs
}
