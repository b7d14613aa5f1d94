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

// join makes the bucket as empty as the emptier of it and another one of the same kind, whose rate is r.
func (b *bucket) join(other bucket, r Rate) {
	if passed := other.at.Sub(b.at).Seconds(); passed > 0 && r.PerSecond > 0 {
		b.spent = max(0, b.spent-passed*r.PerSecond)
		b.at = other.at
	}
	b.spent = max(b.spent, other.spent)
}

// within is the bucket for another rate: empty at most.
func (b bucket) within(r Rate) bucket {
	b.spent = min(b.spent, float64(r.Burst))
	return b
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
