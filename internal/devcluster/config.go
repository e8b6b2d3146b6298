package devcluster

import (
	"crypto/tls"
	"fmt"
	"time"

	"github.com/go-logr/logr"
)

// Defaults of Config. The intervals are those of Mesos 1.11's flags, as the recordings show them.
const (
	DefaultListen    = "127.0.0.1:5050"
	DefaultResources = "cpus:4;mem:4096;disk:10000;ports:[31000-32000]"

	defaultHeartbeat       = 15 * time.Second
	defaultAllocation      = time.Second
	defaultUpdateRetryMin  = 10 * time.Second
	defaultUpdateRetryMax  = 10 * time.Minute
	defaultAgentPing       = 15 * time.Second
	defaultAgentPingMisses = 5
	defaultReregister      = time.Second
	defaultSandboxes       = 1000
	defaultFetcherCache    = 2 << 30
)

// Config says what to start. Its zero value is a cluster of one agent on 127.0.0.1:5050 that runs real processes in
// a temporary directory. Tests set Listen to "127.0.0.1:0" and shorten the intervals.
type Config struct {
	// Listen is the master's host:port. The agents listen on ports of their own on the same host: the master's port
	// plus one and so on where these are free, else wherever there is room.
	Listen string
	// Hosts are names, besides those of loopback and its own address, by which clients may call it: requests with another Host are refused.
	Hosts []string
	// Agents is how many agents there are; 0 means 1.
	Agents int
	// Resources is what each agent has, as in mesos-agent --resources: "name(role):value;..." or a JSON array of
	// Resource objects.
	Resources string
	// Attributes is what each agent is labelled with, as in mesos-agent --attributes: "name:value;...".
	Attributes string
	// WorkDir holds the agents' sandboxes. Empty means a temporary directory that Close removes.
	WorkDir string
	// DockerHost is the Docker daemon that runs Docker containers, as in docker -H: "unix:///var/run/docker.sock". Empty
	// means what the docker command line uses by itself (DOCKER_HOST, its context); NoDocker, no daemon. Where none
	// answers, tasks in Docker containers are refused.
	DockerHost string
	// SecretsDir holds the secrets that tasks may refer to: NAME/KEY, or without a key NAME, is the file with the value. Empty: such
	// tasks are refused, as by an agent without a secret resolver.
	SecretsDir string
	// AgentTLS is the certificate with which agents answer, by TLS alone; nil: in the clear. Offers say "http" of
	// them all the same, as real ones do.
	AgentTLS *tls.Config
	// Simulate replaces processes by timers; the label sim of a task says how it ends (see the package comment).
	Simulate bool

	// HeartbeatInterval is the time between HEARTBEAT events of a subscription. Default 15 s.
	HeartbeatInterval time.Duration
	// AllocationInterval is the time between two rounds of offers. Default 1 s.
	AllocationInterval time.Duration
	// OfferTimeout is how long an offer may be held until it is rescinded. Default: for ever.
	OfferTimeout time.Duration
	// UpdateRetryMin is when an unacknowledged update is sent again for the first time; the interval doubles up to
	// UpdateRetryMax. Defaults 10 s and 10 min.
	UpdateRetryMin, UpdateRetryMax time.Duration
	// AgentPingTimeout and MaxAgentPingTimeouts say when a silent agent is unreachable: after their product.
	// Defaults 15 s and 5.
	AgentPingTimeout     time.Duration
	MaxAgentPingTimeouts int
	// ReregisterDelay is how long an agent takes to come back once it, its network or the master is back. Default 1 s.
	ReregisterDelay time.Duration
	// ExecutorStartup is how long an executor takes from its start to its registration with the agent, before which its task cannot start.
	// Default 0: at once. Mesos takes 0.1 s, and seconds when many tasks start at once (recordings/many_tasks_in_one_accept).
	ExecutorStartup time.Duration
	// KillGrace is the time between SIGTERM and SIGKILL for tasks without a kill policy. Default 3 s for commands, and 5 s for
	// Docker containers and custom executors.
	KillGrace time.Duration
	// Sandboxes is how many sandboxes of ended tasks each agent keeps; older ones are removed. Default 1000.
	Sandboxes int
	// FetcherCacheSize is how many bytes each agent keeps of what was fetched with cache: true. Default 2 GiB, as in Mesos.
	FetcherCacheSize int64

	// Log gets what happens, at V(1) for each task. The zero value discards.
	Log logr.Logger
}

// withDefaults returns c with every zero value replaced by its default, or an error that names the wrong field.
func (c Config) withDefaults() (Config, error) {
	setString(&c.Listen, DefaultListen)
	setString(&c.Resources, DefaultResources)
	setDuration(&c.HeartbeatInterval, defaultHeartbeat)
	setDuration(&c.AllocationInterval, defaultAllocation)
	setDuration(&c.UpdateRetryMin, defaultUpdateRetryMin)
	setDuration(&c.UpdateRetryMax, max(defaultUpdateRetryMax, c.UpdateRetryMin))
	setDuration(&c.AgentPingTimeout, defaultAgentPing)
	setDuration(&c.ReregisterDelay, defaultReregister)
	if c.Agents == 0 {
		c.Agents = 1
	}
	if c.MaxAgentPingTimeouts == 0 {
		c.MaxAgentPingTimeouts = defaultAgentPingMisses
	}
	if c.Sandboxes == 0 {
		c.Sandboxes = defaultSandboxes
	}
	if c.FetcherCacheSize == 0 {
		c.FetcherCacheSize = defaultFetcherCache
	}
	if c.Log.GetSink() == nil {
		c.Log = logr.Discard()
	}
	if c.Agents < 0 {
		return c, fmt.Errorf("agents: %d is not a number of agents", c.Agents)
	}
	return c, nil
}

func setString(s *string, value string) {
	if *s == "" {
		*s = value
	}
}

func setDuration(d *time.Duration, value time.Duration) {
	if *d == 0 {
		*d = value
	}
}
