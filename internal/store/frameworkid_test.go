package store

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"horae/internal/etcdtest"
)

// late is a store whose next transaction, on request, is kept back and answered Unavailable; what came out of kept makes it.
type late struct {
	*Store
	keep atomic.Bool
	kept chan func() error
}

func openLate(t *testing.T) *late {
	t.Helper()
	l := &late{kept: make(chan func() error, 1)}
	front := etcdtest.NewFront(t, etcdtest.Start(t), etcdtest.FrontHooks{
		Unary: func(ctx context.Context, req any, forward func(context.Context) (any, error)) (any, error) {
			if _, ok := req.(*pb.TxnRequest); !ok || !l.keep.CompareAndSwap(true, false) {
				return forward(ctx)
			}
			l.kept <- func() error {
				_, err := forward(context.WithoutCancel(ctx))
				return err
			}
			return nil, status.Error(codes.Unavailable, "the answer did not come")
		},
	})
	l.Store = open(t, front.Endpoint)
	return l
}

// A member of etcd that stood still wakes, and proposes what the leader has long asked others for.
func TestFrameworkIDIsNotUndoneByALateWrite(t *testing.T) {
	for name, c := range map[string]struct {
		kept string   // the id whose write is made last
		then []string // the ids that are written before it is made
		want string
	}{
		"forgotten twice, and a new one is stored":             {kept: "", then: []string{"", "new"}, want: "new"},
		"not forgotten, as the next master takes it after all": {kept: "", then: []string{"old"}, want: "old"},
		"another one is stored instead":                        {kept: "lost", then: []string{"new"}, want: "new"},
	} {
		t.Run(name, func(t *testing.T) {
			s := openLate(t)
			ids := &FrameworkIDs{Store: s.Store, Writer: writer(t, s.Store)}
			ctx := t.Context()
			if err := ids.SetFrameworkID(ctx, "old"); err != nil {
				t.Fatal(err)
			}
			s.keep.Store(true)
			if err := ids.SetFrameworkID(ctx, c.kept); !errors.Is(err, ErrUnknown) {
				t.Fatalf("a write that is not answered: %v", err)
			}
			for _, id := range c.then {
				if _, err := ids.FrameworkID(ctx); err != nil {
					t.Fatal(err)
				}
				if err := ids.SetFrameworkID(ctx, id); err != nil {
					t.Fatal(err)
				}
			}
			if err := (<-s.kept)(); err != nil {
				t.Fatal(err)
			}
			if got, err := ids.FrameworkID(ctx); err != nil || got != c.want {
				t.Errorf("FrameworkID = %q, %v, want %q", got, err, c.want)
			}
		})
	}
}

// Who has not read what is stored does not write over it.
func TestFrameworkIDThatWasChangedSinceIsAConflict(t *testing.T) {
	s := openLate(t)
	ids := &FrameworkIDs{Store: s.Store, Writer: writer(t, s.Store)}
	ctx := t.Context()
	s.keep.Store(true)
	if err := ids.SetFrameworkID(ctx, "f-1"); !errors.Is(err, ErrUnknown) {
		t.Fatalf("a write that is not answered: %v", err)
	}
	if err := (<-s.kept)(); err != nil {
		t.Fatal(err)
	}
	if err := ids.SetFrameworkID(ctx, "f-2"); !errors.Is(err, ErrConflict) {
		t.Errorf("written without having read: %v", err)
	}
	if got, err := ids.FrameworkID(ctx); err != nil || got != "f-1" {
		t.Errorf("FrameworkID = %q, %v", got, err)
	}
	if err := ids.SetFrameworkID(ctx, "f-2"); err != nil {
		t.Errorf("written after having read: %v", err)
	}
}
