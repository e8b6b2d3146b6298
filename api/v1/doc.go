// Package v1 holds the types of the API group horae, version v1: what users write (Job, Run, Calendar) and what they
// read back.
//
// It is the ground floor: it imports nothing of Horae's, does no I/O and keeps no state. Names and wire forms are
// those of Kubernetes wherever Kubernetes has one, and Mesos's for Mesos's things.
//
// +kubebuilder:object:generate=true
// +groupName=horae
package v1
