package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
)

// FrameworkIDs stores the framework id that Mesos assigned. Writes go through the leader's fence: only one process at
// a time may subscribe under it. Each write is also guarded by the revision read last: a write that etcd did not
// answer may be committed late, and must not replace or delete an id that was stored after it.
type FrameworkIDs struct {
	Store  *Store
	Writer *Writer

	revision atomic.Int64 // of the key, as last read or written; 0: absent
}

// frameworkID is the document under FrameworkIDKey.
type frameworkID struct {
	FrameworkID string `json:"frameworkID"`
}

// FrameworkID returns the stored id; empty when there is none.
func (f *FrameworkIDs) FrameworkID(ctx context.Context) (string, error) {
	value, revision, err := f.Store.read(ctx, FrameworkIDKey)
	if errors.Is(err, ErrNotFound) {
		f.revision.Store(0)
		return "", nil
	}
	if err != nil {
		return "", err
	}
	var doc frameworkID
	if err := json.Unmarshal(value, &doc); err != nil {
		return "", fmt.Errorf("decode %s: %w", FrameworkIDKey, err)
	}
	f.revision.Store(revision)
	return doc.FrameworkID, nil
}

// SetFrameworkID stores the id; an empty one deletes it. The errors are those of Writer.Apply; ErrConflict: the
// stored id is not the one that FrameworkID returned, or SetFrameworkID wrote, last.
func (f *FrameworkIDs) SetFrameworkID(ctx context.Context, id string) error {
	w := Write{EtcdKey: FrameworkIDKey}
	if id != "" {
		value, err := json.Marshal(frameworkID{id})
		if err != nil {
			return fmt.Errorf("encode %s: %w", FrameworkIDKey, err)
		}
		w.Value = value
	}
	guard := Guard{FrameworkIDKey, f.revision.Load()}
	revision, err := f.Writer.Apply(ctx, Change{Guards: []Guard{guard}, Writes: []Write{w}})
	if err != nil {
		return err
	}
	if id == "" {
		revision = 0
	}
	f.revision.Store(revision)
	return nil
}
