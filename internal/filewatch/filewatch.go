// Package filewatch keeps what files hold current: certificates, keys, lists of tokens. A Current is read when it is
// made, and again whenever one of its files changes. While the files cannot be read, or do not fit each other because
// one of them is just being replaced, what they held last stays.
//
// It watches directories, not files: editors and Kubernetes replace a file, or a link on the way to it, by another
// one. internal/manager and internal/access use it. It knows nothing of what is in the files.
package filewatch

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/go-logr/logr"
)

// Watcher waits for changes of files, for any number of Currents.
type Watcher struct {
	log  logr.Logger
	fs   *fsnotify.Watcher
	done sync.WaitGroup

	mu      sync.Mutex
	readers []reader // guarded by mu
}

// reader is a Current without the type of its value.
type reader interface{ readAgain(logr.Logger) }

// New makes a Watcher; Close ends it.
func New(log logr.Logger) (*Watcher, error) {
	fs, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, fmt.Errorf("watch files: %w", err)
	}
	w := &Watcher{log: log, fs: fs}
	w.done.Go(w.run)
	return w, nil
}

// Close ends the watching. Currents keep what they have.
func (w *Watcher) Close() error {
	err := w.fs.Close()
	w.done.Wait()
	return err
}

// settle is how long files must rest before they are read again. Who writes in place empties a file first, and what is
// read then may look whole: a list of tokens that has none.
const settle = 50 * time.Millisecond

func (w *Watcher) run() {
	rested := time.NewTimer(settle)
	defer rested.Stop()
	for {
		select {
		case _, ok := <-w.fs.Events:
			if !ok {
				return
			}
			rested.Reset(settle)
			continue
		case <-rested.C:
		case err, ok := <-w.fs.Errors:
			if !ok {
				return
			}
			w.log.Error(err, "Watching files went wrong; they are read again")
		}
		// Which file it was does not matter: they are few, and small.
		w.mu.Lock()
		readers := w.readers
		w.mu.Unlock()
		for _, r := range readers {
			r.readAgain(w.log)
		}
	}
}

// Current is what some files hold. It is safe for concurrent use.
type Current[T any] struct {
	what  string
	load  func() (T, error)
	value atomic.Pointer[T]
	seen  []string // contents of the files as of the value; only one goroutine reads again
	paths []string
	fails bool
}

// Follow reads files for the first time with load, and has them read again when they change. An error of load is
// returned now; later ones are logged, once until it goes well again. what names the thing in the log.
func Follow[T any](w *Watcher, what string, load func() (T, error), paths ...string) (*Current[T], error) {
	c := &Current[T]{what: what, load: load, paths: paths}
	for _, path := range paths { // before the first reading, so that no change is missed
		if err := w.fs.Add(filepath.Dir(path)); err != nil {
			return nil, fmt.Errorf("%s: watch %s: %w", what, filepath.Dir(path), err)
		}
	}
	c.seen = contents(paths)
	value, err := load()
	if err != nil {
		return nil, err
	}
	c.value.Store(&value)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.readers = append(w.readers[:len(w.readers):len(w.readers)], c)
	return c, nil
}

// Get returns what the files held when they could be read last.
func (c *Current[T]) Get() T { return *c.value.Load() }

func (c *Current[T]) readAgain(log logr.Logger) {
	now := contents(c.paths)
	if same(now, c.seen) && !c.fails {
		return
	}
	value, err := c.load()
	if err != nil {
		if !c.fails {
			log.Info("A file cannot be read; what it held last is used", "option", c.what, "error", err.Error())
		}
		c.fails = true
		return
	}
	c.seen, c.fails = now, false
	c.value.Store(&value)
	log.Info("Read a file that has changed", "option", c.what)
}

// contents of the files; an unreadable one counts as empty.
func contents(paths []string) []string {
	all := make([]string, len(paths))
	for i, path := range paths {
		data, _ := os.ReadFile(path) // load reports the error
		all[i] = string(data)
	}
	return all
}

func same(a, b []string) bool {
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}
