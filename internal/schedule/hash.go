package schedule

// Hash spreads over all 64 bits what the parts and the number say. It is 64-bit FNV-1a of the parts, mixed with the number, then
// the finalizer of MurmurHash3: FNV alone leaves the high bits of similar short texts alike. It must stay as it is for ever:
// another hash would move Jobs to other times (TestHashIsTheSameForEver).
func Hash(number uint64, parts ...string) uint64 {
	h := uint64(14695981039346656037)
	for _, s := range parts {
		for i := range len(s) {
			h = (h ^ uint64(s[i])) * 1099511628211
		}
	}
	h ^= number
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	h = (h ^ h>>33) * 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}

// HashKey is what H depends on, beside the field: the Job's namespace and name. It must stay as it is for ever, as Hash must.
func HashKey(namespace, name string) string { return namespace + "/" + name }

// hashOf chooses the value of an H: a number from 0 to n-1 that depends on the Job's namespace and name, and on the field,
// so that the jobs that all say "H H * * *" spread over the day. The high half of the product maps evenly.
func hashOf(key, field string, n int) int {
	h := Hash(0, key, "\x00", field)
	return int(h >> 32 * uint64(n) >> 32)
}
