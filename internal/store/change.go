package store

import (
	"errors"
	"fmt"
	"strings"

	clientv3 "go.etcd.io/etcd/client/v3"
	"k8s.io/apimachinery/pkg/runtime"

	"horae/api"
	v1 "horae/api/v1"
)

// Fence makes a write conditional on leadership: the leader's key must still have the create revision it had when the
// lead was won (I6).
type Fence struct {
	Key            string
	CreateRevision int64
}

// Change is a set of writes that happen together or not at all. Usually it touches one object's keys; a Run's
// creation with its Job's cursor touches two objects'. A change may write each etcd key at most once. One without
// writes checks its guards, and the writer's fence, and writes nothing.
type Change struct {
	Guards []Guard
	// NewKeys hold if no key that begins with EtcdKey was created after Revision. etcd examines all such keys, so
	// there should be few.
	NewKeys []Guard
	Writes  []Write
}

// CreateRun adds a Run, only if there is none of its name (I3).
func (c *Change) CreateRun(run *v1.Run) error {
	key := RunKey(run.Namespace, run.Name)
	put, err := PutSpec(key, run)
	c.Guards = append(c.Guards, SpecAt(key, 0))
	c.Writes = append(c.Writes, put)
	return err
}

// CancelRun sets spec.cancel of a Run, only if its spec is still as it was read.
func (c *Change) CancelRun(run *Run) error {
	stopped := run.Object.DeepCopy() // I8
	stopped.Spec.Cancel = true
	put, err := PutSpec(run.Key, stopped)
	c.Guards = append(c.Guards, SpecAt(run.Key, run.Rev.SpecMod))
	c.Writes = append(c.Writes, put)
	return err
}

// Guard holds when the etcd key's modification revision is Revision; 0: the key does not exist.
type Guard struct {
	EtcdKey  string
	Revision int64
}

// Write puts Value under the etcd key, or deletes the key when Value is nil.
type Write struct {
	EtcdKey string
	Value   []byte
}

// SpecAt guards an object's spec: it has not been written since revision; 0: it does not exist.
func SpecAt(key Key, revision int64) Guard { return Guard{key.Spec(), revision} }

// StatusAt guards an object's status: it has not been written since revision; 0: it does not exist.
func StatusAt(key Key, revision int64) Guard { return Guard{key.Status(), revision} }

// NoneSince guards, as one of a change's NewKeys, against objects that the caller has not seen: none whose name
// begins with that of key was created after revision.
func NoneSince(key Key, revision int64) Guard { return Guard{key.Spec(), revision} }

// PutSpec writes what a user wants: the object without its status and without the metadata that is computed.
func PutSpec(key Key, obj runtime.Object) (Write, error) {
	value, err := api.EncodeSpec(obj)
	if err != nil {
		return Write{}, fmt.Errorf("encode the spec of %s: %w", key, err)
	}
	return Write{key.Spec(), value}, nil
}

// PutStatus writes what the controller observed. The object's uid in it names the incarnation that the status belongs
// to; without a uid that is the incarnation that exists, or is created, at its revision.
func PutStatus(key Key, obj runtime.Object) (Write, error) {
	value, err := api.EncodeStatus(obj)
	if err != nil {
		return Write{}, fmt.Errorf("encode the status of %s: %w", key, err)
	}
	return Write{key.Status(), value}, nil
}

// PutJobStatus writes a Job's status like PutStatus, with the statistics that stand in the same document: see
// Entry.Statistics.
func PutJobStatus(key Key, job *v1.Job, statistics string) (Write, error) {
	value, err := api.EncodeJobStatus(job, statistics)
	if err != nil {
		return Write{}, fmt.Errorf("encode the status of %s: %w", key, err)
	}
	return Write{key.Status(), value}, nil
}

// StatisticsAt guards a Job's statistics key: it has not been written since revision; 0: it does not exist.
func StatisticsAt(key Key, revision int64) Guard { return Guard{key.Statistics(), revision} }

// PutStatistics writes a Job's statistics key, DeleteStatistics deletes it, whether or not it exists.
func PutStatistics(key Key, document []byte) Write { return Write{key.Statistics(), document} }

// DeleteStatistics deletes a Job's statistics key.
func DeleteStatistics(key Key) Write { return Write{EtcdKey: key.Statistics()} }

// DeleteSpec deletes the object as a user does; its status stays for the controller to clean up.
func DeleteSpec(key Key) Write { return Write{EtcdKey: key.Spec()} }

// DeleteStatus deletes the last key of an object.
func DeleteStatus(key Key) Write { return Write{EtcdKey: key.Status()} }

// check refuses what etcd would refuse, so that a mistaken change never fails the others of its group.
func (c Change) check() error {
	seen := make(map[string]bool, len(c.Writes))
	for _, w := range c.Writes {
		if w.EtcdKey == "" {
			return errors.New("a change writes an empty key")
		}
		if seen[w.EtcdKey] {
			return fmt.Errorf("a change writes %s twice", w.EtcdKey)
		}
		seen[w.EtcdKey] = true
	}
	for _, guards := range [][]Guard{c.Guards, c.NewKeys} {
		for _, g := range guards {
			if g.EtcdKey == "" {
				return errors.New("a change guards an empty key")
			}
		}
	}
	return c.checkSize()
}

func (c Change) compares() []clientv3.Cmp {
	cmps := make([]clientv3.Cmp, 0, len(c.Guards)+len(c.NewKeys))
	for _, g := range c.Guards {
		cmps = append(cmps, clientv3.Compare(clientv3.ModRevision(g.EtcdKey), "=", g.Revision))
	}
	for _, g := range c.NewKeys {
		cmps = append(cmps, clientv3.Compare(clientv3.CreateRevision(g.EtcdKey), "<", g.Revision+1).WithPrefix())
	}
	return cmps
}

func (c Change) ops() []clientv3.Op {
	ops := make([]clientv3.Op, len(c.Writes))
	for i, w := range c.Writes {
		if w.Value == nil {
			ops[i] = clientv3.OpDelete(w.EtcdKey)
		} else {
			ops[i] = clientv3.OpPut(w.EtcdKey, string(w.Value))
		}
	}
	return ops
}

// Limits of one change, from etcd's defaults.
const (
	// MaxChangeBytes is etcd's limit on a request (--max-request-bytes, 1.5 MiB), less the size of the transaction
	// around a change.
	MaxChangeBytes = 3<<19 - 4<<10
	// MaxChangeOps is etcd's limit on the operations of a transaction (--max-txn-ops), less the nested transaction
	// itself.
	MaxChangeOps = maxOps - 1
)

// perOp is what etcd's encoding adds to the keys and values of an operation, or a little more.
const perOp = 40

// Size returns how many bytes the change takes in a request, or a little more. A change beyond MaxChangeBytes or
// MaxChangeOps is refused with ErrTooLarge.
func (c Change) Size() int {
	n := perOp
	for _, w := range c.Writes {
		n += len(w.EtcdKey) + len(w.Value) + perOp
	}
	for _, g := range c.Guards {
		n += len(g.EtcdKey) + perOp
	}
	for _, g := range c.NewKeys {
		n += 2*len(g.EtcdKey) + perOp
	}
	return n
}

func (c Change) operations() int { return max(len(c.Guards)+len(c.NewKeys), len(c.Writes)) }

// checkSize refuses what etcd would refuse for its size.
func (c Change) checkSize() error {
	if n := c.operations(); n > MaxChangeOps {
		return fmt.Errorf("%s: %w: %d operations, the limit is %d", c, ErrTooLarge, n, MaxChangeOps)
	}
	if n := c.Size(); n > MaxChangeBytes {
		return fmt.Errorf("%s: %w: %d bytes, the limit is %d", c, ErrTooLarge, n, MaxChangeBytes)
	}
	return nil
}

// String names the keys of the change, for errors.
func (c Change) String() string {
	var keys []string
	for _, w := range c.Writes {
		keys = append(keys, w.EtcdKey)
	}
	const most = 4
	if n := len(keys) - most; n > 0 {
		keys = append(keys[:most:most], fmt.Sprintf("and %d more keys", n))
	}
	if len(keys) == 0 {
		if len(c.Guards) == 0 {
			return "check the fence"
		}
		for _, g := range c.Guards {
			keys = append(keys, g.EtcdKey)
		}
		return "check " + strings.Join(keys, ", ")
	}
	return "write " + strings.Join(keys, ", ")
}
