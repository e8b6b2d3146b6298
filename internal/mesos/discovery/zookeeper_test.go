package discovery

import (
	"context"
	"net"
	"sync"
	"testing"

	"github.com/go-logr/logr/testr"
	"github.com/go-zookeeper/zk"

	"horae/internal/zookeepertest"
)

func followReal(t *testing.T, url string) *Detector {
	t.Helper()
	u, err := Parse(url)
	if err != nil {
		t.Fatal(err)
	}
	d := New(u, testr.NewWithOptions(t, testr.Options{Verbosity: 1}))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); d.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return d
}

func TestZooKeeperElection(t *testing.T) {
	z := zookeepertest.Start(t)
	d := followReal(t, "zk://"+z.Address+"/dc1/mesos")
	until(t, d, "does not exist")
	z.Create(z.Client(), "/dc1/mesos", zk.WorldACL(zk.PermAll)...)
	until(t, d, "no Mesos master stands for election")
	first := z.Elect("/dc1/mesos", "127.0.0.1:5050")
	until(t, d, "", "127.0.0.1:5050")
	second := z.Elect("/dc1/mesos", "127.0.0.1:5051")
	first.Resign()
	until(t, d, "", "127.0.0.1:5051")
	second.Resign()
	until(t, d, "no Mesos master stands for election")
	z.Elect("/dc1/mesos", "127.0.0.1:5052")
	until(t, d, "", "127.0.0.1:5052")
}

func TestZooKeeperThatIsKilledAndComesBack(t *testing.T) {
	z := zookeepertest.Start(t)
	z.Elect("/mesos", "127.0.0.1:5050")
	d := followReal(t, "zk://"+z.Address+"/mesos")
	until(t, d, "", "127.0.0.1:5050")
	z.Kill()
	until(t, d, "no ZooKeeper server can be reached", "127.0.0.1:5050")
	z.Restart()
	until(t, d, "", "127.0.0.1:5050") // its session was not over
	z.Elect("/mesos", "127.0.0.1:5051")
}

// A server that is there and says nothing: the session is given up, and taken up anew when it speaks again.
func TestZooKeeperThatHangs(t *testing.T) {
	z := zookeepertest.Start(t)
	z.Elect("/mesos", "127.0.0.1:5050")
	d := followReal(t, "zk://"+z.Address+"/mesos")
	until(t, d, "", "127.0.0.1:5050")
	z.Pause()
	until(t, d, "connection to ZooKeeper is lost", "127.0.0.1:5050")
	z.Continue()
	until(t, d, "", "127.0.0.1:5050")
}

func TestZooKeeperWithCredentials(t *testing.T) {
	z := zookeepertest.Start(t)
	acl := append(zk.DigestACL(zk.PermRead, "horae", "s3,cr@t"), zk.WorldACL(zk.PermCreate|zk.PermDelete)...)
	z.Elect("/mesos", "127.0.0.1:5050", acl...)
	stranger := followReal(t, "zk://"+z.Address+"/mesos")
	until(t, stranger, "readable with credentials only")
	d := followReal(t, "zk://horae:s3,cr@t@"+z.Address+"/mesos")
	until(t, d, "", "127.0.0.1:5050")
	z.Kill()
	until(t, d, "no ZooKeeper server can be reached", "127.0.0.1:5050")
	z.Restart()
	until(t, d, "", "127.0.0.1:5050") // and so the credentials were given again
}

func TestZooKeeperListWithServersThatAreDown(t *testing.T) {
	z := zookeepertest.Start(t)
	z.Elect("/mesos", "127.0.0.1:5050")
	d := followReal(t, "zk://127.0.0.1:1,"+z.Address+",127.0.0.1:2/mesos")
	until(t, d, "", "127.0.0.1:5050")
}

// A server that takes the connection and closes it gives no session; the one that the next server gives is kept.
func TestZooKeeperListWithAServerThatHangsUp(t *testing.T) {
	z := zookeepertest.Start(t)
	z.Elect("/mesos", "127.0.0.1:5050")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var accepting sync.WaitGroup
	accepting.Go(func() {
		for c, err := l.Accept(); err == nil; c, err = l.Accept() {
			_ = c.Close()
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		accepting.Wait()
	})
	u, err := Parse("zk://" + l.Addr().String() + "," + z.Address + "/mesos")
	if err != nil {
		t.Fatal(err)
	}
	s, err := dial(t.Context(), u, testr.New(t))
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	if names, _, err := s.children("/mesos"); err != nil || len(names) != 1 {
		t.Fatalf("children: %q, %v", names, err)
	}
	select {
	case <-s.broken():
		t.Error("the session counts as lost")
	default:
	}
	z.Kill()
	<-s.broken()
}
