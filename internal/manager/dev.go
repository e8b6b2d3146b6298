//go:build !production

package manager

import (
	"context"
	"path/filepath"

	"github.com/go-logr/logr"

	"horae/internal/devcluster"
)

// hasDevCluster says that --dev works in this binary.
const hasDevCluster = true

// startDevCluster starts the dev cluster, and returns its master's URL and what stops it.
func startDevCluster(ctx context.Context, cfg Config, log logr.Logger) (url string, stop func() error, err error) {
	c := cfg.DevCluster
	cluster, err := devcluster.Start(ctx, devcluster.Config{
		Listen: c.Listen, Agents: c.Agents, Resources: c.Resources, Attributes: c.Attributes,
		DockerHost: c.DockerHost, SecretsDir: c.SecretsDir,
		WorkDir: filepath.Join(cfg.DataDir, "devcluster"), Log: log,
	})
	if err != nil {
		return "", nil, portClash(err, "start the dev cluster", c.Listen, "--devcluster-listen",
			"or use the cluster that runs there with --mesos-masters http://"+c.Listen)
	}
	return cluster.URL(), cluster.Close, nil
}
