package api

import (
	"bytes"
	gojson "encoding/json"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	v1 "horae/api/v1"
)

// EncodeSpec writes the document that stands under an object's spec key: compact JSON with apiVersion, kind, what the user
// owns of metadata (name, namespace, labels, annotations) with creationTimestamp, and spec. The object isn't changed.
func EncodeSpec(obj runtime.Object) ([]byte, error) {
	switch o := obj.(type) {
	case *v1.Job:
		return encode(&v1.Job{TypeMeta: typeOf(v1.KindJob), ObjectMeta: specMeta(o.ObjectMeta), Spec: o.Spec})
	case *v1.Run:
		return encode(&v1.Run{TypeMeta: typeOf(v1.KindRun), ObjectMeta: specMeta(o.ObjectMeta), Spec: o.Spec})
	case *v1.Calendar:
		return encode(&v1.Calendar{TypeMeta: typeOf(v1.KindCalendar), ObjectMeta: specMeta(o.ObjectMeta), Spec: o.Spec})
	}
	return nil, fmt.Errorf("encode a %T: there are Job, Run and Calendar", obj)
}

// EncodeStatus writes the document that stands under an object's status key: compact JSON with apiVersion, kind, metadata
// (name, namespace, creationTimestamp, and the uid of the incarnation that the status speaks of), and status.
func EncodeStatus(obj runtime.Object) ([]byte, error) {
	doc := struct {
		metav1.TypeMeta   `json:",inline"`
		metav1.ObjectMeta `json:"metadata"`
		Status            any `json:"status"`
	}{}
	switch o := obj.(type) {
	case *v1.Job:
		doc.TypeMeta, doc.ObjectMeta, doc.Status = typeOf(v1.KindJob), statusMeta(o.ObjectMeta), o.Status
	case *v1.Run:
		doc.TypeMeta, doc.ObjectMeta, doc.Status = typeOf(v1.KindRun), statusMeta(o.ObjectMeta), o.Status
	case *v1.Calendar:
		doc.TypeMeta, doc.ObjectMeta, doc.Status = typeOf(v1.KindCalendar), statusMeta(o.ObjectMeta), o.Status
	default:
		return nil, fmt.Errorf("encode the status of a %T: there are Job, Run and Calendar", obj)
	}
	return encode(&doc)
}

// encode writes compact JSON in which a shell's <, > and & stay legible: the documents are read with etcdctl too.
func encode(doc any) ([]byte, error) {
	var out bytes.Buffer
	enc := gojson.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(doc); err != nil {
		return nil, fmt.Errorf("encode %T: %w", doc, err)
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}

func typeOf(kind string) metav1.TypeMeta {
	return metav1.TypeMeta{APIVersion: apiVersion, Kind: kind}
}

func specMeta(m metav1.ObjectMeta) metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Name: m.Name, Namespace: m.Namespace, Labels: m.Labels, Annotations: m.Annotations, CreationTimestamp: m.CreationTimestamp,
	}
}

func statusMeta(m metav1.ObjectMeta) metav1.ObjectMeta {
	return metav1.ObjectMeta{Name: m.Name, Namespace: m.Namespace, UID: m.UID, CreationTimestamp: m.CreationTimestamp}
}
