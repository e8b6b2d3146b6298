package schedule

import "sync"

// maxCached schedules are in each of the two maps of a Cache; one takes a few hundred bytes.
const maxCached = 8192

// Cache keeps parsed schedules, so that planning does not read expressions again. Its zero value is ready, and it is
// safe for concurrent use.
type Cache struct {
	mu sync.Mutex
	// recent and older are guarded by mu. When recent is full it becomes older: what was used lately survives.
	recent, older map[Anchor]*Schedule
}

// Parse is Anchor.Parse with a memory. Failures are not kept.
func (c *Cache) Parse(a Anchor) (*Schedule, error) {
	key := a.shared()
	c.mu.Lock()
	found := c.recent[key]
	if found == nil {
		if found = c.older[key]; found != nil {
			c.keepLocked(key, found)
		}
	}
	c.mu.Unlock()
	if found != nil {
		return found, nil
	}
	made, err := a.Parse()
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	c.keepLocked(key, made)
	c.mu.Unlock()
	return made, nil
}

func (c *Cache) keepLocked(key Anchor, s *Schedule) {
	if len(c.recent) >= maxCached {
		c.older, c.recent = c.recent, nil
	}
	if c.recent == nil {
		c.recent = map[Anchor]*Schedule{}
	}
	c.recent[key] = s
}
