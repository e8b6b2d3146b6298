package convert

import (
	"fmt"
	"maps"
	"slices"
)

// metronome converts a job of Metronome (DC/OS).
func (c *conversion) metronome() {
	in := c.in
	if id, ok := take(in, "id").(string); ok {
		c.metadata["name"] = nameOf(id)
	}
	move(c.spec, "description", in, "description")
	move(c.metadata, "labels", in, "labels")
	run, _ := in["run"].(map[string]any)
	if run == nil {
		return
	}
	move(c.task, "shell", run, "cmd")
	move(c.task, "args", run, "args")
	move(c.task, "user", run, "user")
	resources := map[string]any{}
	if n, ok := number(take(run, "cpus")); ok {
		resources["cpus"] = fmt.Sprint(n)
	}
	for _, name := range []struct{ theirs, ours string }{{"mem", "memory"}, {"disk", "disk"}} {
		if n, ok := number(take(run, name.theirs)); ok {
			resources[name.ours] = fmt.Sprintf("%gMi", n)
		}
	}
	if n, ok := number(run["gpus"]); ok {
		if delete(run, "gpus"); n > 0 {
			resources["gpus"] = n
		}
	}
	if len(resources) > 0 {
		c.task["resources"] = resources
	}
	if image := take(run, "docker", "image"); image != nil {
		container := map[string]any{"type": "Docker", "image": image}
		move(container, "forcePull", run, "docker", "forcePullImage")
		c.task["container"] = container
	}
	c.metronomeEnv(run)
	c.metronomeFetch(run)
	moveSeconds(c.spec, "queueTimeout", run, "maxLaunchDelay")
	if policy := take(run, "restart", "policy"); policy == "ON_FAILURE" {
		c.spec["retries"] = map[string]any{"limit": 1000}
		c.lost = append(c.lost, "run.restart.policy: ON_FAILURE tries without end; spec.retries.limit is 1000: lower it")
	} else {
		c.spec["retries"] = map[string]any{"limit": 0}
	}
	moveSeconds(c.spec, "deadline", run, "restart", "activeDeadlineSeconds")
	c.metronomeSchedule()
}

func (c *conversion) metronomeEnv(run map[string]any) {
	env, _ := run["env"].(map[string]any)
	var out []any
	for _, name := range slices.Sorted(maps.Keys(env)) {
		if value, ok := env[name].(string); ok { // otherwise it refers to a secret
			out = append(out, map[string]any{"name": name, "value": value})
			delete(env, name)
		}
	}
	if out != nil {
		c.task["env"] = out
	}
}

func (c *conversion) metronomeFetch(run map[string]any) {
	list, _ := run["artifacts"].([]any)
	var out []any
	for _, item := range list {
		if a, ok := item.(map[string]any); ok {
			f := map[string]any{}
			for _, name := range []string{"uri", "extract", "executable", "cache"} {
				move(f, name, a, name)
			}
			out = append(out, f)
		}
	}
	if out != nil {
		c.task["fetch"] = out
	}
}

// metronomeSchedule takes the first schedule; Metronome has no more than one.
func (c *conversion) metronomeSchedule() {
	list, _ := c.in["schedules"].([]any)
	if len(list) == 0 {
		return
	}
	s, ok := list[0].(map[string]any)
	if !ok {
		return
	}
	take(s, "id")
	take(s, "nextRunAt")
	move(c.spec, "schedule", s, "cron")
	move(c.spec, "timeZone", s, "timezone")
	moveSeconds(c.spec, "startingDeadline", s, "startingDeadlineSeconds")
	c.spec["concurrencyPolicy"] = "Allow"
	switch s["concurrencyPolicy"] {
	case "ALLOW":
		delete(s, "concurrencyPolicy")
	case "FORBID":
		delete(s, "concurrencyPolicy")
		c.spec["concurrencyPolicy"] = "Forbid"
	}
	if enabled, ok := take(s, "enabled").(bool); ok && !enabled {
		c.spec["suspend"] = true
	}
}
