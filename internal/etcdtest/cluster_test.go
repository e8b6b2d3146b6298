package etcdtest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// put writes through any member, until one of them has.
func put(t *testing.T, c *clientv3.Client, key, value string) {
	t.Helper()
	for {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		_, err := c.Put(ctx, key, value)
		cancel()
		if err == nil {
			return
		}
		if t.Context().Err() != nil {
			t.Fatalf("put %s: %v", key, err)
		}
	}
}

func TestClusterLosesMembersAndGetsThemBack(t *testing.T) {
	t.Parallel()
	c := NewCluster(t, 3)
	client := Client(t, c.Endpoints()...)
	put(t, client, "/a", "1")

	// The leader is killed: another one leads, and what was written is there.
	lost := c.Leader(t.Context())
	c.Kill(lost)
	c.Kill(lost) // gone already: nothing to do
	if now := c.Leader(t.Context()); now == lost {
		t.Fatalf("member %d leads and is dead", now)
	}
	put(t, client, "/b", "2")

	// Without a majority nothing is written.
	second := c.Followers(t.Context())[0]
	c.Kill(second)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := client.Put(ctx, "/c", "3"); err == nil {
		t.Error("one member of three has accepted a write")
	}

	// It comes back on the same ports, with the same data.
	c.Start(lost, second)
	for i := range 3 {
		got, err := c.Member(i).Get(t.Context(), "/b")
		if err != nil || len(got.Kvs) != 1 || string(got.Kvs[0].Value) != "2" {
			t.Errorf("member %d: got %v, %v, want what was written while it was dead", i, got, err)
		}
	}
}

func TestClusterStopsAndContinues(t *testing.T) {
	t.Parallel()
	c := NewCluster(t, 3)
	client := Client(t, c.Endpoints()...)
	stopped := c.Leader(t.Context())
	c.Stop(stopped)
	if now := c.Leader(t.Context()); now == stopped {
		t.Fatalf("member %d leads and is stopped", now)
	}
	put(t, client, "/a", "1")
	c.Continue(stopped)
	if got, err := c.Member(stopped).Get(t.Context(), "/a"); err != nil || len(got.Kvs) != 1 {
		t.Errorf("the member that was stopped: got %v, %v, want what was written meanwhile", got, err)
	}

	for to := range 3 {
		c.MoveLeader(t.Context(), to)
		if now := c.Leader(t.Context()); now != to {
			t.Errorf("member %d leads, want %d, to which the lead was moved", now, to)
		}
	}
}

// TestClusterIsPartitioned: the leader alone on its side accepts nothing, and the others choose one of their own. When only what it sends is
// lost, it is deposed as well. In the end all have what was written.
func TestClusterIsPartitioned(t *testing.T) {
	t.Parallel()
	c := NewCluster(t, 3, WithPartitions())
	client := Client(t, c.Endpoints()...)
	put(t, client, "/a", "1")
	for name, part := range map[string]func(leader int, others []int){
		"in both directions": func(leader int, _ []int) { c.Partition(leader) },
		"in one": func(leader int, others []int) {
			for _, i := range others {
				c.Part(leader, i)
			}
		},
	} {
		alone := c.Leader(t.Context())
		others := c.Followers(t.Context())
		part(alone, others)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		_, err := c.Member(alone).Put(ctx, "/alone", name)
		cancel()
		if err == nil {
			t.Errorf("%s: the member that is alone has accepted a write", name)
		}
		// The others may take their time to elect one of them.
		for began := time.Now(); c.Leader(t.Context()) == alone; time.Sleep(askAgain) {
			if time.Since(began) > startTimeout {
				t.Fatalf("%s: member %d leads and is alone", name, alone)
			}
		}
		put(t, Client(t, c.Endpoints()[others[0]], c.Endpoints()[others[1]]), "/b", name)
		c.Heal()
		for i := range 3 {
			if got, err := c.Member(i).Get(t.Context(), "/b"); err != nil || len(got.Kvs) != 1 || string(got.Kvs[0].Value) != name {
				t.Errorf("%s: member %d: got %v, %v, want what was written by the others", name, i, got, err)
			}
		}
	}
}

func TestClusterWithAQuotaRunsOutOfSpace(t *testing.T) {
	t.Parallel()
	c := NewCluster(t, 1, WithQuota(1<<20))
	client := Client(t, c.Endpoints()...)
	for i := 0; ; i++ {
		_, err := client.Put(t.Context(), "/a", strings.Repeat("x", 100<<10))
		if err != nil {
			if !strings.Contains(err.Error(), "space exceeded") {
				t.Fatal(err)
			}
			return
		}
		if i == 100 {
			t.Fatal("ten times the quota was written")
		}
	}
}

// A write waits for the disk of a majority, so for one slow disk of three it does not wait, and for two it does.
func TestClusterWithSlowDisks(t *testing.T) {
	t.Parallel()
	const delay = 200 * time.Millisecond
	c := NewCluster(t, 3, WithMemberFsync())
	client := Client(t, c.Endpoints()...)
	took := func() time.Duration {
		put(t, client, "/a", "1")
		start := time.Now()
		put(t, client, "/a", "2")
		return time.Since(start)
	}
	if err := c.SlowDisk(delay, 0, 1, 2); err != nil {
		t.Skip(err)
	}
	if d := took(); d < delay {
		t.Errorf("a write took %s, with disks that take %s", d, delay)
	}
	// A healthy disk is not measured in absolute time: only that one slow disk of three is not waited for.
	if err := c.SlowDisk(0, c.Leader(t.Context()), c.Followers(t.Context())[0]); err != nil {
		t.Fatal(err)
	}
	t.Logf("with one slow disk of three a write took %s", took())
}

// program is a T for a program that is no test.
type program struct{ dir string }

func (program) Helper()                   {}
func (program) Logf(string, ...any)       {}
func (program) Failed() bool              { return false }
func (program) Cleanup(func())            {}
func (p program) TempDir() string         { return p.dir }
func (program) Fatalf(f string, a ...any) { fmt.Printf(f+"\n", a...); os.Exit(1) }

// programEnv has the test binary, executed again, run a cluster in the directory that it names, until it is killed.
const programEnv = "HORAE_ETCDTEST_PROGRAM"

func runProgram() {
	dir, ok := os.LookupEnv(programEnv)
	if !ok {
		return
	}
	c := NewCluster(program{dir}, 2)
	fmt.Println(strings.Join(c.Endpoints(), " "))
	select {}
}

// Members end with their program, however it ends.
func TestMembersDieWithTheirProgram(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), programEnv+"="+t.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the program said %q: %v", line, err)
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait() // it was killed: that is its error
	for _, endpoint := range strings.Fields(line) {
		for {
			conn, err := net.Dial("tcp", strings.TrimPrefix(endpoint, "http://"))
			if errors.Is(err, syscall.ECONNREFUSED) {
				break
			}
			if err == nil {
				conn.Close()
			}
		}
	}
}

func TestReservedPortIsFreeForItsOwnerAlone(t *testing.T) {
	port, release, err := reserve()
	if err != nil {
		t.Fatal(err)
	}
	address := (&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}).String()
	if l, err := net.Listen("tcp", address); err == nil {
		l.Close()
		t.Error("somebody else could listen on a reserved port")
	}
	if conn, err := net.Dial("tcp", address); err == nil {
		conn.Close()
		t.Error("a reserved port where nobody listens accepts connections")
	}
	release()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatalf("the port was released: %v", err)
	}
	l.Close()
}
