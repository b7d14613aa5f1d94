package webhook

import (
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	firstBackoff  = time.Second
	maxBackoff    = 15 * time.Minute
	maxRetryAfter = time.Hour
)

// backoff is how long an item waits after an attempt that has failed, when there were some before that: anything up to a bound that doubles with
// each, so that what has failed together is not tried together.
func backoff(before int) time.Duration {
	bound := maxBackoff
	if before >= 0 && before < 10 {
		bound = min(firstBackoff<<before, maxBackoff)
	}
	return rand.N(bound)
}

// retryAfter is what the header of that name asks for (RFC 9110, section 10.2.3), in seconds or as a date, within bounds; 0 if it asks for
// nothing that can be understood.
func retryAfter(value string, now time.Time) time.Duration {
	value = strings.TrimSpace(value)
	if value == "" {
		return 0
	}
	if seconds, err := strconv.ParseUint(value, 10, 63); err == nil {
		return min(time.Duration(min(seconds, uint64(maxRetryAfter/time.Second)))*time.Second, maxRetryAfter)
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	return min(max(at.Sub(now), 0), maxRetryAfter)
}
