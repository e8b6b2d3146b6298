package devcluster

import (
	"encoding/binary"
	"math/rand/v2"

	"github.com/google/uuid"
)

// newUUIDBytes makes a random UUID, of the fast generator: thousands of updates a second need one each, and nothing
// depends on their being hard to guess.
func newUUIDBytes() []byte {
	b := make([]byte, 16)
	binary.LittleEndian.PutUint64(b, rand.Uint64())
	binary.LittleEndian.PutUint64(b[8:], rand.Uint64())
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return b
}

func newUUID() string {
	return uuid.UUID(newUUIDBytes()).String()
}

// validUUID reports whether Mesos takes these bytes for a UUID: 16 of them, of a version from 1 to 5 (id::UUID::fromBytes in
// 3rdparty/stout/include/stout/uuid.hpp).
func validUUID(b []byte) bool {
	return len(b) == 16 && b[6]>>4 >= 1 && b[6]>>4 <= 5
}
