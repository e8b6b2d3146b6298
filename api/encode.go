package api

import (
	"bytes"
	gojson "encoding/json"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	v1 "horae/api/v1"
)

// EncodeSpec encodes the document under an object's spec key: compact JSON with apiVersion, kind, the user's metadata
// (name, namespace, labels, annotations) with creationTimestamp and managedFields, and spec. It does not change the object.
func EncodeSpec(obj runtime.Object) ([]byte, error) {
	k := KindOf(obj)
	if k == nil {
		return nil, fmt.Errorf("encode a %T: there are %s", obj, KindNames("and"))
	}
	doc := k.withoutStatus(obj.(Object), specMeta(metaOf(obj.(Object))))
	k.SetType(doc)
	return encode(doc)
}

// EncodeStatus encodes the document under an object's status key: compact JSON with apiVersion, kind, metadata (name,
// namespace, creationTimestamp, and the uid of the incarnation that the status belongs to), and status.
func EncodeStatus(obj runtime.Object) ([]byte, error) { return encodeStatus(obj, "") }

// EncodeJobStatus encodes a Job's status document like EncodeStatus, with the encoded statistics beside the status.
func EncodeJobStatus(job *v1.Job, statistics string) ([]byte, error) {
	return encodeStatus(job, statistics)
}

func encodeStatus(obj runtime.Object, statistics string) ([]byte, error) {
	doc := struct {
		metav1.TypeMeta   `json:",inline"`
		metav1.ObjectMeta `json:"metadata"`
		Status            any    `json:"status"`
		Statistics        string `json:"statistics,omitempty"`
	}{Statistics: statistics}
	k := KindOf(obj)
	if k == nil {
		return nil, fmt.Errorf("encode the status of a %T: there are %s", obj, KindNames("and"))
	}
	doc.TypeMeta, doc.ObjectMeta, doc.Status = k.TypeMeta(), statusMeta(metaOf(obj.(Object))), k.Status(obj.(Object))
	return encode(&doc)
}

// encode writes compact JSON in which a shell's <, > and & stay legible, because people read the documents with
// etcdctl.
func encode(doc any) ([]byte, error) {
	var out bytes.Buffer
	enc := gojson.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(doc); err != nil {
		return nil, fmt.Errorf("encode %T: %w", doc, err)
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}

func specMeta(m *metav1.ObjectMeta) metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Name: m.Name, Namespace: m.Namespace, Labels: m.Labels, Annotations: m.Annotations, CreationTimestamp: m.CreationTimestamp,
		ManagedFields: m.ManagedFields,
	}
}

func statusMeta(m *metav1.ObjectMeta) metav1.ObjectMeta {
	return metav1.ObjectMeta{Name: m.Name, Namespace: m.Namespace, UID: m.UID, CreationTimestamp: m.CreationTimestamp}
}
