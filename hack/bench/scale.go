package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"time"

	"horae/internal/devcluster"
)

// scale measures the cost of idle Jobs.
type scale struct {
	manager string
	jobs    int
	window  time.Duration
}

func (s scale) run(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "horae-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	cluster, err := devcluster.Start(ctx, devcluster.Config{Listen: "127.0.0.1:0", Agents: 1, Simulate: true})
	if err != nil {
		return err
	}
	defer cluster.Close() //nolint:errcheck // its end is not what is measured
	args := []string{"--mesos-masters", cluster.URL(), "--listen", "127.0.0.1:0", "--etcd-listen", "127.0.0.1:0", "--data-dir", dir}

	empty, err := s.idle(ctx, args, nil)
	if err != nil {
		return err
	}
	fmt.Printf("no Jobs             ready after %s, %d MiB resident, idle CPU %.4f cores\n", empty.ready, empty.rss>>20, empty.cores)
	fmt.Printf("writing %d Jobs ...\n", s.jobs)
	first, err := s.idle(ctx, args, func(m *process) error { return s.fill(ctx, m) })
	if err != nil {
		return err
	}
	fmt.Printf("after their writing %d MiB resident, idle CPU %.4f cores\n", first.rss>>20, first.cores)
	again, err := s.idle(ctx, args, nil)
	if err != nil {
		return err
	}
	fmt.Printf("after a restart     ready after %s, %d MiB resident, idle CPU %.4f cores\n", again.ready, again.rss>>20, again.cores)
	fmt.Printf("per idle Job        %.2f KiB of the manager with its etcd; idle CPU %.2f µs a second\n",
		float64(again.rss-empty.rss)/float64(s.jobs)/1024, (again.cores-empty.cores)/float64(s.jobs)*1e6)
	return nil
}

// idleness is what one start of the manager cost.
type idleness struct {
	ready time.Duration // from the start of the process until /readyz says so
	rss   int64
	cores float64
}

func (s scale) idle(ctx context.Context, args []string, fill func(*process) error) (i idleness, err error) {
	began := time.Now()
	m, err := startManager(ctx, s.manager, args...)
	if err != nil {
		return i, err
	}
	defer m.stop() //nolint:errcheck // its end is not what is measured
	if err := untilReady(ctx, m); err != nil {
		return i, err
	}
	i.ready = time.Since(began).Round(time.Millisecond)
	if fill != nil {
		if err := fill(m); err != nil {
			return i, err
		}
	}
	if err := settle(ctx, m); err != nil {
		return i, err
	}
	before, err := usageOf(m.cmd.Process.Pid)
	if err != nil {
		return i, err
	}
	if err := sleepUntil(ctx, time.Now().Add(s.window)); err != nil {
		return i, err
	}
	after, err := usageOf(m.cmd.Process.Pid)
	i.rss, i.cores = after.rss, (after.cpu-before.cpu).Seconds()/s.window.Seconds()
	return i, err
}

// fill writes the Jobs: each due once a year.
func (s scale) fill(ctx context.Context, m *process) error {
	began := time.Now()
	err := putAll(ctx, m.ready["etcd"], s.jobs, func(i int) (string, string) {
		return job(fmt.Sprintf("idle-%d", i), notDue(i))
	})
	fmt.Printf("  written in %s\n", time.Since(began).Round(time.Millisecond))
	return err
}

// notDue is the i-th of many schedules, each due once a year.
func notDue(i int) string {
	// 28 days a month, so that every date exists; never today, so that nothing is due while we look.
	day := time.Now().AddDate(0, 0, 7+i%300)
	return fmt.Sprintf("%d %d %d %d *", i%60, i%24, min(day.Day(), 28), day.Month())
}

// settle waits until the manager is idle: a second in which it used less than a hundredth of a core.
func settle(ctx context.Context, m *process) error {
	last, err := usageOf(m.cmd.Process.Pid)
	if err != nil {
		return err
	}
	for range 300 {
		if err := sleepUntil(ctx, time.Now().Add(time.Second)); err != nil {
			return err
		}
		now, err := usageOf(m.cmd.Process.Pid)
		if err != nil {
			return err
		}
		if now.cpu-last.cpu <= 3*clockTick {
			return nil
		}
		last = now
	}
	return fmt.Errorf("the manager has not come to rest in five minutes")
}

func untilReady(ctx context.Context, m *process) error {
	for ctx.Err() == nil {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, m.ready["api"]+"/readyz", nil)
		if err != nil {
			return err
		}
		if res, err := http.DefaultClient.Do(req); err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return nil
			}
		}
		if err := sleepUntil(ctx, time.Now().Add(20*time.Millisecond)); err != nil {
			return err
		}
	}
	return ctx.Err()
}
