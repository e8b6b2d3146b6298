package cache

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"

	"horae/internal/store"
)

// verifier remembers what each entry looked like when it came.
type verifier struct {
	mu       sync.Mutex
	sums     map[any]func() error // by entry; guarded by mu, like violated
	violated []error
}

func newVerifier() *verifier { return &verifier{sums: map[any]func() error{}} }

// replaceIn returns what a table calls when an entry takes another's place. The old one is checked a last time.
func replaceIn[T store.Object](v *verifier) func(old, new *store.Entry[T]) {
	return func(old, new *store.Entry[T]) {
		v.mu.Lock()
		defer v.mu.Unlock()
		if old != nil {
			if err := v.sums[old](); err != nil {
				v.violated = append(v.violated, err)
			}
			delete(v.sums, old)
		}
		if new != nil {
			sum := sumOf(new)
			v.sums[new] = func() error {
				if sumOf(new) != sum {
					return fmt.Errorf("%s was modified in the cache (I8)", new.Key)
				}
				return nil
			}
		}
	}
}

// sumOf hashes all that an entry says.
func sumOf[T store.Object](e *store.Entry[T]) [sha256.Size]byte {
	data, err := json.Marshal([]any{e.Key, e.Rev, e.Object, fmt.Sprint(e.Err), e.Earlier})
	if err != nil {
		panic(err) // these types can be written as JSON: they came from it
	}
	return sha256.Sum256(data)
}

func (v *verifier) check() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	errs := slices.Clone(v.violated)
	for _, check := range v.sums {
		errs = append(errs, check())
	}
	return errors.Join(errs...)
}
