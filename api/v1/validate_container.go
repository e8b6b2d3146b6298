package v1

import (
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

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
