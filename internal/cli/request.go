package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// request is one request to the server being put together. A mistake in it is kept until it is sent.
type request struct {
	client *client
	method string
	path   []string
	query  url.Values
	header http.Header
	body   []byte
	err    error
}

// path begins a GET of a path at the server's root.
func (cl *client) path(segment string) *request {
	r := &request{client: cl, method: http.MethodGet, query: url.Values{}, header: http.Header{"Accept": {"application/json"}}}
	return r.segment(segment)
}

// request begins a request below the path of the API: of all namespaces for "", of the whole collection without a name.
func (cl *client) request(method, ns string, k *kind, name ...string) *request {
	var r *request
	if k.core {
		r = cl.path("api").segment("v1")
	} else {
		r = cl.path("apis").segment(k.gv.Group).segment(k.gv.Version)
	}
	r.method = method
	if ns != "" && !k.clusterScoped {
		r.segment("namespaces").segment(ns)
	}
	r.segment(k.plural)
	for _, n := range name {
		r.segment(n)
	}
	return r
}

// segment adds one step to the path. Names that would make it another path are refused.
func (r *request) segment(s string) *request {
	if s == "" || s == "." || s == ".." || strings.ContainsAny(s, "/%") {
		r.err = usagef("%q is not a name: names have lower-case letters, digits and '-'", s)
	}
	r.path = append(r.path, url.PathEscape(s))
	return r
}

func (r *request) param(name, value string) *request {
	r.query.Set(name, value)
	return r
}

func (r *request) accept(mediaType string) *request {
	r.header.Set("Accept", mediaType)
	return r
}

func (r *request) with(contentType string, body []byte) *request {
	r.header.Set("Content-Type", contentType)
	r.body = body
	return r
}

// send returns an answer whose code is a success. Its body is the caller's to close.
func (r *request) send(ctx context.Context) (*http.Response, error) {
	resp, err := r.sendAny(ctx)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		defer resp.Body.Close()
		return nil, statusError(resp)
	}
	return resp, nil
}

// busyTries bounds how often a request is sent to a server that has no room for it (429): nothing was done then.
const busyTries = 10

// sendAny is send, whatever the code of the answer.
func (r *request) sendAny(ctx context.Context) (*http.Response, error) {
	for try := 1; ; try++ {
		resp, err := r.sendOnce(ctx)
		if err != nil || resp.StatusCode != http.StatusTooManyRequests || try == busyTries {
			return resp, err
		}
		_ = resp.Body.Close()
		seconds, _ := strconv.Atoi(resp.Header.Get("Retry-After"))
		select {
		case <-time.After(max(100*time.Millisecond, min(time.Duration(seconds)*time.Second, 5*time.Second))):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (r *request) sendOnce(ctx context.Context) (*http.Response, error) {
	if r.err != nil {
		return nil, r.err
	}
	target := r.client.server + "/" + strings.Join(r.path, "/")
	if len(r.query) > 0 {
		target += "?" + r.query.Encode()
	}
	hr, err := http.NewRequestWithContext(ctx, r.method, target, bytes.NewReader(r.body))
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", r.client.server, err)
	}
	hr.Header = r.header
	hr.Header.Set("User-Agent", r.client.agent)
	if r.client.token != "" {
		hr.Header.Set("Authorization", "Bearer "+r.client.token)
	}
	resp, err := r.client.http.Do(hr)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, r.client.unreachable(err)
	}
	r.client.warn(resp.Header)
	return resp, nil
}

// statusError reads the Status that an answer carries; an answer without one is of a proxy, or of no manager.
func statusError(resp *http.Response) error {
	st := metav1.Status{}
	data, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil || json.Unmarshal(data, &st) != nil || st.Kind != "Status" {
		st = metav1.Status{Message: fmt.Sprintf("%s answered %s", resp.Request.URL.Host, resp.Status)}
	}
	st.Code = int32(resp.StatusCode) //nolint:gosec // three digits
	return &apierrors.StatusError{ErrStatus: st}
}
