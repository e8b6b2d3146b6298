// Package testparallel lets the tests of a package run beside each other where they wait more than they compute. Without it `go test`
// runs as many at a time as there are processors, and a test that waits for a lease to run out keeps a processor idle.
// Only TestMain functions call it.
package testparallel

import (
	"flag"
	"strconv"
)

// AtLeast makes `go test` run at least n parallel tests at a time, unless -parallel is given. It parses the command line, and must be
// called before testing.M's Run.
func AtLeast(n int) {
	if !flag.Parsed() {
		flag.Parse()
	}
	const name = "test.parallel"
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == name })
	now := flag.Lookup(name)
	if given || now == nil {
		return
	}
	if p, err := strconv.Atoi(now.Value.String()); err == nil && p < n {
		_ = flag.Set(name, strconv.Itoa(n)) // a number is always taken
	}
}
