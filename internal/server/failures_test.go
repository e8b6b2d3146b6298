package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"horae/internal/store"
)

// failingStore fails every write in one way.
type failingStore struct {
	*store.Store
	err error
}

func (s *failingStore) Apply(context.Context, store.Change) (int64, error) {
	return 0, fmt.Errorf("write: %w", s.err)
}

func TestWritesThatFail(t *testing.T) {
	for _, tt := range []struct {
		name   string
		err    error
		code   int
		reason metav1.StatusReason
		says   string
	}{
		{name: "an outcome that is not known", err: store.ErrUnknown, code: 504, reason: metav1.StatusReasonTimeout, says: "read the object before you try again"},
		{name: "another writer each time", err: store.ErrConflict, code: 409, reason: metav1.StatusReasonConflict, says: "changes too often"},
		{name: "anything else", err: errors.New("etcd is read only"), code: 500, reason: metav1.StatusReasonInternalError, says: "read only"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := start(t)
			f.createJob("a")
			broken := f.another(func(c *Config) { c.Store = &failingStore{f.store, tt.err} })
			for _, a := range []answer{
				broken.do("PATCH", jobsPath+"/a", `{"spec":{"suspend":true}}`, "Content-Type", "application/merge-patch+json"),
				broken.do("DELETE", jobsPath+"/a", ""),
				broken.do("POST", jobsPath+"/a/trigger", ""),
			} {
				if a.code != tt.code || a.status.Reason != tt.reason || !strings.Contains(a.status.Message, tt.says) {
					t.Errorf("got %d %s", a.code, a.body)
				}
				// client-go repeats by itself what carries it, and a trigger repeated is a second Run.
				if got := a.header.Get("Retry-After"); got != "" {
					t.Errorf("Retry-After: %s", got)
				}
			}
		})
	}
}

// A handler that passes a conflict on need not know its code.
func TestAConflictOfTheStoreIsAConflict(t *testing.T) {
	s := start(t).server
	st := s.statusOf(httptest.NewRequest(http.MethodPost, jobsPath, nil), fmt.Errorf("create a: %w", store.ErrConflict))
	if st.Code != http.StatusConflict || st.Reason != metav1.StatusReasonConflict || !strings.Contains(st.Message, "create a") {
		t.Errorf("got %+v", st)
	}
}

func TestTwoServersOverOneEtcd(t *testing.T) {
	f := start(t)
	other := f.another(nil)
	for i := range 20 {
		j := f.createJob(fmt.Sprintf("job-%d", i))
		path := fmt.Sprintf("%s/%s", jobsPath, j.Name)
		// The other server has its own cache: the revision makes it wait for the write.
		f.want(200, other.do("GET", path+"?resourceVersion="+j.ResourceVersion, ""))
		f.want(200, other.do("PATCH", path, `{"spec":{"suspend":true}}`, "Content-Type", "application/merge-patch+json"))
		f.want(200, f.do("DELETE", path, ""))
		f.want(404, other.do("DELETE", path, ""))
	}
}
