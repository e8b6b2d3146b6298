package contract

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"horae/internal/devcluster"
)

// cluster is the dev cluster as a target.
type cluster struct {
	*devcluster.Cluster
}

// newCluster starts the recorded cluster with its times divided by scale.
func newCluster(t testing.TB, s scenario, scale float64) *cluster {
	t.Helper()
	cfg := recordedConfig()
	if s.config != nil {
		s.config(&cfg)
	}
	c, err := devcluster.Start(context.Background(), scaledConfig(cfg, scale))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		http.DefaultClient.CloseIdleConnections()
	})
	return &cluster{c}
}

// recordedConfig is the usual cluster of the recordings, in recorded time.
func recordedConfig() devcluster.Config {
	return devcluster.Config{
		Listen:               "127.0.0.1:0",
		Attributes:           "rack:r1;zone:z1;cores:16;vlans:[10-20]",
		HeartbeatInterval:    15 * time.Second,
		AllocationInterval:   time.Second,
		UpdateRetryMin:       10 * time.Second,
		AgentPingTimeout:     time.Second,
		MaxAgentPingTimeouts: 3,
		ReregisterDelay:      800 * time.Millisecond,
		DockerHost:           devcluster.NoDocker, // the recorded agent had none
	}
}

// scaledConfig divides the times of a configuration.
func scaledConfig(cfg devcluster.Config, scale float64) devcluster.Config {
	for _, d := range []*time.Duration{&cfg.HeartbeatInterval, &cfg.AllocationInterval, &cfg.UpdateRetryMin,
		&cfg.AgentPingTimeout, &cfg.ReregisterDelay, &cfg.OfferTimeout} {
		*d = time.Duration(float64(*d) / scale)
	}
	return cfg
}

// act does to the processes what the recorder did.
func (c *cluster) act(note string, r *replay) (bool, error) {
	agent := c.Agent(0)
	r.pace(r.at)
	switch {
	case strings.HasPrefix(note, "the agent is stopped (SIGSTOP)"):
		agent.Partition()
	case strings.HasPrefix(note, "the agent goes on (SIGCONT)"):
		agent.Heal()
	case strings.HasPrefix(note, "the agent process is killed (SIGKILL) for 6 s"):
		agent.Crash()
		r.do(6000, func() error { agent.Restart(); return nil })
	case strings.HasPrefix(note, "the master is killed and started again"):
		c.StopMaster()
		// It was refusing connections 1.0 s later and answering 2.5 s later; the agent came back 3.0 s later, after the
		// scheduler had asked for its tasks.
		agent.Partition()
		r.do(1800, func() error { return c.StartMaster(context.Background()) })
		r.do(3000, func() error { agent.Heal(); return nil })
	default:
		return false, nil
	}
	return true, nil
}

// do has something done so much recorded time after the line that the replay is at.
func (r *replay) do(afterMs int, f func() error) {
	r.later = append(r.later, deed{r.at + afterMs, f})
}

// awaitTraps has each command that begins so leave a file when its trap is set, for which the first KILL waits.
func (r *replay) awaitTraps(dir string, traps []string) {
	for i, trap := range traps {
		file := filepath.Join(dir, fmt.Sprint(i))
		r.names.literal(trap, trap+": > "+file+"; ")
		r.ready = append(r.ready, file)
	}
}

// serveFiles offers what tasks of the recording fetched, over HTTP and as a file, and lets it stand for the recorded
// addresses.
func serveFiles(t testing.TB, r *replay) {
	t.Helper()
	const script = "#!/bin/sh\necho hello\n"
	var pack bytes.Buffer
	z := gzip.NewWriter(&pack)
	w := tar.NewWriter(z)
	err := w.WriteHeader(&tar.Header{Name: "hello.sh", Mode: 0o755, Size: int64(len(script))})
	if err == nil {
		_, err = w.Write([]byte(script))
	}
	for _, closer := range []interface{ Close() error }{w, z} {
		if err == nil {
			err = closer.Close()
		}
	}
	dir := t.TempDir()
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "hello.sh"), []byte(script), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/hello.sh", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(script)) })
	mux.HandleFunc("/pack.tgz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(pack.Bytes()) })
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	r.names.literal("http://127.0.0.1:8099/", server.URL+"/")
	r.names.literal("/srv/files/", dir+"/")
}
