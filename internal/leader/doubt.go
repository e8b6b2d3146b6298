package leader

import "sync"

// doubts hands on to Config.Doubt what a term's lease says, as long as the term's lead lasts: the lease is kept before and after it.
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
		d.tell()
	}
}

// begin is called when the lead is won, before there is work: the lease may have been doubtful for a while.
func (d *doubts) begin() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.leading = true; d.doubt {
		d.tell()
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

func (d *doubts) tell() {
	if d.doubt {
		d.cfg.Log.Info("etcd does not refresh the leader's lease; another may lead")
	} else {
		d.cfg.Log.Info("etcd answers again, and the lead is still ours")
	}
	if d.cfg.Doubt != nil {
		d.cfg.Doubt(d.doubt)
	}
}
