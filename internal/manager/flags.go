package manager

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
)

// option is a setting that can be given as a flag and as an environment variable. Over both stands the order: a flag wins
// over HORAE_<NAME>, which wins over the config file, which wins over the default.
type option struct {
	name, short, value, usage string
	boolean                   bool
	set                       func(*Config, string) error
}

var options = []option{
	{name: "dev", boolean: true, usage: "start an embedded etcd and a dev cluster where none are configured: the whole system on loopback",
		set: func(c *Config, s string) (err error) { c.Dev, err = strconv.ParseBool(s); return }},
	{name: "listen", value: "ADDR", usage: "address of the HTTP API (default 127.0.0.1:8080)",
		set: func(c *Config, s string) error { c.Listen = s; return nil }},
	{name: "tls-cert-file", value: "FILE", usage: "PEM certificate of the API, for TLS; read again when it changes",
		set: func(c *Config, s string) error { c.TLS.CertFile = s; return nil }},
	{name: "tls-key-file", value: "FILE", usage: "PEM key of that certificate",
		set: func(c *Config, s string) error { c.TLS.KeyFile = s; return nil }},
	{name: "tls-self-signed", boolean: true, usage: "make a CA and a certificate below --data-dir, for trying out TLS",
		set: func(c *Config, s string) (err error) { c.TLS.SelfSigned, err = strconv.ParseBool(s); return }},
	{name: "client-ca-file", value: "FILE", usage: "PEM certificates of the CA by whose certificates users identify themselves",
		set: func(c *Config, s string) error { c.TLS.ClientCAFile = s; return nil }},
	{name: "insecure-http", boolean: true, usage: "allow plain HTTP on an address that other machines reach",
		set: func(c *Config, s string) (err error) { c.InsecureHTTP, err = strconv.ParseBool(s); return }},
	{name: "access", value: "MODE", usage: "open: everybody may do everything; rbac: what Roles allow (default: open on loopback)",
		set: func(c *Config, s string) error { c.Access.Mode = s; return nil }},
	{name: "advertise-url", value: "URL", usage: "address by which tasks reach the API, for callbacks (default: where it listens)",
		set: func(c *Config, s string) error { c.AdvertiseURL = s; return nil }},
	{name: "data-dir", value: "DIR", usage: "data of the embedded etcd and the dev cluster (default: horae in the user's state directory)",
		set: func(c *Config, s string) error { c.DataDir = s; return nil }},
	{name: "etcd-endpoints", value: "URL,...", usage: "the etcd cluster to use; none: the embedded server",
		set: func(c *Config, s string) error { c.Etcd.Endpoints = splitList(s); return nil }},
	{name: "etcd-listen", value: "ADDR", usage: "client address of the embedded etcd (default 127.0.0.1:2379)",
		set: func(c *Config, s string) error { c.Etcd.Listen = s; return nil }},
	{name: "mesos-masters", value: "URL,...", usage: "the Mesos masters, or zk://host:port,.../path; none: with --dev, the dev cluster",
		set: func(c *Config, s string) error { c.Mesos.Masters = splitList(s); return nil }},
	{name: "name", value: "NAME", usage: "this manager's name among its peers (default: host name and process id)",
		set: func(c *Config, s string) error { c.Name = s; return nil }},
	{name: "devcluster-listen", value: "ADDR", usage: "with --dev: address of the dev cluster's master (default 127.0.0.1:5050)",
		set: func(c *Config, s string) error { c.DevCluster.Listen = s; return nil }},
	{name: "log-format", value: "FORMAT", usage: "text or json (default text)",
		set: func(c *Config, s string) error { c.Log.Format = s; return nil }},
	{name: "v", short: "v", value: "N", usage: "how much is logged: 0 operations, 1 requests and transitions, 2 debugging",
		set: func(c *Config, s string) (err error) { c.Log.Verbosity, err = strconv.Atoi(s); return }},
}

// environ is the environment variable of an option.
func (o option) environ() string {
	return "HORAE_" + strings.ToUpper(strings.ReplaceAll(o.name, "-", "_"))
}

// usage is written here rather than by pflag, which says the name of a flag's value again in what it is for.
func usage() string {
	b := new(strings.Builder)
	b.WriteString("manager runs Horae's controllers and its API.\n\nUsage: manager [flags]\n\n")
	line := func(o option) {
		flag := "    --" + o.name
		if o.short != "" {
			flag = "-" + o.short
		}
		fmt.Fprintf(b, "  %-30s %s\n", strings.TrimRight(flag+" "+o.value, " "), o.usage)
	}
	line(option{name: "config", value: "FILE", usage: "the config file, YAML"})
	for _, o := range options {
		line(o)
	}
	b.WriteString("\nEvery flag can also be given as an environment variable: --etcd-endpoints as HORAE_ETCD_ENDPOINTS.\n" +
		"config/manager.yaml lists all options of the config file.\n")
	return b.String()
}

// Parse reads the command line, the environment and the config file, in falling rank, over the defaults.
// pflag.ErrHelp is returned when help was asked for and has been printed.
func Parse(args []string, getenv func(string) string) (Config, error) {
	c := Default()
	flags := pflag.NewFlagSet("manager", pflag.ContinueOnError)
	flags.SortFlags = false
	flags.Usage = func() { fmt.Fprint(os.Stderr, usage()) }
	file := flags.String("config", "", "the config file, YAML")
	given := map[string]*string{}
	for _, o := range options {
		given[o.name] = flags.StringP(o.name, o.short, "", o.usage)
		if o.boolean {
			flags.Lookup(o.name).NoOptDefVal = "true"
		}
	}
	if err := flags.Parse(args); err != nil {
		return c, err
	}
	if flags.NArg() > 0 {
		return c, fmt.Errorf("unexpected argument %q: everything is given by flags; see --help", flags.Arg(0))
	}
	if *file == "" {
		*file = getenv("HORAE_CONFIG")
	}
	if *file != "" {
		if err := Load(*file, &c); err != nil {
			return c, err
		}
	}
	for _, o := range options {
		value, from := getenv(o.environ()), o.environ()
		if flags.Changed(o.name) {
			value, from = *given[o.name], "--"+o.name
		} else if value == "" {
			continue
		}
		if err := o.set(&c, value); err != nil {
			return c, fmt.Errorf("%s: %q: %w", from, value, err)
		}
	}
	return c, c.Complete()
}
