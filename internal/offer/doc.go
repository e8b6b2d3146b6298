// Package offer holds the plain values that Horae exchanges with Mesos: offers, tasks to launch, status updates.
//
// They stand between the controllers, which decide, and internal/mesos, which talks: no type of mesos-go appears
// here, and nothing here does anything.
package offer
