//go:build production

package manager

import (
	"context"
	"errors"

	"github.com/go-logr/logr"
)

// hasDevCluster says that --dev works in this binary: a production binary has no dev cluster in it.
const hasDevCluster = false

// startDevCluster is never called: validate refuses such a configuration.
func startDevCluster(context.Context, Config, logr.Logger) (url string, stop func() error, err error) {
	return "", nil, errors.ErrUnsupported
}
