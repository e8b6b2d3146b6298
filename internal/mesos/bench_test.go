package mesos

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	mesosv1 "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"

	"horae/internal/offer"
)

func BenchmarkDecodeUpdate(b *testing.B) {
	benchDecode(b, updateEvent("default.hello-20261122t020000z.4711.1", mesosv1.TASK_RUNNING, "0123456789abcdef"), 1)
}

func BenchmarkDecodeOffers(b *testing.B) {
	for _, n := range []int{1, 100, 1000, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) { benchDecode(b, offersEvent(n), n) })
	}
}

// benchDecode measures all that happens to an event between the connection and the Handler.
func benchDecode(b *testing.B, e *scheduler.Event, things int) {
	data := encode(e)
	sub := &subscription{d: &Driver{}, h: discard{}}
	frames := newFrameReader(&endless{chunk: data}, 0)
	b.ReportAllocs()
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		e, err := readEvent(frames)
		if err != nil {
			b.Fatal(err)
		}
		if err := sub.dispatch(e); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*things), "ns/item")
}

// discard is a Handler that does nothing.
type discard struct{}

func (discard) InverseOffers([]offer.InverseOffer) {}
func (discard) RescindInverse(string)              {}
func (discard) Subscribed(string)                  {}
func (discard) Offers([]offer.Offer)               {}
func (discard) Rescind(string)                     {}
func (discard) Update(offer.Update)                {}
func (discard) AgentLost(string)                   {}
func (discard) FrameworkRemoved(string)            {}
func (discard) Disconnected(error)                 {}

// BenchmarkUpdateAndAcknowledge is the hot path: an update comes over the stream, and is acknowledged by one of so many
// workers. The master is a process of its own that does next to nothing, so cpu-µs/op is what we spend (in user and kernel).
func BenchmarkUpdateAndAcknowledge(b *testing.B) {
	for _, workers := range []int{1, 4, 16, 64} {
		b.Run(fmt.Sprintf("workers=%d", workers), func(b *testing.B) { benchAcknowledge(b, workers) })
	}
}

// startAcknowledging subscribes to a master in a process of its own.
func startAcknowledging(b *testing.B) (*Driver, *ackWorkers, func()) {
	b.Helper()
	addr := startTrivialMaster(b)
	h := &ackWorkers{updates: make(chan offer.Update, 10_000), subscribed: make(chan struct{})}
	d, err := New(Config{Masters: MasterList{addr}, IDs: &memoryIDs{}})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx, h) }()
	<-h.subscribed
	return d, h, func() {
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			b.Error(err)
		}
	}
}

func benchAcknowledge(b *testing.B, workers int) {
	d, h, stop := startAcknowledging(b)
	defer stop()
	b.ReportAllocs()
	before := cpuTime()
	b.ResetTimer()
	done := make(chan error, workers)
	for w := range workers {
		go func() {
			for i := w; i < b.N; i += workers {
				if err := d.Acknowledge(context.Background(), <-h.updates); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for range workers {
		if err := <-done; err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	b.ReportMetric(float64((cpuTime()-before).Nanoseconds())/1000/float64(b.N), "cpu-µs/op")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "acks/s")
}

// BenchmarkAcknowledgeInBursts is the hot path at the rate it is meant for: 6,000 a second, as grouped writes make them due: 60 at
// once, each 10 ms. Between bursts the process sleeps and has to wake up again, which a saturated benchmark does not show.
func BenchmarkAcknowledgeInBursts(b *testing.B) {
	const burst = 60
	d, h, stop := startAcknowledging(b)
	defer stop()
	start, done := make(chan struct{}), make(chan error, burst)
	defer close(start)
	for range burst {
		go func() {
			for range start {
				done <- d.Acknowledge(context.Background(), <-h.updates)
			}
		}()
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	before := cpuTime()
	b.ResetTimer()
	for n := 0; n < b.N; n += burst {
		<-tick.C
		for range burst {
			start <- struct{}{}
		}
		for range burst {
			if err := <-done; err != nil {
				b.Fatal(err)
			}
		}
	}
	b.StopTimer()
	b.ReportMetric(float64((cpuTime()-before).Nanoseconds())/1000/float64((b.N+burst-1)/burst*burst), "cpu-µs/op")
}

// ackWorkers hands updates to workers; the stream waits when they are behind, as TCP makes it wait.
type ackWorkers struct {
	discard
	updates    chan offer.Update
	subscribed chan struct{}
}

func (h *ackWorkers) Subscribed(string) { close(h.subscribed) }
func (h *ackWorkers) Update(u offer.Update) {
	select {
	case h.updates <- u:
	default: // the benchmark has ended, or is behind
	}
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// trivialMasterEnv has the test binary serve as a master and nothing else.
const trivialMasterEnv = "HORAE_TEST_TRIVIAL_MASTER"

func startTrivialMaster(b *testing.B) string {
	b.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), trivialMasterEnv+"=1")
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe() // it ends when we do
	if err != nil {
		b.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		stdin.Close()
		_ = cmd.Wait()
	})
	addr, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	return strings.TrimSpace(addr)
}

// serveTrivialMaster answers SUBSCRIBE with a stream that gets one update for each call, and calls with 202, without looking
// at them.
func serveTrivialMaster() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Fprintln(os.Stdout, l.Addr())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	master := &trivialMaster{acked: make(chan int, 1024)}
	for {
		c, err := l.Accept()
		if err != nil {
			panic(err)
		}
		go master.serve(c)
	}
}

type trivialMaster struct{ acked chan int }

func (m *trivialMaster) serve(c net.Conn) {
	defer func() { _ = c.Close() }()
	r := bufio.NewReaderSize(c, 64<<10)
	for first := true; ; first = false {
		n, err := readRequest(r, first, c, m)
		if err != nil {
			return
		}
		if _, err := c.Write(bytes.Repeat([]byte("HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"), n)); err != nil {
			return
		}
		m.acked <- n
	}
}

// readRequest reads a request, and those that have arrived behind it, and returns how many they were.
func readRequest(r *bufio.Reader, first bool, c net.Conn, m *trivialMaster) (int, error) {
	n := 0
	for n == 0 || r.Buffered() > 0 {
		length := 0
		for {
			line, err := r.ReadSlice('\n')
			if err != nil {
				return 0, err
			}
			if len(line) <= 2 {
				break
			}
			if v, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
				length, _ = strconv.Atoi(string(bytes.TrimSpace(v)))
			}
		}
		body, err := r.Peek(length)
		if err != nil {
			return 0, err
		}
		call := new(scheduler.Call)
		if first && call.Unmarshal(body) == nil && call.Type == scheduler.Call_SUBSCRIBE {
			return 0, m.stream(c)
		}
		_, _ = r.Discard(length)
		n++
	}
	return n, nil
}

// stream keeps up to 10,000 updates ahead of the acknowledgements.
func (m *trivialMaster) stream(c net.Conn) error {
	chunk := func(b []byte) []byte { return append(fmt.Appendf(nil, "%x\r\n", len(b)), append(b, "\r\n"...)...) }
	head := "HTTP/1.1 200 OK\r\nContent-Type: " + mediaType + "\r\nMesos-Stream-Id: 51b0464d-acaf-4419-bcee-dcf94a521734\r\nTransfer-Encoding: chunked\r\n\r\n"
	if _, err := c.Write(append([]byte(head), chunk(encode(subscribedEvent("f1", time.Hour)))...)); err != nil {
		return err
	}
	one := encode(updateEvent("default.hello-20261122t020000z.4711.1", mesosv1.TASK_RUNNING, "0123456789abcdef"))
	for send := 9000; ; send = <-m.acked {
		for more := true; more; {
			select {
			case n := <-m.acked:
				send += n
			default:
				more = false
			}
		}
		if _, err := c.Write(chunk(bytes.Repeat(one, send))); err != nil {
			return err
		}
	}
}
