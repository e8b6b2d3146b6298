//go:build race

package costtest

// slack: with the race detector a sync.Pool forgets much of what is put into it, so that more is allocated.
const slack = 4
