package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"sigs.k8s.io/yaml"
)

const defaultServer = "http://127.0.0.1:8080"

// config is ~/.config/horae/config.yaml.
type config struct {
	// Server is the manager's address.
	Server string `json:"server"`
	// Namespace in which commands work by default.
	Namespace string `json:"namespace"`
	identity
}

// readConfig reads the file once; a missing one is an empty one.
func (c *cli) readConfig() (*config, error) {
	if c.config != nil {
		return c.config, nil
	}
	path := c.configPath()
	c.config = &config{}
	if path == "" {
		return c.config, nil
	}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return c.config, nil
	}
	if err == nil {
		err = yaml.UnmarshalStrict(data, c.config)
	}
	if err != nil {
		return nil, fmt.Errorf("read the configuration %s: %w", path, err)
	}
	return c.config, nil
}

// configPath is $XDG_CONFIG_HOME/horae/config.yaml or ~/.config/horae/config.yaml; empty when there is no home.
func (c *cli) configPath() string {
	if dir, ok := c.Env("XDG_CONFIG_HOME"); ok && dir != "" {
		return filepath.Join(dir, "horae", "config.yaml")
	}
	if home, ok := c.Env("HOME"); ok && home != "" {
		return filepath.Join(home, ".config", "horae", "config.yaml")
	}
	return ""
}

// serverURL is --server, else $HORAE_SERVER, else that of the configuration, else the manager on this machine.
func (c *cli) serverURL() (string, error) {
	server, from := c.server, "--server"
	if server == "" {
		server, _ = c.Env("HORAE_SERVER")
		from = "$HORAE_SERVER"
	}
	if server == "" {
		cfg, err := c.readConfig()
		if err != nil {
			return "", err
		}
		server, from = cfg.Server, c.configPath()
	}
	if server == "" {
		return defaultServer, nil
	}
	if !strings.Contains(server, "://") {
		server = "http://" + server
	}
	u, err := url.Parse(server)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return "", usagef("%s: %q must be an address such as http://127.0.0.1:8080", from, server)
	}
	return strings.TrimSuffix(u.String(), "/"), nil
}
