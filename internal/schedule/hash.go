package schedule

// hashOf chooses the value of an H: a number from 0 to n-1 that depends on the Job's namespace and name, and on the field,
// so that the jobs that all say "H H * * *" spread over the day.
//
// It is 64-bit FNV-1a of key, a zero byte and the field's name, then the finalizer of MurmurHash3 (FNV alone leaves the
// high bits of similar short keys alike), and the high half of the product with n, which maps evenly. It must stay as it is
// for ever: another hash would move every such Job to another time (TestHashIsTheSameForEver).
func hashOf(key, field string, n int) int {
	h := uint64(14695981039346656037)
	for _, s := range [...]string{key, "\x00", field} {
		for i := range len(s) {
			h = (h ^ uint64(s[i])) * 1099511628211
		}
	}
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	h = (h ^ h>>33) * 0xc4ceb9fe1a85ec53
	h ^= h >> 33
	return int(h >> 32 * uint64(n) >> 32)
}
