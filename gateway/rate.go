package gateway

import "time"

// bucket is a token bucket: it allows a burst of requests and then a steady rate. Its user says what time it is, and calls
// from one goroutine at a time.
type bucket struct {
	burst float64 // requests that may come at once
	rate  float64 // requests per second in the long run

	spent float64 // requests not yet forgiven, at most burst
	at    time.Time
}

// take counts one request at now and returns 0, or how long to wait until one would be allowed.
func (b *bucket) take(now time.Time) time.Duration {
	if passed := now.Sub(b.at).Seconds(); passed > 0 {
		b.spent = max(0, b.spent-passed*b.rate)
		b.at = now
	}
	if b.spent+1 <= b.burst {
		b.spent++
		return 0
	}
	return time.Duration((b.spent + 1 - b.burst) / b.rate * float64(time.Second))
}
