package leader

import "sync"

// doubts passes a lease's doubt on to Config.Doubt while the term's lead lasts. The lease is also kept before and
// after it.
type doubts struct {
	cfg Config

	mu sync.Mutex
	// The fields below are guarded by mu.
	leading bool
	doubt   bool
}

// set is called by the keeper of the lease.
func (d *doubts) set(doubt bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.doubt = doubt; d.leading {
		d.report()
	}
}

// begin is called when the lead is won, before the work begins: the lease may already be in doubt.
func (d *doubts) begin() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.leading = true; d.doubt {
		d.report()
	}
}

// end is called when lead has returned. The next term begins without doubt.
func (d *doubts) end() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.leading = false; d.doubt && d.cfg.Doubt != nil {
		d.cfg.Doubt(false)
	}
}

func (d *doubts) report() {
	if d.doubt {
		d.cfg.Log.Info("etcd does not refresh the leader's lease; another may lead")
	} else {
		d.cfg.Log.Info("etcd answers again, and the lead is still ours")
	}
	if d.cfg.Doubt != nil {
		d.cfg.Doubt(d.doubt)
	}
}
