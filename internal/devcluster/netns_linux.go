package devcluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// dialIn dials from inside of a container's network, as Mesos's checks do. Whoever may not enter it dials the container's address
// from outside.
func dialIn(c *container) dialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		type result struct {
			conn net.Conn
			err  error
		}
		done := make(chan result, 1)
		go func() {
			// Never unlocked: the thread, which is in another network then, ends with the goroutine.
			runtime.LockOSThread()
			err := enterNetwork(c.pid)
			if err != nil {
				done <- result{nil, err}
				return
			}
			conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
			done <- result{conn, err}
		}()
		r := <-done
		if errors.Is(r.err, unix.EPERM) {
			return dialOutside(ctx, c, network, address)
		}
		return r.conn, r.err
	}
}

func enterNetwork(pid int) error {
	f, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", pid))
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.Setns(int(f.Fd()), unix.CLONE_NEWNET)
}
