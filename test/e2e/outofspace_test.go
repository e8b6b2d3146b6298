package e2e

import (
	"errors"
	"fmt"
	"strings"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"horae/internal/store"
)

// outOfSpace: something else has filled etcd, which refuses all that would make it grow.
func (w *weather) outOfSpace() {
	junk := strings.Repeat("x", quota/32)
	for i := 0; ; i++ {
		if _, err := w.client.Put(w.t.Context(), fmt.Sprintf("/junk/%d", i), junk); errors.Is(err, rpctypes.ErrNoSpace) {
			break
		} else if err != nil {
			w.t.Fatal(err)
		}
	}
	lead, subscriptions := w.lead(), w.subscriptions.Load()
	w.standstill("out of space")
	if now, again := w.lead(), w.subscriptions.Load()-subscriptions; now != lead || again != 0 {
		w.t.Errorf("the lead was %s and is %s, and Mesos was subscribed to %d times: want neither to change", lead, now, again)
	}
	// A subscription that breaks meanwhile is made again: that writes nothing.
	w.mesos.Master().DropStreams()
	eventually(w.t, "Mesos is subscribed to again", func() string {
		if w.subscriptions.Load() == subscriptions {
			return "it is not"
		}
		return ""
	})

	w.makeSpace()
	w.over()
}

// makeSpace does what an operator does: delete, compact, defragment (which stops a member for a while), and end the alarm.
func (w *weather) makeSpace() {
	w.t.Helper()
	ctx := w.t.Context()
	if _, err := w.client.Delete(ctx, "/junk/", clientv3.WithPrefix()); err != nil {
		w.t.Fatal(err)
	}
	w.compact()
	// A member may not have carried out the deletion or the compaction yet, and gains nothing from a defragmentation before it has.
	// It would raise the alarm again at its next write.
	for i, e := range w.etcd.Endpoints() {
		eventually(w.t, fmt.Sprintf("member %d has space", i), func() string {
			if _, err := w.etcd.Member(i).Defragment(ctx, e); err != nil {
				return err.Error()
			}
			switch s, err := w.etcd.Member(i).Status(ctx, e); {
			case err != nil:
				return err.Error()
			case s.DbSize > quota/2:
				return fmt.Sprintf("its data has %d bytes", s.DbSize)
			}
			return ""
		})
	}
	// A write that a member refused before it had space may raise the alarm after it was ended. No later one does.
	eventually(w.t, "etcd has no alarm, and takes a write at each member", func() string {
		alarms, err := w.client.AlarmList(ctx)
		if err != nil {
			return err.Error()
		}
		for _, a := range alarms.Alarms {
			if _, err := w.client.AlarmDisarm(ctx, (*clientv3.AlarmMember)(a)); err != nil {
				return err.Error()
			}
		}
		if len(alarms.Alarms) > 0 {
			return fmt.Sprintf("%d alarms", len(alarms.Alarms))
		}
		for i := range w.etcd.Endpoints() {
			if _, err := w.etcd.Member(i).Put(ctx, "/space", ""); err != nil {
				return err.Error()
			}
		}
		return ""
	})
}

// compact forgets all history.
func (w *weather) compact() {
	w.t.Helper()
	got, err := w.client.Get(w.t.Context(), store.LeaderPrefix)
	if err == nil {
		_, err = w.client.Compact(w.t.Context(), got.Header.Revision)
	}
	if err != nil && !errors.Is(err, rpctypes.ErrCompacted) {
		w.t.Fatal(err)
	}
}
