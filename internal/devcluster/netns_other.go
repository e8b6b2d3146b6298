//go:build !linux

package devcluster

import (
	"context"
	"net"
)

// dialIn dials a container's address: there are no network namespaces to enter.
func dialIn(c *container) dialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		return dialOutside(ctx, c, network, address)
	}
}
