package devcluster

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"

	mesos "github.com/mesos/mesos-go/api/v1/lib"
)

// Bounds of Mesos's Docker containerizer.
const (
	cpuSharesPerCPU = 1024
	minCPUShares    = 2
	minDockerMemory = 32 << 20
)

// dockerArgs are the arguments of docker run that Mesos's Docker containerizer would give for x (RunOptions::create and
// Docker::run in its docker.cpp), in its order, besides a label. Errors are in its words.
func (a *Agent) dockerArgs(x *run, name string) ([]string, error) {
	info := x.containerInfo()
	d := info.Docker
	if d == nil {
		return nil, errors.New("No docker info found in container info") //nolint:staticcheck // Mesos's words
	}
	args := []string{"run"}
	if d.GetPrivileged() {
		args = append(args, "--privileged")
	}
	shares := max(x.uses.amount("cpus")*cpuSharesPerCPU/1000, minCPUShares)
	memory := max(x.uses.amount("mem")<<20/1000, minDockerMemory)
	args = append(args, "--cpu-shares", strconv.FormatInt(shares, 10), "--memory", strconv.FormatInt(memory, 10))
	for _, v := range a.dockerEnvironment(x, name) {
		args = append(args, "-e", v)
	}
	volumes, err := dockerVolumes(info, x.dir)
	if err != nil {
		return nil, err
	}
	network, err := dockerNetwork(info)
	if err != nil {
		return nil, err
	}
	args = append(append(args, volumes...), "--net", network)
	if info.Hostname != nil {
		if network == "host" {
			return nil, errors.New("Unable to set hostname with host network mode") //nolint:staticcheck // Mesos's words
		}
		args = append(args, "--hostname", *info.Hostname)
	}
	ports, err := dockerPorts(d, network, x.uses)
	if err != nil {
		return nil, err
	}
	args = append(args, ports...)
	command := x.commandInfo()
	if command.GetShell() {
		args = append(args, "--entrypoint", "/bin/sh")
	}
	args = append(args, "--name", name, "--label="+dockerLabel+"="+a.c.dir)
	for _, p := range d.Parameters {
		args = append(args, "--"+p.Key+"="+p.Value)
	}
	args = append(args, d.Image)
	if command.GetShell() {
		if command.Value == nil {
			return nil, errors.New("Shell specified but no command value provided") //nolint:staticcheck // Mesos's words
		}
		return append(args, "-c", command.GetValue()), nil
	}
	if command.Value != nil {
		args = append(args, command.GetValue())
	}
	return append(args, command.Arguments...), nil
}

// dockerEnvironment is what a container is given: the task's variables, sorted, and Mesos's. An executor also gets what it needs to
// find its agent.
func (a *Agent) dockerEnvironment(x *run, name string) []string {
	env := map[string]string{}
	if x.custom() {
		for k, v := range a.agentEnvironment(x) {
			if k != "PATH" && k != "PWD" { // the image's
				env[k] = v
			}
		}
	}
	for _, v := range x.commandInfo().GetEnvironment().GetVariables() {
		env[v.Name] = v.GetValue()
	}
	env["MESOS_SANDBOX"], env["MESOS_CONTAINER_NAME"], env["MESOS_ALLOCATION_ROLE"] = mappedSandbox, name, x.role
	out := make([]string, 0, len(env))
	for _, k := range slices.Sorted(maps.Keys(env)) {
		out = append(out, k+"="+env[k])
	}
	return out
}

// dockerVolumes are the options for the container's volumes and for its sandbox.
func dockerVolumes(info *mesos.ContainerInfo, sandbox string) ([]string, error) {
	var args []string
	driver := ""
	for i := range info.Volumes {
		v := &info.Volumes[i]
		inside := v.ContainerPath
		if !filepath.IsAbs(inside) {
			inside = filepath.Join(mappedSandbox, inside)
		}
		var from string
		switch {
		case v.HostPath != nil && filepath.IsAbs(*v.HostPath):
			from = *v.HostPath
		case v.HostPath != nil && !filepath.IsAbs(v.ContainerPath):
			return nil, fmt.Errorf( //nolint:staticcheck // Mesos's words
				"Both host_path '%s' and container_path '%s' of a volume are relative", *v.HostPath, v.ContainerPath)
		case v.HostPath != nil:
			from = filepath.Join(sandbox, *v.HostPath)
		case v.Source != nil && v.Source.Type == mesos.Volume_Source_DOCKER_VOLUME && v.Source.DockerVolume != nil:
			from = v.Source.DockerVolume.Name
			if d := v.Source.DockerVolume.GetDriver(); d != "" {
				if driver != "" && driver != d {
					return nil, errors.New("Only one volume driver is supported") //nolint:staticcheck // Mesos's words
				}
				driver = d
			}
		case v.Source != nil:
			continue
		default:
			return nil, errors.New("Host path or volume source is required") //nolint:staticcheck // Mesos's words
		}
		mode := "rw"
		if v.GetMode() == mesos.RO {
			mode = "ro"
		}
		args = append(args, "-v", from+":"+inside+":"+mode)
	}
	args = append(args, "-v", sandbox+":"+mappedSandbox)
	if driver != "" {
		args = append(args, "--volume-driver="+driver)
	}
	return args, nil
}

func dockerNetwork(info *mesos.ContainerInfo) (string, error) {
	if info.Docker.Network == nil {
		return "host", nil
	}
	switch *info.Docker.Network {
	case mesos.ContainerInfo_DockerInfo_HOST:
		return "host", nil
	case mesos.ContainerInfo_DockerInfo_BRIDGE:
		return "bridge", nil
	case mesos.ContainerInfo_DockerInfo_NONE:
		return "none", nil
	}
	switch {
	case len(info.NetworkInfos) == 0:
		return "", errors.New("No network info found in container info") //nolint:staticcheck // Mesos's words
	case len(info.NetworkInfos) > 1:
		return "", errors.New("Only a single network can be defined in Docker run") //nolint:staticcheck // Mesos's words
	case info.NetworkInfos[0].Name == nil:
		return "", errors.New("No network name found in network info") //nolint:staticcheck // Mesos's words
	}
	return *info.NetworkInfos[0].Name, nil
}

// dockerPorts are the options for port mappings, whose host ports must be the task's.
func dockerPorts(d *mesos.ContainerInfo_DockerInfo, network string, uses resources) ([]string, error) {
	var args []string
	if len(d.PortMappings) > 0 && (network == "host" || network == "none") {
		return nil, errors.New( //nolint:staticcheck // Mesos's words
			"Port mappings are only supported for bridge and user-defined networks")
	}
	for _, m := range d.PortMappings {
		if !uses.hasPort(uint64(m.HostPort)) {
			return nil, fmt.Errorf("Port [%d] not included in resources", m.HostPort) //nolint:staticcheck // Mesos's words
		}
		mapping := fmt.Sprintf("%d:%d", m.HostPort, m.ContainerPort)
		if p := m.GetProtocol(); p != "" {
			mapping += "/" + p
		}
		args = append(args, "-p", mapping)
	}
	return args, nil
}
