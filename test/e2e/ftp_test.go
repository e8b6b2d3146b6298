package e2e

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
)

// ftpServer serves files to anybody who logs in as anonymous, or as hdfs with the password s3cret. It knows as much of FTP as it
// takes to fetch a file in passive mode.
type ftpServer struct {
	address string
	files   map[string]string // by their paths, without a slash at the beginning
	tls     *tls.Config       // nil: none; else from the first byte on
}

func (s *ftpServer) start(t *testing.T) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.address = l.Addr().String()
	var users sync.WaitGroup
	users.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			users.Go(func() { s.serve(s.secured(conn)) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		users.Wait()
	})
}

func (s *ftpServer) secured(conn net.Conn) net.Conn {
	if s.tls == nil {
		return conn
	}
	return tls.Server(conn, s.tls)
}

// serve speaks with one client until it hangs up.
func (s *ftpServer) serve(conn net.Conn) {
	defer conn.Close()
	say := func(format string, args ...any) { _, _ = fmt.Fprintf(conn, format+"\r\n", args...) }
	var data net.Listener
	defer func() {
		if data != nil {
			_ = data.Close()
		}
	}()
	user := ""
	say("220 ready")
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		command, arg, _ := strings.Cut(lines.Text(), " ")
		switch command {
		case "USER":
			user = arg
			say("331 password?")
		case "PASS":
			if user != "anonymous" && (user != "hdfs" || arg != "s3cret") {
				say("530 not logged in")
				return
			}
			say("230 logged in")
		case "TYPE", "PBSZ", "PROT":
			say("200 fine")
		case "EPSV":
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				say("425 %v", err)
				return
			}
			data = l
			say("229 Entering Extended Passive Mode (|||%d|)", l.Addr().(*net.TCPAddr).Port)
		case "RETR":
			s.send(arg, data, say)
		default:
			say("502 %s is not known here", command)
		}
	}
}

// send transfers a file; one of which the name says so breaks off.
func (s *ftpServer) send(path string, data net.Listener, say func(string, ...any)) {
	content, ok := s.files[path]
	if !ok || data == nil {
		say("550 %s: no such file", path)
		return
	}
	say("150 here it comes")
	conn, err := data.Accept()
	if err != nil {
		return
	}
	secured := s.secured(conn)
	_, _ = secured.Write([]byte(content))
	_ = secured.Close()
	if strings.Contains(path, "broken") {
		say("426 connection closed; transfer aborted")
		return
	}
	say("226 done")
}
