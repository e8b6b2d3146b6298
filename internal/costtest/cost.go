// Package costtest measures what a function costs, for tests that feed hostile input: an input may cost time and memory in proportion to
// its size, and no more. Bytes allocated hardly depend on the machine; the bound on time is far above what is ever needed, and far below
// what the attacks cost that it is there for.
package costtest

import (
	"runtime/metrics"
	"syscall"
	"testing"
	"time"
)

const (
	// bytesPerByte of input may be allocated: a syntax tree of one byte a node takes about 250.
	bytesPerByte = 1024
	// freeBytes may be allocated besides.
	freeBytes = 8 << 20
	// maxCPU of the process.
	maxCPU = 10 * time.Second
)

// Check fails the test when f, which is given so many bytes of input, costs too much. No other test may run at the same time.
func Check(t testing.TB, input int, f func()) {
	t.Helper()
	bytes, cpu := allocated(t), used(t)
	f()
	bytes, cpu = allocated(t)-bytes, used(t)-cpu
	if limit := slack * (uint64(input)*bytesPerByte + freeBytes); bytes > limit {
		t.Errorf("%d bytes of input made the program allocate %d MiB: want at most %d", input, bytes>>20, limit>>20)
	}
	if cpu > slack*maxCPU {
		t.Errorf("%d bytes of input took %v of CPU: want at most %v", input, cpu, slack*maxCPU)
	}
}

func allocated(t testing.TB) uint64 {
	t.Helper()
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	if sample[0].Value.Kind() != metrics.KindUint64 {
		t.Fatal("the runtime does not count what is allocated")
	}
	return sample[0].Value.Uint64()
}

func used(t testing.TB) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// CheckCPU fails the test when f takes more CPU than a limit, which should be far above what it ever needs: other work of the process
// counts with it.
func CheckCPU(t testing.TB, limit time.Duration, f func()) {
	t.Helper()
	cpu := used(t)
	f()
	if cpu = used(t) - cpu; cpu > slack*limit {
		t.Errorf("it took %v of CPU: want at most %v", cpu, slack*limit)
	}
}
