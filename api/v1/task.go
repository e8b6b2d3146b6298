package v1

import "k8s.io/apimachinery/pkg/api/resource"

// TaskSpec is what runs: one Mesos task. It has exactly one of shell, command, a container image with its own
// command, and executor.
type TaskSpec struct {
	// Shell is a script run by /bin/sh -c.
	// +kubebuilder:example="./run.sh -v \"$TOPIC\""
	// +optional
	Shell string `json:"shell,omitempty"`
	// Command is executed without a shell. Its first element is the program. It replaces the entry point of an image.
	// +optional
	Command []string `json:"command,omitempty"`
	// Args are appended to command. Without command they replace the default arguments of the image's own command.
	// Not with shell.
	// +optional
	Args []string `json:"args,omitempty"`
	// User runs the task and owns its sandbox. The default is the framework's user. Docker runs the task as the user
	// of the image, or as the one of container.parameters (key user).
	// +optional
	User string `json:"user,omitempty"`
	// Env in order; a later variable of the same name wins. HORAE_*, PORT0... and the variables of Chronos cannot be
	// set.
	// +optional
	Env []EnvVar `json:"env,omitempty"`
	// Fetch lists the files that the agent puts into the sandbox before the task starts.
	// +optional
	Fetch []FetchURI `json:"fetch,omitempty"`
	// Resources that the task needs.
	// +optional
	Resources Resources `json:"resources,omitempty,omitzero"`
	// Role is one of the framework's roles. The default is the first.
	// +optional
	Role string `json:"role,omitempty"`
	// Constraints on the agent; all must hold.
	// +optional
	Constraints []Constraint `json:"constraints,omitempty"`
	// Placement is Pack (default), which chooses the fitting agent with the least room, or Spread, which chooses the
	// one with the fewest tasks of Horae.
	// +kubebuilder:default=Pack
	// +optional
	Placement PlacementPolicy `json:"placement,omitempty"`
	// Container in which the task runs. The default is none.
	// +optional
	Container *Container `json:"container,omitempty"`
	// Executor is a custom Mesos executor, in place of a command. With a container it runs inside of it.
	// +optional
	Executor *Executor `json:"executor,omitempty"`
	// KillGracePeriod is the time between SIGTERM and SIGKILL when the task is killed. The default is that of Mesos:
	// 3s, with Docker 5s. Docker counts whole seconds. A task that exceeds spec.timeout gets none.
	// +kubebuilder:example="5s"
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
	// Name of the variable.
	// +kubebuilder:validation:Pattern=`^[-._a-zA-Z][-._a-zA-Z0-9]*$`
	Name string `json:"name"`
	// Value, or secret.
	// +optional
	Value string `json:"value,omitempty"`
	// Secret that Mesos resolves, in place of a value. The value is never stored. Not in Docker containers.
	// +optional
	Secret *SecretReference `json:"secret,omitempty"`
}

// SecretReference refers to a secret of Mesos's secret resolver.
type SecretReference struct {
	// Name of the secret, such as a path in a vault.
	Name string `json:"name"`
	// Key within the secret.
	// +optional
	Key string `json:"key,omitempty"`
}

// FetchURI is one artifact that the Mesos fetcher puts into the sandbox.
type FetchURI struct {
	// URI of the artifact, or the absolute path of a file on the agents.
	// +kubebuilder:example="https://repo.example.com/job.tgz"
	URI string `json:"uri"`
	// Extract unpacks an archive of a known type. The default is true.
	// +kubebuilder:default=true
	// +optional
	Extract *bool `json:"extract,omitempty"`
	// Executable makes the file executable. Such a file is not extracted.
	// +optional
	Executable bool `json:"executable,omitempty"`
	// Cache lets the agent keep the file for other tasks. Not with a .gz file that is extracted: it would get a name
	// of the cache's own.
	// +optional
	Cache bool `json:"cache,omitempty"`
	// OutputFile is the path of the file in the sandbox. The default is the last part of the URI, with its query if
	// it has one.
	// +optional
	OutputFile string `json:"outputFile,omitempty"`
}

// Resources that a task needs.
type Resources struct {
	// CPUs, with at most three decimals. The default is 0.1.
	// +kubebuilder:default="100m"
	// +kubebuilder:example="500m"
	// +optional
	CPUs *resource.Quantity `json:"cpus,omitempty"`
	// Memory. The default is 128Mi. A plain number means bytes.
	// +kubebuilder:default="128Mi"
	// +kubebuilder:example="512Mi"
	// +optional
	Memory *resource.Quantity `json:"memory,omitempty"`
	// Disk. The default is 256Mi. A plain number means bytes.
	// +kubebuilder:default="256Mi"
	// +kubebuilder:example="1Gi"
	// +optional
	Disk *resource.Quantity `json:"disk,omitempty"`
	// GPUs, whole ones. Mesos offers them only when the manager's option mesos.framework.gpus is set.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1000
	// +optional
	GPUs int32 `json:"gpus,omitempty"`
	// Ports is the number of ports. The task finds them in PORT0, PORT1, ...
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1000
	// +optional
	Ports int32 `json:"ports,omitempty"`
	// Revocable lets the task use cpus, memory and disk that Mesos may take back at any time, if they suffice. Other
	// tasks never get such resources.
	// +optional
	Revocable bool `json:"revocable,omitempty"`
}

// PlacementPolicy says which of the fitting agents gets a task.
// +kubebuilder:validation:Enum=Pack;Spread
type PlacementPolicy string

// Values of PlacementPolicy.
const (
	// PlacementPack keeps large gaps for large tasks.
	PlacementPack PlacementPolicy = "Pack"
	// PlacementSpread has as few tasks as possible suffer from one agent's failure.
	PlacementSpread PlacementPolicy = "Spread"
)

// Constraint on the agent that a task runs on.
type Constraint struct {
	// Attribute of the agent, or hostname, agent, region, zone.
	Attribute string `json:"attribute"`
	// Operator that compares the attribute with the value.
	Operator ConstraintOperator `json:"operator"`
	// Value depends on the operator. Like and Unlike: a regular expression that must match the whole attribute. In
	// and NotIn: values separated by commas. Gt and Lt: a number. MaxPer: how many live attempts of the Job may share
	// a value of the attribute. GroupBy: over how many values they are spread at least (default 1). Exists, NotExists
	// and Unique: none.
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
	// Image of the container. Docker needs one.
	// +kubebuilder:example="busybox:1.36"
	// +optional
	Image string `json:"image,omitempty"`
	// ForcePull asks the registry for the image even when the agent has it.
	// +optional
	ForcePull bool `json:"forcePull,omitempty"`
	// Network of the container. The default is the host's.
	// +optional
	Network *Network `json:"network,omitempty"`
	// Parameters of docker run; Docker only.
	// +optional
	Parameters []Parameter `json:"parameters,omitempty"`
	// Volumes of the container.
	// +optional
	Volumes []Volume `json:"volumes,omitempty"`
	// Privileged containers may do whatever root may do on the host. Docker only.
	// +optional
	Privileged bool `json:"privileged,omitempty"`
}

// Network of a container.
type Network struct {
	// Mode is Host (default), Bridge, None or User. Mesos containers have Host and User only.
	// +kubebuilder:validation:Enum=Host;Bridge;None;User
	// +optional
	Mode string `json:"mode,omitempty"`
	// Name of the network, with mode User: Docker's, or CNI's.
	// +optional
	Name string `json:"name,omitempty"`
	// PortMappings from the host, with modes Bridge and User.
	// +optional
	PortMappings []PortMapping `json:"portMappings,omitempty"`
	// Labels for the network's CNI plug-in, with type Mesos and mode User.
	// +optional
	Labels map[string]string `json:"labels,omitempty"`
}

// PortMapping from the host to the container.
type PortMapping struct {
	// HostPort 0 takes the next of the task's ports (resources.ports). Another port is taken from an agent that
	// offers it.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=65535
	// +optional
	HostPort int32 `json:"hostPort,omitempty"`
	// ContainerPort that the task listens on.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	ContainerPort int32 `json:"containerPort"`
	// Protocol is tcp (default) or udp.
	// +kubebuilder:validation:Enum=tcp;udp
	// +optional
	Protocol string `json:"protocol,omitempty"`
}

// Parameter of docker run.
type Parameter struct {
	// Key is the option's long name, without its dashes.
	Key string `json:"key"`
	// Value of the option.
	Value string `json:"value"`
}

// Volume of a container.
type Volume struct {
	// ContainerPath is the absolute path of the volume in the container.
	// +kubebuilder:validation:Pattern=`^/`
	ContainerPath string `json:"containerPath"`
	// HostPath is a path on the agent, or relative to the sandbox. Either this or external.
	// +optional
	HostPath string `json:"hostPath,omitempty"`
	// Mode is RW (default) or RO.
	// +kubebuilder:validation:Enum=RW;RO
	// +optional
	Mode string `json:"mode,omitempty"`
	// External volume, in place of a host path.
	// +optional
	External *ExternalVolume `json:"external,omitempty"`
}

// ExternalVolume is one that a Docker volume driver provides.
type ExternalVolume struct {
	// Provider is the volume driver.
	Provider string `json:"provider"`
	// Name of the volume.
	Name string `json:"name"`
	// Options for the driver, with type Mesos.
	// +optional
	Options map[string]string `json:"options,omitempty"`
}

// Executor is a custom Mesos executor: a program that subscribes to the agent, receives the task, and reports its
// state.
type Executor struct {
	// Command starts the executor, by /bin/sh -c.
	Command string `json:"command"`
	// Data is passed to the executor with the task.
	// +optional
	Data string `json:"data,omitempty"`
	// Fetch lists the files that the executor needs in its sandbox.
	// +optional
	Fetch []FetchURI `json:"fetch,omitempty"`
}

// HealthCheck of a running task. Exactly one of command, http and tcp is set.
type HealthCheck struct {
	// Command is run by /bin/sh -c where the task runs. Exit code 0 means healthy.
	// +optional
	Command string `json:"command,omitempty"`
	// HTTP sends a request. A status of 200 to 399 means healthy.
	// +optional
	HTTP *HTTPCheck `json:"http,omitempty"`
	// TCP connects to a port. A connection means healthy.
	// +optional
	TCP *TCPCheck `json:"tcp,omitempty"`
	// Interval between checks. The default is 10s.
	// +kubebuilder:example="10s"
	// +optional
	Interval *Duration `json:"interval,omitempty"`
	// Timeout of one check. The default is 20s.
	// +kubebuilder:example="2h"
	// +optional
	Timeout *Duration `json:"timeout,omitempty"`
	// GracePeriod in which failures do not count, until the first success. The default is 10s.
	// +kubebuilder:example="10s"
	// +optional
	GracePeriod *Duration `json:"gracePeriod,omitempty"`
	// MaxFailures in a row before the task is killed. The default is 3.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000
	// +optional
	MaxFailures *int32 `json:"maxFailures,omitempty"`
}

// HTTPCheck requests a path on one of the task's ports. 200 to 399 is healthy.
type HTTPCheck struct {
	// Port on which the task answers, inside of its network. Either this or portIndex.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	// +optional
	Port int32 `json:"port,omitempty"`
	// PortIndex is the number of one of the task's own ports: 0 is PORT0. On the host's network only.
	// +kubebuilder:validation:Minimum=0
	// +optional
	PortIndex *int32 `json:"portIndex,omitempty"`
	// Path of the request. The default is /.
	// +kubebuilder:validation:Pattern=`^/`
	// +optional
	Path string `json:"path,omitempty"`
	// Scheme is http (default) or https.
	// +kubebuilder:validation:Enum=http;https
	// +optional
	Scheme string `json:"scheme,omitempty"`
}

// TCPCheck connects to a port.
type TCPCheck struct {
	// Port to connect to, inside of the task's network. Either this or portIndex.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	// +optional
	Port int32 `json:"port,omitempty"`
	// PortIndex is the number of one of the task's own ports: 0 is PORT0. On the host's network only.
	// +kubebuilder:validation:Minimum=0
	// +optional
	PortIndex *int32 `json:"portIndex,omitempty"`
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
