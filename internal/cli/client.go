package cli

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"syscall"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilnet "k8s.io/apimachinery/pkg/util/net"

	v1 "horae/api/v1"
	"horae/internal/version"
)

// client sends requests to the HTTP API. It passes objects on as the server wrote them, so that an older horae loses nothing of
// what a newer manager answers.
type client struct {
	http   *http.Client
	server string
	// token is sent with each request; empty: none.
	token string
	agent string
	// warnings is where the server's warnings go, each once.
	warnings io.Writer
	warned   map[string]bool
}

// connect makes the client; nothing is sent yet.
func (c *cli) connect() (*client, error) {
	if c.api != nil {
		return c.api, nil
	}
	server, err := c.serverURL()
	if err != nil {
		return nil, err
	}
	as, err := c.whoIAm()
	if err != nil {
		return nil, err
	}
	secure, err := as.tls()
	if err != nil {
		return nil, err
	}
	token, err := as.bearer()
	if err != nil {
		return nil, err
	}
	if token != "" && inTheClear(server) {
		fmt.Fprintf(c.Err, "Warning: the token goes to %s in the clear: everybody on the way can read it\n", server)
	}
	c.api = &client{
		http: &http.Client{Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, TLSClientConfig: secure, ForceAttemptHTTP2: true,
		}},
		server: server, token: token, agent: "horae/" + version.Get().Version, warnings: c.Err, warned: map[string]bool{},
	}
	return c.api, nil
}

// warn prints the warnings of an answer.
func (cl *client) warn(h http.Header) {
	found, _ := utilnet.ParseWarningHeaders(h["Warning"])
	for _, w := range found {
		if !cl.warned[w.Text] {
			cl.warned[w.Text] = true
			fmt.Fprintf(cl.warnings, "Warning: %s\n", w.Text)
		}
	}
}

// do sends a request and returns the body of its answer.
func (cl *client) do(ctx context.Context, req *request) ([]byte, error) {
	resp, err := req.send(ctx)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, cl.brokenOff(ctx, err)
	}
	return body, nil
}

// object sends a request whose answer is one object.
func (cl *client) object(ctx context.Context, req *request) (*unstructured.Unstructured, error) {
	body, err := cl.do(ctx, req)
	if err != nil {
		return nil, err
	}
	u := &unstructured.Unstructured{}
	if err := u.UnmarshalJSON(body); err != nil {
		return nil, fmt.Errorf("decode the answer of %s: %w", cl.server, err)
	}
	return u, nil
}

// into sends a request whose answer is decoded into v.
func (cl *client) into(ctx context.Context, req *request, v any) error {
	body, err := cl.do(ctx, req)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, v); err != nil {
		return fmt.Errorf("decode the answer of %s: %w", cl.server, err)
	}
	return nil
}

func (cl *client) get(ns string, k *kind, name string) *request {
	return cl.request(http.MethodGet, ns, k, name)
}

// list is of all namespaces for "".
func (cl *client) list(ns string, k *kind, sel selectors) *request {
	req := cl.request(http.MethodGet, ns, k)
	if sel.labels != "" {
		req.param("labelSelector", sel.labels)
	}
	if sel.fields != "" {
		req.param("fieldSelector", sel.fields)
	}
	return req
}

func (cl *client) create(ns string, k *kind, object []byte) *request {
	return cl.request(http.MethodPost, ns, k).with("application/json", object)
}

func (cl *client) patch(ns string, k *kind, name string, patch []byte) *request {
	return cl.request(http.MethodPatch, ns, k, name).with("application/merge-patch+json", patch)
}

func (cl *client) delete(ns string, k *kind, name string) *request {
	return cl.request(http.MethodDelete, ns, k, name)
}

func (cl *client) run(ctx context.Context, ns, name string) (*v1.Run, error) {
	r := &v1.Run{}
	return r, cl.into(ctx, cl.get(ns, runKind, name), r)
}

// watch streams the events of a list to see, until it returns false, the stream ends or ctx does. It calls answered when the
// server begins to answer.
func (cl *client) watch(
	ctx context.Context, req *request, revision string, answered func(), see func(metav1.WatchEvent) (bool, error),
) error {
	resp, err := req.param("watch", "true").param("resourceVersion", revision).param("allowWatchBookmarks", "false").send(ctx)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answered()
	for dec := json.NewDecoder(resp.Body); ; {
		var e metav1.WatchEvent
		if err := dec.Decode(&e); err != nil {
			if errors.Is(err, io.EOF) {
				return errWatchEnded
			}
			return cl.brokenOff(ctx, err)
		}
		if e.Type == "ERROR" {
			st := &metav1.Status{}
			if err := json.Unmarshal(e.Object.Raw, st); err != nil {
				return fmt.Errorf("decode the answer of %s: %w", cl.server, err)
			}
			return &apierrors.StatusError{ErrStatus: *st}
		}
		if on, err := see(e); err != nil || !on {
			return err
		}
	}
}

// errWatchEnded: the server has ended a watch, which it may at any time: list again, or watch on.
var errWatchEnded = errors.New("the server ended the watch")

// lostError: the server cannot be reached, or has gone away in the middle of an answer.
type lostError struct {
	error
	// refused: nothing listens there, so the request was certainly not carried out.
	refused bool
}

func (e lostError) Unwrap() error { return e.error }

// unreachable explains why no answer came, and what to do.
func (cl *client) unreachable(err error) error {
	var dns *net.DNSError
	var authority x509.UnknownAuthorityError
	var name x509.HostnameError
	switch {
	case errors.As(err, &authority):
		return fmt.Errorf("%s shows a certificate whose authority is not known here: name the file with --certificate-authority "+
			"($HORAE_CERTIFICATE_AUTHORITY): %w", cl.server, authority)
	case errors.As(err, &name):
		return fmt.Errorf("%s shows a certificate that is not for this name: %w", cl.server, name)
	case errors.Is(err, syscall.ECONNREFUSED):
		return lostError{fmt.Errorf("the connection to %s was refused: is the manager running there? "+
			"(its address: --server or $HORAE_SERVER)", cl.server), true}
	case errors.As(err, &dns):
		return lostError{fmt.Errorf("%s cannot be found: %w (its address: --server or $HORAE_SERVER)", cl.server, err), true}
	}
	return lostError{err, false}
}

// brokenOff explains why an answer ended in the middle.
func (cl *client) brokenOff(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return lostError{fmt.Errorf("the connection to %s broke off: %w", cl.server, err), false}
}
