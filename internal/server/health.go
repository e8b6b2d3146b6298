package server

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "horae/api/v1"
)

// livez answers as long as the process answers at all: nothing that a restart would not mend fails it.
func (s *Server) livez(w http.ResponseWriter, _ *http.Request) error {
	return plain(w, http.StatusOK, "ok")
}

// checkTimeout bounds one check of readiness.
const checkTimeout = 2 * time.Second

// readyz runs the checks; with ?verbose, or when one fails, it lists them as Kubernetes does.
func (s *Server) readyz(w http.ResponseWriter, r *http.Request) error {
	checks := s.cfg.Ready
	if one := r.PathValue("check"); one != "" {
		checks = nil
		for _, c := range s.cfg.Ready {
			if c.Name == one {
				checks = []Check{c}
			}
		}
		if checks == nil {
			return status(http.StatusNotFound, metav1.StatusReasonNotFound, "there is no check %q", one)
		}
	}
	errs := runChecks(r.Context(), checks)
	var list strings.Builder
	failed, verbose := false, r.URL.Query().Has("verbose")
	for i, c := range checks {
		if errs[i] != nil {
			failed = true
			fmt.Fprintf(&list, "[-]%s failed: %v\n", c.Name, errs[i])
			continue
		}
		fmt.Fprintf(&list, "[+]%s ok", c.Name)
		if verbose && c.Note != nil {
			if note := c.Note(r.Context()); note != "" {
				fmt.Fprintf(&list, ": %s", note)
			}
		}
		list.WriteByte('\n')
	}
	switch {
	case failed:
		return plain(w, http.StatusServiceUnavailable, list.String()+"readyz check failed\n")
	case verbose:
		return plain(w, http.StatusOK, list.String()+s.strays()+"readyz check passed\n")
	}
	return plain(w, http.StatusOK, "ok")
}

// strays are lines about etcd keys that are no object's. They are no reason not to be ready.
func (s *Server) strays() string {
	const most = 50
	list, more := s.cfg.Cache.Strays()
	var out strings.Builder
	for i, k := range list {
		if i == most {
			more += len(list) - most
			break
		}
		fmt.Fprintf(&out, "[!]ignored the etcd key %q: %s\n", k.EtcdKey, k.Why)
	}
	if more > 0 {
		fmt.Fprintf(&out, "[!]ignored etcd keys: %s\n", v1.AndMore(more))
	}
	return out.String()
}

func runChecks(ctx context.Context, checks []Check) []error {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	errs := make([]error, len(checks))
	var all sync.WaitGroup
	for i, c := range checks {
		all.Go(func() { errs[i] = c.Check(ctx) })
	}
	all.Wait()
	return errs
}

func plain(w http.ResponseWriter, code int, text string) error {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-cache, no-store")
	w.WriteHeader(code)
	_, _ = w.Write([]byte(text))
	return nil
}

// straysDocument is what GET /strays answers.
type straysDocument struct {
	Strays []stray `json:"strays"`
	// More is how many more there are, about.
	More int `json:"more"`
}

// stray is a key of etcd that is no object's.
type stray struct {
	Key string `json:"key"`
	Why string `json:"why"`
}

// listStrays lists the keys below Horae's prefix in etcd that nobody reads.
func (s *Server) listStrays(w http.ResponseWriter, r *http.Request) error {
	list, more := s.cfg.Cache.Strays()
	doc := straysDocument{Strays: make([]stray, len(list)), More: more}
	for i, k := range list {
		doc.Strays[i] = stray{k.EtcdKey, k.Why}
	}
	return s.send(w, r, doc)
}
