package devcluster

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
)

// ServeFaults serves, until the cluster is closed, what breaks parts of it: the hooks, for a test that has the cluster in another
// process. It returns its URL. Whoever reaches the address may break the cluster: it is for tests.
//
//	POST /master/stop, /master/start           as kill -9, and started again: recordings/master_restart
//	POST /master/dropstreams                   subscriptions break
//	POST /master/silence?on=true               no events, no heartbeats; on=false ends it
//	POST /updates/lose?share=0.8               that share of the agents' updates is lost on the way to the master; 0 ends it
//	POST /agents/N/partition, /agents/N/heal   cut off from the master, and back: recordings/agent_loss
//	POST /agents/N/crash, /agents/N/restart    the agent's process: recordings/agent_crash
//	POST /agents/N/holdexecutors?on=true       executors start and do not register: tasks stay in TASK_STAGING; on=false ends it
//	POST /agents/N/killexecutors               those that have not registered end: TASK_FAILED, REASON_EXECUTOR_TERMINATED
//
// N counts from 0. What is so already stays so.
func (c *Cluster) ServeFaults(ctx context.Context, addr string) (url string, err error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return "", fmt.Errorf("listen for faults on %s: %w", addr, err)
	}
	s := c.serve(l, c.faultHandler())
	c.mu.Lock()
	c.servers = append(c.servers, s)
	c.mu.Unlock()
	return "http://" + l.Addr().String(), nil
}

func (c *Cluster) faultHandler() http.Handler {
	mux := http.NewServeMux()
	handle := func(path string, do func(*http.Request) error) {
		mux.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) {
			if err := do(r); err != nil {
				reply(w, err)
				return
			}
			w.WriteHeader(http.StatusNoContent)
		})
	}
	handle("/master/stop", func(*http.Request) error { c.StopMaster(); return nil })
	handle("/master/start", func(r *http.Request) error {
		c.mu.Lock()
		up := c.server != nil
		c.mu.Unlock()
		if up {
			return nil
		}
		return c.StartMaster(context.WithoutCancel(r.Context()))
	})
	handle("/master/dropstreams", func(*http.Request) error { c.master.DropStreams(); return nil })
	handle("/master/silence", func(r *http.Request) error {
		on, err := onOrOff(r)
		if err == nil {
			c.master.Silence(on)
		}
		return err
	})
	handle("/updates/lose", func(r *http.Request) error {
		share, err := strconv.ParseFloat(r.FormValue("share"), 64)
		if err != nil || share < 0 || share > 1 {
			return badRequest("share: must be a number from 0 to 1")
		}
		c.master.SetHooks(Hooks{BeforeUpdate: func(string, string) bool { return rand.Float64() >= share }})
		return nil
	})
	for name, do := range map[string]func(*Agent){
		"partition": (*Agent).Partition, "heal": (*Agent).Heal, "crash": (*Agent).Crash, "restart": (*Agent).Restart,
		"killexecutors": func(a *Agent) { a.KillStartingExecutors() },
	} {
		handle("/agents/{n}/"+name, func(r *http.Request) error {
			a, err := c.agentNumber(r.PathValue("n"))
			if err == nil {
				do(a)
			}
			return err
		})
	}
	handle("/agents/{n}/holdexecutors", func(r *http.Request) error {
		a, err := c.agentNumber(r.PathValue("n"))
		if err != nil {
			return err
		}
		on, err := onOrOff(r)
		if err == nil {
			a.HoldExecutors(on)
		}
		return err
	})
	return mux
}

// onOrOff reads the parameter on.
func onOrOff(r *http.Request) (bool, error) {
	on, err := strconv.ParseBool(r.FormValue("on"))
	if err != nil {
		return false, badRequest("on: must be true or false")
	}
	return on, nil
}

func (c *Cluster) agentNumber(text string) (*Agent, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n >= c.Agents() {
		return nil, &httpError{http.StatusNotFound, fmt.Sprintf("there is no agent %q: there are 0 to %d", text, c.Agents()-1)}
	}
	return c.Agent(n), nil
}
