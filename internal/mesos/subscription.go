package mesos

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/mesos/mesos-go/api/v1/lib/scheduler"
)

// subscription is one attempt to subscribe and, if it succeeds, what follows until the stream ends.
type subscription struct {
	d      *Driver
	h      Handler
	master *url.URL
	stored string // id of the framework
	id     string // the same, or one that could not be stored; "" until the master gives one

	streamID string
	silence  *watchdog
}

// run posts SUBSCRIBE and reads events until the stream ends, for whatever reason; it always returns an error.
func (s *subscription) run(parent context.Context) error {
	ctx, cancel := context.WithCancelCause(parent)
	defer cancel(nil)
	s.d.setCancel(cancel)
	defer s.d.setCancel(nil)
	if s.d.isTorn() {
		return ErrTornDown
	}
	var others sync.WaitGroup
	others.Go(func() { s.d.leaveWhenOthersLead(ctx, s.d.asked, s.master) })
	defer others.Wait()
	defer cancel(nil)

	// Until SUBSCRIBED the whole has one deadline; after it, only silence has.
	slow := time.AfterFunc(s.d.cfg.SubscribeTimeout, func() { cancel(errSlow) })
	defer slow.Stop()
	body, err := s.open(ctx)
	if err != nil {
		return causeOf(ctx, err)
	}
	defer body.Close()

	s.silence = newWatchdog(body, &s.d.lastByte, func() { cancel(errSilent) })
	defer s.silence.stop()
	frames := newFrameReader(s.silence, s.d.cfg.MaxFrame)
	if err := s.begin(ctx, frames, slow); err != nil {
		return causeOf(ctx, err)
	}
	return causeOf(ctx, s.follow(frames))
}

// open posts SUBSCRIBE and returns the stream.
func (s *subscription) open(ctx context.Context) (io.ReadCloser, error) {
	data, err := s.d.cfg.subscribeCall(s.id).Marshal()
	if err != nil {
		return nil, fmt.Errorf("encode SUBSCRIBE: %w", err)
	}
	req, err := s.d.subscribeRequest(ctx, s.master, data)
	if err != nil {
		return nil, err
	}
	resp, err := s.d.stream.Do(req)
	if err != nil {
		return nil, fmt.Errorf("SUBSCRIBE: %w", err)
	}
	if err := s.check(resp); err != nil {
		resp.Body.Close()
		return nil, err
	}
	return resp.Body, nil
}

// check accepts the answer to SUBSCRIBE, or says what is wrong with it.
func (s *subscription) check(resp *http.Response) error {
	if resp.StatusCode == http.StatusTemporaryRedirect {
		return newRedirect(s.master, resp.Header.Get("Location"))
	}
	if resp.StatusCode != http.StatusOK {
		return &CallError{Call: "SUBSCRIBE", Status: resp.StatusCode, Message: readMessage(resp.Body)}
	}
	if t := resp.Header.Get("Content-Type"); t != mediaType {
		return fmt.Errorf("SUBSCRIBE answered with content type %q, not %s: is this a Mesos master?", t, mediaType)
	}
	if s.streamID = resp.Header.Get(streamIDHeader); s.streamID == "" {
		return fmt.Errorf("SUBSCRIBE answered without %s: the master is older than Mesos 1.0", streamIDHeader)
	}
	return nil
}

// begin reads up to SUBSCRIBED, has the framework id stored, and only then calls the handler.
func (s *subscription) begin(ctx context.Context, frames *frameReader, slow *time.Timer) error {
	for {
		e, err := readEvent(frames)
		switch {
		case err != nil:
			return err
		case e.Type == scheduler.Event_ERROR:
			return eventError(e.GetError().GetMessage())
		case e.Type == scheduler.Event_HEARTBEAT:
			continue
		case e.Type != scheduler.Event_SUBSCRIBED || e.Subscribed.GetFrameworkID() == nil:
			return fmt.Errorf("%s came before SUBSCRIBED", e.Type)
		}
		slow.Stop()
		return s.subscribed(ctx, e.Subscribed)
	}
}

func (s *subscription) subscribed(ctx context.Context, e *scheduler.Event_Subscribed) error {
	s.d.pending, s.id = e.FrameworkID.Value, e.FrameworkID.Value
	if err := s.store(ctx); err != nil {
		return err
	}
	interval := time.Duration(e.GetHeartbeatIntervalSeconds() * float64(time.Second))
	if interval <= 0 {
		interval = defaultHeartbeat
	}
	s.silence.set(time.Duration(s.d.cfg.MissedHeartbeats) * interval)
	s.d.session.Store(s.d.newSession(s.id, s.streamID, s.master))
	s.d.cfg.Log.Info("Subscribed to Mesos", "frameworkID", s.id, "master", s.master.Host,
		"version", e.GetMasterInfo().GetVersion(), "heartbeat", interval)
	s.h.Subscribed(s.id)
	return nil
}

// store keeps the id that the master assigned, unless it is the stored one. It stays pending if that does not succeed: the next
// subscription uses it, rather than leave one framework after the other behind.
//
// A master that has just begun to lead takes an id that the one before had removed. It is written again then: the write that
// was to forget it may yet be made, but does not forget an id that was stored after it.
func (s *subscription) store(ctx context.Context) error {
	if s.stored != s.id || s.d.gone == s.id {
		if err := s.d.cfg.IDs.SetFrameworkID(ctx, s.id); err != nil {
			return fmt.Errorf("store the framework id %s: %w", s.id, err)
		}
	}
	s.d.pending, s.d.gone = "", ""
	return nil
}

// follow hands events on until the stream ends.
func (s *subscription) follow(frames *frameReader) error {
	for {
		e, err := readEvent(frames)
		if err != nil {
			return err
		}
		if err := s.dispatch(e); err != nil {
			return err
		}
	}
}

// dispatch hands one event on. An error ends the subscription.
func (s *subscription) dispatch(e *scheduler.Event) error {
	log := s.d.cfg.Log
	if v := log.V(2); v.Enabled() {
		v.Info("Event", "type", e.Type.String())
	}
	switch e.Type {
	case scheduler.Event_UPDATE:
		s.h.Update(fromStatus(&e.Update.Status))
	case scheduler.Event_OFFERS:
		s.h.Offers(fromOffers(e.Offers.Offers))
	case scheduler.Event_RESCIND:
		s.h.Rescind(e.Rescind.OfferID.Value)
	case scheduler.Event_FAILURE:
		// With an executor id it is that executor that ended, and its task's update says so.
		if e.Failure.AgentID != nil && e.Failure.ExecutorID == nil {
			s.h.AgentLost(e.Failure.AgentID.Value)
		}
	case scheduler.Event_ERROR:
		return eventError(e.Error.Message)
	case scheduler.Event_HEARTBEAT:
	case scheduler.Event_INVERSE_OFFERS:
		s.h.InverseOffers(fromInverseOffers(e.InverseOffers.InverseOffers))
	case scheduler.Event_RESCIND_INVERSE_OFFER:
		s.h.RescindInverse(e.RescindInverseOffer.InverseOfferID.Value)
	default:
		log.V(1).Info("Event of no use to Horae", "type", e.Type.String())
	}
	return nil
}

// readEvent reads and decodes one event, and makes sure that the part which its type promises is there.
func readEvent(frames *frameReader) (*scheduler.Event, error) {
	b, err := frames.next()
	if err == io.EOF { //nolint:errorlint // the reader's own mark of a clean end, never wrapped
		return nil, errStreamEnded
	}
	if err != nil {
		return nil, fmt.Errorf("read event: %w", err)
	}
	e := new(scheduler.Event)
	if err := e.Unmarshal(b); err != nil {
		return nil, fmt.Errorf("decode event of %d bytes: %w", len(b), err)
	}
	missing := false
	switch e.Type {
	case scheduler.Event_SUBSCRIBED:
		missing = e.Subscribed == nil
	case scheduler.Event_UPDATE:
		missing = e.Update == nil
	case scheduler.Event_OFFERS:
		missing = e.Offers == nil
	case scheduler.Event_RESCIND:
		missing = e.Rescind == nil
	case scheduler.Event_INVERSE_OFFERS:
		missing = e.InverseOffers == nil
	case scheduler.Event_RESCIND_INVERSE_OFFER:
		missing = e.RescindInverseOffer == nil
	case scheduler.Event_FAILURE:
		missing = e.Failure == nil
	case scheduler.Event_ERROR:
		missing = e.Error == nil
	}
	if missing {
		return nil, fmt.Errorf("decode event: %s without its message", e.Type)
	}
	return e, nil
}

// causeOf returns why ctx was cancelled, if it was: that is what broke the read, whatever the read says.
func causeOf(ctx context.Context, err error) error {
	cause := context.Cause(ctx)
	if cause == nil || errors.Is(err, ErrFailedOver) || errors.Is(err, errRemoved) {
		return err
	}
	return cause
}
