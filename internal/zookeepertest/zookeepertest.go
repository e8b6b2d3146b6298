// Package zookeepertest runs Debian's ZooKeeper inside a test: one server, on a loopback port, with its data in the test's own
// directory. Only tests import it. Where they are not asked for (make test-zookeeper asks) its tests skip; where they are and
// ZooKeeper is not installed, they fail and say what to install.
package zookeepertest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/go-zookeeper/zk"
)

const (
	// Asked is the environment variable that asks for these tests.
	Asked = "HORAE_TEST_ZOOKEEPER"
	// jar is where Debian's libzookeeper-java puts the server; its manifest names the rest.
	jar = "/usr/share/java/zookeeper.jar"
	// patience ends a test that would hang otherwise.
	patience = time.Minute
)

// Server is a ZooKeeper that a test kills, pauses and starts again: same port, same data.
type Server struct {
	// Address is the client host:port.
	Address string

	t   testing.TB
	dir string
	log *output
	cmd *exec.Cmd
}

// Start runs a server until the test ends.
func Start(t testing.TB) *Server {
	t.Helper()
	if os.Getenv(Asked) == "" {
		t.Skip("wants a real ZooKeeper: make test-zookeeper")
	}
	java, err := exec.LookPath("java")
	if _, jarErr := os.Stat(jar); err != nil || jarErr != nil {
		t.Fatalf("ZooKeeper or Java is not installed: apt-get install zookeeper default-jre-headless (java: %v, %s: %v)", err, jar, jarErr)
	}
	s := &Server{t: t, dir: t.TempDir(), log: &output{}}
	s.Address = freeAddress(t)
	host, port, _ := net.SplitHostPort(s.Address)
	s.write("zoo.cfg", fmt.Sprintf("tickTime=500\ndataDir=%s\nclientPortAddress=%s\nclientPort=%s\n"+
		"admin.enableServer=false\n4lw.commands.whitelist=srvr\nmaxSessionTimeout=60000\nforceSync=no\n",
		filepath.Join(s.dir, "data"), host, port))
	s.write("log4j.properties", "log4j.rootLogger=WARN, out\n"+
		"log4j.appender.out=org.apache.log4j.ConsoleAppender\nlog4j.appender.out.layout=org.apache.log4j.SimpleLayout\n")
	s.run(java)
	t.Cleanup(func() {
		s.Kill()
		if t.Failed() {
			t.Logf("ZooKeeper printed:\n%s", s.log)
		}
	})
	return s
}

func (s *Server) write(name, content string) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(content), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// freeAddress finds a port that is free now: ZooKeeper cannot choose one itself.
func freeAddress(t testing.TB) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func (s *Server) run(java string) {
	s.t.Helper()
	s.cmd = exec.Command(java, "-Xmx128m", "-XX:TieredStopAtLevel=1", "-cp", s.dir+":"+jar,
		"org.apache.zookeeper.server.quorum.QuorumPeerMain", filepath.Join(s.dir, "zoo.cfg"))
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := s.cmd.Start(); err != nil {
		s.t.Fatalf("start ZooKeeper: %v", err)
	}
	s.awaitAnswer()
}

// awaitAnswer waits until the server serves requests.
func (s *Server) awaitAnswer() {
	s.t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		if s.serves() {
			return
		}
		time.Sleep(20 * time.Millisecond) // between two looks from outside; nothing depends on its length
	}
	s.t.Fatalf("ZooKeeper did not answer within %s:\n%s", patience, s.log)
}

// serves asks by ZooKeeper's four letter word, which is answered "not currently serving requests" until it is.
func (s *Server) serves() bool {
	c, err := net.DialTimeout("tcp", s.Address, time.Second)
	if err != nil {
		return false
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(time.Second))
	_, _ = io.WriteString(c, "srvr")
	answer, _ := io.ReadAll(c)
	return strings.Contains(string(answer), "Mode: standalone")
}

// Kill ends the server as a crash would.
func (s *Server) Kill() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
}

// Restart starts a server that was killed.
func (s *Server) Restart() {
	s.t.Helper()
	s.run(s.cmd.Path)
}

// Pause stops the server with its connections open.
func (s *Server) Pause() { _ = s.cmd.Process.Signal(syscall.SIGSTOP) }

// Continue ends Pause.
func (s *Server) Continue() { _ = s.cmd.Process.Signal(syscall.SIGCONT) }

// Client connects until the test ends.
func (s *Server) Client() *zk.Conn {
	s.t.Helper()
	c, _, err := zk.Connect([]string{s.Address}, time.Minute, zk.WithLogger(silence{}))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(c.Close)
	return c
}

// Master stands for election until its session is closed.
type Master struct {
	conn *zk.Conn
	once sync.Once
}

// Elect has a Mesos master at host:port stand for election at path, as Mesos does, with the access control given (nil: anybody
// may read it).
func (s *Server) Elect(path, address string, acl ...zk.ACL) *Master {
	s.t.Helper()
	if acl == nil {
		acl = zk.WorldACL(zk.PermAll)
	}
	c := s.Client()
	s.Create(c, path, acl...)
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		s.t.Fatal(err)
	}
	info := fmt.Sprintf(`{"address":{"hostname":%q,"ip":%q,"port":%s},"hostname":%q,"id":"m",`+
		`"ip":16777343,"pid":"master@%s","port":%s,"version":"1.11.0"}`,
		host, host, port, host, address, port)
	if _, err := c.Create(path+"/json.info_", []byte(info), zk.FlagEphemeral|zk.FlagSequence, acl); err != nil {
		s.t.Fatalf("stand for election: %v", err)
	}
	return &Master{conn: c}
}

// Create makes a path with its parents.
func (s *Server) Create(c *zk.Conn, path string, acl ...zk.ACL) {
	s.t.Helper()
	for i := 1; i <= len(path); i++ {
		if i < len(path) && path[i] != '/' {
			continue
		}
		_, err := c.Create(path[:i], nil, 0, acl)
		if err != nil && !errors.Is(err, zk.ErrNodeExists) {
			s.t.Fatalf("create %s: %v", path[:i], err)
		}
	}
}

// Resign ends the master's session: its znode goes at once.
func (m *Master) Resign() { m.once.Do(m.conn.Close) }

// output keeps what the server printed.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	lines := strings.Split(o.buf.String(), "\n")
	return strings.Join(lines[max(0, len(lines)-50):], "\n")
}

type silence struct{}

func (silence) Printf(string, ...any) {}
