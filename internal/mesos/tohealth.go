package mesos

import (
	"errors"
	"fmt"
	"time"

	mesosv1 "github.com/mesos/mesos-go/api/v1/lib"

	v1 "horae/api/v1"
	"horae/internal/offer"
)

// Defaults of api/v1.HealthCheck, which are Mesos's own.
const (
	defaultCheckInterval = 10 * time.Second
	defaultCheckTimeout  = 20 * time.Second
	defaultCheckGrace    = 10 * time.Second
	defaultMaxFailures   = 3
)

// addHealthCheck has the executor check the task. Checks begin at once: what Mesos calls delay is covered by the grace period.
func addHealthCheck(t *offer.Task, out *mesosv1.TaskInfo) error {
	h := t.Spec.HealthCheck
	if h == nil {
		return nil
	}
	if t.Spec.Executor != nil {
		return errors.New("healthCheck: a custom executor checks for itself")
	}
	check := &mesosv1.HealthCheck{
		DelaySeconds:       new(float64),
		IntervalSeconds:    seconds(h.Interval, defaultCheckInterval),
		TimeoutSeconds:     seconds(h.Timeout, defaultCheckTimeout),
		GracePeriodSeconds: seconds(h.GracePeriod, defaultCheckGrace),
	}
	failures := uint32(defaultMaxFailures)
	if h.MaxFailures != nil {
		if *h.MaxFailures < 0 {
			return fmt.Errorf("healthCheck.maxFailures: %d is negative", *h.MaxFailures)
		}
		failures = uint32(*h.MaxFailures)
	}
	check.ConsecutiveFailures = &failures
	if err := addProbe(h, t.Ports, check); err != nil {
		return err
	}
	out.HealthCheck = check
	return nil
}

// addProbe sets the one way to check that h names. ports are the task's own.
func addProbe(h *v1.HealthCheck, ports []int32, check *mesosv1.HealthCheck) error {
	probes := 0
	if h.Command != "" {
		probes++
		shell := true
		check.Type = mesosv1.HealthCheck_COMMAND
		check.Command = &mesosv1.CommandInfo{Shell: &shell, Value: &h.Command}
	}
	if h.HTTP != nil {
		probes++
		port, err := checkPort(h.HTTP.Port, h.HTTP.PortIndex, ports)
		if err != nil {
			return fmt.Errorf("healthCheck.http.%w", err)
		}
		check.Type = mesosv1.HealthCheck_HTTP
		check.HTTP = &mesosv1.HealthCheck_HTTPCheckInfo{Port: port, Path: optional(h.HTTP.Path), Scheme: optional(h.HTTP.Scheme)}
	}
	if h.TCP != nil {
		probes++
		port, err := checkPort(h.TCP.Port, h.TCP.PortIndex, ports)
		if err != nil {
			return fmt.Errorf("healthCheck.tcp.%w", err)
		}
		check.Type = mesosv1.HealthCheck_TCP
		check.TCP = &mesosv1.HealthCheck_TCPCheckInfo{Port: port}
	}
	if probes != 1 {
		return errors.New("healthCheck: exactly one of command, http and tcp must be set")
	}
	return nil
}

// checkPort is the port to check: one by its number, or one of the task's own by its index.
func checkPort(port int32, index *int32, ports []int32) (uint32, error) {
	if index != nil {
		if *index < 0 || int(*index) >= len(ports) {
			return 0, fmt.Errorf("portIndex: %d is not one of the task's %d ports", *index, len(ports))
		}
		port = ports[*index]
	}
	if !isPort(port) {
		return 0, fmt.Errorf("port: %d is not a port", port)
	}
	return uint32(port), nil
}

func seconds(d *v1.Duration, def time.Duration) *float64 {
	if d != nil {
		def = d.Duration
	}
	s := def.Seconds()
	return &s
}
