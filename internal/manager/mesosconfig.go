package manager

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	v1 "horae/api/v1"
	"horae/internal/mesos"
	"horae/internal/mesos/discovery"
)

// complete fills in what follows from the rest.
func (c *MesosConfig) complete() {
	// The commas of a zk:// URL are also those of a list, in a flag and in YAML.
	if len(c.Masters) > 1 && c.zooKeeper() && !strings.Contains(strings.TrimPrefix(c.Masters[0], discovery.Scheme), "/") {
		c.Masters = []string{strings.Join(c.Masters, ",")}
	}
	if c.Scheme == "" {
		c.Scheme = "http"
		if c.TLS != (TLSConfig{}) {
			c.Scheme = "https"
		}
	}
}

// zooKeeper reports whether the masters are to be found there.
func (c *MesosConfig) zooKeeper() bool {
	return len(c.Masters) > 0 && strings.HasPrefix(c.Masters[0], discovery.Scheme)
}

func (c *MesosConfig) validate(bad func(field, format string, args ...any), positive func(string, v1.Duration, time.Duration)) {
	for i, m := range c.Masters {
		field := fmt.Sprintf("mesos.masters[%d]", i)
		switch {
		case !strings.HasPrefix(m, discovery.Scheme):
			if _, err := mesos.ParseMaster(m, c.Scheme); err != nil {
				bad(field, "%v: must be host:port, http://host:port, https://host:port, or a zk:// URL", err)
			}
		case len(c.Masters) > 1:
			bad(field, "a zk:// URL stands alone: it names the ZooKeeper servers as zk://host:port,host:port/path, "+
				"and these know all masters")
		default:
			if _, err := discovery.Parse(m); err != nil {
				bad(field, "zk:// URL: %v; it must be zk://host:port,host:port/path or zk://user:password@host:port,host:port/path", err)
			}
		}
	}
	if c.Scheme != "http" && c.Scheme != "https" {
		bad("mesos.scheme", "%q: must be http or https", c.Scheme)
	}
	switch {
	case c.SecretFile != "" && c.TokenFile != "":
		bad("mesos.tokenFile", "excludes mesos.secretFile: one says who we are by a bearer token, the other by basic authentication")
	case c.SecretFile != "" && c.Framework.Principal == "":
		bad("mesos.framework.principal", "must be given with mesos.secretFile: it is the user of basic authentication")
	}
	c.Framework.validate(bad, positive)
}

func (c *FrameworkConfig) validate(bad func(field, format string, args ...any), positive func(string, v1.Duration, time.Duration)) {
	if c.Name == "" {
		bad("mesos.framework.name", "must not be empty")
	}
	if c.User == "" {
		bad("mesos.framework.user", "must not be empty: tasks that name no user run as this one")
	}
	positive("mesos.framework.failoverTimeout", c.FailoverTimeout, time.Second)
	if len(c.Roles) == 0 {
		bad("mesos.framework.roles", "must name at least one role")
	}
	seen := map[string]bool{}
	for i, role := range c.Roles {
		field := fmt.Sprintf("mesos.framework.roles[%d]", i)
		if err := checkRole(role); err != nil {
			bad(field, "%q: %v", role, err)
		}
		if seen[role] {
			bad(field, "%q: is named twice", role)
		}
		seen[role] = true
	}
	for key := range c.Labels {
		if key == "" {
			bad("mesos.framework.labels", "a label without a name")
		}
	}
}

// checkRole applies Mesos's rules for the names of roles.
func checkRole(role string) error {
	if role == "*" {
		return nil
	}
	if strings.ContainsFunc(role, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }) {
		return errors.New("a role must not hold white space or control characters")
	}
	for name := range strings.SplitSeq(role, "/") {
		switch {
		case name == "":
			return errors.New("a role, and each part of one that slashes divide, must not be empty")
		case name == ".", name == "..", name == "*", strings.HasPrefix(name, "-"):
			return fmt.Errorf("%q is no name for a role: it must not be ., .., or *, nor begin with -", name)
		}
	}
	return nil
}
