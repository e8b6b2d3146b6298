package cli

import (
	"encoding/json"
	"fmt"
	"maps"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// lastApplied is kubectl's annotation: an object can be applied with either, in turns.
const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

const (
	// maxLastApplied is the size above which the annotation holds only the outline of what was applied. An object has room for
	// 256 KiB of annotations, its own included, and a request for 1 MiB.
	maxLastApplied = 32 << 10
	// longValue is the size above which the outline leaves a value out.
	longValue = 64
)

// withLastApplied is the document with the annotation by which the next apply knows what this one set.
//
// Of a large document the annotation holds the outline: all keys, but no long values and no lists. The three-way merge needs only
// the keys: it removes those that the annotation has and the file has not. Values it compares between the file and the object. The
// same is true of kubectl's merge.
func withLastApplied(u *unstructured.Unstructured) ([]byte, error) {
	u = u.DeepCopy()
	annotations := withoutLastApplied(u)
	unstructured.RemoveNestedField(u.Object, "status")
	unstructured.RemoveNestedField(u.Object, "metadata", "creationTimestamp")
	own, err := json.Marshal(u.Object)
	if err == nil && len(own) > maxLastApplied {
		own, err = json.Marshal(outline(u.Object))
	}
	if err != nil {
		return nil, fmt.Errorf("encode the document: %w", err)
	}
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[lastApplied] = string(own) + "\n"
	u.SetAnnotations(annotations)
	return json.Marshal(u.Object)
}

// withoutLastApplied takes the annotation off an object, and returns its other ones.
func withoutLastApplied(u *unstructured.Unstructured) map[string]string {
	annotations := maps.Clone(u.GetAnnotations())
	delete(annotations, lastApplied)
	if len(annotations) == 0 {
		unstructured.RemoveNestedField(u.Object, "metadata", "annotations")
	} else {
		u.SetAnnotations(annotations)
	}
	return annotations
}

// outline keeps the keys and the short values of a document.
func outline(value any) any {
	switch v := value.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, member := range v {
			out[key] = outline(member)
		}
		return out
	case []any:
		return []any{}
	case string:
		if len(v) > longValue {
			return ""
		}
	}
	return value
}
