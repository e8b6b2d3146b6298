package job

import (
	"encoding/base32"
	"fmt"
	"maps"
	"math/bits"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "horae/api/v1"
	"horae/internal/store"
)

// Trigger is why a Run is made, and what is its own.
type Trigger struct {
	Reason v1.RunReason
	// ScheduledTime is the occurrence, without jitter; zero for a manual Run.
	ScheduledTime time.Time
	// StartBy: the Run is Missed if it has not started by then; zero: never.
	StartBy time.Time
	// ID tells manual Runs apart: see ManualID.
	ID string
	// Args and Env of a manual trigger.
	Args []string
	Env  []v1.EnvVar
}

// NewRun makes a Run of a Job: the one place that does. The Run holds all that it needs of the Job as it is now, and shares
// nothing with it.
func NewRun(job *v1.Job, t Trigger, now time.Time) *v1.Run {
	name := RunName(job.Name, t.ScheduledTime)
	if t.ScheduledTime.IsZero() {
		name = manualPrefix(job.Name) + t.ID
	}
	labels := maps.Clone(job.Labels)
	if labels == nil {
		labels = map[string]string{}
	}
	labels[v1.LabelJob] = job.Name
	return &v1.Run{
		TypeMeta: metav1.TypeMeta{APIVersion: v1.GroupVersion.String(), Kind: v1.KindRun},
		ObjectMeta: metav1.ObjectMeta{
			Namespace: job.Namespace, Name: name, Labels: labels,
			CreationTimestamp: metav1.NewTime(now.UTC().Truncate(time.Second)),
		},
		Spec: v1.RunSpec{
			Job:           job.Name,
			Reason:        t.Reason,
			ScheduledTime: v1.NewTimePtr(t.ScheduledTime),
			StartBy:       v1.NewTimePtr(t.StartBy),
			Args:          slices.Clone(t.Args),
			Env:           slices.Clone(t.Env),
			Owner:         job.Spec.Owner,
			RunPolicy:     *job.Spec.RunPolicy.DeepCopy(),
			Task:          *job.Spec.Task.DeepCopy(),
		},
	}
}

// RunName is the name of the Run of a Job for an occurrence (I3): job-20261122t020000z, with the fraction of the second, if it
// has one, in three digits or six.
func RunName(job string, scheduled time.Time) string {
	scheduled = scheduled.UTC()
	name := job + "-" + scheduled.Format("20060102t150405")
	switch us := scheduled.Nanosecond() / 1000; {
	case us == 0:
	case us%1000 == 0:
		name += fmt.Sprintf("%03d", us/1000)
	default:
		name += fmt.Sprintf("%06d", us)
	}
	return name + "z"
}

// manualPrefix is what the names of a Job's manual Runs begin with.
func manualPrefix(job string) string { return job + "-m" }

// ManualID turns five random bytes into the part of a manual Run's name that tells it from others.
func ManualID(random [5]byte) string {
	return strings.ToLower(base32.StdEncoding.EncodeToString(random[:]))
}

// jitterOf is the delay of an occurrence: from zero to spread, a function of the Job's key and the occurrence alone, so that
// every controller computes the same. It must stay as it is for ever: another function would move what is due.
func jitterOf(key store.Key, scheduled time.Time, spread time.Duration) time.Duration {
	if spread < instant {
		return 0
	}
	h := uint64(14695981039346656037) // FNV-1a
	for _, s := range [...]string{key.Namespace, "/", key.Name, "@"} {
		for i := range len(s) {
			h = (h ^ uint64(s[i])) * 1099511628211
		}
	}
	h ^= uint64(scheduled.UnixMicro())
	h = (h ^ h>>33) * 0xff51afd7ed558ccd // MurmurHash3's finalizer spreads what differs over all bits.
	h = (h ^ h>>33) * 0xc4ceb9fe1a85ec53
	h ^= h >> 33
	share, _ := bits.Mul64(h, uint64(spread/instant)+1)
	return time.Duration(share) * instant
}
