package server

import (
	"fmt"
	"net/http"

	v1 "horae/api/v1"
)

// newToken draws the secret of a Token that is made without a hash; "" for everything else.
func (s *Server) newToken(o object) (string, error) {
	t, ok := o.(*v1.Token)
	if !ok || t.Spec.Hash != "" || s.cfg.Access == nil {
		return "", nil
	}
	secret, hash, err := s.cfg.Access.NewSecret()
	if err != nil {
		return "", err
	}
	t.Spec.Hash = hash
	return secret, nil
}

// answerToken sends a Token with its secret, which is never seen again.
func (s *Server) answerToken(w http.ResponseWriter, r *request, revision int64, written object, secret string) error {
	if err := s.waitFor(r.Context(), revision); err != nil {
		return fmt.Errorf("%s is written (revision %d), but the cache has not seen it yet: delete it and make another one: %w",
			r.key(), revision, err)
	}
	o := written.DeepCopyObject().(object)
	if e, err := s.find(r.key()); err == nil {
		o = e.GetObject().DeepCopyObject().(object)
	}
	if t, ok := o.(*v1.Token); ok {
		t.Status.Secret = secret
	}
	w.Header().Set("Cache-Control", "no-store")
	return s.writeObject(w, r, http.StatusCreated, o)
}
