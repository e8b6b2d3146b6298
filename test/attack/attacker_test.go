package attack

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// target says what to attack, by which attacks (none: all), and for how long.
type target struct {
	API, Etcd, Mesos string
	Lasts            time.Duration
	Names            []string

	client *http.Client
	sent   *atomic.Int64 // requests, connections and frames
}

// attackMain is what the process does that attacks. It prints what is wrong and returns the exit code.
func attackMain(doc string) int {
	var tg target
	if err := json.Unmarshal([]byte(doc), &tg); err != nil {
		fmt.Println(err)
		return 2
	}
	raiseFiles()
	tg.sent = new(atomic.Int64)
	ctx, cancel := context.WithTimeout(context.Background(), tg.Lasts)
	defer cancel()
	tg.client = &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, address string) (net.Conn, error) {
		return dialer.DialContext(ctx, "tcp", address)
	}, MaxIdleConnsPerHost: 64}}
	var all sync.WaitGroup
	var mu sync.Mutex
	wrong := 0
	for _, a := range attacks {
		if len(tg.Names) > 0 && !slices.Contains(tg.Names, a.name) {
			continue
		}
		all.Go(func() {
			if err := a.play(ctx, tg); err != nil {
				mu.Lock()
				defer mu.Unlock()
				fmt.Printf("%s: %v\n", a.name, err)
				wrong = 1
			}
		})
	}
	all.Wait()
	if wrong == 0 {
		fmt.Print(tg.sent.Load())
	}
	return wrong
}

// dialer comes from another address than the client that must be answered.
var dialer = &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}, Timeout: 5 * time.Second}

func raiseFiles() {
	var r syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r) == nil {
		r.Cur = r.Max
		_ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &r)
	}
}

const jobsPath = "/apis/horae/v1/namespaces/default/jobs"

// do sends a request and returns the code; 0: the connection broke, which is an answer, too.
func (t target) do(ctx context.Context, method, path, contentType, body string) int {
	t.sent.Add(1)
	req, err := http.NewRequestWithContext(ctx, method, t.API+path, strings.NewReader(body))
	if err != nil {
		return 0
	}
	req.Header.Set("Content-Type", contentType)
	res, err := t.client.Do(req)
	if err != nil {
		return 0
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, res.Body)
	return res.StatusCode
}

// forever calls f in n goroutines until ctx ends, and returns the first error.
func forever(ctx context.Context, n int, f func(i int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var all sync.WaitGroup
	for worker := range n {
		all.Go(func() {
			for i := worker; ctx.Err() == nil; i += n {
				if err := f(i); err != nil {
					cancel(err)
				}
			}
		})
	}
	all.Wait()
	if err := context.Cause(ctx); err != context.DeadlineExceeded && err != context.Canceled { //nolint:errorlint // causes as they are set
		return err
	}
	return nil
}

// host is the API's host and port.
func (t target) host() string { return strings.TrimPrefix(t.API, "http://") }

// conn opens a connection; nil: it was refused, which is an answer, too.
func (t target) conn(ctx context.Context) net.Conn {
	t.sent.Add(1)
	c, err := dialer.DialContext(ctx, "tcp", t.host())
	if err != nil {
		return nil
	}
	context.AfterFunc(ctx, func() { _ = c.Close() })
	return c
}
