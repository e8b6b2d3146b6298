package mesos

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
	"unicode"

	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
)

const (
	mediaType      = "application/x-protobuf"
	streamIDHeader = "Mesos-Stream-Id"
	userAgent      = "horae"
	// maxMessage of a refusal that is kept.
	maxMessage = 4 << 10
	// keepAlive probes find a master that is gone without a word, long before the heartbeat deadline would.
	keepAlive = 15 * time.Second
)

// newStreamClient returns the client for SUBSCRIBE: over IPv4 or IPv6, HTTP/1.1 only, as Mesos speaks it, and without a proxy,
// which has no business in a stream. It has no timeout of its own: the subscription has a deadline up to SUBSCRIBED, and another
// for silence.
func newStreamClient(cfg Config) *http.Client {
	dialer := &net.Dialer{Timeout: cfg.DialTimeout, KeepAlive: keepAlive}
	t := &http.Transport{
		DialContext:        dialer.DialContext,
		DialTLSContext:     DialTLS(dialer, cfg.TLS),
		DisableCompression: true,
		DisableKeepAlives:  true,
		ReadBufferSize:     readBuffer,
		Protocols:          new(http.Protocols),
	}
	t.Protocols.SetHTTP1(true)
	return &http.Client{Transport: t, CheckRedirect: noRedirect}
}

// DialTLS is for http.Transport.DialTLSContext, over HTTP/1.1: it connects with the certificates that there are at that moment, as
// Config.TLS says, and gives the handshake as long again as the dialer gives the connection.
func DialTLS(dialer *net.Dialer, certificates func() *tls.Config) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(ctx, 2*dialer.Timeout)
		defer cancel()
		c := &tls.Config{MinVersion: tls.VersionTLS12}
		if certificates != nil {
			c = certificates().Clone()
		}
		c.NextProtos = []string{"http/1.1"}
		return (&tls.Dialer{NetDialer: dialer, Config: c}).DialContext(ctx, network, address)
	}
}

// noRedirect leaves redirects to us, who follow them with care.
func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// subscribeRequest makes the POST of an encoded SUBSCRIBE.
func (d *Driver) subscribeRequest(ctx context.Context, master *url.URL, data []byte) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, master.String(), bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("SUBSCRIBE: %w", err)
	}
	req.Header.Set("Content-Type", mediaType)
	req.Header.Set("Accept", mediaType)
	req.Header.Set("User-Agent", userAgent)
	authorization, err := d.cfg.Credentials(ctx)
	if err != nil {
		return nil, fmt.Errorf("SUBSCRIBE: %w", err)
	}
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
	}
	return req, nil
}

// Credentials returns the Authorization header's value of the moment, "" for none.
func (c *Config) Credentials(ctx context.Context) (string, error) {
	if c.Authorization == nil {
		return "", nil
	}
	v, err := c.Authorization(ctx)
	switch {
	case err != nil:
		return "", fmt.Errorf("get credentials: %w", err)
	case strings.ContainsFunc(v, unicode.IsControl):
		return "", errors.New("get credentials: they hold control characters, perhaps a line end") // not the value: it is secret
	}
	return v, nil
}

// requestHead is the part of a call's HTTP request that is the same for all calls of a subscription.
func requestHead(master *url.URL, streamID string) string {
	return "POST " + master.EscapedPath() + " HTTP/1.1\r\n" +
		"Host: " + master.Host + "\r\n" +
		"User-Agent: " + userAgent + "\r\n" +
		"Accept: " + mediaType + "\r\n" +
		"Content-Type: " + mediaType + "\r\n" +
		streamIDHeader + ": " + streamID + "\r\n"
}

// appendRequest writes the whole of a call's request.
func appendRequest(b []byte, head, authorization string, c *scheduler.Call) ([]byte, error) {
	b = append(b, head...)
	if authorization != "" {
		b = append(append(append(b, "Authorization: "...), authorization...), "\r\n"...)
	}
	size := c.Size()
	b = strconv.AppendInt(append(b, "Content-Length: "...), int64(size), 10)
	b = append(b, "\r\n\r\n"...)
	b = slices.Grow(b, size)
	n, err := c.MarshalTo(b[len(b) : len(b)+size])
	if err != nil {
		return b, fmt.Errorf("encode: %w", err)
	}
	return b[:len(b)+n], nil
}

// readMessage returns the text of a refusal.
func readMessage(body io.Reader) string {
	b, _ := io.ReadAll(io.LimitReader(body, maxMessage)) // report as much as could be read
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
	master, err := ParseMaster(to.Scheme+"://"+to.Host, to.Scheme)
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
