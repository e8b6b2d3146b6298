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
	sums     map[store.AnyEntry]func() error // by entry; guarded by mu, like violated
	violated []error
}

func newVerifier() *verifier { return &verifier{sums: map[store.AnyEntry]func() error{}} }

// replace takes note that an entry takes another's place. The old one is checked a last time.
func (v *verifier) replace(old, new store.AnyEntry) {
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
				return fmt.Errorf("%s was modified in the cache (I8)", new.GetKey())
			}
			return nil
		}
	}
}

// sumOf hashes all that an entry says.
func sumOf(e store.AnyEntry) [sha256.Size]byte {
	data, err := json.Marshal([]any{e, fmt.Sprint(e.GetErr())}) // Err's fields need not be exported
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
