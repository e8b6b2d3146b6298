package manager

import (
	"errors"

	"github.com/go-logr/logr"
	"go.uber.org/zap/zapcore"
)

// etcdLog passes etcd's log to logr, from level up. etcd logs routine at info, which operators do not need.
type etcdLog struct {
	zapcore.LevelEnabler
	log logr.Logger
}

func (c etcdLog) With(fields []zapcore.Field) zapcore.Core {
	return etcdLog{c.LevelEnabler, c.log.WithValues(pairs(fields)...)}
}

func (c etcdLog) Check(e zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if c.Enabled(e.Level) {
		return checked.AddCore(e, c)
	}
	return checked
}

func (c etcdLog) Write(e zapcore.Entry, fields []zapcore.Field) error {
	if e.Level >= zapcore.PanicLevel {
		c.log.Error(errors.New(e.Message),
			"The embedded etcd cannot go on and ends this process. Its data stays; is the disk full?", pairs(fields)...)
		return nil
	}
	c.log.Error(errors.New(e.Message), "The embedded etcd complains", pairs(fields)...)
	return nil
}

func (etcdLog) Sync() error { return nil }

func pairs(fields []zapcore.Field) []any {
	m := zapcore.NewMapObjectEncoder()
	var kv []any
	for _, f := range fields {
		f.AddTo(m)
		if v, ok := m.Fields[f.Key]; ok {
			kv = append(kv, f.Key, v)
		}
	}
	return kv
}
