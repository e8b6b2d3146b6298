package convert

import "fmt"

// Defaults of Kubernetes that differ from those of Horae: they are written out.
const (
	kubeBackoffLimit = 6
	kubeSucceeded    = 3
	kubeFailed       = 1
)

// kubernetes converts a CronJob or a Job.
func (c *conversion) kubernetes() {
	in := c.in
	cron := take(in, "kind") == "CronJob"
	take(in, "apiVersion")
	take(in, "status")
	for _, name := range []string{"creationTimestamp", "uid", "resourceVersion", "generation", "managedFields"} {
		take(in, "metadata", name)
	}
	take(in, "metadata", "annotations", "kubectl.kubernetes.io/last-applied-configuration")
	for _, name := range []string{"name", "namespace", "labels", "annotations"} {
		move(c.metadata, name, in, "metadata", name)
	}
	job, _ := in["spec"].(map[string]any)
	if cron {
		move(c.spec, "schedule", in, "spec", "schedule")
		move(c.spec, "timeZone", in, "spec", "timeZone")
		move(c.spec, "suspend", in, "spec", "suspend")
		moveSeconds(c.spec, "startingDeadline", in, "spec", "startingDeadlineSeconds")
		c.spec["concurrencyPolicy"] = "Allow"
		move(c.spec, "concurrencyPolicy", in, "spec", "concurrencyPolicy")
		history := map[string]any{"succeeded": kubeSucceeded, "failed": kubeFailed}
		move(history, "succeeded", in, "spec", "successfulJobsHistoryLimit")
		move(history, "failed", in, "spec", "failedJobsHistoryLimit")
		c.spec["history"] = history
		template, _ := job["jobTemplate"].(map[string]any)
		job, _ = template["spec"].(map[string]any)
	}
	if job != nil {
		c.kubernetesJob(job)
	}
}

func (c *conversion) kubernetesJob(job map[string]any) {
	limit := any(kubeBackoffLimit)
	if v := take(job, "backoffLimit"); v != nil {
		limit = v
	}
	c.spec["retries"] = map[string]any{"limit": limit, "delay": "10s", "factor": 2, "maxDelay": "6m"} // Kubernetes's back-off
	moveSeconds(c.spec, "deadline", job, "activeDeadlineSeconds")
	if n, ok := number(take(job, "ttlSecondsAfterFinished")); ok {
		history, _ := c.spec["history"].(map[string]any)
		if history == nil {
			history = map[string]any{}
			c.spec["history"] = history
		}
		history["ttl"] = fmt.Sprintf("%gs", n)
	}
	if suspended, _ := job["suspend"].(bool); suspended {
		c.spec["suspend"] = true
	}
	delete(job, "suspend")
	for _, name := range []string{"completions", "parallelism"} { // one is what a Run is
		if n, ok := number(job[name]); ok && n == 1 {
			delete(job, name)
		}
	}
	template, _ := job["template"].(map[string]any)
	take(template, "metadata", "creationTimestamp")
	pod, _ := template["spec"].(map[string]any)
	if pod == nil {
		return
	}
	delete(pod, "restartPolicy") // Never and OnFailure: retries
	moveSeconds(c.task, "killGracePeriod", pod, "terminationGracePeriodSeconds")
	containers, _ := pod["containers"].([]any)
	if len(containers) == 0 {
		return
	}
	if container, ok := containers[0].(map[string]any); ok {
		c.kubernetesContainer(container)
	}
}

func (c *conversion) kubernetesContainer(in map[string]any) {
	delete(in, "name")
	container := map[string]any{"type": "Docker"}
	move(container, "image", in, "image")
	switch in["imagePullPolicy"] {
	case "Always":
		container["forcePull"] = true
		delete(in, "imagePullPolicy")
	case "IfNotPresent":
		delete(in, "imagePullPolicy")
	}
	c.task["container"] = container
	move(c.task, "command", in, "command")
	move(c.task, "args", in, "args")
	c.task["env"] = kubernetesEnv(in)
	if list, _ := c.task["env"].([]any); len(list) == 0 {
		delete(c.task, "env")
	}
	resources := map[string]any{}
	for _, from := range []string{"limits", "requests"} { // a request wins: Mesos reserves what a task asks for
		for _, name := range []struct{ theirs, ours string }{{"cpu", "cpus"}, {"memory", "memory"}, {"ephemeral-storage", "disk"}} {
			move(resources, name.ours, in, "resources", from, name.theirs)
		}
	}
	if len(resources) > 0 {
		c.task["resources"] = resources
	}
}

// kubernetesEnv takes the variables that have plain values.
func kubernetesEnv(in map[string]any) []any {
	list, _ := in["env"].([]any)
	var out []any
	for _, item := range list {
		v, ok := item.(map[string]any)
		if !ok || v["valueFrom"] != nil {
			continue
		}
		value, _ := v["value"].(string)
		out = append(out, map[string]any{"name": v["name"], "value": value})
		clear(v)
	}
	return out
}
