package mesos

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/go-logr/logr"

	"horae/internal/offer"
)

// Handler receives what the master says. Its methods are called one at a time, in the order of the stream, from the
// goroutine of Driver.Run. They must not block: the master keeps in memory what is not read. (A slow one is never taken for
// a silent master.)
type Handler interface {
	// Subscribed begins a subscription. The id is stored. What was known of offers is void, and every live attempt must be
	// reconciled (I9).
	Subscribed(frameworkID string)
	// Offers are new. A placer must answer each: an offer that is held is lost to others.
	Offers(offers []offer.Offer)
	// Rescind takes an offer back.
	Rescind(offerID string)
	// InverseOffers ask for what we use of agents. Each is to be answered: that is what operators see of us.
	InverseOffers(inverse []offer.InverseOffer)
	// RescindInverse takes an inverse offer back.
	RescindInverse(offerID string)
	// Update is a task's status. It must be acknowledged once its effect is stored (I2), if it WantsAck.
	Update(u offer.Update)
	// AgentLost is a hint that an agent is gone; updates report what that means for its tasks.
	AgentLost(agentID string)
	// FrameworkRemoved says that the master has given up the framework with this id, with all its tasks: they are killed,
	// or are going to be, and no update will report it. The id is forgotten; a new framework subscribes next.
	FrameworkRemoved(oldID string)
	// Disconnected ends what Subscribed began. It is also called when a subscription could not be made at all: then err
	// says why, and nothing had begun. It is not called when Run's ctx ends.
	Disconnected(err error)
}

// FrameworkIDs keeps the framework id between subscriptions and processes.
//
// Subscribing voids the stream of whoever else uses the id: the id is therefore asked for before every attempt, and an
// implementation answers only while we lead (I6). An error that wraps ErrFailedOver ends Driver.Run; any other is tried again.
type FrameworkIDs interface {
	// FrameworkID returns the stored id, or "" when there is none.
	FrameworkID(ctx context.Context) (string, error)
	// SetFrameworkID stores id before Handler.Subscribed is called; "" forgets it. A write that returned an error may have been
	// made, or be made later; but it must not replace or forget an id that was stored after it.
	SetFrameworkID(ctx context.Context, id string) error
}

// Masters says which masters there are to be tried. It must not block.
type Masters interface {
	// Candidates are addresses as "host:port" or "http(s)://host:port[/prefix]", the likeliest leader first. changed is closed once
	// the answer is another; nil: it never will be. err says why there are none, or why they may be out of date.
	Candidates() (addresses []string, changed <-chan struct{}, err error)
}

// MasterList are the addresses of all masters, of which any may be down or not leading: the leading one is found.
type MasterList []string

// Candidates implements Masters.
func (l MasterList) Candidates() ([]string, <-chan struct{}, error) {
	if len(l) == 0 {
		return nil, nil, errors.New("no masters are given; list at least one as host:port")
	}
	return l, nil, nil
}

// FrameworkConfig is what Mesos knows about this framework. The capabilities MULTI_ROLE, PARTITION_AWARE,
// TASK_KILLING_STATE, RESERVATION_REFINEMENT and REGION_AWARE are always declared.
type FrameworkConfig struct {
	// Name as in Mesos's web UI; default "horae".
	Name string
	// User that tasks run as which name none; default "root".
	User string
	// Roles to be offered resources for; default "*".
	Roles []string
	// Principal for authorization and quota; by convention that of the credentials.
	Principal string
	// FailoverTimeout is how long the master waits for us before it kills all tasks; default one week.
	FailoverTimeout time.Duration
	// NoCheckpoint gives up that tasks survive a restart of their agent's process.
	NoCheckpoint bool
	// WebUIURL is linked from Mesos's web UI.
	WebUIURL string
	// Hostname of the scheduler, as shown; default: the master's guess.
	Hostname string
	// Labels of the framework.
	Labels map[string]string
	// GPUs declares GPU_RESOURCES: agents with GPUs are offered to such frameworks only.
	GPUs bool
	// Revocable declares REVOCABLE_RESOURCES: offers then also hold resources that Mesos may take back at any time.
	Revocable bool
	// SuppressedRoles are to get no offers until they are revived; asked at each subscription. Nil: none.
	SuppressedRoles func() []string
}

// Config of a Driver. Only Masters and IDs are required.
type Config struct {
	// Masters are a MasterList, or come and go.
	Masters Masters
	// Scheme of masters whose address names none: http (the default) or https.
	Scheme string
	// Framework says who we are.
	Framework FrameworkConfig
	// IDs keeps the framework id.
	IDs FrameworkIDs

	// Authorization returns the value of the Authorization header; nil: none is sent. See BasicAuth and BearerToken. It is
	// called for every request and must be quick.
	Authorization func(ctx context.Context) (string, error)
	// TLS for https masters: CA, client certificate. It is asked at each connection, so that they can be replaced; it must not
	// answer nil. Nil: the system's roots.
	TLS func() *tls.Config

	// DialTimeout of a connection; default 5 s.
	DialTimeout time.Duration
	// SubscribeTimeout until a SUBSCRIBE is answered by SUBSCRIBED; default 15 s.
	SubscribeTimeout time.Duration
	// CallTimeout is how long the master may leave calls without any answer; then all that wait are given up. Default 10 s.
	CallTimeout time.Duration
	// MissedHeartbeats is how many intervals of heartbeat the stream may be silent; default 5, as Mesos recommends. The
	// interval is the one that the master announces (15 s by default).
	MissedHeartbeats int
	// BackoffMin and BackoffMax bound the wait before a subscription is tried again: a random part (full jitter) of
	// BackoffMin, doubled each time all masters were tried, to BackoffMax. Defaults 250 ms and 5 s.
	BackoffMin, BackoffMax time.Duration
	// StableAfter is how long a subscription must have lasted for the back-off to start anew; default 10 s.
	StableAfter time.Duration
	// MaxFrame is the largest event, in bytes; default DefaultMaxFrame, at most 1 GiB.
	MaxFrame int

	// Log gets what happens to the subscription; each event at V(2). The zero value discards.
	Log logr.Logger
}

// Defaults of Config.
const (
	defaultDialTimeout      = 5 * time.Second
	defaultSubscribeTimeout = 15 * time.Second
	defaultCallTimeout      = 10 * time.Second
	defaultMissed           = 5
	defaultHeartbeat        = 15 * time.Second
	defaultBackoffMin       = 250 * time.Millisecond
	defaultBackoffMax       = 5 * time.Second
	defaultStableAfter      = 10 * time.Second
	defaultFailoverTimeout  = 7 * 24 * time.Hour
	maxMaxFrame             = 1 << 30
)

// withDefaults returns c with zero values replaced, or an error that names what is wrong.
func (c Config) withDefaults() (Config, error) {
	setDefault(&c.Framework.Name, "horae")
	setDefault(&c.Framework.User, "root")
	setDefault(&c.Framework.FailoverTimeout, defaultFailoverTimeout)
	setDefault(&c.Scheme, "http")
	setDefault(&c.DialTimeout, defaultDialTimeout)
	setDefault(&c.SubscribeTimeout, defaultSubscribeTimeout)
	setDefault(&c.CallTimeout, defaultCallTimeout)
	setDefault(&c.MissedHeartbeats, defaultMissed)
	setDefault(&c.BackoffMin, defaultBackoffMin)
	setDefault(&c.BackoffMax, max(defaultBackoffMax, c.BackoffMin))
	setDefault(&c.StableAfter, defaultStableAfter)
	setDefault(&c.MaxFrame, DefaultMaxFrame)
	if len(c.Framework.Roles) == 0 {
		c.Framework.Roles = []string{"*"}
	}
	if c.Log.GetSink() == nil {
		c.Log = logr.Discard()
	}
	switch {
	case c.IDs == nil:
		return c, errors.New("mesos: nothing keeps the framework id: IDs is nil")
	case c.MissedHeartbeats < 1:
		return c, fmt.Errorf("mesos: missed heartbeats: %d is less than 1", c.MissedHeartbeats)
	case c.MaxFrame < 0 || c.MaxFrame > maxMaxFrame:
		return c, fmt.Errorf("mesos: largest frame: %d is not within 1 and %d", c.MaxFrame, maxMaxFrame)
	case c.BackoffMin < 0 || c.BackoffMax < c.BackoffMin:
		return c, fmt.Errorf("mesos: back-off: %s to %s is not a range", c.BackoffMin, c.BackoffMax)
	case c.Framework.FailoverTimeout < 0:
		return c, fmt.Errorf("mesos: failover timeout: %s is negative", c.Framework.FailoverTimeout)
	}
	return c, nil
}

func setDefault[T comparable](v *T, value T) {
	var zero T
	if *v == zero {
		*v = value
	}
}

// apiPath is where a master answers schedulers.
const apiPath = "/api/v1/scheduler"

// ParseMaster reads "host:port" or "http(s)://host:port[/prefix]" and returns the URL of the scheduler API there. scheme is for
// addresses that name none.
func ParseMaster(s, scheme string) (*url.URL, error) {
	full := s
	if !strings.Contains(full, "://") {
		full = scheme + "://" + full
	}
	u, err := url.Parse(full)
	switch {
	case err != nil:
		return nil, fmt.Errorf("mesos master %q: %w", s, err)
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("mesos master %q: must be host:port or an http or https URL", s)
	case u.Hostname() == "":
		return nil, fmt.Errorf("mesos master %q: has no host", s)
	case u.User != nil:
		return nil, fmt.Errorf("mesos master at %s: credentials do not belong into its URL; use the principal and "+
			"secret of the configuration", u.Host)
	}
	path := strings.TrimSuffix(strings.TrimSuffix(u.Path, "/"), apiPath) + apiPath
	return &url.URL{Scheme: u.Scheme, Host: u.Host, Path: path}, nil
}

// BasicAuth returns an Authorization of a principal and its secret, as Mesos's default HTTP authenticator wants it.
func BasicAuth(principal string, secret func(context.Context) (string, error)) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		s, err := secret(ctx)
		if err != nil {
			return "", err
		}
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(principal+":"+s)), nil
	}
}

// BearerToken returns an Authorization that sends what token returns, for masters behind a JWT authenticator or a proxy.
func BearerToken(token func(context.Context) (string, error)) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		t, err := token(ctx)
		if err != nil {
			return "", err
		}
		return "Bearer " + t, nil
	}
}
