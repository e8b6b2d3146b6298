package server

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"horae/internal/cache"
	"horae/internal/store"
)

// pages is which part of a list is wanted.
type pages struct {
	limit int
	// revision as of which the list is; 0: the present one. Pages after the first have that of the first.
	revision int64
	after    store.Key
}

const paramLimit = "limit"

// continuation is what a continue token says: the revision of the list, and the last object that was sent. It depends on no
// manager: any that still knows what has happened since can go on.
type continuation struct {
	Revision  int64  `json:"rv"`
	Namespace string `json:"ns,omitempty"`
	Name      string `json:"name"`
}

// pages reads which part of a list a request is about.
func (r *request) pages() (pages, error) {
	var p pages
	limit, err := r.number(paramLimit)
	if err != nil {
		return p, err
	}
	const most = 1 << 30
	p.limit = int(min(limit, most))
	wanted, err := r.number(paramRevision)
	if err != nil {
		return p, err
	}
	match := metav1.ResourceVersionMatch(r.query.Get(paramMatch))
	token := r.query.Get(paramContinue)
	switch {
	case token == "" && match == metav1.ResourceVersionMatchExact && wanted > 0:
		p.revision = wanted
		return p, nil
	case token == "" && (match == "" || match == metav1.ResourceVersionMatchNotOlderThan):
		return p, nil
	case token == "" && match == metav1.ResourceVersionMatchExact:
		return p, badRequest("resourceVersionMatch=Exact needs a resourceVersion other than 0")
	case token == "":
		return p, badRequest("resourceVersionMatch=%q: must be Exact or NotOlderThan", match)
	case match != "" || wanted > 0:
		return p, badRequest("continue has a revision already: leave resourceVersion and resourceVersionMatch out")
	}
	var c continuation
	data, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || json.Unmarshal(data, &c) != nil || c.Revision <= 0 || c.Name == "" {
		return p, badRequest("continue: must be the token that came with the page before")
	}
	p.revision, p.after = c.Revision, r.kind.key(c.Namespace, c.Name)
	return p, nil
}

// page sends a part of a list, and where the next one begins.
func (s *Server) page(w http.ResponseWriter, r *request, sel selection, p pages) error {
	var entries []store.AnyEntry
	var more int
	var revision int64
	if err := s.waitFor(r.Context(), p.revision); err != nil { // the page before may be of a manager that was ahead
		return err
	}
	err := s.compute(r.Context(), r.client, func() (err error) {
		entries, more, revision, err = s.cfg.Cache.Page(cache.Selection{
			Kind: r.kind.kind, Namespace: r.namespace, Revision: p.revision, After: p.after, Limit: p.limit,
			Matches: func(e store.AnyEntry) bool { return present(e) != nil && sel.matches(r.kind, r.kind.shown(e)) },
		})
		return err
	})
	if err != nil {
		return fmt.Errorf("list %s as of revision %d: %w", r.kind.kind, p.revision, err)
	}
	s.rates.charge(r.client, (len(entries)+more)/scanned)
	meta := metav1.ListMeta{ResourceVersion: strconv.FormatInt(revision, 10)}
	if more > 0 {
		last := entries[len(entries)-1].GetKey()
		token, err := json.Marshal(continuation{revision, last.Namespace, last.Name})
		if err != nil {
			return fmt.Errorf("make the continue token: %w", err)
		}
		meta.Continue = base64.RawURLEncoding.EncodeToString(token)
		if sel.empty() {
			remaining := int64(more)
			meta.RemainingItemCount = &remaining
		}
	}
	return s.writeList(w, r, meta, func(yield func(object) bool) {
		for _, e := range entries {
			if !yield(r.kind.shown(e)) {
				return
			}
		}
	})
}

// empty reports whether the selection is of everything.
func (s selection) empty() bool { return s.labels.Empty() && s.fields.Empty() }
