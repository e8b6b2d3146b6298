package etcdtest

import (
	"net"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"horae/internal/testparallel"
)

func TestMain(m *testing.M) {
	RunMember()
	runProgram()
	testparallel.AtLeast(8)
	goleak.VerifyTestMain(m)
}

func TestRestartKeepsPortAndData(t *testing.T) {
	s := New(t)
	endpoint := s.Endpoint
	c := Client(t, endpoint)
	if _, err := c.Put(t.Context(), "/a", "1"); err != nil {
		t.Fatal(err)
	}
	s.Stop()
	if l, err := net.Listen("tcp", strings.TrimPrefix(endpoint, "http://")); err == nil {
		l.Close()
		t.Error("somebody else could take the port of a server that is stopped")
	}
	s.Restart()
	if s.Endpoint != endpoint {
		t.Fatalf("endpoint %s after restart, want %s", s.Endpoint, endpoint)
	}
	got, err := c.Get(t.Context(), "/a")
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Kvs) != 1 || string(got.Kvs[0].Value) != "1" {
		t.Fatalf("got %v after restart, want the value written before", got.Kvs)
	}
	s.Stop()
	s.Stop() // stopped already: nothing to do
}

func TestServersOfOneTestAreSeparate(t *testing.T) {
	a, b := Start(t), Start(t)
	if a == b {
		t.Fatalf("both servers at %s", a)
	}
	if _, err := Client(t, a).Put(t.Context(), "/a", "1"); err != nil {
		t.Fatal(err)
	}
	got, err := Client(t, b).Get(t.Context(), "/a")
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Kvs) != 0 {
		t.Fatalf("the second server holds %v", got.Kvs)
	}
}
