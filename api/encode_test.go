package api

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	v1 "horae/api/v1"
)

// fullMeta has every field that a server or a user may set.
func fullMeta() metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Name: "hello", Namespace: "default", Labels: map[string]string{"team": "data"}, Annotations: map[string]string{"note": "x"},
		UID: "u-1", ResourceVersion: "7", Generation: 3, CreationTimestamp: metav1.NewTime(time.Date(2026, 11, 22, 2, 0, 0, 0, time.UTC)),
		ManagedFields: []metav1.ManagedFieldsEntry{{Manager: "kubectl"}},
	}
}

func TestEncode(t *testing.T) {
	at := v1.NewTime(time.Date(2026, 11, 22, 2, 0, 0, 500_000_000, time.UTC))
	job := &v1.Job{ObjectMeta: fullMeta(), Spec: v1.JobSpec{Task: v1.TaskSpec{Shell: "a && b"}}, Status: v1.JobStatus{Succeeded: 1, NextScheduleTime: &at}}
	run := &v1.Run{ObjectMeta: fullMeta(), Spec: v1.RunSpec{Job: "hello", Reason: v1.ReasonManual, Task: v1.TaskSpec{Shell: "x"}}, Status: v1.RunStatus{Phase: v1.RunRunning}}
	for _, tc := range []struct {
		name   string
		encode func(runtime.Object) ([]byte, error)
		obj    runtime.Object
		want   string
	}{
		{
			name: "a Job's spec: what the user owns, who owns its fields, and nothing else of the server's but the time of creation", encode: EncodeSpec, obj: job,
			want: `{"kind":"Job","apiVersion":"horae/v1","metadata":{"name":"hello","namespace":"default","creationTimestamp":"2026-11-22T02:00:00Z",` +
				`"labels":{"team":"data"},"annotations":{"note":"x"},"managedFields":[{"manager":"kubectl"}]},"spec":{"task":{"shell":"a && b"}}}`,
		},
		{
			name: "a Job's status: the incarnation it belongs to", encode: EncodeStatus, obj: job,
			want: `{"kind":"Job","apiVersion":"horae/v1","metadata":{"name":"hello","namespace":"default","uid":"u-1","creationTimestamp":"2026-11-22T02:00:00Z"},` +
				`"status":{"nextScheduleTime":"2026-11-22T02:00:00.5Z","succeeded":1}}`,
		},
		{
			name: "a Run's spec", encode: EncodeSpec, obj: run,
			want: `{"kind":"Run","apiVersion":"horae/v1","metadata":{"name":"hello","namespace":"default","creationTimestamp":"2026-11-22T02:00:00Z",` +
				`"labels":{"team":"data"},"annotations":{"note":"x"},"managedFields":[{"manager":"kubectl"}]},"spec":{"job":"hello","reason":"Manual","task":{"shell":"x"}}}`,
		},
		{
			name: "a Run's status", encode: EncodeStatus, obj: run,
			want: `{"kind":"Run","apiVersion":"horae/v1","metadata":{"name":"hello","namespace":"default","uid":"u-1","creationTimestamp":"2026-11-22T02:00:00Z"},` +
				`"status":{"phase":"Running"}}`,
		},
		{
			name: "a status that says nothing yet is still a document", encode: EncodeStatus, obj: &v1.Job{ObjectMeta: metav1.ObjectMeta{Name: "a"}},
			want: `{"kind":"Job","apiVersion":"horae/v1","metadata":{"name":"a"},"status":{}}`,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := tc.encode(tc.obj)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
			if _, err := DecodeOne(got); err != nil {
				t.Errorf("cannot be read back: %v", err)
			}
		})
	}
}

func TestEncodeRefusesOtherKinds(t *testing.T) {
	if _, err := EncodeSpec(&v1.JobList{}); err == nil {
		t.Error("EncodeSpec took a JobList")
	}
	if _, err := EncodeStatus(&v1.JobList{}); err == nil {
		t.Error("EncodeStatus took a JobList")
	}
}
