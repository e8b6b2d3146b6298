package manager

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/go-logr/logr"
)

// readSecret reads a file that holds one secret; a newline at its end is the editor's, not the secret's.
func readSecret(field, path string) (string, error) {
	if path == "" {
		return "", nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("%s: %w", field, err)
	}
	secret := strings.TrimRight(string(data), "\r\n")
	if secret == "" {
		return "", errors.New(field + ": " + path + " is empty")
	}
	return secret, nil
}

// rotatedSecret is a secret in a file that is replaced from time to time. It is safe for concurrent use.
type rotatedSecret struct {
	field, path string
	log         logr.Logger

	mu    sync.Mutex
	value string      // what was read last; the rest is guarded by mu, too
	file  fs.FileInfo // as of then
	read  time.Time   // then
	err   error       // of a later attempt
}

// newRotatedSecret reads the secret for the first time.
func newRotatedSecret(field, path string, log logr.Logger) (*rotatedSecret, error) {
	s := &rotatedSecret{field: field, path: path, log: log}
	file, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", field, err)
	}
	if s.value, err = readSecret(field, path); err != nil {
		return nil, err
	}
	s.file, s.read = file, time.Now()
	return s, nil
}

// settled is how old a file must be when it is read before its time shows whether it has changed since: not all file systems keep
// the time exactly.
const settled = 2 * time.Second

// get returns the secret as the file has it. While that cannot be read, or is empty, because it is just being written, the
// last one is used.
func (s *rotatedSecret) get(context.Context) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	file, err := os.Stat(s.path)
	if err == nil && os.SameFile(file, s.file) && file.Size() == s.file.Size() && file.ModTime().Equal(s.file.ModTime()) &&
		s.read.Sub(file.ModTime()) > settled {
		return s.value, nil
	}
	now := time.Now()
	value, err := readSecret(s.field, s.path)
	switch {
	case err != nil:
		if s.err == nil {
			s.log.Info("The secret cannot be read; the last one is used", "error", err.Error())
		}
		s.err = err
	case file != nil:
		if value != s.value {
			s.log.Info("Read a new secret", "option", s.field, "file", s.path)
		}
		s.value, s.file, s.read, s.err = value, file, now, nil
	}
	return s.value, nil
}
