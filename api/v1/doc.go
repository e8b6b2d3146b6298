// Package v1 holds the types of the API group horae, version v1: what users write (Job, Run, Calendar,
// Backfill) and what they read back.
//
// It is the ground floor: it imports nothing of Horae's, does no I/O and keeps no state. Names and wire forms are
// those of Kubernetes wherever Kubernetes has one, and Mesos's for Mesos's things.
//
// # Where things are
//
//   - job.go, job_status.go, run.go, calendar.go, backfill.go, token.go: the kinds; task.go: what a Job and a Run execute
//     (resources, constraints, container, network, health check); requests.go: documents of subresources
//   - meta.go: the group, its version and its kinds; scalars.go: Duration and Time; duration.go: reading a Duration;
//     dates.go: reading a Calendar's dates; quantity.go: amounts of resources
//   - statistics.go: how long Runs took and waited, as the API answers it; graph.go: which Jobs follow which
//   - callback.go: what callbacks report, as etcd keeps it
//   - defaults.go: what a field is when it is not given
//   - validate.go: names, labels, and what each kind's validation shares; validate_job.go: schedule, policies,
//     retries, history, owner; validate_task.go: command, environment, fetch, resources, ports; validate_exec.go:
//     limits of Linux on commands; validate_constraints.go: constraints; validate_container.go: containers, networks, volumes;
//     validate_health.go: health checks; validate_calendar.go: Calendars, and a Job's use of them;
//     validate_backfill.go: Backfills, and a Run's reference to one; validate_token.go: Tokens
//   - unsupported.go: fields that are refused because they are not built yet; warnings.go: what is legal and perhaps
//     not meant; mistakes.go: lists of mistakes, shortened
//
// +kubebuilder:object:generate=true
// +groupName=horae
package v1
