package cli

import (
	"fmt"
	"strings"

	v1 "horae/api/v1"
)

func (p *page) runPolicy(r *v1.RunPolicy) {
	p.field("Retries", retries(&r.Retries))
	p.field("Timeout", durationOf(r.Timeout))
	p.field("Queue Timeout", durationOf(r.QueueTimeout))
	p.field("Deadline", durationOf(r.Deadline))
	if r.Async != nil {
		p.field("Async", "the Run ends with its callback")
		p.field("Callback Within", durationOf(r.Async.Timeout))
	}
	if r.Priority != 0 {
		p.field("Priority", fmt.Sprint(r.Priority))
	}
}

func retries(r *v1.Retries) string {
	switch {
	case r.Limit == nil:
		return ""
	case *r.Limit == 0:
		return "none"
	}
	text := fmt.Sprintf("%d, after %s", *r.Limit, durationOf(r.Delay))
	if r.Factor != nil && *r.Factor != 1 {
		text += fmt.Sprintf(", times %g up to %s", *r.Factor, durationOf(r.MaxDelay))
	}
	return text
}

// task writes what the Mesos task will be.
func (p *page) task(t *v1.TaskSpec) {
	p.section("Task")
	p.field("  Shell", t.Shell)
	p.field("  Command", strings.Join(quoted(t.Command), " "))
	p.field("  Args", strings.Join(quoted(t.Args), " "))
	p.field("  User", t.User)
	p.field("  Env", env(t.Env))
	p.field("  Resources", resources(&t.Resources))
	if t.Container != nil {
		p.field("  Container", strings.TrimSpace(t.Container.Type+" "+t.Container.Image))
	}
	var constraints []string
	for _, c := range t.Constraints {
		constraints = append(constraints, strings.TrimSpace(fmt.Sprintf("%s %s %s", c.Attribute, c.Operator, c.Value)))
	}
	p.field("  Constraints", strings.Join(constraints, "\n"))
	var uris []string
	for _, f := range t.Fetch {
		uris = append(uris, f.URI)
	}
	p.field("  Fetch", strings.Join(uris, "\n"))
}

func env(list []v1.EnvVar) string {
	lines := make([]string, len(list))
	for i, e := range list {
		lines[i] = e.Name + "=" + e.Value
		if e.Secret != nil {
			lines[i] = fmt.Sprintf("%s: secret %s", e.Name, strings.TrimSuffix(e.Secret.Name+" "+e.Secret.Key, " "))
		}
	}
	return strings.Join(lines, "\n")
}

func resources(r *v1.Resources) string {
	var parts []string
	add := func(name string, value fmt.Stringer, ok bool) {
		if ok {
			parts = append(parts, name+" "+value.String())
		}
	}
	add("cpus", r.CPUs, r.CPUs != nil)
	add("memory", r.Memory, r.Memory != nil)
	add("disk", r.Disk, r.Disk != nil)
	if r.GPUs > 0 {
		parts = append(parts, fmt.Sprintf("gpus %d", r.GPUs))
	}
	if r.Ports > 0 {
		parts = append(parts, fmt.Sprintf("ports %d", r.Ports))
	}
	return strings.Join(parts, ", ")
}
