// Package version says which build this is. It imports nothing of Horae and decides nothing. The binaries and the
// server use it.
package version

import (
	"runtime"
	"runtime/debug"
)

// version is set by the linker (see the Makefile).
var version = ""

// Info describes a build.
type Info struct {
	Version   string `json:"gitVersion"`
	Commit    string `json:"gitCommit,omitempty"`
	BuildTime string `json:"buildDate,omitempty"`
	Go        string `json:"goVersion"`
	Platform  string `json:"platform"`
}

// Get returns the build's description; what the build did not record is "unknown" or empty.
func Get() Info {
	i := Info{Version: version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	if b, ok := debug.ReadBuildInfo(); ok {
		for _, s := range b.Settings {
			switch s.Key {
			case "vcs.revision":
				i.Commit = s.Value
			case "vcs.time":
				i.BuildTime = s.Value
			}
		}
	}
	if i.Version == "" {
		i.Version = "unknown"
	}
	return i
}
