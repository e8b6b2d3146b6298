package v1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Distribution summarises lengths of time. Quantiles are accurate to 2 %; the mean and the maximum are exact.
type Distribution struct {
	// Count of the values.
	Count int64    `json:"count"`
	Mean  Duration `json:"mean"`
	P50   Duration `json:"p50"`
	P75   Duration `json:"p75"`
	P95   Duration `json:"p95"`
	P98   Duration `json:"p98"`
	P99   Duration `json:"p99"`
	Max   Duration `json:"max"`
}

// JobStatistics are the statistics of a Job, as the API returns them. They are no object that users write.
type JobStatistics struct {
	metav1.TypeMeta `json:",inline"`
	// Metadata names the Job.
	Metadata metav1.ObjectMeta `json:"metadata"`

	// Windows are the last 24 hours, 7 days and 30 days, and all time, in this order.
	Windows []StatisticsWindow `json:"windows"`
}

// JobStatisticsList is a list of JobStatistics.
type JobStatisticsList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []JobStatistics `json:"items"`
}

// StatisticsWindow summarises the Runs that ended in a window of time.
type StatisticsWindow struct {
	// Window is 24h, 7d, 30d or all.
	Window string `json:"window"`
	// Since is when the window began: the beginning of an hour or of a day (UTC), so the window is up to an hour or a
	// day longer than its name says. All time has none.
	// +optional
	Since *Time `json:"since,omitempty"`
	// Succeeded and Failed are how many Runs ended so. Lost ones have failed; killed ones are neither.
	Succeeded int64 `json:"succeeded"`
	Failed    int64 `json:"failed"`
	// SuccessRate is the share of those that succeeded, from 0 to 1; absent if there were none.
	// +optional
	SuccessRate *float64 `json:"successRate,omitempty"`
	// Duration of the Runs that succeeded, from when the first attempt was running to the end.
	// +optional
	Duration *Distribution `json:"duration,omitempty"`
	// Waiting is the time from when a Run was due to when its first attempt was running.
	// +optional
	Waiting *Distribution `json:"waiting,omitempty"`
}
