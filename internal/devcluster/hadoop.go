package devcluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// openByHadoop gets a file by the Hadoop client, to which Mesos's fetcher leaves all schemes that it does not know: the one of
// HADOOP_HOME, or of the PATH (src/hdfs/hdfs.cpp).
func openByHadoop(ctx context.Context, uri string) (io.ReadCloser, error) {
	program := "hadoop"
	if home := os.Getenv("HADOOP_HOME"); home != "" {
		program = filepath.Join(home, "bin", "hadoop")
	}
	if _, err := hadoop(ctx, program, "version"); err != nil {
		code := 127 // what a shell says of a command that it does not find
		if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
			code = exit.ExitCode()
		}
		return nil, fmt.Errorf( //nolint:staticcheck // Mesos's words
			"Failed to create HDFS client: Failed to execute '%s version 2>&1'; the command was "+
				"either not found or exited with a non-zero exit status: %d", program, code)
	}
	dir, err := os.MkdirTemp("", "devcluster-hadoop-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir) // the file that is open stays readable
	to := filepath.Join(dir, "file")
	if out, err := hadoop(ctx, program, "fs", "-copyToLocal", uri, to); err != nil {
		return nil, fmt.Errorf("HDFS copyToLocal failed: %w: %s", err, out)
	}
	return os.Open(to)
}

// hadoop runs the client, a script that starts a program, to its end or to that of ctx, and answers what it printed.
func hadoop(ctx context.Context, program string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	killAsGroup(cmd)
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}
