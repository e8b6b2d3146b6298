package etcdtest

import (
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
)

// reserve takes a free port of 127.0.0.1 that only who sets SO_REUSEPORT can listen on, until the port is released. The socket
// is bound and does not listen: while nobody else does, connections are refused, and the kernel gives the port to no one. So a
// process that was killed finds it free when it comes back.
func reserve() (port int, release func(), err error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, nil, fmt.Errorf("reserve a port: %w", err)
	}
	port, err = bind(fd)
	if err != nil {
		_ = unix.Close(fd)
		return 0, nil, fmt.Errorf("reserve a port: %w", err)
	}
	return port, func() { _ = unix.Close(fd) }, nil
}

func bind(fd int) (port int, err error) {
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err != nil {
		return 0, err
	}
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return 0, err
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		return 0, err
	}
	in, ok := name.(*unix.SockaddrInet4)
	if !ok {
		return 0, syscall.EAFNOSUPPORT
	}
	return in.Port, nil
}
