package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"horae/internal/devcluster"
)

// throughput measures sustained scheduled Runs.
type throughput struct {
	manager string
	rate    int
	window  time.Duration
	agents  int
}

// warmUp is left out of every window: the first occurrences, the first offers, the heap's growth.
const warmUp = 10 * time.Second

func (t throughput) run(ctx context.Context) error {
	fmt.Println("measuring this machine's etcd alone: 64 writers of single puts, then transactions of 100 ...")
	raw, err := measureEtcd(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("  single puts        %8.0f /s\n  grouped by 100     %8.0f objects/s\n\n", raw.puts, raw.grouped)
	for _, load := range []struct {
		rate   int
		window time.Duration
	}{{100, min(t.window, 30*time.Second)}, {t.rate, t.window}} {
		fmt.Printf("%d runs/s for %s, %d simulated agents ...\n", load.rate, load.window, t.agents)
		r, err := t.measure(ctx, load.rate, load.window)
		if err != nil {
			return err
		}
		r.print(raw)
	}
	return nil
}

// result of one load.
type result struct {
	offered, started, doubled int
	lateness                  []time.Duration // sorted
	window                    time.Duration
	manager, cluster          time.Duration // CPU used in the window
	rss                       int64
	writes                    map[string]float64 // counters of the manager, over the window
}

// measure plays one load: as many Jobs as runs per second, each due once a second, evenly spread over the second.
func (t throughput) measure(ctx context.Context, rate int, window time.Duration) (*result, error) {
	dir, err := os.MkdirTemp("", "horae-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	cluster, err := devcluster.Start(ctx, devcluster.Config{
		Listen: "127.0.0.1:0", Agents: t.agents, Simulate: true, Resources: "cpus:64;mem:65536;disk:100000", WorkDir: dir + "/work",
	})
	if err != nil {
		return nil, err
	}
	defer cluster.Close() //nolint:errcheck // its end is not what is measured
	w := newWitness()
	cluster.Master().SetHooks(devcluster.Hooks{BeforeUpdate: w.update})

	m, err := startManager(ctx, t.manager, "--mesos-masters", cluster.URL(), "--listen", "127.0.0.1:0", "--etcd-listen",
		"127.0.0.1:0", "--data-dir", dir+"/data")
	if err != nil {
		return nil, err
	}
	defer m.stop() //nolint:errcheck // its end is not what is measured

	// The first occurrence lies ahead, so that every one of the window can be on time.
	origin := time.Now().Add(5 * time.Second).Truncate(time.Second).UTC()
	if err := putAll(ctx, m.ready["etcd"], rate, func(i int) (string, string) {
		start := origin.Add(time.Duration(i) * time.Second / time.Duration(rate)).Truncate(time.Millisecond)
		return job(fmt.Sprintf("load-%d", i), "R/"+start.Format("2006-01-02T15:04:05.000Z")+"/PT1S")
	}); err != nil {
		return nil, err
	}
	from := origin.Add(warmUp)
	return t.watch(ctx, m, w, from, from.Add(window), rate)
}

// watch waits for the window and takes stock.
func (t throughput) watch(ctx context.Context, m *process, w *witness, from, to time.Time, rate int) (*result, error) {
	r := &result{window: to.Sub(from), offered: rate * int(to.Sub(from).Seconds())}
	var before, after [2]usage
	var counted [2]map[string]float64
	for i, at := range []struct {
		when time.Time
		into *[2]usage
	}{{from, &before}, {to, &after}} {
		if err := sleepUntil(ctx, at.when); err != nil {
			return nil, err
		}
		var err error
		if at.into[0], err = usageOf(m.cmd.Process.Pid); err != nil {
			return nil, fmt.Errorf("the manager is gone: %w", err)
		}
		if at.into[1], err = usageOf(os.Getpid()); err != nil {
			return nil, err
		}
		if counted[i], err = counters(ctx, m.ready["api"]); err != nil {
			return nil, err
		}
	}
	// What is late may still come: an occurrence is missed if it has not started ten seconds after the window.
	if err := sleepUntil(ctx, to.Add(10*time.Second)); err != nil {
		return nil, err
	}
	r.lateness, r.doubled = w.lateness(from, to)
	r.started = len(r.lateness)
	r.manager, r.cluster, r.rss = after[0].cpu-before[0].cpu, after[1].cpu-before[1].cpu, after[0].rss
	r.writes = map[string]float64{}
	for name, v := range counted[1] {
		r.writes[name] = v - counted[0][name]
	}
	return r, nil
}

// job is a Job's key and document: due as the schedule says, done by a simulated task in 50 ms.
func job(name, schedule string) (key, value string) {
	return "/horae/spec/jobs/default/" + name, fmt.Sprintf(
		`{"apiVersion":"horae/v1","kind":"Job","metadata":{"name":%q,"namespace":"default"},`+
			`"spec":{"schedule":%q,"concurrencyPolicy":"Allow","history":{"succeeded":1,"failed":1},`+
			`"task":{"shell":"true","labels":{"sim":"ok,50ms"},"resources":{"cpus":0.01,"memory":"8Mi","disk":"1Mi"}}}}`, name, schedule)
}

func (r *result) print(raw rawEtcd) {
	n := float64(max(r.started, 1))
	rate := n / r.window.Seconds()
	txns, changes := r.writes["horae_store_transaction_changes_count"], r.writes["horae_store_changes_total"]
	fmt.Printf("  started            %8.0f runs/s: %d of %d, %d missed, %d started twice\n", rate, r.started, r.offered,
		r.offered-r.started, r.doubled)
	fmt.Printf("  lateness           p50 %s, p99 %s, max %s\n", percentile(r.lateness, 50), percentile(r.lateness, 99),
		percentile(r.lateness, 100))
	fmt.Printf("  etcd               %.2f writes per run, %.0f in a transaction\n", changes/n, changes/max(txns, 1))
	fmt.Printf("  CPU                manager with its etcd %s per run (%.2f cores), simulated Mesos %s\n",
		perRun(r.manager, n), r.manager.Seconds()/r.window.Seconds(), perRun(r.cluster, n))
	fmt.Printf("  memory             %d MiB resident\n", r.rss>>20)
	fmt.Printf("  ratios             runs/s to raw single puts/s %.3f; written objects/s to raw grouped objects/s %.3f\n\n",
		rate/raw.puts, changes/r.window.Seconds()/raw.grouped)
}

func perRun(cpu time.Duration, runs float64) time.Duration {
	return time.Duration(float64(cpu) / runs).Round(time.Microsecond)
}

// percentile of a sorted list, by the nearest rank.
func percentile(sorted []time.Duration, p int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[max((len(sorted)*p+99)/100-1, 0)].Round(10 * time.Microsecond)
}

// witness notes when each task started, as its agent saw it.
type witness struct {
	mu      sync.Mutex
	started map[string]*started // by Run; guarded by mu
}

// started is when a Run's first task was running, and which tasks were: an update that is sent again is no second
// start.
type started struct {
	first time.Time
	tasks []string
}

func newWitness() *witness { return &witness{started: map[string]*started{}} }

// update is the dev cluster's hook.
func (w *witness) update(taskID, state string) bool {
	if state == "TASK_RUNNING" {
		now := time.Now()
		run := strings.Split(taskID, ".")[1]
		w.mu.Lock()
		defer w.mu.Unlock()
		s := w.started[run]
		if s == nil {
			s = &started{first: now}
			w.started[run] = s
		}
		if !slices.Contains(s.tasks, taskID) {
			s.tasks = append(s.tasks, taskID)
		}
	}
	return true
}

// lateness returns how late each Run due in [from, to) started, sorted, and how many started more than once.
func (w *witness) lateness(from, to time.Time) (late []time.Duration, doubled int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for run, s := range w.started {
		due, ok := dueTime(run)
		if !ok || due.Before(from) || !due.Before(to) {
			continue
		}
		late = append(late, s.first.Sub(due))
		if len(s.tasks) > 1 {
			doubled++
		}
	}
	slices.Sort(late)
	return late, doubled
}

// dueTime reads a Run's name: <job>-20261122t020000z, with milliseconds before the z where there are any.
func dueTime(run string) (time.Time, bool) {
	stamp := run[strings.LastIndexByte(run, '-')+1:]
	if len(stamp) < 16 || stamp[8] != 't' {
		return time.Time{}, false
	}
	text := stamp[:8] + "T" + stamp[9:15] + "." + strings.TrimSuffix(stamp[15:], "z") + "0"
	due, err := time.Parse("20060102T150405.999999999", text)
	return due, err == nil
}

func sleepUntil(ctx context.Context, t time.Time) error {
	select {
	case <-time.After(time.Until(t)):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
