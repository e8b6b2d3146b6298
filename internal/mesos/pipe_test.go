package mesos

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"
)

func TestReadAnswer(t *testing.T) {
	tests := []struct {
		name    string
		input   string
		code    int
		message string
		last    bool
		fails   bool
	}{
		{name: "as Mesos says it", input: "HTTP/1.1 202 Accepted\r\nDate: Sun, 22 Nov 2026 09:57:19 GMT\r\nContent-Length: 0\r\n\r\n", code: 202},
		{name: "header names in lower case", input: "HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n", code: 202},
		{name: "with a body", input: "HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\nok", code: 202},
		{name: "chunked", input: "HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", code: 202},
		{name: "the last", input: "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", code: 202, last: true},
		{name: "of HTTP/1.0", input: "HTTP/1.0 202 Accepted\r\nContent-Length: 0\r\n\r\n", code: 202, last: true},
		{name: "a refusal", input: "HTTP/1.1 400 Bad Request\r\nContent-Length: 3\r\n\r\nno!", code: 400, message: "no!"},
		{name: "something for the time being before it", input: "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n", code: 202},
		{name: "a body that breaks off", input: "HTTP/1.1 202 Accepted\r\nContent-Length: 200\r\n\r\nok", code: 202, last: true},
		{name: "no HTTP", input: "SSH-2.0-OpenSSH_9.2\r\n\r\n", fails: true},
		{name: "nothing", input: "", fails: true},
		{name: "headers that break off", input: "HTTP/1.1 202 Accepted\r\nContent-", fails: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for how, wrap := range map[string]func(io.Reader) io.Reader{"whole": func(r io.Reader) io.Reader { return r }, "byte by byte": iotest.OneByteReader} {
				code, message, last, err := readAnswer(bufio.NewReader(wrap(strings.NewReader(tt.input))), func() {})
				if code != tt.code || message != tt.message || last != tt.last || (err != nil) != tt.fails {
					t.Errorf("%s: %d %q, last %v, error %v", how, code, message, last, err)
				}
			}
			if tt.fails || tt.last {
				return
			}
			// What follows it is untouched.
			r := bufio.NewReader(strings.NewReader(tt.input + "HTTP/1.1 403 No\r\nContent-Length: 4\r\n\r\nnext"))
			_, _, _, _ = readAnswer(r, func() {})
			if code, message, _, err := readAnswer(r, func() {}); code != 403 || message != "next" || err != nil {
				t.Errorf("the next answer: %d %q, %v", code, message, err)
			}
		})
	}
}

func FuzzReadAnswer(f *testing.F) {
	f.Add("HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")
	f.Add("HTTP/1.1 202 A\r\nContent-Length: 0\r\nContent-Length: 2\r\n\r\nab")
	f.Add("HTTP/1.1 400 Bad\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")
	f.Fuzz(func(t *testing.T, input string) {
		// Whatever the short cut takes, net/http takes for the same.
		if !isPlainAccepted([]byte(input)) {
			return
		}
		resp, err := http.ReadResponse(bufio.NewReader(strings.NewReader(input)), post)
		if err != nil {
			return // it is stricter; the answer was 202 all the same
		}
		defer resp.Body.Close()
		if body, err := io.ReadAll(resp.Body); resp.StatusCode != http.StatusAccepted || len(body) != 0 || err != nil {
			t.Fatalf("taken for a plain 202: %d %q, %v", resp.StatusCode, body, err)
		}
	})
}

// pipeServer answers each request with its own body, as a refusal, so that answers can be matched with requests; it can break.
type pipeServer struct {
	net.Listener
	mu     sync.Mutex
	breaks int // break each connection after so many requests; 0: never
	seen   map[string]int
}

func newPipeServer(t *testing.T, breaks int) (*pipeServer, *pipe) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &pipeServer{Listener: l, breaks: breaks, seen: map[string]int{}}
	var conns sync.WaitGroup
	conns.Add(1)
	go func() {
		defer conns.Done()
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			conns.Add(1)
			go func() {
				defer conns.Done()
				s.serve(c)
			}()
		}
	}()
	var d net.Dialer
	p := newPipe(func(ctx context.Context) (net.Conn, error) { return d.DialContext(ctx, "tcp", l.Addr().String()) }, patience)
	t.Cleanup(func() {
		p.close()
		l.Close()
		conns.Wait()
	})
	return s, p
}

func (s *pipeServer) serve(c net.Conn) {
	defer func() { _ = c.Close() }()
	r := bufio.NewReader(c)
	for n := 1; ; n++ {
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		body, _ := io.ReadAll(req.Body)
		s.mu.Lock()
		s.seen[string(body)]++
		breaks := s.breaks > 0 && n == s.breaks
		s.mu.Unlock()
		if breaks {
			return
		}
		fmt.Fprintf(c, "HTTP/1.1 400 Bad Request\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	}
}

func say(text string) func([]byte) ([]byte, error) {
	return func(b []byte) ([]byte, error) {
		return fmt.Appendf(b, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(text), text), nil
	}
}

func TestPipeGivesEachItsOwnAnswer(t *testing.T) {
	for name, breaks := range map[string]int{"connections that last": 0, "connections that break": 7} {
		t.Run(name, func(t *testing.T) {
			server, p := newPipeServer(t, breaks)
			const workers, each = 50, 40
			var all sync.WaitGroup
			var mu sync.Mutex
			lost := map[string]bool{}
			for w := range workers {
				all.Add(1)
				go func() {
					defer all.Done()
					for i := range each {
						text := fmt.Sprintf("%d/%d", w, i)
						err := p.do(context.Background(), "CALL", say(text))
						var answer *CallError
						switch {
						case errors.As(err, &answer) && answer.Message == text:
						case breaks > 0 && (errors.Is(err, ErrUnanswered) || errors.Is(err, ErrDisconnected)):
							mu.Lock()
							lost[text] = true
							mu.Unlock()
						default:
							t.Errorf("%s: %v", text, err)
						}
					}
				}()
			}
			all.Wait()
			server.mu.Lock()
			defer server.mu.Unlock()
			for text, n := range server.seen {
				if n != 1 {
					t.Errorf("%s was sent %d times", text, n)
				}
			}
			if len(server.seen)+len(lost) < workers*each {
				t.Errorf("%d were seen and %d are known to be lost, of %d", len(server.seen), len(lost), workers*each)
			}
			if breaks > 0 && (len(lost) == 0 || len(lost) == workers*each) {
				t.Errorf("%d of %d were lost", len(lost), workers*each)
			}
		})
	}
}

func TestPipeThatCannotEncode(t *testing.T) {
	server, p := newPipeServer(t, 0)
	no := errors.New("no")
	err := p.do(context.Background(), "CALL", func(b []byte) ([]byte, error) { return append(b, "half a requ"...), no })
	wantError(t, err, no)
	var answer *CallError
	if err := p.do(context.Background(), "CALL", say("whole")); !errors.As(err, &answer) || answer.Message != "whole" {
		t.Errorf("the next: %v", err)
	}
	if len(server.seen) != 1 {
		t.Errorf("sent: %v", server.seen)
	}
}

func TestPipeThatGetsNoAnswer(t *testing.T) {
	client, server := net.Pipe()
	defer func() { _ = server.Close() }()
	go func() { _, _ = io.Copy(io.Discard, server) }()
	p := newPipe(func(context.Context) (net.Conn, error) { return client, nil }, 10*time.Millisecond)
	defer p.close()
	wantError(t, p.do(context.Background(), "CALL", say("hello?")), ErrUnanswered)
}

func TestPipeThatGetsTooMuch(t *testing.T) {
	client, server := net.Pipe()
	defer func() { _ = server.Close() }()
	p := newPipe(func(context.Context) (net.Conn, error) { return client, nil }, patience)
	defer p.close()
	go func() {
		_, _ = http.ReadRequest(bufio.NewReader(server))
		_, _ = io.WriteString(server, strings.Repeat("HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n", 2))
	}()
	if err := p.do(context.Background(), "CALL", say("")); err != nil {
		t.Fatal(err)
	}
	<-p.conn.wake // closed: the second answer broke the connection, because it belongs to no request
}

// deadlines is a connection that remembers the deadlines of its reads.
type deadlines struct {
	net.Conn
	set chan time.Time
}

func (d *deadlines) SetReadDeadline(at time.Time) error {
	d.set <- at
	return d.Conn.SetReadDeadline(at)
}

// Each call has the whole time-out from the answer before it, also when the first bytes of its own came with that.
func TestPipeWaitsAnewAfterEachAnswer(t *testing.T) {
	const answer = "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"
	for name, more := range map[string]string{
		"with nothing of the next": "", "with its first bytes": answer[:20], "with all but its body": "HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			client, server := net.Pipe()
			defer func() { _ = server.Close() }()
			conn := &deadlines{Conn: client, set: make(chan time.Time, 16)}
			p := newPipe(func(context.Context) (net.Conn, error) { return conn, nil }, patience)
			defer p.close()
			r := bufio.NewReader(server)
			done := make(chan error, 2)
			for range 2 {
				go func() { done <- p.do(context.Background(), "CALL", say("")) }()
				if _, err := http.ReadRequest(r); err != nil {
					t.Fatal(err)
				}
			}
			for _, whose := range []string{"connection", "first call"} { // in either order
				receive(t, conn.set, "the deadline of the "+whose)
			}
			if len(conn.set) != 0 {
				t.Fatal("the second call has changed the first one's deadline")
			}
			if _, err := io.WriteString(server, answer+more); err != nil {
				t.Fatal(err)
			}
			if err := receive(t, done, "the first answer"); err != nil {
				t.Fatal(err)
			}
			if receive(t, conn.set, "the deadline of the second call").IsZero() {
				t.Error("the second call has no deadline")
			}
		})
	}
}

func TestPipeClosed(t *testing.T) {
	_, p := newPipeServer(t, 0)
	p.close()
	err := p.do(context.Background(), "CALL", say("x"))
	wantError(t, err, ErrDisconnected)
	wantError(t, err, errClosed)
}

func TestPipeClosedWhileItDials(t *testing.T) {
	dials := make(chan struct{})
	p := newPipe(func(ctx context.Context) (net.Conn, error) {
		close(dials)
		<-ctx.Done()
		return nil, ctx.Err()
	}, patience)
	done := make(chan error, 1)
	go func() { done <- p.do(context.Background(), "CALL", say("x")) }()
	<-dials
	p.close()
	wantError(t, receive(t, done, "the end of the call"), ErrDisconnected)
}

func TestManyWaitForOneDial(t *testing.T) {
	refused := errors.New("refused")
	waiting, dials := make(chan struct{}), 0
	p := newPipe(func(context.Context) (net.Conn, error) {
		dials++
		<-waiting
		return nil, refused
	}, patience)
	defer p.close()
	const callers = 20
	done := make(chan error, callers)
	for range callers {
		go func() { done <- p.do(context.Background(), "CALL", say("x")) }()
	}
	close(waiting)
	for range callers {
		err := receive(t, done, "the end of a call")
		wantError(t, err, ErrDisconnected)
		wantError(t, err, refused)
	}
}
