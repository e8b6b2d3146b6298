// Package convert turns what other schedulers run into Jobs: CronJobs and Jobs of Kubernetes, jobs of Metronome, and lines of
// a crontab. It also says what it could not carry over. It is a leaf and pure; `horae convert` calls it.
//
// A field of the input that is carried over is taken out of it. What is left in the end is listed, so that no field is lost
// in silence.
package convert
