package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
)

// FrameworkIDs keeps the framework id that Mesos gave. Writes go through the leader's fence: only one process at a time may
// subscribe under it.
type FrameworkIDs struct {
	Store  *Store
	Writer *Writer
}

// frameworkID is the document under FrameworkIDKey.
type frameworkID struct {
	FrameworkID string `json:"frameworkID"`
}

// FrameworkID returns the stored id; empty when there is none.
func (f FrameworkIDs) FrameworkID(ctx context.Context) (string, error) {
	value, _, err := f.Store.read(ctx, FrameworkIDKey)
	if errors.Is(err, ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	var doc frameworkID
	if err := json.Unmarshal(value, &doc); err != nil {
		return "", fmt.Errorf("decode %s: %w", FrameworkIDKey, err)
	}
	return doc.FrameworkID, nil
}

// SetFrameworkID stores the id; an empty one forgets it. The errors are those of Writer.Apply.
func (f FrameworkIDs) SetFrameworkID(ctx context.Context, id string) error {
	w := Write{EtcdKey: FrameworkIDKey}
	if id != "" {
		value, err := json.Marshal(frameworkID{id})
		if err != nil {
			return fmt.Errorf("encode %s: %w", FrameworkIDKey, err)
		}
		w.Value = value
	}
	_, err := f.Writer.Apply(ctx, Change{Writes: []Write{w}})
	return err
}
