package cli

import (
	"context"
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
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	v1 "horae/api/v1"
	"horae/internal/version"
)

var scheme = runtime.NewScheme()

func init() {
	if err := v1.AddToScheme(scheme); err != nil {
		panic(err)
	}
	metav1.AddToGroupVersion(scheme, metav1.Unversioned)
}

// client speaks to the HTTP API. It hands objects on as the server wrote them, so that an older horae loses nothing of what a
// newer manager says.
type client struct {
	rest   *rest.RESTClient
	server string
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
	r, err := rest.RESTClientFor(&rest.Config{
		Host: server, APIPath: "/apis", UserAgent: "horae/" + version.Get().Version, QPS: -1,
		WarningHandler: rest.NewWarningWriter(c.Err, rest.WarningWriterOptions{Deduplicate: true}),
		ContentConfig: rest.ContentConfig{
			GroupVersion: &v1.GroupVersion, NegotiatedSerializer: serializer.NewCodecFactory(scheme).WithoutConversion(),
		},
		// Proxies are for the world outside; each command is one connection or few.
		Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: false},
	})
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", server, err)
	}
	c.api = &client{r, server}
	return c.api, nil
}

// do sends a request and returns the body of its answer.
func (cl *client) do(ctx context.Context, req *rest.Request) ([]byte, error) {
	result := req.MaxRetries(0).Do(ctx)
	if err := result.Error(); err != nil { // Raw's error is not what the server said
		return nil, cl.explain(err)
	}
	return result.Raw()
}

// object sends a request whose answer is one object.
func (cl *client) object(ctx context.Context, req *rest.Request) (*unstructured.Unstructured, error) {
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
func (cl *client) into(ctx context.Context, req *rest.Request, v any) error {
	body, err := cl.do(ctx, req)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, v); err != nil {
		return fmt.Errorf("decode the answer of %s: %w", cl.server, err)
	}
	return nil
}

// stream sends a request whose answer is read as it comes.
func (cl *client) stream(ctx context.Context, req *rest.Request) (io.ReadCloser, error) {
	body, err := req.MaxRetries(0).Stream(ctx)
	return body, cl.explain(err)
}

func (cl *client) get(ns string, k *kind, name string) *rest.Request {
	return cl.rest.Get().Namespace(ns).Resource(k.plural).Name(name)
}

// list is of all namespaces for "".
func (cl *client) list(ns string, k *kind, sel selectors) *rest.Request {
	req := cl.rest.Get().NamespaceIfScoped(ns, ns != "").Resource(k.plural)
	if sel.labels != "" {
		req.Param("labelSelector", sel.labels)
	}
	if sel.fields != "" {
		req.Param("fieldSelector", sel.fields)
	}
	return req
}

func (cl *client) patch(ns string, k *kind, name string, patch []byte) *rest.Request {
	return cl.rest.Patch(types.MergePatchType).Namespace(ns).Resource(k.plural).Name(name).Body(patch)
}

func (cl *client) run(ctx context.Context, ns, name string) (*v1.Run, error) {
	r := &v1.Run{}
	return r, cl.into(ctx, cl.get(ns, runKind, name), r)
}

// watch streams the events of a list; each is handed to see until it answers false, the stream ends or ctx does.
func (cl *client) watch(ctx context.Context, req *rest.Request, revision string, see func(metav1.WatchEvent) (bool, error)) error {
	body, err := cl.stream(ctx, req.Param("watch", "true").Param("resourceVersion", revision).Param("allowWatchBookmarks", "false"))
	if err != nil {
		return err
	}
	defer body.Close()
	for dec := json.NewDecoder(body); ; {
		var e metav1.WatchEvent
		if err := dec.Decode(&e); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if errors.Is(err, io.EOF) {
				return errWatchEnded
			}
			return fmt.Errorf("%w: %w", errWatchEnded, cl.explain(err))
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

// explain says what to do about a server that cannot be reached.
func (cl *client) explain(err error) error {
	var dns *net.DNSError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("the connection to %s was refused: is the manager running there? (its address: --server or $HORAE_SERVER)", cl.server)
	case errors.As(err, &dns):
		return fmt.Errorf("%s cannot be found: %w (its address: --server or $HORAE_SERVER)", cl.server, err)
	}
	return err
}

// statusError reads the Status that an answer carries.
func statusError(resp *http.Response) error {
	data, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return fmt.Errorf("read the answer of %s: %w", resp.Request.URL.Host, err)
	}
	st := metav1.Status{}
	if json.Unmarshal(data, &st) != nil || st.Kind != "Status" {
		return fmt.Errorf("%s answered %s", resp.Request.URL.Host, resp.Status)
	}
	return &apierrors.StatusError{ErrStatus: st}
}

type restRequest = rest.Request
