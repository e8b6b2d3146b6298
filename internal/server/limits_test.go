package server

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	v1 "horae/api/v1"
	"horae/internal/cache"
	"horae/internal/store"
)

// patience bounds what these tests wait for.
const patience = time.Minute

// unreading is an HTTP/2 client that asks and takes no answers: its window is 0.
type unreading struct {
	t      *testing.T
	conn   net.Conn
	framer *http2.Framer

	mu    sync.Mutex
	reset map[uint32]bool // guarded by mu: the streams that the server has given up
	codes map[uint32]string
}

func (f *fixture) unreading() *unreading {
	f.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(f.url, "http://"))
	if err != nil {
		f.t.Fatal(err)
	}
	u := &unreading{t: f.t.(*testing.T), conn: conn, framer: http2.NewFramer(conn, conn), reset: map[uint32]bool{}, codes: map[uint32]string{}}
	u.framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	var done sync.WaitGroup
	f.t.Cleanup(func() { conn.Close(); done.Wait() })
	if _, err := io.WriteString(conn, http2.ClientPreface); err != nil {
		f.t.Fatal(err)
	}
	if err := u.framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0}); err != nil {
		f.t.Fatal(err)
	}
	done.Go(u.read)
	return u
}

// read notes what the server says of the streams.
func (u *unreading) read() {
	for {
		frame, err := u.framer.ReadFrame()
		if err != nil {
			return
		}
		u.mu.Lock()
		switch frame := frame.(type) {
		case *http2.MetaHeadersFrame:
			u.codes[frame.StreamID] = frame.PseudoValue("status")
		case *http2.RSTStreamFrame:
			u.reset[frame.StreamID] = true
		}
		u.mu.Unlock()
	}
}

func (u *unreading) get(stream uint32, url, path, accept string) {
	u.t.Helper()
	var block bytes.Buffer
	enc := hpack.NewEncoder(&block)
	for _, f := range [][2]string{{":method", "GET"}, {":scheme", "http"}, {":authority", strings.TrimPrefix(url, "http://")}, {":path", path}, {"accept", accept}} {
		if err := enc.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]}); err != nil {
			u.t.Fatal(err)
		}
	}
	err := u.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: block.Bytes(), EndStream: true, EndHeaders: true})
	if err != nil {
		u.t.Fatal(err)
	}
}

// ended is how many streams the server has given up or refused.
func (u *unreading) ended() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.reset)
}

func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !so(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not in %s: %s", patience, what)
		}
	}
}

func limited(change func(*limits)) func(*Config) {
	return func(c *Config) {
		l := defaultLimits()
		change(&l)
		c.limits = &l
	}
}

// fill stores Jobs, many in a transaction.
func (f *fixture) fill(n int) {
	f.t.Helper()
	var last int64
	for from := 0; from < n; from += 100 {
		var c store.Change
		for i := from; i < min(from+100, n); i++ {
			j := &v1.Job{Spec: v1.JobSpec{Description: strings.Repeat("x", 200), Schedule: "0 * * * *", Task: v1.TaskSpec{Shell: "true"}}}
			j.Name, j.Namespace = fmt.Sprintf("job-%05d", i), "default"
			put, err := store.PutSpec(store.JobKey("default", j.Name), j)
			if err != nil {
				f.t.Fatal(err)
			}
			c.Writes = append(c.Writes, put)
		}
		var err error
		if last, err = f.store.Apply(f.t.Context(), c); err != nil {
			f.t.Fatal(err)
		}
	}
	f.seen(last)
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestListsThatNobodyReads: a client asks for many lists, in forms that are large, and reads none. Another client's lists, and the rest of
// the API, are answered meanwhile, memory stays bounded, and the client is let go.
func TestListsThatNobodyReads(t *testing.T) {
	f := startOn(t, logr.Discard(), cache.WithRing(1<<14), limited(func(l *limits) { l.write, l.wait = 3*time.Second, 100*time.Millisecond }))
	f.fill(5000)
	before := heap()
	u := f.unreading()
	const lists = 120
	for i := range lists {
		accept := []string{yamlType, tableType, jsonType}[i%3]
		u.get(uint32(2*i+1), f.url, "/apis/horae/v1/jobs?includeObject=Object", accept)
	}
	eventually(t, "the lists are under way", func() bool { return f.server.share.lists.inUse() == f.server.limits.lists/2 })
	f.want(200, f.do("GET", jobsPath+"/job-00001", ""))
	if a := f.do("GET", jobsPath, ""); a.code != 429 || a.header.Get("Retry-After") == "" {
		t.Errorf("one list more: %d %v", a.code, a.header)
	}
	if got := decode[v1.JobList](t, f.want(200, f.from("127.0.0.2").do("GET", jobsPath, ""))); len(got.Items) != 5000 {
		t.Errorf("another client listed %d", len(got.Items))
	}
	if after := heap(); after > before+64<<20 {
		t.Errorf("%d lists that nobody reads hold %d MiB", lists, (after-before)>>20)
	}
	eventually(t, "the client is let go", func() bool { return f.server.share.lists.inUse() == 0 })
	if got := decode[v1.JobList](t, f.want(200, f.do("GET", jobsPath, ""))); len(got.Items) != 5000 {
		t.Errorf("listed %d", len(got.Items))
	}
}

// from is the fixture as a client at another address of this machine uses it.
func (f *fixture) from(address string) *fixture {
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	transport := &http.Transport{DialContext: dialer.DialContext}
	f.t.Cleanup(transport.CloseIdleConnections)
	return &fixture{t: f.t, url: f.url, store: f.store, cache: f.cache, server: f.server, client: &http.Client{Transport: transport}}
}

func TestParallelListsAreAllAnswered(t *testing.T) {
	f := startOn(t, logr.Discard(), cache.WithRing(1<<14), limited(func(l *limits) { l.wait = patience }))
	f.fill(300)
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			if a := f.do("GET", jobsPath, "", "Accept", tableType); a.code != 200 || len(decode[metav1.Table](t, a).Rows) != 300 {
				t.Errorf("got %d", a.code)
			}
		})
	}
	all.Wait()
}

// TestASlowWatcherIsCutOffAlone: who does not read is let go, and who reads gets everything.
func TestASlowWatcherIsCutOffAlone(t *testing.T) {
	f := start(t, limited(func(l *limits) { l.streamWrite = 500 * time.Millisecond }))
	f.createJob("a")
	good := f.watch(jobsPath + "?watch=true")
	good.expect("ADDED a")
	u := f.unreading()
	u.get(1, f.url, jobsPath+"?watch=true", jsonType)
	eventually(t, "the slow one is cut off", func() bool { return u.ended() == 1 })
	f.createJob("b")
	good.expect("ADDED b")
	eventually(t, "its stream is over", func() bool { return testutil.ToFloat64(f.server.metrics.streams) == 1 })
}

func TestIdleConnectionsGiveWay(t *testing.T) {
	f := start(t, limited(func(l *limits) { l.connections = 4 }))
	address := strings.TrimPrefix(f.url, "http://")
	for i := range 12 {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		_ = conn.SetDeadline(time.Now().Add(patience))
		fmt.Fprintf(conn, "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
		answer := make([]byte, 15)
		if _, err := io.ReadFull(conn, answer); err != nil || string(answer) != "HTTP/1.1 200 OK" {
			t.Fatalf("connection %d: %q %v", i, answer, err)
		}
	}
}

// A connection on which nothing comes gives way, too.
func TestSilentConnectionsGiveWay(t *testing.T) {
	f := start(t, limited(func(l *limits) { l.connections = 4 }))
	for range 12 {
		conn, err := net.Dial("tcp", strings.TrimPrefix(f.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
	}
	began := time.Now()
	f.want(200, f.do("GET", "/livez", ""))
	if took := time.Since(began); took > 9*time.Second {
		t.Errorf("answered after %s: silent connections were closed by their time-out only", took)
	}
}

func TestOnlyKnownValuesBecomeLabels(t *testing.T) {
	registry := prometheus.NewRegistry()
	f := start(t, func(c *Config) { c.Registerer, c.Gatherer = registry, registry })
	f.createJob("a")
	f.do("GET", jobsPath+"/a/warm", "")
	series := func() int { return testutil.CollectAndCount(f.server.metrics.requests) }
	before := series()
	for i := range 50 {
		f.want(404, f.do("GET", fmt.Sprintf("%s/a/made-up-%d", jobsPath, i), ""))
	}
	for _, path := range []string{"/a/%ff", "/%ff", "/%ff/status", "/a/%ff%fe"} {
		f.want(404, f.do("GET", jobsPath+path, ""))
	}
	if after := series(); after > before+2 {
		t.Errorf("%d series, and %d before", after, before)
	}
	if text := f.want(200, f.do("GET", "/metrics", "")).body; bytes.Contains(text, []byte("made-up")) {
		t.Error("a made-up subresource is a label")
	}
}

func TestTheHostMustBeServed(t *testing.T) {
	f := start(t, func(c *Config) { c.Hosts = []string{"manager.example.com"} })
	port := f.url[strings.LastIndex(f.url, ":"):]
	for host, code := range map[string]int{
		"127.0.0.1" + port: 200, "127.0.0.1": 200, "[::1]" + port: 200, "10.1.2.3": 200, "localhost" + port: 200, "LocalHost.": 200,
		"manager.example.com" + port: 200, "Manager.Example.com": 200,
		"evil.example.com" + port: 403, "manager.example.com.evil.com": 403, "localhost.evil.com": 403, "127.0.0.1.evil.com": 403,
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, f.url+jobsPath, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		resp, err := f.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != code {
			t.Errorf("Host %s: %d, want %d", host, resp.StatusCode, code)
		}
	}
}

// TestYAMLOfCharactersThatItMayNotHold: JSON may hold them as they are.
func TestYAMLOfCharactersThatItMayNotHold(t *testing.T) {
	f := start(t)
	const strange = "a\u007fb\u0085c\u009fd\ufeffe\uffff"
	f.want(201, f.do("POST", jobsPath, fmt.Sprintf(`{"apiVersion":"horae/v1","kind":"Job","metadata":{"name":"a"},"spec":{"description":%q,"task":{"shell":"true"}}}`, "x"+strange)))
	var job v1.Job
	if err := yaml.UnmarshalStrict(f.want(200, f.do("GET", jobsPath+"/a", "", "Accept", yamlType)).body, &job); err != nil || job.Spec.Description != "x"+strange {
		t.Errorf("%q %v", job.Spec.Description, err)
	}
	var list v1.JobList
	if err := yaml.UnmarshalStrict(f.want(200, f.do("GET", jobsPath, "", "Accept", yamlType)).body, &list); err != nil || list.Items[0].Spec.Description != "x"+strange {
		t.Errorf("%v", err)
	}
}

// TestListsInEveryForm: a list that is written piece by piece is the document that it would be as a whole.
func TestListsInEveryForm(t *testing.T) {
	f := start(t)
	text := "two\\n\\n  lines: and - more\\n"
	for n := range 3 {
		for _, query := range []string{"", "?pretty"} {
			list := decode[v1.JobList](t, f.want(200, f.do("GET", jobsPath+query, "")))
			table := decode[metav1.Table](t, f.want(200, f.do("GET", jobsPath+query, "", "Accept", tableType)))
			partial := decode[metav1.PartialObjectMetadataList](t, f.want(200, f.do("GET", jobsPath+query, "", "Accept", "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io")))
			var fromYAML v1.JobList
			if err := yaml.UnmarshalStrict(f.want(200, f.do("GET", jobsPath+query, "", "Accept", yamlType)).body, &fromYAML); err != nil {
				t.Fatal(err)
			}
			if len(list.Items) != n || len(table.Rows) != n || len(partial.Items) != n || len(fromYAML.Items) != n {
				t.Fatalf("of %d: %d, %d, %d, %d", n, len(list.Items), len(table.Rows), len(partial.Items), len(fromYAML.Items))
			}
			for i := range list.Items {
				if got := fromYAML.Items[i].Spec.Description; got != list.Items[i].Spec.Description || got == "" {
					t.Errorf("YAML has %q", got)
				}
			}
			if list.ResourceVersion != fromYAML.ResourceVersion || list.Kind != "JobList" || fromYAML.Kind != "JobList" || table.ColumnDefinitions == nil {
				t.Errorf("heads: %+v %+v", list.ListMeta, fromYAML.ListMeta)
			}
		}
		f.createJob(fmt.Sprintf("job-%d", n), fmt.Sprintf("  description: \"%s\"", text))
	}
	e := f.want(200, f.do("GET", jobsPath+"?pretty", "")).body
	if !bytes.Contains(e, []byte("\n  \"items\": [\n    {\n      \"")) || !bytes.HasSuffix(e, []byte("\n    }\n  ]\n}\n")) {
		t.Errorf("pretty:\n%s", e)
	}
}

func TestAWriteWaitsForOthers(t *testing.T) {
	f := start(t, limited(func(l *limits) { l.writes, l.wait = 1, 50*time.Millisecond }))
	release, err := f.server.share.writes.take(context.Background(), "another")
	if err != nil {
		t.Fatal(err)
	}
	a := f.do("POST", jobsPath, jobYAML("a"), "Content-Type", yamlType)
	if a.code != 429 || a.header.Get("Retry-After") == "" {
		t.Errorf("got %d %s", a.code, a.body)
	}
	release()
	release() // twice does no harm
	f.createJob("a")
}

// TestUnfinishedBodiesLeaveRoom: a client that sends the beginnings of many bodies holds its share, for a bounded time.
func TestUnfinishedBodiesLeaveRoom(t *testing.T) {
	f := start(t, limited(func(l *limits) { l.writes, l.wait, l.body = 8, 100*time.Millisecond, 2*time.Second }))
	for range 32 {
		conn, err := net.Dial("tcp", strings.TrimPrefix(f.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"a\":\r\n", jobsPath)
	}
	eventually(t, "the bodies are under way", func() bool { return f.server.share.writes.inUse() == 4 })
	f.from("127.0.0.2").createJob("a")
	eventually(t, "they are given up", func() bool { return f.server.share.writes.inUse() == 0 })
	f.createJob("b")
}

// TestAConnectionOfRefusedRequestsIsClosed: to refuse them costs, too. So for streams that are reset at once (CVE-2023-44487).
func TestAConnectionOfRefusedRequestsIsClosed(t *testing.T) {
	f := start(t, func(c *Config) { c.RequestsPerSecond = 1 })
	u := f.unreading()
	for i := range 20 * maxRefused {
		var block bytes.Buffer
		enc := hpack.NewEncoder(&block)
		for _, h := range [][2]string{{":method", "GET"}, {":scheme", "http"}, {":authority", "localhost"}, {":path", jobsPath}} {
			if err := enc.WriteField(hpack.HeaderField{Name: h[0], Value: h[1]}); err != nil {
				t.Fatal(err)
			}
		}
		stream := uint32(2*i + 1)
		if u.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: block.Bytes(), EndStream: true, EndHeaders: true}) != nil ||
			u.framer.WriteRSTStream(stream, http2.ErrCodeCancel) != nil {
			break
		}
	}
	eventually(t, "the connection is closed", func() bool { return u.framer.WritePing(false, [8]byte{}) != nil })
	f.want(200, f.from("127.0.0.2").do("GET", jobsPath, ""))
}

func TestAClientKeepsToItsRate(t *testing.T) {
	f := start(t, func(c *Config) { c.RequestsPerSecond = 5 })
	refused := 0
	for range 40 {
		if a := f.do("GET", jobsPath+"?limit=1", ""); a.code == 429 && a.header.Get("Retry-After") != "" {
			refused++
		}
		f.from("127.0.0.2").do("GET", "/livez", "")
	}
	var all sync.WaitGroup
	var mu sync.Mutex
	for range 60 {
		all.Go(func() {
			a := f.do("POST", jobsPath, jobYAML("a"), "Content-Type", yamlType)
			mu.Lock()
			defer mu.Unlock()
			if a.code == 429 {
				refused++
			}
		})
	}
	all.Wait()
	if refused < 30 {
		t.Errorf("%d requests beyond the rate were refused", refused)
	}
	f.want(200, f.from("127.0.0.3").do("GET", jobsPath, ""))
	f.want(200, f.do("GET", "/readyz", ""))
}

func TestEncodingsAreBoundedInBytes(t *testing.T) {
	e := newEncodings()
	for range 40 {
		j := &v1.Job{Spec: v1.JobSpec{Description: strings.Repeat("x", 1<<20)}}
		if _, err := e.of(j); err != nil {
			t.Fatal(err)
		}
	}
	kept := 0
	for _, data := range e.data {
		kept += len(data)
	}
	if kept != e.bytes || kept > keptBytes || len(e.data) < 10 {
		t.Errorf("keeps %d objects, %d bytes, and says %d", len(e.data), kept, e.bytes)
	}
}
