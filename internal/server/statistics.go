package server

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "horae/api/v1"
	"horae/internal/statistics"
	"horae/internal/store"
)

const (
	defaultSlowest = 20
	maxSlowest     = 100
)

// statistics answers those of one Job.
func (s *Server) statistics(w http.ResponseWriter, r *request) error {
	if err := s.notOlderThan(r); err != nil {
		return err
	}
	var answer v1.JobStatistics
	err := s.consistently(r.Context(), func() error {
		job, _, revision := s.cfg.Cache.JobWithRuns(r.namespace, r.name)
		if job == nil || job.Rev.Deleted() {
			return r.kind.notFound(r.name)
		}
		list, err := s.statisticsOf(r.Context(), []*store.Job{job}, revision)
		if err == nil {
			answer = list[0]
		}
		return err
	})
	if err != nil {
		return err
	}
	r.form.as = ""
	return r.form.write(w, http.StatusOK, answer)
}

// measures by which Jobs can be sorted. They are those of status.duration, which is in the cache: sorting by any other
// would read the statistics of all Jobs from etcd.
var measures = map[string]func(*v1.Distribution) int64{
	"p50":   func(d *v1.Distribution) int64 { return int64(d.P50.Duration) },
	"p75":   func(d *v1.Distribution) int64 { return int64(d.P75.Duration) },
	"p95":   func(d *v1.Distribution) int64 { return int64(d.P95.Duration) },
	"p98":   func(d *v1.Distribution) int64 { return int64(d.P98.Duration) },
	"p99":   func(d *v1.Distribution) int64 { return int64(d.P99.Duration) },
	"mean":  func(d *v1.Distribution) int64 { return int64(d.Mean.Duration) },
	"max":   func(d *v1.Distribution) int64 { return int64(d.Max.Duration) },
	"count": func(d *v1.Distribution) int64 { return d.Count },
}

// slowestJobs answers the statistics of the slowest Jobs of a namespace, slowest first.
func (s *Server) slowestJobs(w http.ResponseWriter, r *request) error {
	most, err := r.number("slowest")
	switch {
	case err != nil:
		return err
	case most > maxSlowest:
		return badRequest("slowest=%d: the limit is %d", most, maxSlowest)
	case most == 0:
		most = defaultSlowest
	}
	by := r.query.Get("by")
	if by == "" {
		by = "p95"
	}
	measure := measures[by]
	if measure == nil {
		return badRequest("by=%q: must be one of %s", by, strings.Join(sortedKeys(measures), ", "))
	}
	sel, err := r.selection()
	if err != nil {
		return err
	}
	if err := s.notOlderThan(r); err != nil {
		return err
	}
	answer := v1.JobStatisticsList{
		TypeMeta: metav1.TypeMeta{APIVersion: v1.GroupVersion.String(), Kind: v1.KindJobStatistics + "List"}, Items: []v1.JobStatistics{},
	}
	err = s.consistently(r.Context(), func() error {
		var jobs []*store.Job
		var revision int64
		err := s.compute(r.Context(), r.client, func() error {
			jobs, revision = s.slowest(r, sel, measure, int(most))
			return nil
		})
		if err != nil {
			return err
		}
		answer.ResourceVersion = strconv.FormatInt(revision, 10)
		answer.Items, err = s.statisticsOf(r.Context(), jobs, revision)
		return err
	})
	if err != nil {
		return err
	}
	r.form.as = ""
	return r.form.write(w, http.StatusOK, answer)
}

// slowest returns the selected Jobs with the greatest measure, and the revision as of which they are.
func (s *Server) slowest(r *request, sel selection, measure func(*v1.Distribution) int64, most int) ([]*store.Job, int64) {
	all, revision := s.cfg.Cache.ListKinds([]store.Kind{store.Jobs}, r.namespace)
	var jobs []*store.Job
	for _, e := range all {
		job := store.As[v1.Job](e)
		if present(e) != nil && job.Object.Status.Duration != nil && sel.matches(r.kind, r.kind.shown(e)) {
			jobs = append(jobs, job)
		}
	}
	// Stable: Jobs with the same measure stay in the order of their names.
	slices.SortStableFunc(jobs, func(a, b *store.Job) int {
		x, y := measure(a.Object.Status.Duration), measure(b.Object.Status.Duration)
		switch {
		case x > y:
			return -1
		case x < y:
			return 1
		}
		return 0
	})
	return jobs[:min(most, len(jobs))], revision
}

// statisticsOf returns the statistics of Jobs, which the cache had at a revision. What does not stand in their status
// documents is read from etcd as of the same revision, because samples move from one to the other.
func (s *Server) statisticsOf(ctx context.Context, jobs []*store.Job, revision int64) ([]v1.JobStatistics, error) {
	keys := make([]store.Key, len(jobs))
	for i, job := range jobs {
		keys[i] = job.Key
	}
	documents, err := s.cfg.Store.Statistics(ctx, keys, revision)
	if err != nil {
		return nil, err
	}
	list := make([]v1.JobStatistics, len(jobs))
	for i, job := range jobs {
		list[i] = s.summary(job, documents[i])
	}
	return list, nil
}

// summary makes the statistics of a Job. Documents that cannot be read count as empty: the controller starts anew, too.
func (s *Server) summary(job *store.Job, document store.StatisticsDocument) v1.JobStatistics {
	m := &job.Object.ObjectMeta
	answer := v1.JobStatistics{
		TypeMeta: metav1.TypeMeta{APIVersion: v1.GroupVersion.String(), Kind: v1.KindJobStatistics},
		Metadata: metav1.ObjectMeta{
			Namespace: m.Namespace, Name: m.Name, UID: m.UID, ResourceVersion: m.ResourceVersion, CreationTimestamp: m.CreationTimestamp,
		},
	}
	recent, recentErr := statistics.ParseRecent(job.Statistics())
	history, historyErr := statistics.ParseHistory(document.Value, m.UID)
	windows, err := statistics.Summarise(history, recent, s.now())
	if err != nil {
		windows, _ = statistics.Summarise(statistics.History{}, statistics.Recent{}, s.now())
	}
	if err = errors.Join(recentErr, historyErr, err); err != nil {
		s.cfg.Log.Info("Statistics of a Job are damaged", "job", job.Key.String(), "error", err.Error())
	}
	answer.Windows = windows
	return answer
}

// consistently repeats a read once if etcd compacted the revision of the cache meanwhile: the cache was far behind.
func (s *Server) consistently(ctx context.Context, read func() error) error {
	err := read()
	if !errors.Is(err, store.ErrCompacted) {
		return err
	}
	if err := s.cfg.Cache.CatchUp(ctx); err != nil {
		return err
	}
	return read()
}
