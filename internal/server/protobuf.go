package server

import (
	"encoding/json"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
)

// protobufType is how client-go sends Kubernetes' own kinds.
const protobufType = runtime.ContentTypeProtobuf

// builtIns decodes Kubernetes' own kinds, in each form in which its clients send them.
var builtIns = func() runtime.Decoder {
	s := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{rbacv1.AddToScheme, authorizationv1.AddToScheme, authenticationv1.AddToScheme} {
		utilruntime.Must(add(s))
	}
	metav1.AddToGroupVersion(s, schema.GroupVersion{Version: "v1"})
	return serializer.NewCodecFactory(s).UniversalDeserializer()
}()

// fromProtobuf turns a body in protobuf into JSON, which is then read as strictly as any other.
func fromProtobuf(body []byte) ([]byte, error) {
	o, gvk, err := builtIns.Decode(body, nil, nil)
	if err != nil {
		return nil, badRequest("decode protobuf: %v", err)
	}
	o.GetObjectKind().SetGroupVersionKind(*gvk)
	data, err := json.Marshal(o)
	if err != nil {
		return nil, badRequest("decode protobuf: %v", err)
	}
	return data, nil
}

func (r *request) decodeProtobuf() (object, error) {
	data, err := fromProtobuf(r.body)
	if err != nil {
		return nil, err
	}
	return r.kind.parse(data)
}
