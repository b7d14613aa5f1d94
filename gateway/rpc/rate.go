package rpc

import "time"

// bucket is a token bucket. The zero value is full.
type bucket struct {
	spent float64       // tokens that are not there
	at    time.Duration // when spent was right, since the server began
}

// take takes a token, or tells how long to wait until there is one. rate is tokens per second.
func (b *bucket) take(now time.Duration, rate float64, burst int) (wait time.Duration) {
	b.spent = max(0, b.spent-(now-b.at).Seconds()*rate)
	b.at = now
	if over := b.spent + 1 - float64(burst); over > 0 {
		return time.Duration(over / rate * float64(time.Second))
	}
	b.spent++
	return 0
}
