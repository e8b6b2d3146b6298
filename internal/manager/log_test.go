package manager

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
)

func TestLogLevelsAndDurations(t *testing.T) {
	var out strings.Builder
	log := newLog(&out, LogConfig{Format: "json", Verbosity: 1}).WithName("mesos").WithValues("role", "horae")
	log.Error(errors.New("no"), "broken")
	log.Info("not yet", "error", "no", "retryIn", 1234567890*time.Nanosecond)
	log.Info("fine", "lasted", 90*time.Minute+1234*time.Millisecond)
	log.V(1).Info("detail", "error", "no", "took", 1234567*time.Nanosecond)
	want := []map[string]string{
		{"level": "ERROR", "err": "no"},
		{"level": "WARN", "error": "no", "retryIn": "1.23s"},
		{"level": "INFO", "lasted": "1h30m1s"},
		{"level": "DEBUG", "took": "1.23ms"},
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != len(want) {
		t.Fatalf("logged %s", out.String())
	}
	for i, line := range lines {
		got := map[string]any{}
		if err := json.Unmarshal([]byte(line), &got); err != nil {
			t.Fatal(err)
		}
		for key, value := range want[i] {
			if got[key] != value {
				t.Errorf("%s: %s is %v, want %s", line, key, got[key], value)
			}
		}
		if got["role"] != "horae" {
			t.Errorf("%s: a value of the logger's is missing", line)
		}
	}
	out.Reset()
	newLog(&out, LogConfig{Format: "text"}).Info("not yet", "error", "no")
	if !strings.Contains(out.String(), "level=WARN") {
		t.Errorf("as text: %s", out.String())
	}
}
