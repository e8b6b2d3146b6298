// Package statistics keeps how long a Job's Runs took and waited, and how many succeeded, in few bytes.
//
// It is pure and a leaf: values and the time go in, values and documents come out. The job controller adds a Sample for
// each Run that it counts, in the transaction that counts it. The server reads the documents and makes the summary.
//
// Statistics are stored in two parts. Recent is small. It stands in the status document of the Job and is written
// with it, so it costs no write of its own. It holds the distribution of all durations, from which status.duration
// is computed, and the latest samples one by one. When there are more than MaxSamples, they are folded into History,
// which has a key of its own: its buckets are an hour, a day, or all time. So most Runs cost about ten bytes in a
// document that is written anyway, and the large document is read and written once in MaxSamples Runs.
//
// Distributions are DDSketches (github.com/DataDog/sketches-go) with a relative accuracy of 2 %. Sums and maxima are
// exact to the millisecond. docs/adr/0026-statistics.md has the reasons and the sizes.
//
// A document that cannot be read is an error of its reader, which starts anew. None makes this package panic.
//
// # Where things are
//
//   - sample.go: what one Run contributes; distribution.go: a sketch with its sum and maximum
//   - recent.go, history.go: the two documents; encoding.go: their bytes; summary.go: the windows that people see
package statistics
