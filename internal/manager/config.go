package manager

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	v1 "horae/api/v1"
	"horae/controllers/job"
	"horae/internal/access"

	"sigs.k8s.io/yaml"
)

// Config is every option of the manager, with the names of config/manager.yaml. Default gives the defaults.
type Config struct {
	// Name identifies this manager among its peers; by default hostname and process id.
	Name string `json:"name"`
	// Dev starts an embedded etcd and the dev cluster where none are configured.
	Dev bool `json:"dev"`
	// Listen is the address of the HTTP API.
	Listen string `json:"listen"`
	// AdvertiseURL is the address by which tasks reach the API, for callbacks; by default the one that it listens on.
	AdvertiseURL string `json:"advertiseURL"`
	// Hosts are the names by which clients may call the API, besides localhost, the machine's name, and any address.
	Hosts []string `json:"hosts"`
	// TLS of the API.
	TLS ServingTLSConfig `json:"tls"`
	// InsecureHTTP allows an address that other machines reach without TLS.
	InsecureHTTP bool `json:"insecureHTTP"`
	// Access says who may do what.
	Access access.Config `json:"access"`
	// DataDir holds the embedded etcd's data and the dev cluster's sandboxes.
	DataDir string `json:"dataDir"`

	Limits     LimitsConfig     `json:"limits"`
	Etcd       EtcdConfig       `json:"etcd"`
	Mesos      MesosConfig      `json:"mesos"`
	Leader     LeaderConfig     `json:"leader"`
	Jobs       JobsConfig       `json:"jobs"`
	Runs       RunsConfig       `json:"runs"`
	Log        LogConfig        `json:"log"`
	DevCluster DevClusterConfig `json:"devCluster"`
}

// LimitsConfig bounds what one client of the API may ask for. What all clients together may ask for is fixed.
type LimitsConfig struct {
	// RequestsPerSecond of a client, with a burst of two seconds' worth; what does more counts as several. 0: no limit.
	RequestsPerSecond float64 `json:"requestsPerSecond"`
}

// EtcdConfig says where etcd is.
type EtcdConfig struct {
	// Endpoints of an etcd cluster; none: the embedded server.
	Endpoints []string `json:"endpoints"`
	// Listen is the client address of the embedded server.
	Listen string `json:"listen"`
	// RequestTimeout bounds one request.
	RequestTimeout v1.Duration `json:"requestTimeout"`
	Username       string      `json:"username"`
	PasswordFile   string      `json:"passwordFile"`
	TLS            TLSConfig   `json:"tls"`
}

// TLSConfig names the PEM files of a TLS client.
type TLSConfig struct {
	CAFile   string `json:"caFile"`
	CertFile string `json:"certFile"`
	KeyFile  string `json:"keyFile"`
}

// MesosConfig says where Mesos is and how Horae presents itself.
type MesosConfig struct {
	// Masters are the addresses of the masters, or one zk:// URL; none: with Dev, the dev cluster.
	Masters []string `json:"masters"`
	// Scheme of masters whose address names none, as those in ZooKeeper: http or https. Empty: https if TLS names files.
	Scheme    string          `json:"scheme"`
	Framework FrameworkConfig `json:"framework"`
	// SecretFile holds the secret that belongs to framework.principal, for basic authentication.
	SecretFile string `json:"secretFile"`
	// TokenFile holds a bearer token. Like SecretFile it is read again when it changes.
	TokenFile string    `json:"tokenFile"`
	TLS       TLSConfig `json:"tls"`
}

// FrameworkConfig is Mesos's FrameworkInfo.
type FrameworkConfig struct {
	Name            string            `json:"name"`
	User            string            `json:"user"`
	Roles           []string          `json:"roles"`
	Principal       string            `json:"principal"`
	FailoverTimeout v1.Duration       `json:"failoverTimeout"`
	Checkpoint      bool              `json:"checkpoint"`
	WebUIURL        string            `json:"webUIURL"`
	Hostname        string            `json:"hostname"`
	Labels          map[string]string `json:"labels"`
	// GPUs declares GPU_RESOURCES: agents with GPUs are offered to such frameworks only.
	GPUs bool `json:"gpus"`
	// Revocable asks Mesos for resources that it may take back, for the tasks that want such.
	Revocable bool `json:"revocable"`
}

// LeaderConfig is the election's.
type LeaderConfig struct {
	// LeaseTTL is how long nobody leads after a leader died, at most; whole seconds.
	LeaseTTL v1.Duration `json:"leaseTTL"`
}

// JobsConfig is the job controller's.
type JobsConfig struct {
	Workers int `json:"workers"`
	// MaxCatchUp bounds the occurrences that wait for their turn under missedRuns: All; the oldest above it are missed.
	MaxCatchUp int `json:"maxCatchUp"`
	// StatusInterval is how often status that is only derived is written, at most, per Job.
	StatusInterval v1.Duration `json:"statusInterval"`
}

// RunsConfig is the run controller's.
type RunsConfig struct {
	Workers int `json:"workers"`
	// OfferHold is how long offers that nothing fits are kept for what comes next.
	OfferHold v1.Duration `json:"offerHold"`
	// OfferLookAhead is how long before a Job's next occurrence offers are asked for.
	OfferLookAhead v1.Duration `json:"offerLookAhead"`
	// OfferRefuse is the filter that declined offers get.
	OfferRefuse v1.Duration `json:"offerRefuse"`
	// ReconcileInterval is how often Mesos is asked after every live attempt.
	ReconcileInterval v1.Duration `json:"reconcileInterval"`
	// Ageing is how long waiting Runs of one namespace and priority are passed over until they rise by one point of priority; 0: they
	// never rise.
	Ageing v1.Duration `json:"ageing"`
	// AssumedDuration is how long a Run without timeout and deadline is taken to last, before an agent's maintenance.
	AssumedDuration v1.Duration `json:"assumedDuration"`
}

// LogConfig says how much is logged and in which form.
type LogConfig struct {
	// Format is text or json.
	Format string `json:"format"`
	// Verbosity: 0 what an operator wants to know, 1 each request and transition, 2 and more for debugging.
	Verbosity int `json:"verbosity"`
}

// DevClusterConfig is the dev cluster's, in Mesos's own spellings.
type DevClusterConfig struct {
	Listen     string `json:"listen"`
	Agents     int    `json:"agents"`
	Resources  string `json:"resources"`
	Attributes string `json:"attributes"`
	DockerHost string `json:"dockerHost"`
	SecretsDir string `json:"secretsDir"`
}

// Default returns the configuration of a manager without options. config/manager.yaml says the same.
func Default() Config {
	return Config{
		Listen: "127.0.0.1:8080", Hosts: []string{}, TLS: ServingTLSConfig{MinVersion: "1.3"}, Access: access.Default(),
		Limits: LimitsConfig{RequestsPerSecond: 500},
		Etcd:   EtcdConfig{Endpoints: []string{}, Listen: "127.0.0.1:2379", RequestTimeout: v1.Duration{Duration: 5 * time.Second}},
		Mesos: MesosConfig{Masters: []string{}, Framework: FrameworkConfig{
			Name: "horae", User: "root", Roles: []string{"horae"}, FailoverTimeout: v1.Duration{Duration: 7 * 24 * time.Hour},
			Checkpoint: true, Labels: map[string]string{},
		}},
		Leader: LeaderConfig{LeaseTTL: v1.Duration{Duration: 5 * time.Second}},
		Jobs:   JobsConfig{Workers: 64, MaxCatchUp: 100, StatusInterval: v1.Duration{Duration: time.Second}},
		Runs: RunsConfig{Workers: 128, OfferHold: v1.Duration{Duration: 500 * time.Millisecond},
			OfferLookAhead: v1.Duration{Duration: time.Second}, OfferRefuse: v1.Duration{Duration: 10 * time.Minute},
			Ageing: v1.Duration{Duration: time.Minute}, ReconcileInterval: v1.Duration{Duration: 15 * time.Minute},
			AssumedDuration: v1.Duration{Duration: time.Hour}},
		Log: LogConfig{Format: "text"},
		DevCluster: DevClusterConfig{Listen: "127.0.0.1:5050", Agents: 2,
			Resources: "cpus:4;mem:4096;disk:10000;ports:[31000-32000]", Attributes: "rack:r1;zone:z1"},
	}
}

// Load reads a config file over the defaults. Unknown and doubled keys are errors.
func Load(path string, into *Config) error {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("config file %s does not exist; config/manager.yaml in the source is a complete example", path)
	} else if err != nil {
		return fmt.Errorf("read config file: %w", err)
	}
	if err := yaml.UnmarshalStrict(data, into); err != nil {
		return fmt.Errorf("config file %s: %w", path, err)
	}
	return nil
}

// Complete fills in what depends on the machine, and checks the whole. The error names every wrong field.
func (c *Config) Complete() error {
	if c.Name == "" {
		host, err := os.Hostname()
		if err != nil {
			host = "localhost"
		}
		c.Name = fmt.Sprintf("%s-%d", host, os.Getpid())
	}
	if c.DataDir == "" {
		state, err := stateHome()
		if err != nil {
			return err
		}
		c.DataDir = filepath.Join(state, "horae")
	}
	if c.Mesos.Framework.Hostname == "" {
		c.Mesos.Framework.Hostname, _ = os.Hostname()
	}
	c.Mesos.complete()
	return c.validate()
}

func (c *Config) validate() error {
	var errs []error
	bad := func(field, format string, args ...any) {
		errs = append(errs, fmt.Errorf("%s: %s", field, fmt.Sprintf(format, args...)))
	}
	address := func(field, value string) {
		if _, _, err := net.SplitHostPort(value); err != nil {
			bad(field, "%q: must be host:port", value)
		}
	}
	positive := func(field string, d v1.Duration, least time.Duration) {
		if d.Duration < least {
			bad(field, "%s: must be at least %s", d, least)
		}
	}
	address("listen", c.Listen)
	c.validateServing(bad)
	if c.AdvertiseURL != "" {
		if err := checkAdvertiseURL(c.AdvertiseURL); err != nil {
			bad("advertiseURL", "%q: %v", v1.Shorten(c.AdvertiseURL, 256), err)
		}
	}
	if len(c.Etcd.Endpoints) == 0 {
		address("etcd.listen", c.Etcd.Listen)
	}
	for i, e := range c.Etcd.Endpoints {
		if err := checkEndpoint(e); err != nil {
			bad(fmt.Sprintf("etcd.endpoints[%d]", i), "%v", err)
		}
	}
	if r := c.Limits.RequestsPerSecond; r < 0 || r > 1e9 {
		bad("limits.requestsPerSecond", "%v: must be from 0 (no limit) to 1e9", r)
	}
	positive("etcd.requestTimeout", c.Etcd.RequestTimeout, 100*time.Millisecond)
	positive("leader.leaseTTL", c.Leader.LeaseTTL, time.Second)
	positive("jobs.statusInterval", c.Jobs.StatusInterval, 0)
	positive("runs.offerHold", c.Runs.OfferHold, time.Millisecond)
	positive("runs.offerLookAhead", c.Runs.OfferLookAhead, time.Millisecond)
	positive("runs.offerRefuse", c.Runs.OfferRefuse, time.Second)
	positive("runs.reconcileInterval", c.Runs.ReconcileInterval, time.Second)
	if c.Runs.Ageing.Duration != 0 {
		positive("runs.ageing", c.Runs.Ageing, time.Second)
	}
	positive("runs.assumedDuration", c.Runs.AssumedDuration, 0)
	if len(c.Mesos.Masters) == 0 {
		switch {
		case !hasDevCluster:
			bad("mesos.masters", "none given, and this manager was built without the dev cluster: name the masters "+
				"(--mesos-masters http://host:5050)")
		case !c.Dev:
			bad("mesos.masters", "none given: name the masters (--mesos-masters http://host:5050), or start with "+
				"--dev for a cluster of its own")
		}
		address("devCluster.listen", c.DevCluster.Listen)
		if c.DevCluster.Agents < 1 {
			bad("devCluster.agents", "%d: must be at least 1", c.DevCluster.Agents)
		}
	}
	c.Mesos.validate(bad, positive)
	if c.Jobs.Workers < 1 || c.Runs.Workers < 1 {
		bad("jobs.workers, runs.workers", "must be at least 1")
	}
	if c.Jobs.MaxCatchUp < 1 || c.Jobs.MaxCatchUp > job.MaxMissedLimit {
		bad("jobs.maxCatchUp", "%d: must be from 1 to %d", c.Jobs.MaxCatchUp, job.MaxMissedLimit)
	}
	if f := c.Log.Format; f != "text" && f != "json" {
		bad("log.format", "%q: must be text or json", f)
	}
	return errors.Join(errs...)
}

// stateHome is where a user's programs keep state, by the XDG base directory specification.
func stateHome() (string, error) {
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return dir, nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("no home directory to keep data in (%w): give --data-dir", err)
	}
	return filepath.Join(home, ".local", "state"), nil
}

// splitList reads a comma separated list.
func splitList(s string) []string {
	var list []string
	for part := range strings.SplitSeq(s, ",") {
		if part = strings.TrimSpace(part); part != "" {
			list = append(list, part)
		}
	}
	return list
}
