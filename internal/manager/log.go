package manager

import (
	"context"
	"io"
	"log/slog"
	"time"

	"github.com/go-logr/logr"
)

// newLog makes the logger: logr's V(n) is slog's level -n, so verbosity n shows V(0) to V(n).
//
// The levels, in the words that log pipelines know: ERROR is what somebody has to look at; WARN, what went wrong and is dealt with, as by
// another try; INFO, what an operator wants to know; DEBUG, everything from V(1) on. logr has no warnings: they are what is logged by Info
// with the key "error".
func newLog(w io.Writer, c LogConfig) logr.Logger {
	o := &slog.HandlerOptions{Level: slog.Level(-c.Verbosity), ReplaceAttr: format}
	if c.Format == "json" {
		return logr.FromSlogHandler(warnings{slog.NewJSONHandler(w, o)})
	}
	return logr.FromSlogHandler(warnings{slog.NewTextHandler(w, o)})
}

// warnings makes warnings of Info lines that report an error.
type warnings struct{ slog.Handler }

func (h warnings) Handle(ctx context.Context, r slog.Record) error {
	if r.Level == slog.LevelInfo {
		r.Attrs(func(a slog.Attr) bool {
			if a.Key == "error" {
				r.Level = slog.LevelWarn
			}
			return r.Level == slog.LevelInfo
		})
	}
	return h.Handler.Handle(ctx, r)
}

func (h warnings) WithAttrs(attrs []slog.Attr) slog.Handler {
	return warnings{h.Handler.WithAttrs(attrs)}
}
func (h warnings) WithGroup(name string) slog.Handler { return warnings{h.Handler.WithGroup(name)} }

// format prints V(1) as DEBUG rather than INFO-1, and durations as Go does, in JSON as well, rounded to what somebody reads.
func format(groups []string, a slog.Attr) slog.Attr {
	if a.Key == slog.LevelKey && len(groups) == 0 {
		if l, ok := a.Value.Any().(slog.Level); ok && l < slog.LevelInfo {
			a.Value = slog.StringValue("DEBUG")
		}
	}
	if a.Value.Kind() == slog.KindDuration {
		a.Value = slog.StringValue(rounded(a.Value.Duration()).String())
	}
	return a
}

func rounded(d time.Duration) time.Duration {
	switch {
	case d >= time.Minute:
		return d.Round(time.Second)
	case d >= time.Second:
		return d.Round(10 * time.Millisecond)
	case d >= time.Millisecond:
		return d.Round(10 * time.Microsecond)
	}
	return d
}
