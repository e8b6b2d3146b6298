package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"horae/api"
	v1 "horae/api/v1"
)

// callbackKeysPrefix begins the keys of this file.
const callbackKeysPrefix = systemPrefix + "callback"

// Keys of callbacks.
const (
	// CallbackKeysKey holds the keys from which the tokens of callbacks are derived.
	CallbackKeysKey = callbackKeysPrefix + "-keys"
	callbacksPrefix = callbackKeysPrefix + "s/"
)

// Callback returns the etcd key of what callbacks have reported of a Run's attempt.
func (k Key) Callback() string { return callbacksPrefix + k.Namespace + "/" + k.Name }

// ParseCallbackKey returns the Run of such a key.
func ParseCallbackKey(etcdKey string) (Key, bool) {
	rest, ok := strings.CutPrefix(etcdKey, callbacksPrefix)
	namespace, name, ok2 := strings.Cut(rest, "/")
	if !ok || !ok2 || !isLabel(namespace) || name == "" || strings.Contains(name, "/") {
		return Key{}, false
	}
	return RunKey(namespace, name), true
}

// Callback is the document with what callbacks have reported of one attempt.
type Callback struct {
	v1.CallbackDocument
	// Revision is the key's modification revision.
	Revision int64
	// Err is why the document cannot be used; it is empty then.
	Err error
}

// maxCallbackDocument is more than any document that Horae writes.
const maxCallbackDocument = 64 << 10

// NewCallback decodes a document, which anybody may have written. Like a status it is decoded leniently.
func NewCallback(kv *KeyValue) *Callback {
	c := &Callback{Revision: kv.ModRevision}
	err := contained(func() error {
		if len(kv.Value) > maxCallbackDocument {
			return fmt.Errorf("it has %d bytes: the limit is %d", len(kv.Value), maxCallbackDocument)
		}
		if err := api.CheckJSON(kv.Value, maxStatusDepth); err != nil {
			return err
		}
		return json.Unmarshal(kv.Value, &c.CallbackDocument)
	})
	if err == nil {
		err = checkCallback(&c.CallbackDocument)
	}
	if err != nil {
		c.CallbackDocument, c.Err = v1.CallbackDocument{}, fmt.Errorf("decode %s: %w", kv.Key, err)
	}
	return c
}

func checkCallback(d *v1.CallbackDocument) error {
	switch {
	case d.TaskID == "":
		return errors.New("taskID is missing: the attempt that the callback is of")
	case d.Outcome != nil && d.Outcome.Phase != v1.RunSucceeded && d.Outcome.Phase != v1.RunFailed:
		return fmt.Errorf("outcome.phase is %q: must be Succeeded or Failed", v1.Shorten(string(d.Outcome.Phase), 64))
	case d.Progress != nil && *d.Progress < 0:
		return fmt.Errorf("progress is %d: must not be negative", *d.Progress)
	}
	return nil
}

// CallbackAt guards what callbacks have reported of a Run: it has not been written since revision; 0: nothing.
func CallbackAt(run Key, revision int64) Guard { return Guard{run.Callback(), revision} }

// PutCallback writes what callbacks have reported.
func PutCallback(run Key, d *v1.CallbackDocument) (Write, error) {
	value, err := json.Marshal(d)
	if err != nil {
		return Write{}, fmt.Errorf("encode %s: %w", run.Callback(), err)
	}
	return Write{run.Callback(), value}, nil
}

// DeleteCallback removes it.
func DeleteCallback(run Key) Write { return Write{EtcdKey: run.Callback()} }

// callbackKeys is the document under CallbackKeysKey.
type callbackKeys struct {
	// Keys make and check tokens: the first makes them.
	Keys [][]byte `json:"keys"`
}

// DecodeCallbackKeys reads the document under CallbackKeysKey, which an operator may have written to rotate the keys.
// Each key must have at least least bytes, and there must be one to most keys.
func DecodeCallbackKeys(value []byte, least, most int) ([][]byte, error) {
	var doc callbackKeys
	err := json.Unmarshal(value, &doc)
	switch {
	case err != nil:
		// The decoder's error may hold a part of the document, which is secret.
		err = errors.New(`it is not {"keys": ["<base64>", ...]}`)
	case len(doc.Keys) == 0 || len(doc.Keys) > most:
		err = fmt.Errorf("it has %d keys: one to %d are expected", len(doc.Keys), most)
	}
	for i, k := range doc.Keys {
		if err == nil && len(k) < least {
			err = fmt.Errorf("keys[%d] has %d bytes: at least %d are expected", i, len(k), least)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("decode %s: %w", CallbackKeysKey, err)
	}
	return doc.Keys, nil
}

// CreateCallbackKeys stores the first key if there is no document yet, by the leader's fence. ErrConflict: there is one.
func CreateCallbackKeys(ctx context.Context, w *Writer, key []byte) (revision int64, err error) {
	value, err := json.Marshal(callbackKeys{[][]byte{key}})
	if err != nil {
		return 0, fmt.Errorf("encode %s: %w", CallbackKeysKey, err)
	}
	return w.Apply(ctx, Change{Guards: []Guard{{CallbackKeysKey, 0}}, Writes: []Write{{CallbackKeysKey, value}}})
}
