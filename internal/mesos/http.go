package mesos

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

const (
	mediaType      = "application/x-protobuf"
	streamIDHeader = "Mesos-Stream-Id"
	// maxMessage of a refusal that is kept.
	maxMessage = 4 << 10
	// keepAlive probes find a master that is gone without a word, long before the heartbeat deadline would.
	keepAlive = 15 * time.Second
)

// newTransport dials IPv4 and IPv6 and speaks HTTP/1.1 only, as Mesos does.
func newTransport(cfg Config) *http.Transport {
	dialer := &net.Dialer{Timeout: cfg.DialTimeout, KeepAlive: keepAlive}
	t := &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         dialer.DialContext,
		TLSHandshakeTimeout: cfg.DialTimeout,
		DisableCompression:  true,
		IdleConnTimeout:     time.Minute,
		MaxIdleConnsPerHost: 1,
		Protocols:           new(http.Protocols),
	}
	t.Protocols.SetHTTP1(true)
	if cfg.TLS != nil {
		t.TLSClientConfig = cfg.TLS.Clone()
	}
	return t
}

// newStreamClient returns the client for SUBSCRIBE. It has no timeout of its own: the subscription has a deadline up to
// SUBSCRIBED, and another for silence.
func newStreamClient(cfg Config) *http.Client {
	t := newTransport(cfg)
	t.DisableKeepAlives = true
	t.ReadBufferSize = readBuffer
	return &http.Client{Transport: t, CheckRedirect: noRedirect}
}

// newCallClient returns the client for calls: all to one host, thousands a second.
func newCallClient(cfg Config) *http.Client {
	t := newTransport(cfg)
	t.MaxIdleConns = cfg.CallConnections
	t.MaxIdleConnsPerHost = cfg.CallConnections
	return &http.Client{Transport: t, CheckRedirect: noRedirect}
}

// noRedirect leaves redirects to us: SUBSCRIBE follows them with care, a call takes them as "not the leader".
func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// request makes a POST of an encoded call.
func (d *Driver) request(ctx context.Context, master *url.URL, data []byte) (*http.Request, error) {
	req := &http.Request{
		Method: http.MethodPost, URL: master, Host: master.Host,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{
			"Content-Type": mediaTypeValue,
			"Accept":       mediaTypeValue,
			"User-Agent":   userAgentValue,
		},
		Body:          io.NopCloser(bytes.NewReader(data)),
		GetBody:       func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil },
		ContentLength: int64(len(data)),
	}
	if d.cfg.Authorization != nil {
		v, err := d.cfg.Authorization(ctx)
		if err != nil {
			return nil, fmt.Errorf("credentials for %s: %w", master.Host, err)
		}
		req.Header.Set("Authorization", v)
	}
	return req.WithContext(ctx), nil
}

// Header values that are never modified; sharing them saves allocations on each call.
var (
	mediaTypeValue = []string{mediaType}
	userAgentValue = []string{"horae"}
)

// readMessage returns the text of a refusal.
func readMessage(body io.Reader) string {
	b, _ := io.ReadAll(io.LimitReader(body, maxMessage)) // what could be read is what can be told
	return strings.TrimSpace(string(b))
}

// redirectError is a master's word on who leads.
type redirectError struct{ to *url.URL }

func (e *redirectError) Error() string { return "not the leader; it names " + e.to.Host }

// newRedirect reads the Location of a 307. Mesos sends "//host:port" or "//host:port/api/v1/scheduler", to be read with the
// scheme of the request. From https it never leads to http, which would send the credentials in the open.
func newRedirect(from *url.URL, location string) error {
	to, err := from.Parse(location)
	if err != nil || location == "" {
		return fmt.Errorf("redirected to %q, which is no address", location)
	}
	if from.Scheme == "https" && to.Scheme != "https" {
		return fmt.Errorf("redirected from https to %s://%s: refused", to.Scheme, to.Host)
	}
	master, err := parseMaster(to.Scheme + "://" + to.Host)
	if err != nil {
		return fmt.Errorf("redirected to %q: %w", location, err)
	}
	if strings.HasSuffix(to.Path, apiPath) {
		master.Path = to.Path
	}
	return &redirectError{to: master}
}

// watchdog reads, and bites when a read gets nothing for too long. The time between reads does not count: a handler that takes
// long is not a master that says nothing.
type watchdog struct {
	r     io.Reader
	heard *atomic.Int64
	after time.Duration // 0: not yet
	timer *time.Timer
}

func newWatchdog(r io.Reader, heard *atomic.Int64, bite func()) *watchdog {
	w := &watchdog{r: r, heard: heard, timer: time.AfterFunc(time.Hour, bite)}
	w.timer.Stop()
	return w
}

// set says how long a read may take from now on.
func (w *watchdog) set(after time.Duration) { w.after = after }

func (w *watchdog) stop() { w.timer.Stop() }

// Read is called by one goroutine, the one that calls set.
func (w *watchdog) Read(p []byte) (int, error) {
	if w.after > 0 {
		w.timer.Reset(w.after)
		defer w.timer.Stop()
	}
	n, err := w.r.Read(p)
	if n > 0 {
		w.heard.Store(time.Now().UnixNano())
	}
	return n, err
}
