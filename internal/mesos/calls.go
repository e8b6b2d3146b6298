package mesos

import (
	"context"
	"fmt"
	"time"

	mesosv1 "github.com/mesos/mesos-go/api/v1/lib"
	"github.com/mesos/mesos-go/api/v1/lib/scheduler"

	"horae/internal/offer"
)

// Check says why a task cannot be expressed in Mesos's words, with the field of its spec; nil: it can.
func (d *Driver) Check(t *offer.Task) error { return toTaskInfo(t, nil, &mesosv1.TaskInfo{}) }

// Accept launches l.Tasks on l.OfferIDs; without tasks it is a decline. If one of them cannot be
// expressed (Check), nothing is sent. A nil error means that the master has got it; updates report whether each task starts.
func (d *Driver) Accept(ctx context.Context, l offer.Launch) error {
	s := d.session.Load()
	if s == nil {
		return fmt.Errorf("ACCEPT: %w", ErrDisconnected)
	}
	accept := &scheduler.Call_Accept{OfferIDs: offerIDs(l.OfferIDs), Filters: refuse(l.Refuse)}
	if len(l.Tasks) > 0 {
		infos := make([]mesosv1.TaskInfo, len(l.Tasks))
		for i := range l.Tasks {
			if err := toTaskInfo(&l.Tasks[i], s.frameworkID, &infos[i]); err != nil {
				return fmt.Errorf("launch task %s: %w", l.Tasks[i].ID, err)
			}
		}
		accept.Operations = []mesosv1.Offer_Operation{{
			Type: mesosv1.Offer_Operation_LAUNCH, Launch: &mesosv1.Offer_Operation_Launch{TaskInfos: infos},
		}}
	}
	return d.callThrough(ctx, s.others, s, &scheduler.Call{Type: scheduler.Call_ACCEPT, Accept: accept})
}

// Decline gives offers back, not to be offered again to us for the given time.
func (d *Driver) Decline(ctx context.Context, ids []string, refuseFor time.Duration) error {
	return d.call(ctx, &scheduler.Call{Type: scheduler.Call_DECLINE, Decline: &scheduler.Call_Decline{
		OfferIDs: offerIDs(ids), Filters: refuse(refuseFor),
	}})
}

// AcceptInverse promises to leave agents before their maintenance windows. Mesos asks again after the given time.
func (d *Driver) AcceptInverse(ctx context.Context, ids []string, refuseFor time.Duration) error {
	return d.call(ctx, &scheduler.Call{Type: scheduler.Call_ACCEPT_INVERSE_OFFERS, AcceptInverseOffers: &scheduler.Call_AcceptInverseOffers{
		InverseOfferIDs: offerIDs(ids), Filters: refuse(refuseFor),
	}})
}

// DeclineInverse says that we may not have left agents before their maintenance windows. Mesos asks again after the given time.
func (d *Driver) DeclineInverse(ctx context.Context, ids []string, refuseFor time.Duration) error {
	return d.call(ctx, &scheduler.Call{Type: scheduler.Call_DECLINE_INVERSE_OFFERS,
		DeclineInverseOffers: &scheduler.Call_DeclineInverseOffers{
			InverseOfferIDs: offerIDs(ids), Filters: refuse(refuseFor),
		}})
}

// Kill asks for the end of a task. grace is the time between SIGTERM and SIGKILL; nil: the task's own. A task that is unknown
// is answered by an update.
func (d *Driver) Kill(ctx context.Context, task offer.TaskRef, grace *time.Duration) error {
	kill := &scheduler.Call_Kill{TaskID: mesosv1.TaskID{Value: task.TaskID}, AgentID: agentID(task.AgentID)}
	if grace != nil {
		kill.KillPolicy = &mesosv1.KillPolicy{GracePeriod: &mesosv1.DurationInfo{Nanoseconds: grace.Nanoseconds()}}
	}
	return d.call(ctx, &scheduler.Call{Type: scheduler.Call_KILL, Kill: kill})
}

// Acknowledge stops the agent from sending u again. Call it once the effect of u is stored (I2), and for one task in
// the order of its updates; acknowledging twice does no harm. An update that wants none is an error of the caller.
func (d *Driver) Acknowledge(ctx context.Context, u offer.Update) error {
	if !u.WantsAck() {
		return fmt.Errorf("acknowledge %s of task %s: it wants no acknowledgement", u.State, u.TaskID)
	}
	ack := struct {
		call scheduler.Call
		ack  scheduler.Call_Acknowledge
	}{}
	ack.ack.AgentID.Value, ack.ack.TaskID.Value, ack.ack.UUID = u.AgentID, u.TaskID, u.UUID
	ack.call.Type, ack.call.Acknowledge = scheduler.Call_ACKNOWLEDGE, &ack.ack
	return d.call(ctx, &ack.call)
}

// Reconcile asks for the state of tasks; of all that the master knows to be live, if tasks is empty. The answers are updates
// without a UUID. For a task of an agent that has not come back to a new master there is none.
func (d *Driver) Reconcile(ctx context.Context, tasks []offer.TaskRef) error {
	r := &scheduler.Call_Reconcile{Tasks: make([]scheduler.Call_Reconcile_Task, len(tasks))}
	for i, t := range tasks {
		r.Tasks[i] = scheduler.Call_Reconcile_Task{TaskID: mesosv1.TaskID{Value: t.TaskID}, AgentID: agentID(t.AgentID)}
	}
	return d.call(ctx, &scheduler.Call{Type: scheduler.Call_RECONCILE, Reconcile: r})
}

// Revive asks for offers to the given roles, all of ours if there are none, and clears their filters.
func (d *Driver) Revive(ctx context.Context, roles ...string) error {
	return d.call(ctx, &scheduler.Call{Type: scheduler.Call_REVIVE, Revive: &scheduler.Call_Revive{Roles: roles}})
}

// Suppress asks for no more offers to the given roles, all of ours if there are none, until Revive.
func (d *Driver) Suppress(ctx context.Context, roles ...string) error {
	return d.call(ctx, &scheduler.Call{Type: scheduler.Call_SUPPRESS, Suppress: &scheduler.Call_Suppress{Roles: roles}})
}

// Teardown kills every task and removes the framework; its id is forgotten and Run ends with ErrTornDown. It uses a connection
// of its own, because the master ends the stream, and with it the session, before it answers; and Run does not subscribe
// again before the answer is there, because that would make a new framework.
func (d *Driver) Teardown(ctx context.Context) error {
	d.tearing.Lock()
	defer d.tearing.Unlock()
	s := d.session.Load()
	if s == nil {
		return fmt.Errorf("TEARDOWN: %w", ErrDisconnected)
	}
	own := newPipe(dialMaster(d.cfg, s.master.Scheme, s.master.Host), d.cfg.CallTimeout)
	defer own.close()
	if err := d.callThrough(ctx, own, s, &scheduler.Call{Type: scheduler.Call_TEARDOWN}); err != nil {
		return err
	}
	d.tearOnce.Do(func() { close(d.torn) })
	d.end(ErrTornDown)
	if err := d.cfg.IDs.SetFrameworkID(ctx, ""); err != nil {
		return fmt.Errorf("framework is torn down; forget its id: %w", err)
	}
	return nil
}

// isTorn waits for a Teardown that is under way and reports whether there has been one.
func (d *Driver) isTorn() bool {
	d.tearing.Lock()
	defer d.tearing.Unlock()
	select {
	case <-d.torn:
		return true
	default:
		return false
	}
}

// call posts c on behalf of the present subscription. See ErrDisconnected, ErrUnanswered and CallError.
func (d *Driver) call(ctx context.Context, c *scheduler.Call) error {
	s := d.session.Load()
	if s == nil {
		return fmt.Errorf("%s: %w", c.Type, ErrDisconnected)
	}
	through := s.others
	if c.Type == scheduler.Call_ACKNOWLEDGE {
		through = s.acks
	}
	return d.callThrough(ctx, through, s, c)
}

func (d *Driver) callThrough(ctx context.Context, p *pipe, s *session, c *scheduler.Call) error {
	authorization, err := d.cfg.Credentials(ctx)
	if err != nil {
		return fmt.Errorf("%s: %w", c.Type, err)
	}
	c.FrameworkID = s.frameworkID
	return p.do(ctx, c.Type.String(), func(b []byte) ([]byte, error) {
		return appendRequest(b, s.request, authorization, c)
	})
}

func offerIDs(ids []string) []mesosv1.OfferID {
	out := make([]mesosv1.OfferID, len(ids))
	for i, id := range ids {
		out[i].Value = id
	}
	return out
}

func refuse(d time.Duration) *mesosv1.Filters {
	seconds := d.Seconds()
	return &mesosv1.Filters{RefuseSeconds: &seconds}
}

func agentID(id string) *mesosv1.AgentID {
	if id == "" {
		return nil
	}
	return &mesosv1.AgentID{Value: id}
}
