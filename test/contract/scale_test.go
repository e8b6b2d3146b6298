package contract

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// scaledKeys are the members of calls that hold times in seconds.
var scaledKeys = map[string]bool{
	"refuse_seconds": true, "failover_timeout": true, "interval_seconds": true, "delay_seconds": true, "grace_period_seconds": true,
}

var sleeps = regexp.MustCompile(`\bsleep ([0-9.]+)`)

// scaled divides the times in a call by the factor of the replay: those of the API, and the sleeps of commands. The
// start of a maintenance window is a point in time: it becomes one from now.
func (r *replay) scaled(v any, path string) any {
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			n, isNumber := x.(float64)
			switch {
			case isNumber && scaledKeys[k]:
				v[k] = n / r.scale
			case isNumber && k == "nanoseconds" && strings.HasSuffix(path, ".start"):
				v[k] = time.Now().Add(time.Duration(20 / r.scale * float64(time.Second))).UnixNano()
			case isNumber && k == "nanoseconds":
				v[k] = int64(n / r.scale)
			default:
				v[k] = r.scaled(x, path+"."+k)
			}
		}
	case []any:
		for i := range v {
			v[i] = r.scaled(v[i], path)
		}
	case string:
		if strings.HasSuffix(path, ".value") {
			return sleeps.ReplaceAllStringFunc(v, func(s string) string {
				n, err := strconv.ParseFloat(strings.TrimPrefix(s, "sleep "), 64)
				if err != nil {
					return s
				}
				return fmt.Sprintf("sleep %.3f", n/r.scale)
			})
		}
	}
	return v
}
