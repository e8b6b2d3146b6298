package mesos

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	mesosv1 "github.com/mesos/mesos-go/api/v1/lib"

	v1 "horae/api/v1"
	"horae/internal/offer"
)

// addContainer puts the task, or its custom executor, into a container.
func addContainer(t *offer.Task, out *mesosv1.TaskInfo) error {
	c := t.Spec.Container
	if c == nil {
		return nil
	}
	info := &mesosv1.ContainerInfo{}
	volumes, err := toVolumes(c.Volumes)
	if err != nil {
		return err
	}
	info.Volumes = volumes
	mappings, err := portMappings(c.Network, t.Ports)
	if err != nil {
		return err
	}
	switch c.Type {
	case v1.ContainerDocker:
		err = addDocker(t.Spec, mappings, info)
	case v1.ContainerMesos:
		err = addMesos(c, mappings, info)
	default:
		err = fmt.Errorf("container.type: %q is neither Docker nor Mesos", c.Type)
	}
	if err != nil {
		return err
	}
	if out.Executor != nil {
		out.Executor.Container = info
	} else {
		out.Container = info
	}
	return nil
}

func addDocker(spec *v1.TaskSpec, mappings []v1.PortMapping, info *mesosv1.ContainerInfo) error {
	c := spec.Container
	if c.Image == "" {
		return errors.New("container.image: a Docker container needs one")
	}
	info.Type = mesosv1.ContainerInfo_DOCKER.Enum()
	docker := &mesosv1.ContainerInfo_DockerInfo{Image: c.Image, Privileged: &c.Privileged, ForcePullImage: &c.ForcePull}
	if len(spec.Command) > 0 {
		// What follows the image would be arguments of the image's own entry point.
		docker.Parameters = append(docker.Parameters, mesosv1.Parameter{Key: "entrypoint", Value: spec.Command[0]})
	}
	for _, p := range c.Parameters {
		docker.Parameters = append(docker.Parameters, mesosv1.Parameter{Key: p.Key, Value: p.Value})
	}
	for i := range mappings {
		m := &mappings[i]
		docker.PortMappings = append(docker.PortMappings, mesosv1.ContainerInfo_DockerInfo_PortMapping{
			HostPort: uint32(m.HostPort), ContainerPort: uint32(m.ContainerPort), Protocol: optional(m.Protocol),
		})
	}
	info.Docker = docker
	network := c.Network
	if network == nil {
		network = &v1.Network{}
	}
	switch network.Mode {
	case "", v1.NetworkHost:
		docker.Network = mesosv1.ContainerInfo_DockerInfo_HOST.Enum()
	case v1.NetworkBridge:
		docker.Network = mesosv1.ContainerInfo_DockerInfo_BRIDGE.Enum()
	case v1.NetworkNone:
		docker.Network = mesosv1.ContainerInfo_DockerInfo_NONE.Enum()
	case v1.NetworkUser:
		if network.Name == "" {
			return errors.New("container.network.name: a network of mode User needs one")
		}
		docker.Network = mesosv1.ContainerInfo_DockerInfo_USER.Enum()
		info.NetworkInfos = []mesosv1.NetworkInfo{{Name: &network.Name}}
	default:
		return fmt.Errorf("container.network.mode: %q is not one of Host, Bridge, None, User", network.Mode)
	}
	return nil
}

func addMesos(c *v1.Container, mappings []v1.PortMapping, info *mesosv1.ContainerInfo) error {
	switch {
	case len(c.Parameters) > 0:
		return errors.New("container.parameters: are docker run's; a Mesos container has none")
	case c.Privileged:
		return errors.New("container.privileged: only a Docker container can be")
	}
	info.Type = mesosv1.ContainerInfo_MESOS.Enum()
	info.Mesos = &mesosv1.ContainerInfo_MesosInfo{}
	if c.Image != "" {
		cached := !c.ForcePull
		info.Mesos.Image = &mesosv1.Image{
			Type: mesosv1.Image_DOCKER.Enum(), Docker: &mesosv1.Image_Docker{Name: c.Image}, Cached: &cached,
		}
	}
	if c.Network == nil {
		return nil
	}
	switch c.Network.Mode {
	case "", v1.NetworkHost:
		return nil
	case v1.NetworkUser:
		if c.Network.Name == "" {
			return errors.New("container.network.name: a network of mode User needs one")
		}
	default:
		return fmt.Errorf("container.network.mode: %q is not one of Host and User, which a Mesos container has", c.Network.Mode)
	}
	network := mesosv1.NetworkInfo{Name: &c.Network.Name, Labels: toLabels(c.Network.Labels)}
	for i := range mappings {
		m := &mappings[i]
		network.PortMappings = append(network.PortMappings, mesosv1.NetworkInfo_PortMapping{
			HostPort: uint32(m.HostPort), ContainerPort: uint32(m.ContainerPort), Protocol: optional(m.Protocol),
		})
	}
	info.NetworkInfos = []mesosv1.NetworkInfo{network}
	return nil
}

// portMappings fills host ports of 0 with the task's own ports, in order.
func portMappings(n *v1.Network, ports []int32) ([]v1.PortMapping, error) {
	if n == nil || len(n.PortMappings) == 0 {
		return nil, nil
	}
	if n.Mode != v1.NetworkBridge && n.Mode != v1.NetworkUser {
		return nil, fmt.Errorf("container.network.portMappings: need mode Bridge or User, not %q", n.Mode)
	}
	out := slices.Clone(n.PortMappings)
	used := 0
	for i := range out {
		m := &out[i]
		if m.HostPort == 0 {
			if used == len(ports) {
				return nil, fmt.Errorf("container.network.portMappings[%d].hostPort: the task has only %d ports", i, len(ports))
			}
			m.HostPort = ports[used]
			used++
		}
		if !isPort(m.HostPort) || !isPort(m.ContainerPort) {
			return nil, fmt.Errorf("container.network.portMappings[%d]: %d to %d: not ports", i, m.HostPort, m.ContainerPort)
		}
		if m.Protocol == "" {
			m.Protocol = v1.ProtocolTCP
		}
	}
	return out, nil
}

func isPort(n int32) bool { return n > 0 && n <= 65535 }

func toVolumes(in []v1.Volume) ([]mesosv1.Volume, error) {
	var out []mesosv1.Volume
	for i := range in {
		v := &in[i]
		o := mesosv1.Volume{ContainerPath: v.ContainerPath}
		switch v.Mode {
		case "", v1.VolumeReadWrite:
			o.Mode = mesosv1.RW.Enum()
		case v1.VolumeReadOnly:
			o.Mode = mesosv1.RO.Enum()
		default:
			return nil, fmt.Errorf("container.volumes[%d].mode: %q is neither RW nor RO", i, v.Mode)
		}
		switch {
		case v.ContainerPath == "":
			return nil, fmt.Errorf("container.volumes[%d].containerPath: must be set", i)
		case v.HostPath != "" && v.External != nil:
			return nil, fmt.Errorf("container.volumes[%d].hostPath: must not be set beside external", i)
		case v.HostPath != "":
			o.HostPath = &v.HostPath
		case v.External != nil:
			o.Source = toExternal(v.External)
		default:
			return nil, fmt.Errorf("container.volumes[%d]: one of hostPath and external must be set", i)
		}
		out = append(out, o)
	}
	return out, nil
}

// toExternal is a volume of a Docker volume driver, which both containerizers mount.
func toExternal(e *v1.ExternalVolume) *mesosv1.Volume_Source {
	docker := &mesosv1.Volume_Source_DockerVolume{Driver: optional(e.Provider), Name: e.Name}
	if len(e.Options) > 0 {
		docker.DriverOptions = &mesosv1.Parameters{}
		for _, k := range slices.Sorted(maps.Keys(e.Options)) {
			docker.DriverOptions.Parameter = append(docker.DriverOptions.Parameter, mesosv1.Parameter{Key: k, Value: e.Options[k]})
		}
	}
	return &mesosv1.Volume_Source{Type: mesosv1.Volume_Source_DOCKER_VOLUME, DockerVolume: docker}
}
