package discovery

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr/testr"
	"github.com/go-zookeeper/zk"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestParse(t *testing.T) {
	tests := []struct {
		in    string
		want  URL
		fails string
	}{
		{in: "zk://a:2181/mesos", want: URL{Servers: []string{"a:2181"}, Path: "/mesos"}},
		{in: "zk://a:2181,[::1]:2182,10.0.0.1:2183/dc1/mesos/", want: URL{Servers: []string{"a:2181", "[::1]:2182", "10.0.0.1:2183"}, Path: "/dc1/mesos"}},
		{in: "zk://horae:s3cr@t%2F:x@a:2181/mesos", want: URL{Credentials: "horae:s3cr@t%2F:x", Servers: []string{"a:2181"}, Path: "/mesos"}},
		{in: "http://a:2181/mesos", fails: "must begin with zk://"},
		{in: "zk://", fails: "names no server"},
		{in: "zk:///mesos", fails: "names no server"},
		{in: "zk://a/mesos", fails: `server "a": must be host:port`},
		{in: "zk://a:2181,/mesos", fails: `server "": must be host:port`},
		{in: "zk://:2181/mesos", fails: "must be host:port"},
		{in: "zk://a:zookeeper/mesos", fails: `"zookeeper" is not a port`},
		{in: "zk://a:0/mesos", fails: "is not a port"},
		{in: "zk://a:2181", fails: "names no path"},
		{in: "zk://a:2181/", fails: "names no path"},
		{in: "zk://a:2181//mesos", fails: "empty name"},
		{in: "zk://a:2181/../mesos", fails: `does not allow ".."`},
		{in: "zk://s3cret@a:2181/mesos", fails: "must be user:password"},
		{in: "zk://:s3cret@a:2181/mesos", fails: "must be user:password"},
	}
	for _, tt := range tests {
		got, err := Parse(tt.in)
		switch {
		case tt.fails == "" && (err != nil || !cmp.Equal(got, tt.want)):
			t.Errorf("%s: %+v, %v", tt.in, got, err)
		case tt.fails != "" && (err == nil || !strings.Contains(err.Error(), tt.fails) || strings.Contains(err.Error(), "s3cret")):
			t.Errorf("%s: error %v, want it to say %q", tt.in, err, tt.fails)
		}
		if s := got.String(); got.Credentials != "" && strings.Contains(s, "s3cr") {
			t.Errorf("%s shows the password", s)
		}
	}
}

func TestLeaderIsTheOldest(t *testing.T) {
	for name, tt := range map[string]struct {
		children []string
		want     string
	}{
		"nobody":                            {},
		"no master among them":              {children: []string{"log_replicas", "info_0000000001", "json.info_", "json.info_x", "json.info_99999999999"}},
		"the lowest number":                 {children: []string{"json.info_0000000012", "json.info_0000000003", "log_replicas", "json.info_0000000007"}, want: "json.info_0000000003"},
		"the counter has wrapped around":    {children: []string{"json.info_2147483647", "json.info_-2147483648"}, want: "json.info_-2147483648"},
		"more digits are not a lower value": {children: []string{"json.info_1000000000", "json.info_0999999999"}, want: "json.info_0999999999"},
	} {
		if got := leaderOf(tt.children); got != tt.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestAddresses(t *testing.T) {
	for name, tt := range map[string]struct {
		data  string
		want  []string
		fails string
	}{
		"as Mesos 1.11 writes it": {
			data: `{"address":{"hostname":"m1.example.com","ip":"10.0.0.1","port":5050},"hostname":"m1.example.com","id":"x","ip":16777226,"pid":"master@10.0.0.1:5050","port":5050,"version":"1.11.0"}`,
			want: []string{"m1.example.com:5050", "10.0.0.1:5050"},
		},
		"one name for both":      {data: `{"address":{"hostname":"127.0.0.1","ip":"127.0.0.1","port":5050}}`, want: []string{"127.0.0.1:5050"}},
		"an address only":        {data: `{"address":{"ip":"::1","port":5050}}`, want: []string{"[::1]:5050"}},
		"before there was one":   {data: `{"hostname":"m1","ip":16777343,"port":5050}`, want: []string{"m1:5050", "127.0.0.1:5050"}},
		"a number for an IP":     {data: `{"ip":16777343,"port":5050}`, want: []string{"127.0.0.1:5050"}},
		"no port":                {data: `{"hostname":"m1"}`, fails: "no usable port"},
		"a port beyond the last": {data: `{"address":{"hostname":"m1","port":70000}}`, fails: "no usable port"},
		"nobody":                 {data: `{"port":5050}`, fails: "neither a host nor an address"},
		"not JSON":               {data: "\x0a\x01", fails: "no MasterInfo in JSON"},
		"empty":                  {fails: "no MasterInfo in JSON"},
	} {
		got, err := addresses([]byte(tt.data))
		if !cmp.Equal(got, tt.want) || (err == nil) != (tt.fails == "") || err != nil && !strings.Contains(err.Error(), tt.fails) {
			t.Errorf("%s: %v, error %v", name, got, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"zk://a:2181/mesos", "zk://u:p@a:1,b:2/x/y", "zk:///", "zk://@/"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		u, err := Parse(s)
		if err != nil {
			return
		}
		at := ""
		if u.Credentials != "" {
			at = u.Credentials + "@"
		}
		again, err := Parse(Scheme + at + strings.TrimPrefix(u.String(), Scheme))
		if err != nil || !cmp.Equal(u, again) {
			t.Errorf("%q is %+v, and again %+v, %v", s, u, again, err)
		}
	})
}

func FuzzAddresses(f *testing.F) {
	f.Add([]byte(`{"address":{"hostname":"a","ip":"1.2.3.4","port":5050}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := addresses(data)
		if (err == nil) != (len(got) > 0) {
			t.Errorf("%v, error %v", got, err)
		}
	})
}

// fakeZooKeeper is the sessions of a Detector, and the znodes that they see.
type fakeZooKeeper struct {
	mu       sync.Mutex
	down     error
	path     bool
	nodes    map[string]string
	watchers []chan zk.Event
	sessions []*fakeSession
	asked    int
}

type fakeSession struct {
	z    *fakeZooKeeper
	lost chan struct{}
	once sync.Once
}

func (z *fakeZooKeeper) connect(context.Context) (session, error) {
	z.mu.Lock()
	defer z.mu.Unlock()
	s := &fakeSession{z: z, lost: make(chan struct{})}
	z.sessions = append(z.sessions, s)
	return s, nil
}

func (s *fakeSession) watch() (<-chan zk.Event, error) {
	s.z.asked++
	c := make(chan zk.Event, 1)
	s.z.watchers = append(s.z.watchers, c)
	return c, s.z.down
}

func (s *fakeSession) children(string) ([]string, <-chan zk.Event, error) {
	s.z.mu.Lock()
	defer s.z.mu.Unlock()
	if s.z.down == nil && !s.z.path {
		return nil, nil, zk.ErrNoNode
	}
	var names []string
	for name := range s.z.nodes {
		names = append(names, name)
	}
	c, err := s.watch()
	return names, c, err
}

func (s *fakeSession) exists(string) (bool, <-chan zk.Event, error) {
	s.z.mu.Lock()
	defer s.z.mu.Unlock()
	c, err := s.watch()
	return s.z.path, c, err
}

func (s *fakeSession) get(path string) ([]byte, error) {
	s.z.mu.Lock()
	defer s.z.mu.Unlock()
	data, ok := s.z.nodes[path[strings.LastIndexByte(path, '/')+1:]]
	if !ok {
		return nil, zk.ErrNoNode
	}
	return []byte(data), s.z.down
}

func (s *fakeSession) broken() <-chan struct{} { return s.lost }
func (s *fakeSession) close()                  { s.once.Do(func() { close(s.lost) }) }

// set changes the znodes, and has all watches fire.
func (z *fakeZooKeeper) set(path bool, nodes map[string]string) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.path, z.nodes = path, nodes
	for _, w := range z.watchers {
		w <- zk.Event{Type: zk.EventNodeChildrenChanged}
		close(w)
	}
	z.watchers = nil
}

func (z *fakeZooKeeper) cut(err error) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.down = err
	z.sessions[len(z.sessions)-1].close()
}

func follow(t *testing.T, z *fakeZooKeeper) *Detector {
	u, err := Parse("zk://a:2181/mesos")
	if err != nil {
		t.Fatal(err)
	}
	d := New(u, testr.New(t))
	d.connect = z.connect
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); d.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return d
}

// until waits for an answer.
func until(t *testing.T, d *Detector, reason string, want ...string) {
	t.Helper()
	timeout := time.After(2 * time.Minute)
	for {
		got, changed, err := d.Candidates()
		if slices.Equal(got, want) && (err == nil) == (reason == "") && (err == nil || strings.Contains(err.Error(), reason)) {
			return
		}
		select {
		case <-changed:
		case <-timeout:
			t.Fatalf("the answer is %v, %v; want %v, %q", got, err, want, reason)
		}
	}
}

func master(host string) string { return `{"address":{"hostname":"` + host + `","port":5050}}` }

func TestFollowsTheElection(t *testing.T) {
	z := &fakeZooKeeper{}
	d := follow(t, z)
	until(t, d, "does not exist")
	z.set(true, nil)
	until(t, d, "no Mesos master stands for election")
	z.set(true, map[string]string{"json.info_0000000004": master("a"), "log_replicas": ""})
	until(t, d, "", "a:5050")
	z.set(true, map[string]string{"json.info_0000000004": master("a"), "json.info_0000000005": master("b")})
	z.set(true, map[string]string{"json.info_0000000005": master("b")})
	until(t, d, "", "b:5050")
	z.set(true, map[string]string{"json.info_0000000007": "garbage"})
	until(t, d, "znode json.info_0000000007 is no MasterInfo")
	z.set(false, nil)
	until(t, d, "does not exist")
	z.set(true, map[string]string{"json.info_0000000009": master("c")})
	until(t, d, "", "c:5050")
}

func TestKeepsWhatItKnowsWhileZooKeeperIsAway(t *testing.T) {
	z := &fakeZooKeeper{path: true, nodes: map[string]string{"json.info_0000000001": master("a")}}
	d := follow(t, z)
	until(t, d, "", "a:5050")
	z.cut(zk.ErrNoServer)
	until(t, d, "no ZooKeeper server can be reached", "a:5050")
	z.mu.Lock()
	z.down, z.nodes = nil, map[string]string{"json.info_0000000002": master("b")}
	z.mu.Unlock()
	until(t, d, "", "b:5050")
	z.cut(zk.ErrNoAuth)
	until(t, d, "zk://user:password@", "b:5050")
	z.cut(nil)
	until(t, d, "", "b:5050")
}

// A change that the driver would hear of is one of the answer: not each session that comes and goes.
func TestTellsOnlyWhatIsNew(t *testing.T) {
	z := &fakeZooKeeper{path: true, nodes: map[string]string{"json.info_0000000001": master("a")}}
	d := follow(t, z)
	until(t, d, "", "a:5050")
	_, changed, _ := d.Candidates()
	for i := range 5 {
		z.set(true, map[string]string{"json.info_0000000001": master("a"), "json.info_000000000" + string(rune('2'+i)): master("b")})
	}
	d.found([]string{"a:5050"}, nil)
	select {
	case <-changed:
		t.Error("reported again")
	default:
	}
	d.lost(errors.New("away"))
	<-changed
}

// It asks when something has changed and not otherwise.
func TestDoesNotPoll(t *testing.T) {
	z := &fakeZooKeeper{path: true, nodes: map[string]string{"json.info_0000000001": master("a")}}
	d := follow(t, z)
	until(t, d, "", "a:5050")
	z.mu.Lock()
	defer z.mu.Unlock()
	if z.asked != 1 {
		t.Errorf("asked %d times for one answer", z.asked)
	}
}
