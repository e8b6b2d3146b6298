package job

import (
	"errors"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "horae/api/v1"
	"horae/internal/statistics"
	"horae/internal/store"
)

// summarise adds the Runs that this plan counts to the Job's statistics. They are written in the transaction that
// counts the Runs, so each Run is in them once. Statistics that cannot be read start anew: nothing depends on them.
func (p *planner) summarise() {
	p.statistics = p.in.Job.Statistics()
	if !p.writeStatus || len(p.counted) == 0 {
		return
	}
	var samples []statistics.Sample
	for _, run := range p.counted {
		if s, ok := p.sampleOf(run); ok {
			samples = append(samples, s)
		}
	}
	if len(samples) == 0 {
		return
	}
	recent, err := statistics.ParseRecent(p.statistics)
	if err == nil {
		recent, err = recent.Add(samples...)
	}
	if err != nil {
		p.damaged = err
		recent, _ = statistics.Recent{}.Add(samples...) // Only a sketch that was read can fail.
	}
	p.next.Duration, _ = recent.Durations() // It has just been made.
	if recent.Full() {
		p.fold = &recent
	} else {
		p.statistics = recent.Text()
	}
}

// sampleOf returns what a Run contributes; false if it is nothing.
func (p *planner) sampleOf(run *store.Run) (statistics.Sample, bool) {
	status := &run.Object.Status
	s := statistics.Sample{Finish: finishOf(run), Duration: statistics.None, Waiting: p.waitingOf(run)}
	if s.Finish.IsZero() {
		s.Finish = p.now
	}
	switch status.Phase {
	case v1.RunSucceeded:
		s.Outcome = statistics.Succeeded
		if status.StartTime != nil && len(status.Attempts) > 0 {
			s.Duration = max(s.Finish.Sub(status.StartTime.Time), 0)
		}
	case v1.RunFailed, v1.RunLost:
		s.Outcome = statistics.Failed
	}
	return s, s.Outcome != statistics.NoOutcome || s.Waiting != statistics.None
}

// waitingOf returns how long a Run waited from when it was due to when it was running; None if its task never ran, or
// if it was to wait.
func (p *planner) waitingOf(run *store.Run) time.Duration {
	spec, start := &run.Object.Spec, run.Object.Status.StartTime
	due := run.Object.CreationTimestamp.Time
	if spec.Reason == v1.ReasonSchedule && spec.ScheduledTime != nil {
		due = p.dueAt(Scheduled(spec.ScheduledTime.Time))
	}
	if start == nil || due.IsZero() || spec.Reason == v1.ReasonBackfill {
		return statistics.None
	}
	return max(start.Sub(due), 0)
}

// foldInto folds the decision's samples into the stored statistics, and returns the write of these. What is left
// becomes d.Statistics. Stored statistics that cannot be read start anew.
func (d *Decision) foldInto(key store.Key, job *metav1.ObjectMeta, stored store.StatisticsDocument, now time.Time) (store.Write, error) {
	history, err := statistics.ParseHistory(stored.Value, job.UID)
	recent := statistics.Recent{}
	if err == nil {
		history, recent, err = history.Fold(*d.Fold, now)
	}
	if err != nil {
		d.Damaged = errors.Join(d.Damaged, err)
		if history, recent, err = (statistics.History{}).Fold(*d.Fold, now); err != nil {
			return store.Write{}, err
		}
	}
	document, err := history.Document(job)
	d.Statistics = recent.Text()
	return store.PutStatistics(key, document), err
}
