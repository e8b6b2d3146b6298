package devcluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
)

// fetchCache keeps what an agent fetched with cache: true. As Mesos's fetcher cache it goes by user and URI, asks a server once
// however many tasks want a URI, never again while the file is there, and removes what was not used for longest when
// it grows beyond its limit. It begins empty.
type fetchCache struct {
	dir   string
	limit int64

	mu      sync.Mutex
	entries map[fetchKey]*fetchEntry
	size    int64
	uses    int // counts gets: the order of last use
}

type fetchKey struct{ user, uri string }

// fetchEntry is one file of the cache. Guarded by fetchCache.mu, but for err and size before ready is closed.
type fetchEntry struct {
	path  string
	ready chan struct{} // closed when the download has ended
	err   error
	size  int64

	readers  int // who copies or unpacks it: it stays
	lastUse  int
	obsolete bool // it is in entries no more: the last reader removes it
}

// get answers the file with what the URI holds, which load writes if it is not there yet; whoever comes meanwhile waits for it.
// Without an error done must be called.
func (c *fetchCache) get(ctx context.Context, key fetchKey, load func(path string) error) (path string, done func(), err error) {
	c.mu.Lock()
	e := c.entries[key]
	first := e == nil
	c.uses++
	if first {
		e = &fetchEntry{path: filepath.Join(c.dir, c.fileName(key.uri)), ready: make(chan struct{})}
		if c.entries == nil {
			c.entries = map[fetchKey]*fetchEntry{}
		}
		c.entries[key] = e
	}
	e.readers++
	e.lastUse = c.uses
	c.mu.Unlock()
	done = func() { c.release(e) }

	if first {
		e.err = c.load(e, load)
		close(e.ready)
		c.loaded(key, e)
	}
	select {
	case <-e.ready:
		err = e.err
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		done()
		return "", nil, err
	}
	return e.path, done, nil
}

// fileName names a file of the cache as Mesos's FetcherProcess::Cache::nextFilename does: it ends as the URI does, by which archives
// are known. c.mu must be held.
func (c *fetchCache) fileName(uri string) string {
	base, _ := baseName(uri) // fetch has seen to that
	if len(base) > 20 {
		base = base[:10] + "_" + base[len(base)-10:]
	}
	return fmt.Sprintf("c%d-%s", c.uses, base)
}

func (c *fetchCache) load(e *fetchEntry, load func(path string) error) error {
	if err := os.MkdirAll(c.dir, 0o700); err != nil {
		return err
	}
	if err := load(e.path); err != nil {
		return errors.Join(err, removeIfThere(e.path))
	}
	info, err := os.Stat(e.path)
	if err == nil {
		e.size = info.Size()
	}
	return err
}

// loaded books an entry, or forgets one that failed or is too large, and makes room.
func (c *fetchCache) loaded(key fetchKey, e *fetchEntry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e.err != nil || e.size > c.limit {
		delete(c.entries, key)
		e.obsolete = true
		return
	}
	c.size += e.size
	for c.size > c.limit && c.evict() {
	}
}

// evict removes the file that was not used for longest, and says whether there was one.
func (c *fetchCache) evict() bool {
	var oldest fetchKey
	var victim *fetchEntry
	for key, e := range c.entries {
		if e.readers == 0 && (victim == nil || e.lastUse < victim.lastUse) {
			oldest, victim = key, e
		}
	}
	if victim == nil {
		return false
	}
	delete(c.entries, oldest)
	c.size -= victim.size
	_ = os.Remove(victim.path) // nothing but disk is lost if it stays
	return true
}

func (c *fetchCache) release(e *fetchEntry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e.readers--
	if e.readers == 0 && e.obsolete {
		_ = removeIfThere(e.path) // nothing but disk is lost if it stays
	}
	for c.size > c.limit && c.evict() {
	}
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
