package hubbub

import "time"

// bucket is a token bucket. Its owner guards it. The zero value is full.
type bucket struct {
	spent float64 // what was taken and not yet forgiven
	at    time.Time
}

// take counts one at now and returns 0, or how long to wait until one is allowed again.
func (b *bucket) take(r Rate, now time.Time) time.Duration {
	if r.PerSecond < 0 {
		return 0
	}
	if passed := now.Sub(b.at).Seconds(); passed > 0 {
		b.spent = max(0, b.spent-passed*r.PerSecond)
		b.at = now
	}
	if b.spent+1 <= float64(r.Burst) {
		b.spent++
		return 0
	}
	return time.Duration((b.spent + 1 - float64(r.Burst)) / r.PerSecond * float64(time.Second))
}

// orDefault fills in what is 0.
func (r Rate) orDefault(d Rate) Rate {
	if r.PerSecond == 0 {
		r.PerSecond = d.PerSecond
	}
	if r.Burst == 0 {
		r.Burst = d.Burst
	}
	return r
}
