package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/codes"
)

const (
	// maxOps is etcd's default limit on operations in a transaction (--max-txn-ops).
	maxOps = 128
	// maxBytes bounds the changes in a transaction, below etcd's limit on requests. A larger change is sent alone.
	maxBytes = 1 << 20
	// maxInFlight is how many transactions are sent without waiting for each other's answers.
	maxInFlight = 2
	// pipelineAt is how many changes must wait before a transaction is sent while another is in flight. Fewer wait
	// for the answer: by then there will be more, and each transaction costs etcd a log entry and a share of an
	// fsync, whatever its size.
	pipelineAt = 32
)

// Writer makes the leader's changes, fenced and grouped. Every change commits or conflicts alone, but changes that
// arrive while a transaction is in flight wait and are sent together: one outer transaction compares the fence, one
// nested transaction per change compares its guards. With nothing in flight a change is sent at once.
//
// Two changes that touch a key that one of them writes are never in flight together, and are sent in the order in
// which they arrived. etcd evaluates all comparisons of a transaction before any of its writes, and refuses two
// writes of one key.
//
// It is safe for concurrent use. Its goroutines live while transactions are in flight; Close waits for them.
type Writer struct {
	store *Store
	fence Fence
	wg    sync.WaitGroup // one for each transaction in flight

	mu       sync.Mutex
	queue    []*request // in order of arrival; guarded by mu, like all that follows
	inFlight int        // transactions
	busy     keyUses    // keys of the changes in flight
	fenced   error      // ErrFenced once it was seen: the leader key of that revision cannot come back
	paused   bool
	closed   bool
}

// request is a change on its way.
type request struct {
	change Change
	uses   []keyUse
	ops    int // as etcd counts the nested transaction
	bytes  int
	done   chan result     // buffered: sending the result never blocks
	left   <-chan struct{} // closed when its caller no longer waits

	// sent and gone (its caller left before it was sent) are guarded by the writer's mu.
	sent, gone bool
}

// goneLocked reports whether the caller has left. It checks the caller's context, because the caller may not have
// called abandon yet. w.mu must be held.
func (r *request) goneLocked() bool {
	select {
	case <-r.left:
		r.gone = true
	default:
	}
	return r.gone
}

type result struct {
	revision int64
	err      error
}

// Writer returns a Writer whose changes are made only while the fence holds. Close it when the lead ends.
func (s *Store) Writer(fence Fence) *Writer {
	return &Writer{store: s, fence: fence, busy: keyUses{}}
}

// Apply makes a change, blocks until it is committed, and returns its revision. ErrConflict: a guard did not hold,
// nothing was written. ErrFenced: nothing was written, and no later change will be. ErrPaused: nothing was written.
// ErrTooLarge: nothing was written, and the same change never will be. ErrUnknown: the change may have been written,
// or may yet be.
//
// If ctx ends before the change is sent, it is not sent, and ctx's error is returned. If ctx ends later, the outcome
// is unknown. After any other error nothing was written.
func (w *Writer) Apply(ctx context.Context, change Change) (int64, error) {
	r, err := newRequest(change)
	if err != nil {
		return 0, err
	}
	r.left = ctx.Done()
	if err := ctx.Err(); err != nil {
		return 0, fmt.Errorf("%s: %w", change, err)
	}
	w.mu.Lock()
	if err := w.refusalLocked(change); err != nil {
		w.mu.Unlock()
		return 0, fmt.Errorf("%s: %w", change, err)
	}
	w.queue = append(w.queue, r)
	w.sendLocked()
	w.mu.Unlock()

	select {
	case res := <-r.done:
		return res.revision, res.err
	case <-ctx.Done():
	}
	if w.abandon(r) {
		return 0, fmt.Errorf("%s: %w", change, ctx.Err())
	}
	select {
	case res := <-r.done: // it was answered just now
		return res.revision, res.err
	default:
		return 0, fmt.Errorf("%s: %w: %w", change, ErrUnknown, ctx.Err())
	}
}

// Pause has further changes refused with ErrPaused until it is called with false. Changes that arrived before are
// sent, and so are changes that write nothing: a pause ends when etcd answers one of them.
func (w *Writer) Pause(paused bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.paused = paused
}

// Close refuses further changes, waits until those that arrived before are answered, and returns. It takes as long as
// etcd takes. If etcd does not answer, it takes about as long as the store's request timeout, and what was not sent
// by then is not written.
func (w *Writer) Close() {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	w.wg.Wait()
}

func newRequest(change Change) (*request, error) {
	if err := change.check(); err != nil {
		return nil, err
	}
	return &request{
		change: change,
		uses:   usesOf(change),
		ops:    change.operations(),
		bytes:  change.Size(),
		done:   make(chan result, 1),
	}, nil
}

func (w *Writer) refusalLocked(change Change) error {
	if w.fenced != nil {
		return w.fenced
	}
	if w.closed {
		return ErrClosed
	}
	if w.paused && len(change.Writes) > 0 {
		return ErrPaused
	}
	return nil
}

// abandon takes back a request that has not been sent.
func (w *Writer) abandon(r *request) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if r.sent {
		return false
	}
	r.gone = true
	return true
}

// sendLocked sends what may be sent. w.mu must be held.
func (w *Writer) sendLocked() {
	for w.inFlight < maxInFlight && (w.inFlight == 0 || len(w.queue) >= pipelineAt) {
		group := w.takeLocked()
		if len(group) == 0 {
			return
		}
		w.inFlight++
		w.wg.Go(func() { w.commit(group) })
	}
}

// takeLocked takes the next group from the queue, oldest first. What touches a busy key stays, and keeps its keys
// busy for those behind it, so that order is kept. w.mu must be held.
func (w *Writer) takeLocked() []*request {
	var group, stay []*request
	blocked := keyUses{}
	most, bytes, seen := 0, 0, 0
	for _, r := range w.queue {
		if r.goneLocked() {
			seen++
			continue
		}
		// n nested transactions count as n operations, and each must fit into what they leave of the limit.
		if len(group)+1+max(most, r.ops) > maxOps || len(group) > 0 && bytes+r.bytes > maxBytes {
			break
		}
		seen++
		if w.busy.clash(r.uses) || blocked.clash(r.uses) {
			blocked.add(r.uses)
			stay = append(stay, r)
			if len(stay) == maxOps {
				break // with so much contention, searching further costs more than it finds
			}
			continue
		}
		r.sent = true
		w.busy.add(r.uses)
		group = append(group, r)
		most, bytes = max(most, r.ops), bytes+r.bytes
	}
	// Requests that stay are put back before those that were not examined.
	copy(w.queue[seen-len(stay):seen], stay)
	clear(w.queue[:seen-len(stay)])
	w.queue = w.queue[seen-len(stay):]
	return group
}

// commit sends a group and answers its requests. A group that etcd refuses because of one of its changes is sent
// again one by one: nothing of it was written.
func (w *Writer) commit(group []*request) {
	results := w.transact(group)
	if len(group) > 1 && refusedForOne(results[0].err) {
		for i, r := range group {
			// If etcd stops answering, the remaining requests keep the refusal: they were not written.
			if results[i] = w.transact([]*request{r})[0]; errors.Is(results[i].err, ErrUnknown) {
				break
			}
		}
	}
	w.mu.Lock()
	for _, r := range group {
		w.busy.remove(r.uses)
	}
	w.inFlight--
	dropped, why := w.dropLocked(results)
	w.sendLocked()
	w.mu.Unlock()

	for i, r := range group {
		w.answer(r, results[i])
	}
	for _, r := range dropped {
		w.answer(r, result{err: fmt.Errorf("%s: %w", r.change, why)})
	}
}

// dropLocked empties the queue if a transaction's results show that sending what waits is useless: the fence is gone,
// or etcd does not answer and the writer is being closed. w.mu must be held.
func (w *Writer) dropLocked(results []result) (dropped []*request, why error) {
	is := func(target error) bool {
		return slices.ContainsFunc(results, func(r result) bool { return errors.Is(r.err, target) })
	}
	if is(ErrFenced) {
		w.fenced = ErrFenced
	}
	switch {
	case w.fenced != nil:
		why = w.fenced
	case w.closed && is(ErrUnknown):
		why = ErrClosed
	default:
		return nil, nil
	}
	dropped, w.queue = w.queue, nil
	return dropped, why
}

func (w *Writer) answer(r *request, res result) {
	w.store.metrics.count(res.err)
	r.done <- res
}

// transact sends a group as one transaction, and returns each change's result.
func (w *Writer) transact(group []*request) []result {
	results := make([]result, len(group))
	ops := make([]clientv3.Op, len(group))
	for i, r := range group {
		ops[i] = clientv3.OpTxn(r.change.compares(), r.change.ops(), nil)
	}
	// The outcome matters to the whole group, so no caller's context ends it.
	ctx, cancel := w.store.requestContext(context.Background())
	defer cancel()
	start := time.Now()
	resp, err := w.store.client.Txn(ctx).
		If(clientv3.Compare(clientv3.CreateRevision(w.fence.Key), "=", w.fence.CreateRevision)).
		Then(ops...).Commit()
	w.store.metrics.observe(len(group), time.Since(start))
	for i, r := range group {
		switch {
		case err != nil:
			results[i].err = writeError(r.change, err)
		case !resp.Succeeded:
			results[i].err = fmt.Errorf("%s: %w", r.change, ErrFenced)
		case !resp.Responses[i].GetResponseTxn().Succeeded:
			results[i].err = fmt.Errorf("%s: %w", r.change, ErrConflict)
		default:
			results[i].revision = resp.Header.Revision
		}
	}
	return results
}

// refusedForOne reports whether a single change may be the reason why etcd refused the whole group.
func refusedForOne(err error) bool {
	if err == nil || errors.Is(err, ErrUnknown) {
		return false
	}
	code := codeOf(err)
	return code == codes.InvalidArgument || code == codes.PermissionDenied || errors.Is(err, rpctypes.ErrRequestTooLarge)
}
