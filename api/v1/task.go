package v1

import "k8s.io/apimachinery/pkg/api/resource"

// TaskSpec is what runs: one Mesos task. Exactly one of shell, command, a container image's own command, and executor says how.
type TaskSpec struct {
	// Shell is a script run by /bin/sh -c.
	// +optional
	Shell string `json:"shell,omitempty"`
	// Command is executed as it is, without a shell; its first element is the program.
	// +optional
	Command []string `json:"command,omitempty"`
	// Args are appended to command; without command they go to the image's own.
	// +optional
	Args []string `json:"args,omitempty"`
	// User that the task runs as; by default the framework's.
	// +optional
	User string `json:"user,omitempty"`
	// Env in order; a later variable of the same name wins.
	// +optional
	Env []EnvVar `json:"env,omitempty"`
	// Fetch lists what the agent puts into the sandbox before the task starts.
	// +optional
	Fetch []FetchURI `json:"fetch,omitempty"`
	// Resources that the task needs.
	// +optional
	Resources Resources `json:"resources,omitempty,omitzero"`
	// Role is one of the framework's roles; by default its first.
	// +optional
	Role string `json:"role,omitempty"`
	// Constraints on the agent; all must hold.
	// +optional
	Constraints []Constraint `json:"constraints,omitempty"`
	// Container to run in; none by default.
	// +optional
	Container *Container `json:"container,omitempty"`
	// Executor is a custom Mesos executor, in place of a command.
	// +optional
	Executor *Executor `json:"executor,omitempty"`
	// KillGracePeriod between SIGTERM and SIGKILL; the agent's default (3s) if none is given.
	// +optional
	KillGracePeriod *Duration `json:"killGracePeriod,omitempty"`
	// HealthCheck of the running task.
	// +optional
	HealthCheck *HealthCheck `json:"healthCheck,omitempty"`
	// Labels of the Mesos task, besides the Job's.
	// +optional
	Labels map[string]string `json:"labels,omitempty"`
}

// EnvVar is one environment variable: a value, or a reference to a secret that Mesos resolves.
type EnvVar struct {
	Name string `json:"name"`
	// +optional
	Value string `json:"value,omitempty"`
	// +optional
	Secret *SecretReference `json:"secret,omitempty"`
}

// SecretReference names a secret in the store that Mesos's secret resolver knows.
type SecretReference struct {
	Name string `json:"name"`
	// +optional
	Key string `json:"key,omitempty"`
}

// FetchURI is one artifact that the Mesos fetcher puts into the sandbox.
type FetchURI struct {
	URI string `json:"uri"`
	// Extract a known archive; default true.
	// +kubebuilder:default=true
	// +optional
	Extract *bool `json:"extract,omitempty"`
	// +optional
	Executable bool `json:"executable,omitempty"`
	// +optional
	Cache bool `json:"cache,omitempty"`
	// +optional
	OutputFile string `json:"outputFile,omitempty"`
}

// Resources that a task needs.
type Resources struct {
	// CPUs; default 0.1.
	// +optional
	CPUs *resource.Quantity `json:"cpus,omitempty"`
	// Memory; default 128Mi.
	// +optional
	Memory *resource.Quantity `json:"memory,omitempty"`
	// Disk; default 256Mi.
	// +optional
	Disk *resource.Quantity `json:"disk,omitempty"`
	// GPUs, whole ones.
	// +kubebuilder:validation:Minimum=0
	// +optional
	GPUs int32 `json:"gpus,omitempty"`
	// Ports: how many; they are given as PORT0, PORT1, ...
	// +kubebuilder:validation:Minimum=0
	// +optional
	Ports int32 `json:"ports,omitempty"`
}

// Constraint on the agent that a task runs on.
type Constraint struct {
	// Attribute of the agent, or hostname, agent, region, zone.
	Attribute string             `json:"attribute"`
	Operator  ConstraintOperator `json:"operator"`
	// +optional
	Value string `json:"value,omitempty"`
}

// ConstraintOperator compares an agent's attribute with a value.
// +kubebuilder:validation:Enum=Equals;NotEquals;Like;Unlike;Exists;NotExists;In;NotIn;Gt;Lt;Unique;MaxPer;GroupBy
type ConstraintOperator string

// Values of ConstraintOperator.
const (
	OpEquals    ConstraintOperator = "Equals"
	OpNotEquals ConstraintOperator = "NotEquals"
	OpLike      ConstraintOperator = "Like"
	OpUnlike    ConstraintOperator = "Unlike"
	OpExists    ConstraintOperator = "Exists"
	OpNotExists ConstraintOperator = "NotExists"
	OpIn        ConstraintOperator = "In"
	OpNotIn     ConstraintOperator = "NotIn"
	OpGt        ConstraintOperator = "Gt"
	OpLt        ConstraintOperator = "Lt"
	OpUnique    ConstraintOperator = "Unique"
	OpMaxPer    ConstraintOperator = "MaxPer"
	OpGroupBy   ConstraintOperator = "GroupBy"
)

// Container to run a task in.
type Container struct {
	// Type is Docker or Mesos.
	// +kubebuilder:validation:Enum=Docker;Mesos
	Type string `json:"type"`
	// +optional
	Image string `json:"image,omitempty"`
	// +optional
	ForcePull bool `json:"forcePull,omitempty"`
	// +optional
	Network *Network `json:"network,omitempty"`
	// Parameters of docker run.
	// +optional
	Parameters []Parameter `json:"parameters,omitempty"`
	// +optional
	Volumes []Volume `json:"volumes,omitempty"`
	// +optional
	Privileged bool `json:"privileged,omitempty"`
}

// Network of a container.
type Network struct {
	// Mode is Host (default), Bridge, None or User.
	// +kubebuilder:validation:Enum=Host;Bridge;None;User
	// +optional
	Mode string `json:"mode,omitempty"`
	// Name of the network, with mode User.
	// +optional
	Name string `json:"name,omitempty"`
	// +optional
	PortMappings []PortMapping `json:"portMappings,omitempty"`
	// +optional
	Labels map[string]string `json:"labels,omitempty"`
}

// PortMapping from the host to the container.
type PortMapping struct {
	// HostPort; 0 takes one of the task's ports.
	// +optional
	HostPort      int32 `json:"hostPort,omitempty"`
	ContainerPort int32 `json:"containerPort"`
	// Protocol is tcp (default) or udp.
	// +kubebuilder:validation:Enum=tcp;udp
	// +optional
	Protocol string `json:"protocol,omitempty"`
}

// Parameter of docker run.
type Parameter struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// Volume of a container.
type Volume struct {
	ContainerPath string `json:"containerPath"`
	// +optional
	HostPath string `json:"hostPath,omitempty"`
	// Mode is RW (default) or RO.
	// +kubebuilder:validation:Enum=RW;RO
	// +optional
	Mode string `json:"mode,omitempty"`
	// +optional
	External *ExternalVolume `json:"external,omitempty"`
}

// ExternalVolume is one that a Docker volume driver provides.
type ExternalVolume struct {
	Provider string `json:"provider"`
	Name     string `json:"name"`
	// +optional
	Options map[string]string `json:"options,omitempty"`
}

// Executor is a custom Mesos executor.
type Executor struct {
	Command string `json:"command"`
	// Data handed to the executor with the task.
	// +optional
	Data string `json:"data,omitempty"`
	// +optional
	Fetch []FetchURI `json:"fetch,omitempty"`
}

// HealthCheck of a running task; exactly one of command, http and tcp is set.
type HealthCheck struct {
	// +optional
	Command string `json:"command,omitempty"`
	// +optional
	HTTP *HTTPCheck `json:"http,omitempty"`
	// +optional
	TCP *TCPCheck `json:"tcp,omitempty"`
	// Interval between checks; default 10s.
	// +optional
	Interval *Duration `json:"interval,omitempty"`
	// Timeout of one check; default 20s.
	// +optional
	Timeout *Duration `json:"timeout,omitempty"`
	// GracePeriod in which failures do not count; default 10s.
	// +optional
	GracePeriod *Duration `json:"gracePeriod,omitempty"`
	// MaxFailures in a row before the task is killed; default 3.
	// +optional
	MaxFailures *int32 `json:"maxFailures,omitempty"`
}

// HTTPCheck asks for a path on one of the task's ports; 200 to 399 is healthy.
type HTTPCheck struct {
	Port int32 `json:"port"`
	// +optional
	Path string `json:"path,omitempty"`
	// Scheme is http (default) or https.
	// +optional
	Scheme string `json:"scheme,omitempty"`
}

// TCPCheck connects to a port.
type TCPCheck struct {
	Port int32 `json:"port"`
}

// Values of Container.Type, Network.Mode, PortMapping.Protocol and Volume.Mode.
const (
	ContainerDocker = "Docker"
	ContainerMesos  = "Mesos"

	NetworkHost   = "Host"
	NetworkBridge = "Bridge"
	NetworkNone   = "None"
	NetworkUser   = "User"

	ProtocolTCP = "tcp"
	ProtocolUDP = "udp"

	VolumeReadWrite = "RW"
	VolumeReadOnly  = "RO"
)
