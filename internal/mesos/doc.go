// Package mesos is Horae's conversation with a Mesos master: one subscription to the v1 scheduler HTTP API, and calls.
//
// The Driver subscribes, reads events, and hands them as plain values of internal/offer to a Handler; it subscribes again,
// with back-off, when the stream breaks, falls silent or is answered with an error. Calls (ACCEPT, KILL, ACKNOWLEDGE, ...) are
// plain POSTs on connections of their own: a call that fails never ends the subscription, and a subscription that is being
// made never holds up a call. docs/adr/0007-own-subscription.md says why this is ours and not mesos-go's.
//
// It decides nothing. It never acknowledges an update, accepts, declines or reconciles by itself (I1, I2, I9), never retries a
// call, and stores nothing but the framework id, through FrameworkIDs. What it hears it passes on in the order of the
// stream; duplicates and late updates are the Handler's to absorb (I7).
//
// The manager builds the Driver and runs it while it leads; the run controller is its Handler and its caller.
//
// # What placement does not see
//
// Persistent volumes, disks with a source (PATH, MOUNT, BLOCK, RAW), and resources whose reservation carries labels that a map
// cannot hold are left out of the offers handed on: Horae does not use them, and a value that cannot be named exactly as it
// was offered must not be accepted. They go back to Mesos with the offer, by the ACCEPT or the DECLINE that names it.
//
// # Where things are
//
//   - config.go: the options with their defaults (timeouts, back-off, heartbeats that may be missed), the interfaces to the
//     manager and the run controller, addresses of masters; driver.go: finding the leading master, subscribing again with back-off
//   - subscription.go: one subscription, its events and heartbeats; recordio.go: frames of the stream; http.go:
//     connections, redirects, the watchdog that notices a silent stream; framework.go: the SUBSCRIBE call and FrameworkInfo
//   - calls.go: ACCEPT, DECLINE, KILL, ACKNOWLEDGE, RECONCILE, REVIVE and so on; pipe.go: the connection that they are
//     sent on; errors.go: their errors
//   - totask.go: a task to TaskInfo; tocontainer.go: its container; tohealth.go: its health check
//   - fromoffer.go: offers and inverse offers; fromstatus.go: status updates
package mesos
