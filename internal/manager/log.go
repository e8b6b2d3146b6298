package manager

import (
	"io"
	"log/slog"

	"github.com/go-logr/logr"
)

// newLog makes the logger: logr's V(n) is slog's level -n, so verbosity n shows V(0) to V(n).
func newLog(w io.Writer, c LogConfig) logr.Logger {
	o := &slog.HandlerOptions{Level: slog.Level(-c.Verbosity), ReplaceAttr: nameLevels}
	if c.Format == "json" {
		return logr.FromSlogHandler(slog.NewJSONHandler(w, o))
	}
	return logr.FromSlogHandler(slog.NewTextHandler(w, o))
}

// nameLevels prints V(1) as DEBUG rather than INFO-1: the words that log pipelines know.
func nameLevels(groups []string, a slog.Attr) slog.Attr {
	if a.Key == slog.LevelKey && len(groups) == 0 {
		if l, ok := a.Value.Any().(slog.Level); ok && l < slog.LevelInfo {
			a.Value = slog.StringValue("DEBUG")
		}
	}
	return a
}
