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

	"horae/api"
	v1 "horae/api/v1"
)

// patchKinds are the patches that are understood, by their media type. Each makes a new document of the current one.
var patchKinds = map[types.PatchType]func(doc, patch []byte) ([]byte, error){
	types.MergePatchType: applyMergePatch,
	types.JSONPatchType:  applyJSONPatch,
}

// patchTypes are listed as Kubernetes does for custom resources: kubectl shows the list.
var patchTypes = strings.Join([]string{string(types.JSONPatchType), string(types.MergePatchType), string(types.ApplyPatchType)}, ", ")

// applies reports whether the request is an apply patch.
func (r *request) applies() bool {
	return r.verb == "patch" && mediaType(r.Header.Get("Content-Type")) == string(types.ApplyPatchType)
}

// patch changes parts of an object.
func (s *Server) patch(w http.ResponseWriter, r *request) error {
	if err := r.checkFieldValidation(); err != nil {
		return err
	}
	if r.applies() {
		return s.applyPatch(w, r)
	}
	if r.query.Has("force") {
		return badRequest("force may not be specified for non-apply patch")
	}
	typ := mediaType(r.Header.Get("Content-Type"))
	apply, ok := patchKinds[types.PatchType(typ)]
	if r.kind.strategic && types.PatchType(typ) == types.StrategicMergePatchType {
		apply, ok = applyStrategicMergePatch, true
	}
	if !ok {
		w.Header().Set("Accept-Patch", patchTypes)
		return unsupportedMediaType("the body of the request was in an unknown format - accepted media types include: %s", patchTypes)
	}
	return s.mutate(w, r, func(cur store.AnyEntry) (object, error) {
		doc, err := json.Marshal(r.kind.shown(cur))
		if err != nil {
			return nil, fmt.Errorf("encode %s: %w", cur.GetKey(), err)
		}
		patched, err := apply(doc, r.body)
		if err != nil {
			return nil, err
		}
		return r.parse(patched)
	})
}

// Bounds of a patch. They are checked before it is applied: what it makes may be larger than the patch and the
// document together.
const (
	// maxPatchDepth bounds the depth of a patch's values and paths. No object is as deep.
	maxPatchDepth = 32
	maxOperations = 10_000
	// maxCopied bounds the bytes that all copy operations of a patch copy together.
	maxCopied = 256 << 10
	// maxPatchWork is the number of operations times the bytes that each may have to look through.
	maxPatchWork = 32 << 20
)

func init() { jsonpatch.AccumulatedCopySizeLimit = maxCopied }

func applyMergePatch(doc, patch []byte) ([]byte, error) {
	if err := api.CheckJSON(patch, maxPatchDepth); err != nil {
		return nil, unprocessable("the merge patch: %v", err)
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(patch, &fields); err != nil {
		return nil, badRequest("decode the merge patch: must be a JSON object: %v", err)
	}
	patched, err := jsonpatch.MergePatch(doc, patch)
	if err != nil {
		return nil, badRequest("apply the merge patch: %v", err)
	}
	return patched, checkPatched(doc, patched)
}

// applyStrategicMergePatch is for Kubernetes' own kinds, which kubectl patches in this way. No list of ours is merged by
// its elements, so that such a patch is a merge patch, as long as it gives no directives.
func applyStrategicMergePatch(doc, patch []byte) ([]byte, error) {
	if err := api.CheckJSON(patch, maxPatchDepth); err != nil {
		return nil, unprocessable("the merge patch: %v", err)
	}
	var v any
	if err := json.Unmarshal(patch, &v); err != nil {
		return nil, badRequest("decode the merge patch: must be a JSON object: %v", err)
	}
	if name := directive(v); name != "" {
		return nil, unprocessable("the strategic merge patch: %s is not supported: send a merge patch", name)
	}
	return applyMergePatch(doc, patch)
}

// directive finds a key that is one of a strategic merge patch; "" when there is none.
func directive(v any) string {
	switch v := v.(type) {
	case map[string]any:
		for name, value := range v {
			if strings.HasPrefix(name, "$") {
				return v1.Shorten(name, 64)
			}
			if found := directive(value); found != "" {
				return found
			}
		}
	case []any:
		for _, value := range v {
			if found := directive(value); found != "" {
				return found
			}
		}
	}
	return ""
}

// applyJSONPatch follows the lenient version 4 of its library, which kubectl expects.
func applyJSONPatch(doc, patch []byte) ([]byte, error) {
	if err := checkJSONPatch(len(doc), patch); err != nil {
		return nil, err
	}
	p, err := jsonpatch.DecodePatch(patch)
	if err != nil {
		return nil, badRequest("decode the JSON patch: must be a list of operations: %v", err)
	}
	patched, err := p.Apply(doc)
	if err != nil {
		return nil, unprocessable("apply the JSON patch: %v", err)
	}
	return patched, checkPatched(doc, patched)
}

// checkJSONPatch refuses a patch that costs too much for a document of so many bytes, or that its library would
// stumble over.
func checkJSONPatch(doc int, patch []byte) error {
	if err := api.CheckJSON(patch, maxPatchDepth); err != nil {
		return unprocessable("the JSON patch: %v", err)
	}
	var operations []json.RawMessage
	if err := json.Unmarshal(patch, &operations); err != nil {
		return badRequest("decode the JSON patch: must be a list of operations: %v", err)
	}
	if len(operations) > maxOperations {
		return badRequest("the JSON patch has %d operations: the limit is %d", len(operations), maxOperations)
	}
	copied := 0
	for i, raw := range operations {
		op := struct {
			Op, Path, From string
			Value          json.RawMessage
		}{}
		if err := json.Unmarshal(raw, &op); err != nil {
			return badRequest("decode the JSON patch: operation %d must have op, path, and from or value: %v", i, err)
		}
		if max(strings.Count(op.Path, "/"), strings.Count(op.From, "/")) > maxPatchDepth {
			return unprocessable("the JSON patch: operation %d leads more than %d levels deep", i, maxPatchDepth)
		}
		switch op.Op {
		case "add", "replace", "test":
			if op.Value == nil {
				return badRequest("decode the JSON patch: operation %d (%s) has no value", i, op.Op)
			}
		case "copy":
			copied = maxCopied
		}
	}
	if each := doc + len(patch) + copied; len(operations)*each > maxPatchWork {
		return unprocessable("the JSON patch has %d operations, which is more than %d on a document and a patch of "+
			"%d bytes; send a merge patch, or the whole document",
			len(operations), maxPatchWork/each, each)
	}
	return nil
}

// checkPatched refuses what could not be stored.
func checkPatched(doc, patched []byte) error {
	if len(patched) > max(len(doc), api.MaxDocument) {
		return unprocessable("the patch makes a document of %d bytes: the limit is %d", len(patched), api.MaxDocument)
	}
	return nil
}

// unprocessable is 422 for a patch as a whole.
func unprocessable(format string, args ...any) error {
	text := v1.Shorten(fmt.Sprintf(format, args...), maxOneError)
	return status(http.StatusUnprocessableEntity, metav1.StatusReasonInvalid, "%s", text)
}

func isNotFound(err error) bool { return apierrors.IsNotFound(err) }
