package mesos

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// pipe carries calls over one kept connection, many at a time: requests are written as they come, a batch in one write, and
// their answers come back in the same order (HTTP pipelining, as Mesos's own scheduler library does it). An acknowledgement
// costs an eighth of what net/http's client spends on it, and Horae sends three for each run.
//
// It connects when it is used, and again when the connection has broken. It never sends anything twice.
type pipe struct {
	dial    func() (net.Conn, error)
	timeout time.Duration // without any answer, while one is awaited

	cancel context.CancelFunc // ends a dial that is under way
	users  sync.WaitGroup     // goroutines of the pipe

	mu      sync.Mutex
	conn    *pipeConn // guarded by mu; nil: none yet
	dialing *dialing  // guarded by mu; nil: nobody dials
	closed  bool      // guarded by mu
}

// dialing is one attempt to connect that all callers wait for.
type dialing struct {
	done chan struct{}
	err  error // readable once done is closed
}

// errClosed ends what is under way when the subscription ends.
var errClosed = errors.New("the subscription has ended")

func newPipe(dial func(context.Context) (net.Conn, error), timeout time.Duration) *pipe {
	ctx, cancel := context.WithCancel(context.Background())
	return &pipe{dial: func() (net.Conn, error) { return dial(ctx) }, timeout: timeout, cancel: cancel}
}

// close fails what is under way and waits for the pipe's goroutines.
func (p *pipe) close() {
	p.mu.Lock()
	p.closed = true
	conn := p.conn
	p.mu.Unlock()
	p.cancel()
	if conn != nil {
		conn.fail(errClosed)
	}
	p.users.Wait()
}

// do sends one request, which write appends to a buffer, and waits for its answer.
func (p *pipe) do(ctx context.Context, call string, write func([]byte) ([]byte, error)) error {
	conn, err := p.connect(ctx)
	if err != nil {
		return fmt.Errorf("%s: %w: %w", call, ErrDisconnected, err)
	}
	w := waiters.Get().(*waiter)
	w.call = call
	if err := conn.send(w, write); err != nil {
		return fmt.Errorf("%s: %w", call, err)
	}
	select {
	case err := <-w.answer:
		waiters.Put(w)
		return err
	case <-ctx.Done():
		// w stays with the connection, which will answer it when nobody listens any more.
		return fmt.Errorf("%s: %w: %w", call, ErrUnanswered, context.Cause(ctx))
	}
}

// connect returns the present connection, or waits for a new one.
func (p *pipe) connect(ctx context.Context) (*pipeConn, error) {
	for {
		p.mu.Lock()
		if p.closed {
			p.mu.Unlock()
			return nil, errClosed
		}
		if p.conn != nil && !p.conn.isBroken() {
			defer p.mu.Unlock()
			return p.conn, nil
		}
		d := p.dialing
		if d == nil {
			d = &dialing{done: make(chan struct{})}
			p.dialing = d
			p.users.Add(1)
			go p.redial(d)
		}
		p.mu.Unlock()
		select {
		case <-d.done:
			if d.err != nil {
				return nil, d.err
			}
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// redial connects and serves the connection until it breaks. It is the owner of all that belongs to it.
func (p *pipe) redial(d *dialing) {
	defer p.users.Done()
	c, err := p.dial()
	p.mu.Lock()
	p.dialing, d.err = nil, err
	if err == nil && p.closed {
		_ = c.Close() // nobody has used it
		d.err = errClosed
	}
	if d.err != nil {
		p.mu.Unlock()
		close(d.done)
		return
	}
	conn := &pipeConn{c: c, timeout: p.timeout, wake: make(chan struct{}, 1)}
	p.conn = conn
	p.users.Add(1)
	p.mu.Unlock()
	close(d.done)
	go func() {
		defer p.users.Done()
		conn.writeAll()
	}()
	conn.readAll()
}

// waiter waits for one answer. Its channel holds one, so that who answers never blocks.
type waiter struct {
	call   string
	answer chan error
}

var waiters = sync.Pool{New: func() any { return &waiter{answer: make(chan error, 1)} }}

// pipeConn is one connection.
type pipeConn struct {
	c       net.Conn
	timeout time.Duration
	wake    chan struct{} // there is something to write, or the connection is broken

	mu      sync.Mutex
	out     []byte    // guarded by mu; requests that are not written yet
	waiting []*waiter // guarded by mu; in the order of their requests
	head    int       // guarded by mu; the first of waiting that has no answer
	broken  error     // guarded by mu; why there will be no more answers
}

func (c *pipeConn) isBroken() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.broken != nil
}

// send puts a request behind those that wait. An error means that it is not going to be sent.
func (c *pipeConn) send(w *waiter, write func([]byte) ([]byte, error)) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken != nil {
		return fmt.Errorf("%w: %w", ErrDisconnected, c.broken)
	}
	before := len(c.out)
	out, err := write(c.out)
	if err != nil {
		c.out = c.out[:before]
		return err
	}
	c.out = out
	c.waiting = append(c.waiting, w)
	if len(c.waiting)-c.head == 1 {
		c.awaitLocked()
	}
	if before == 0 {
		select {
		case c.wake <- struct{}{}:
		default:
		}
	}
	return nil
}

// await gives the master so long for the next answer, if one is awaited.
func (c *pipeConn) await() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.awaitLocked()
}

// awaitLocked is await; c.mu must be held. A failure to set the deadline shows in the next read.
func (c *pipeConn) awaitLocked() {
	var deadline time.Time
	if c.head < len(c.waiting) {
		deadline = time.Now().Add(c.timeout)
	}
	_ = c.c.SetReadDeadline(deadline)
}

// writeAll writes what send has left, all of it at once, until the connection is broken.
func (c *pipeConn) writeAll() {
	var buf []byte
	for range c.wake {
		c.mu.Lock()
		if c.broken != nil {
			c.mu.Unlock()
			return
		}
		if cap(buf) > keepBuffer {
			buf = nil
		}
		buf, c.out = c.out, buf[:0]
		c.mu.Unlock()
		_ = c.c.SetWriteDeadline(time.Now().Add(c.timeout))
		if _, err := c.c.Write(buf); err != nil {
			c.fail(err)
			return
		}
	}
}

// readAll reads answers and hands each to who waits for it, until the connection is broken.
func (c *pipeConn) readAll() {
	r := bufio.NewReaderSize(c.c, 16<<10)
	for {
		code, message, last, err := readAnswer(r, c.await)
		if err != nil {
			c.fail(err)
			return
		}
		w := c.answered()
		if w == nil {
			c.fail(errors.New("an answer that nobody asked for"))
			return
		}
		if code == http.StatusAccepted {
			w.answer <- nil
		} else {
			w.answer <- &CallError{Call: w.call, Status: code, Message: message}
		}
		if last {
			c.fail(errors.New("the master ended the connection"))
			return
		}
	}
}

// answered takes the first waiter off.
func (c *pipeConn) answered() *waiter {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.head == len(c.waiting) {
		return nil
	}
	w := c.waiting[c.head]
	c.waiting[c.head] = nil
	c.head++
	if c.head == len(c.waiting) || c.head > 1024 && c.head*2 > len(c.waiting) {
		c.waiting = c.waiting[:copy(c.waiting, c.waiting[c.head:])]
		c.head = 0
	}
	return w
}

// fail breaks the connection, once: nobody knows what has become of the calls that wait.
func (c *pipeConn) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken != nil {
		return
	}
	c.broken = err
	_ = c.c.Close() // it is of no more use, whatever Close says
	for _, w := range c.waiting[c.head:] {
		w.answer <- fmt.Errorf("%s: %w: %w", w.call, ErrUnanswered, err)
	}
	c.waiting, c.head, c.out = nil, 0, nil
	close(c.wake)
}

var (
	headerEnd   = []byte("\r\n\r\n")
	acceptedTop = []byte("HTTP/1.1 202 ")
	post        = &http.Request{Method: http.MethodPost}
)

// readAnswer reads one answer: its status, its text unless it is 202, and whether it is the last on this connection. It calls
// await, once, unless the answer is there already: setting a deadline is dear, and few of many answers need one.
func readAnswer(r *bufio.Reader, await func()) (code int, message string, last bool, err error) {
	b, _ := r.Peek(r.Buffered())
	plain := isPlainAccepted(b)
	if !plain {
		await()
		if _, err := r.Peek(1); err != nil {
			return 0, "", false, err
		}
		b, _ = r.Peek(r.Buffered())
		plain = isPlainAccepted(b)
	}
	if plain {
		_, err := r.Discard(bytes.Index(b, headerEnd) + len(headerEnd))
		return http.StatusAccepted, "", false, err
	}
	resp, err := http.ReadResponse(r, post)
	for err == nil && resp.StatusCode >= 100 && resp.StatusCode < 200 {
		resp, err = http.ReadResponse(r, post)
	}
	if err != nil {
		return 0, "", false, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusAccepted {
		message = readMessage(resp.Body)
	}
	// What is left of the body stands before the next answer.
	if _, err := io.Copy(io.Discard, io.LimitReader(resp.Body, keepBuffer)); err != nil {
		return resp.StatusCode, message, true, nil
	}
	return resp.StatusCode, message, resp.Close, nil
}

// isPlainAccepted recognizes the answer that nearly every call gets: 202, kept alive, without a body. Whatever it does not
// recognize, net/http reads.
func isPlainAccepted(b []byte) bool {
	end := bytes.Index(b, headerEnd)
	if end < 0 || !bytes.HasPrefix(b, acceptedTop) {
		return false
	}
	empty := false
	for line := range bytes.SplitSeq(b[:end], headerEnd[:2]) {
		name, value, _ := bytes.Cut(line, []byte(":"))
		switch {
		case bytes.EqualFold(name, []byte("Content-Length")):
			if empty = string(bytes.TrimSpace(value)) == "0"; !empty {
				return false
			}
		case bytes.EqualFold(name, []byte("Transfer-Encoding")), bytes.EqualFold(name, []byte("Connection")):
			return false
		}
	}
	return empty
}

// dialMaster connects to host as scheme says, over IPv4 or IPv6.
func dialMaster(cfg Config, scheme, host string) func(context.Context) (net.Conn, error) {
	dialer := &net.Dialer{Timeout: cfg.DialTimeout, KeepAlive: keepAlive}
	address := host
	if _, _, err := net.SplitHostPort(host); err != nil {
		address = net.JoinHostPort(trimBrackets(host), map[string]string{"http": "80", "https": "443"}[scheme])
	}
	dial := dialer.DialContext
	if scheme == "https" {
		dial = DialTLS(dialer, cfg.TLS)
	}
	return func(ctx context.Context) (net.Conn, error) { return dial(ctx, "tcp", address) }
}

// trimBrackets of an IPv6 address without a port.
func trimBrackets(host string) string {
	if len(host) > 2 && host[0] == '[' && host[len(host)-1] == ']' {
		return host[1 : len(host)-1]
	}
	return host
}
