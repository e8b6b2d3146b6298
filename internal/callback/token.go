package callback

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strings"
)

// KeySize is the length of a key that Horae makes. MinKeySize is that of the shortest that it uses.
const (
	KeySize    = 32
	MinKeySize = 16
)

// MaxKeys bounds how many keys are in use at once: those of rotations that are not over yet.
const MaxKeys = 8

// prefix of every token: it says what a token is, and which version.
const prefix = "hc1."

// maxToken is more than any token has: Mesos takes task IDs of at most 255 characters.
const maxToken = 512

// Token returns the token of an attempt. It names the attempt's task, whose ID is never used again (I4), and is
// authenticated by the key. So nothing has to be stored for it, and it is good for that attempt only.
func Token(key []byte, taskID string) string {
	return prefix + taskID + "." + string(mac(key, taskID))
}

// mac binds the task ID to the purpose, so that no other use of the key makes a token. It is encoded for a token.
func mac(key []byte, taskID string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte("horae callback v1\n"))
	h.Write([]byte(taskID))
	return base64.RawURLEncoding.AppendEncode(nil, h.Sum(nil))
}

// Verify returns the task that a token is of. It is false unless one of the keys made the token. The comparison takes
// the same time whatever the token is.
func Verify(keys [][]byte, token string) (taskID string, ok bool) {
	if len(token) > maxToken {
		return "", false
	}
	rest, found := strings.CutPrefix(token, prefix)
	dot := strings.LastIndexByte(rest, '.')
	if !found || dot <= 0 {
		return "", false
	}
	claimed, given := rest[:dot], []byte(rest[dot+1:])
	for _, key := range keys {
		if len(key) >= MinKeySize && hmac.Equal(given, mac(key, claimed)) {
			ok = true
		}
	}
	if !ok {
		return "", false
	}
	return claimed, true
}
