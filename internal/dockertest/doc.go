// Package dockertest starts a Docker daemon of a test's own, from Debian's docker.io, with images made of a static busybox. It has
// its own socket, data, containerd and configuration, no bridge of its own and no rules in iptables: a Docker that already
// runs on the machine is not touched. Only tests import it. Where it cannot start one it skips the test and says why.
package dockertest
