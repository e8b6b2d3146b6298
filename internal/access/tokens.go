package access

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"k8s.io/apiserver/pkg/authentication/authenticator"
	"k8s.io/apiserver/pkg/authentication/user"
	"sigs.k8s.io/yaml"

	v1 "horae/api/v1"
	"horae/internal/cache"
	"horae/internal/store"
)

// secretPrefix marks the secrets of Tokens, so that tools that look for secrets find them.
const secretPrefix = "horae_"

// newSecret draws the secret of a Token, and its hash. The hash of 32 random bytes needs no salt.
func newSecret() (secret, hash string, err error) {
	var random [32]byte
	if _, err := rand.Read(random[:]); err != nil {
		return "", "", fmt.Errorf("draw the secret of a token: %w", err)
	}
	secret = secretPrefix + base64.RawURLEncoding.EncodeToString(random[:])
	return secret, hashOf(secret), nil
}

func hashOf(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// tokens are the Tokens of the cache, by hash. One that is deleted is gone with the event of its deletion.
type tokens struct {
	now  func() time.Time
	used func(name string)

	mu     sync.RWMutex
	byHash map[string]map[string]*v1.Token // guarded by mu: by hash and name
	hashes map[string]string               // guarded by mu: the hash by name
}

func newTokens(now func() time.Time) *tokens {
	return &tokens{now: now, byHash: map[string]map[string]*v1.Token{}, hashes: map[string]string{}}
}

func (t *tokens) see(e cache.Event) {
	if e.Key.Kind != store.Tokens {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	name := e.Key.Name
	if hash, ok := t.hashes[name]; ok {
		if delete(t.byHash[hash], name); len(t.byHash[hash]) == 0 {
			delete(t.byHash, hash)
		}
		delete(t.hashes, name)
	}
	token := store.As[v1.Token](e.New)
	if token == nil || token.SpecErr() != nil || token.Rev.Deleted() || len(v1.ValidateToken(token.Object)) > 0 {
		return // a document that is wrong lets nobody in
	}
	hash := strings.ToLower(token.Object.Spec.Hash)
	if t.byHash[hash] == nil {
		t.byHash[hash] = map[string]*v1.Token{}
	}
	t.byHash[hash][name], t.hashes[name] = token.Object, hash
}

var errTokenExpired = errors.New("the token has expired")

// AuthenticateToken implements authenticator.Token.
func (t *tokens) AuthenticateToken(_ context.Context, secret string) (*authenticator.Response, bool, error) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	var err error
	for name, token := range t.byHash[hashOf(secret)] {
		if token.Expired(t.now()) {
			err = errTokenExpired
			continue
		}
		if t.used != nil {
			t.used(name)
		}
		return &authenticator.Response{User: &user.DefaultInfo{Name: token.Spec.User, Groups: token.Spec.Groups}}, true, nil
	}
	return nil, false, err
}

// fileToken is an entry of the file of tokens.
type fileToken struct {
	Hash    string   `json:"hash"`
	User    string   `json:"user"`
	Groups  []string `json:"groups"`
	Expires *v1.Time `json:"expires"`
}

// fileTokens are the tokens of a file, by hash.
type fileTokens struct {
	get func() map[string]fileToken
	now func() time.Time
}

// AuthenticateToken implements authenticator.Token.
func (t *fileTokens) AuthenticateToken(_ context.Context, secret string) (*authenticator.Response, bool, error) {
	token, ok := t.get()[hashOf(secret)]
	switch {
	case !ok:
		return nil, false, nil
	case token.Expires != nil && !t.now().Before(token.Expires.Time):
		return nil, false, errTokenExpired
	}
	return &authenticator.Response{User: &user.DefaultInfo{Name: token.User, Groups: token.Groups}}, true, nil
}

// readTokens reads a file of tokens.
func readTokens(option, path string) (map[string]fileToken, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", option, err)
	}
	var list []fileToken
	if err := yaml.UnmarshalStrict(data, &list); err != nil {
		return nil, fmt.Errorf("%s: %s: must be a list of {hash, user, groups, expires}: %w", option, path, err)
	}
	all := make(map[string]fileToken, len(list))
	for i, t := range list {
		token := &v1.Token{Spec: v1.TokenSpec{User: t.User, Groups: t.Groups, Hash: t.Hash}}
		token.Name = "file"
		if errs := v1.ValidateToken(token); len(errs) > 0 {
			return nil, fmt.Errorf("%s: %s: entry %d: %w", option, path, i+1, errs.ToAggregate())
		}
		all[strings.ToLower(t.Hash)] = t
	}
	return all, nil
}
