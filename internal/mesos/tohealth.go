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
	if err := addProbe(h, check); err != nil {
		return err
	}
	out.HealthCheck = check
	return nil
}

// addProbe sets the one way to check that h names.
func addProbe(h *v1.HealthCheck, check *mesosv1.HealthCheck) error {
	probes := 0
	if h.Command != "" {
		probes++
		shell := true
		check.Type = mesosv1.HealthCheck_COMMAND
		check.Command = &mesosv1.CommandInfo{Shell: &shell, Value: &h.Command}
	}
	if h.HTTP != nil {
		probes++
		if !isPort(h.HTTP.Port) {
			return fmt.Errorf("healthCheck.http.port: %d is not a port", h.HTTP.Port)
		}
		check.Type = mesosv1.HealthCheck_HTTP
		check.HTTP = &mesosv1.HealthCheck_HTTPCheckInfo{
			Port: uint32(h.HTTP.Port), Path: optional(h.HTTP.Path), Scheme: optional(h.HTTP.Scheme),
		}
	}
	if h.TCP != nil {
		probes++
		if !isPort(h.TCP.Port) {
			return fmt.Errorf("healthCheck.tcp.port: %d is not a port", h.TCP.Port)
		}
		check.Type = mesosv1.HealthCheck_TCP
		check.TCP = &mesosv1.HealthCheck_TCPCheckInfo{Port: uint32(h.TCP.Port)}
	}
	if probes != 1 {
		return errors.New("healthCheck: exactly one of command, http and tcp must be set")
	}
	return nil
}

func seconds(d *v1.Duration, def time.Duration) *float64 {
	if d != nil {
		def = d.Duration
	}
	s := def.Seconds()
	return &s
}
