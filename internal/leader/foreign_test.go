package leader

import (
	"errors"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"

	"horae/internal/etcdtest"
	"horae/internal/store"
)

// TestAKeyThatIsNoCandidatesStopsNoElection: whoever may write the prefix could else have nobody lead, for ever.
func TestAKeyThatIsNoCandidatesStopsNoElection(t *testing.T) {
	put := func(t *testing.T, client *clientv3.Client, key string, opts ...clientv3.OpOption) {
		t.Helper()
		if _, err := client.Put(t.Context(), key, `{"name":"ghost"}`, opts...); err != nil {
			t.Fatal(err)
		}
	}
	for name, ghost := range map[string]func(t *testing.T, client *clientv3.Client){
		"without a lease": func(t *testing.T, client *clientv3.Client) { put(t, client, store.LeaderPrefix+"zzz") },
		"named like a candidate's, without a lease": func(t *testing.T, client *clientv3.Client) {
			put(t, client, store.LeaderPrefix+"694d9a5b1c2d3e4f")
		},
		"with a lease that is not its name": func(t *testing.T, client *clientv3.Client) {
			lease, err := client.Grant(t.Context(), 3600)
			if err != nil {
				t.Fatal(err)
			}
			put(t, client, store.LeaderPrefix+"zzz", clientv3.WithLease(lease.ID))
		},
	} {
		t.Run(name, func(t *testing.T) {
			endpoint := etcdtest.Start(t)
			client := etcdtest.Client(t, endpoint)
			ghost(t, client)
			if id, err := Leader(t.Context(), client); !errors.Is(err, ErrNoLeader) {
				t.Errorf("a key that is no candidate's leads: %+v, %v", id, err)
			}
			a := campaign(t, client, "a")
			receive(t, a.begun, "the lead of a")

			// One that is put while a leads and b waits comes between the two.
			ghost(t, client)
			b := campaign(t, etcdtest.Client(t, endpoint), "b")
			if id, err := Leader(t.Context(), client); err != nil || id.Name != "a" {
				t.Errorf("Leader = %+v, %v", id, err)
			}
			a.stop()
			receive(t, b.begun, "the lead of b")
			if id, err := Leader(t.Context(), client); err != nil || id.Name != "b" {
				t.Errorf("Leader = %+v, %v", id, err)
			}
		})
	}
}

// TestALeadersKeyThatWasPutAgainDoesNotStay: a put without its lease parts the key from it.
func TestALeadersKeyThatWasPutAgainDoesNotStay(t *testing.T) {
	endpoint := etcdtest.Start(t)
	client := etcdtest.Client(t, endpoint)
	a := campaign(t, client, "a")
	fence := receive(t, a.begun, "the lead of a")
	if _, err := client.Put(t.Context(), fence.Key, `{"name":"ghost"}`); err != nil {
		t.Fatal(err)
	}
	a.stop()
	if err := receive(t, a.result, "the end of a"); err != nil {
		t.Fatal(err)
	}
	b := campaign(t, etcdtest.Client(t, endpoint), "b")
	receive(t, b.begun, "the lead of b")
}
