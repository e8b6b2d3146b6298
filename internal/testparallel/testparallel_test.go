package testparallel

import (
	"flag"
	"os"
	"sync"
	"testing"
)

// more than there are processors on most machines, so that only AtLeast lets so many tests run at a time.
const more = 200

func TestMain(m *testing.M) {
	AtLeast(more)
	os.Exit(m.Run())
}

// TestAtLeast: all of these tests have to run at once for one of them to end.
func TestAtLeast(t *testing.T) {
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if given {
		t.Skip("-parallel is given, and counts")
	}
	var all sync.WaitGroup
	all.Add(more - 1) // this test is paused, and not counted, while its subtests run
	for range more - 1 {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			all.Done()
			all.Wait()
		})
	}
}
