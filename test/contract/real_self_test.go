package contract

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"horae/internal/devcluster"
)

// commandEnv holds, in a process that is a command, the URL of the control that carries it out.
const commandEnv = "HORAE_CONTRACT_CONTROL"

// runCommand plays the commands of HORAE_TEST_MESOS_MASTER and HORAE_TEST_MESOS_AGENT: the arguments are master or agent, the action,
// and flags. In a process that is no command it does nothing.
func runCommand() {
	url := os.Getenv(commandEnv)
	if url == "" {
		return
	}
	got := post(http.MethodPost, url+"/"+strings.Join(os.Args[1:3], "/"), "", "", []byte(strings.Join(os.Args[3:], "\n")))
	if got.err != nil || got.status != http.StatusOK {
		fmt.Fprintln(os.Stderr, got.body, got.err)
		os.Exit(1)
	}
	os.Exit(0)
}

// control has a dev cluster that is treated as a real one: as commands ask for.
type control struct {
	t     testing.TB
	scale float64

	mu      sync.Mutex // guards all below
	flags   []string   // of the master
	cluster *devcluster.Cluster
}

func (c *control) url() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cluster.URL()
}

// fresh starts the cluster with what the flags of Mesos mean.
func (c *control) fresh(flags []string) error {
	cfg := recordedConfig()
	cfg.AgentPingTimeout, cfg.MaxAgentPingTimeouts = 15*time.Second, 5 // as Mesos's, unless a flag says otherwise
	for _, f := range flags {
		name, value, _ := strings.Cut(f, "=")
		seconds, err := strconv.ParseFloat(strings.TrimSuffix(value, "secs"), 64)
		duration := time.Duration(seconds * float64(time.Second))
		switch name {
		case "--agent_ping_timeout":
			cfg.AgentPingTimeout = duration
		case "--max_agent_ping_timeouts":
			cfg.MaxAgentPingTimeouts = int(seconds)
		case "--offer_timeout":
			cfg.OfferTimeout = duration
		case "--resources":
			cfg.Resources, err = value, nil
		default:
			err = fmt.Errorf("unknown")
		}
		if err != nil {
			return fmt.Errorf("flag %s: %w", f, err)
		}
	}
	c.close()
	var err error
	c.cluster, err = devcluster.Start(context.Background(), scaledConfig(cfg, c.scale))
	return err
}

func (c *control) close() {
	if c.cluster == nil {
		return
	}
	if err := c.cluster.Close(); err != nil {
		c.t.Error(err)
	}
	c.cluster = nil
	http.DefaultClient.CloseIdleConnections()
}

// carryOut does what one call of a command asks for.
func (c *control) carryOut(command string, flags []string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch command {
	case "/master/fresh":
		c.flags = flags
	case "/agent/fresh":
		return c.fresh(append(flags, c.flags...))
	case "/master/kill":
		c.cluster.StopMaster()
		c.cluster.Agent(0).Partition() // it comes back a while after the master, as in the recording
	case "/master/start":
		time.AfterFunc(time.Duration(1200/c.scale)*time.Millisecond, c.cluster.Agent(0).Heal)
		return c.cluster.StartMaster(context.Background())
	case "/agent/kill":
		c.cluster.Agent(0).Crash()
	case "/agent/start":
		c.cluster.Agent(0).Restart()
	case "/agent/stop":
		c.cluster.Agent(0).Partition()
	case "/agent/continue":
		c.cluster.Agent(0).Heal()
	default:
		return fmt.Errorf("there is no command %s", command)
	}
	return nil
}

// TestRecordingsThroughCommands replays what needs commands as against a real master: the commands reach a dev cluster.
func TestRecordingsThroughCommands(t *testing.T) {
	if os.Getenv("HORAE_TEST_MESOS") != "" {
		t.Skip("about the commands, not the master")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range scenarios {
		if s.needs == "" {
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			c := &control{t: t, scale: max(s.scale, 1)}
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				flags, err := io.ReadAll(r.Body)
				if err == nil {
					err = c.carryOut(r.URL.Path, strings.Fields(string(flags)))
				}
				if err != nil {
					http.Error(w, err.Error(), http.StatusInternalServerError)
				}
			}))
			t.Cleanup(func() {
				server.Close()
				c.close()
			})
			lines, err := load(s.name)
			if err != nil {
				t.Fatal(err)
			}
			command := fmt.Sprintf("%s=%s %s ", commandEnv, server.URL, self)
			r := &replay{lines: lines, hurry: s.hurry}
			r.against(t, s, &realMaster{url: c.url, master: command + "master", agent: command + "agent"}, c.scale)
			for _, d := range r.run() {
				t.Error(d)
			}
		})
	}
}

// TestAnAnswerEqualsItself: what is left out of a comparison is left out on both sides.
func TestAnAnswerEqualsItself(t *testing.T) {
	compared := 0
	for _, s := range scenarios {
		lines, err := load(s.name)
		if err != nil {
			t.Fatal(err)
		}
		r := &replay{names: newNames(), lengths: map[string]int{}, real: true}
		for i := range lines {
			l := &lines[i]
			if l.What != "http" || strings.HasSuffix(l.Path, "offset=-1") {
				continue // the size of a file is not that of what was recorded of it, in which directories were replaced
			}
			compared++
			body := str(tree(l.Body))
			r.compareHTTP(l, str(at(tree(l.Request), "type")), body, body)
		}
		for _, d := range r.diffs {
			t.Errorf("%s: %s", s.name, d)
		}
	}
	if compared == 0 {
		t.Error("no recording has an answer of another endpoint")
	}
}
