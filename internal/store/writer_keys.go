package store

// keyUse is an etcd key that a change touches, and whether it writes it.
type keyUse struct {
	key    string
	writes bool
}

// usesOf lists each key of a change once.
func usesOf(c Change) []keyUse {
	uses := make([]keyUse, 0, len(c.Writes)+len(c.Guards))
	for _, w := range c.Writes {
		uses = append(uses, keyUse{w.EtcdKey, true})
	}
	for _, g := range c.Guards {
		if !used(uses, g.EtcdKey) {
			uses = append(uses, keyUse{g.EtcdKey, false})
		}
	}
	return uses
}

// used reports whether a key is in the list. The list is short: the keys of one change.
func used(uses []keyUse, key string) bool {
	for _, u := range uses {
		if u.key == key {
			return true
		}
	}
	return false
}

// keyUses counts the changes that read and write each key. Any number may read a key; one that writes it must be
// alone.
type keyUses map[string]useCount

type useCount struct {
	readers, writers int
}

// clash reports whether a change must wait.
func (k keyUses) clash(uses []keyUse) bool {
	if len(k) == 0 {
		return false
	}
	for _, u := range uses {
		c := k[u.key]
		if c.writers > 0 || u.writes && c.readers > 0 {
			return true
		}
	}
	return false
}

func (k keyUses) add(uses []keyUse) {
	for _, u := range uses {
		c := k[u.key]
		if u.writes {
			c.writers++
		} else {
			c.readers++
		}
		k[u.key] = c
	}
}

func (k keyUses) remove(uses []keyUse) {
	for _, u := range uses {
		c := k[u.key]
		if u.writes {
			c.writers--
		} else {
			c.readers--
		}
		if c == (useCount{}) {
			delete(k, u.key)
		} else {
			k[u.key] = c
		}
	}
}
