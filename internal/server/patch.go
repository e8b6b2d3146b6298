package server

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"horae/internal/store"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
)

// patchKinds are the patches that are understood, by their media type. Each makes a new document of the current one.
var patchKinds = map[types.PatchType]func(doc, patch []byte) ([]byte, error){
	types.MergePatchType: applyMergePatch,
	types.JSONPatchType:  applyJSONPatch,
}

var patchTypes = strings.Join([]string{string(types.MergePatchType), string(types.JSONPatchType)}, ", ")

// patch changes parts of an object.
func (s *Server) patch(w http.ResponseWriter, r *request) error {
	if err := r.checkFieldValidation(); err != nil {
		return err
	}
	typ := mediaType(r.Header.Get("Content-Type"))
	apply, ok := patchKinds[types.PatchType(typ)]
	if !ok {
		w.Header().Set("Accept-Patch", patchTypes)
		return unsupportedMediaType("a patch of type %q is not supported: there are %s", typ, patchTypes)
	}
	body, err := r.body(w)
	if err != nil {
		return err
	}
	return s.mutate(w, r, func(cur store.AnyEntry) (object, error) {
		doc, err := json.Marshal(r.kind.shown(cur))
		if err != nil {
			return nil, fmt.Errorf("encode %s: %w", cur.GetKey(), err)
		}
		patched, err := apply(doc, body)
		if err != nil {
			return nil, err
		}
		return r.kind.parse(patched)
	})
}

func applyMergePatch(doc, patch []byte) ([]byte, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(patch, &fields); err != nil {
		return nil, badRequest("decode the merge patch: must be a JSON object: %v", err)
	}
	patched, err := jsonpatch.MergePatch(doc, patch)
	if err != nil {
		return nil, badRequest("apply the merge patch: %v", err)
	}
	return patched, nil
}

// applyJSONPatch follows the lenient version 4 of its library, which kubectl expects.
func applyJSONPatch(doc, patch []byte) ([]byte, error) {
	p, err := jsonpatch.DecodePatch(patch)
	if err != nil {
		return nil, badRequest("decode the JSON patch: must be a list of operations: %v", err)
	}
	const maxOperations = 10_000
	if len(p) > maxOperations {
		return nil, badRequest("the JSON patch has %d operations: the limit is %d", len(p), maxOperations)
	}
	patched, err := p.Apply(doc)
	if err != nil {
		return nil, status(http.StatusUnprocessableEntity, metav1.StatusReasonInvalid, "apply the JSON patch: %v", err)
	}
	return patched, nil
}

// mergeDifference applies to base what changed from before to after, all three JSON objects.
func mergeDifference(base, before, after []byte) ([]byte, error) {
	diff, err := jsonpatch.CreateMergePatch(before, after)
	if err != nil {
		return nil, err
	}
	return jsonpatch.MergePatch(base, diff)
}

func isNotFound(err error) bool { return apierrors.IsNotFound(err) }
