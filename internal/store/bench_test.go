package store

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"horae/internal/etcdtest"
)

// BenchmarkWrites compares, in one run and on one etcd with fsync, what 256 concurrent writers of 1 KB objects get: from plain
// puts, from transactions of their own (fence and guard, as each write would need without grouping), and from the Writer. It
// prints objects per second, the ratios to plain puts, and the CPU time that etcd and the client together spend on an object,
// which a busy machine disturbs less.
func BenchmarkWrites(b *testing.B) {
	s := open(b, etcdtest.Start(b, etcdtest.WithFsync()))
	fence := lead(b, s)
	value := []byte(strings.Repeat("x", 1024))
	fenced := clientv3.Compare(clientv3.CreateRevision(fence.Key), "=", fence.CreateRevision)
	w := s.Writer(fence)
	defer w.Close()

	ways := []struct {
		name  string
		write func(key string) error
	}{
		{"puts", func(key string) error {
			_, err := s.client.Put(b.Context(), key, string(value))
			return err
		}},
		{"txns", func(key string) error {
			_, err := s.client.Txn(b.Context()).If(fenced, clientv3.Compare(clientv3.ModRevision(key), "=", 0)).
				Then(clientv3.OpPut(key, string(value))).Commit()
			return err
		}},
		{"grouped", func(key string) error {
			_, err := w.Apply(b.Context(), guarded(key, string(value), 0))
			return err
		}},
	}
	rates, cpu := make([]float64, len(ways)), make([]float64, len(ways))
	round := 0
	for b.Loop() {
		for i, way := range ways {
			round++
			rate, micros := measure(b, round, way.write)
			rates[i] += rate
			cpu[i] += micros
		}
	}
	for i, way := range ways {
		b.ReportMetric(rates[i]/float64(b.N), way.name+"/s")
		b.ReportMetric(cpu[i]/float64(b.N), way.name+"-cpu-µs/object")
		if i > 0 {
			b.ReportMetric(rates[i]/rates[0], way.name+"/puts")
		}
	}
	b.ReportMetric(0, "ns/op")
}

// measure returns the objects per second that concurrent writers get in a second or so, and microseconds of CPU per object.
func measure(b *testing.B, round int, write func(key string) error) (rate, cpu float64) {
	const writers = 256
	var written atomic.Int64
	var wg sync.WaitGroup
	start, before := time.Now(), cpuTime(b)
	for i := range writers {
		wg.Go(func() {
			for n := 0; time.Since(start) < time.Second; n++ {
				if err := write(fmt.Sprintf("/horae/bench/%d/%d/%d", round, i, n)); err != nil {
					b.Error(err)
					return
				}
				written.Add(1)
			}
		})
	}
	wg.Wait()
	n := float64(written.Load())
	return n / time.Since(start).Seconds(), float64((cpuTime(b) - before).Microseconds()) / n
}

func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkOneWriter is the latency of a lone writer: grouping must not add to it.
func BenchmarkOneWriter(b *testing.B) {
	s := open(b, etcdtest.Start(b, etcdtest.WithFsync()))
	w := writer(b, s)
	value := strings.Repeat("x", 1024)
	b.Run("put", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			if _, err := s.client.Put(b.Context(), fmt.Sprintf("/horae/bench/put/%d", i), value); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Apply", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			key := fmt.Sprintf("/horae/bench/apply/%d", i)
			if _, err := w.Apply(b.Context(), plain(key, value)); err != nil {
				b.Fatal(err)
			}
		}
	})
}
