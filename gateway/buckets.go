package gateway

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// maxBuckets bounds how many keys a limiter remembers. A bucket takes about 150 bytes.
const maxBuckets = 100_000

// buckets is a token bucket for each key, such as a user or an address. A key that has not been seen for long is forgotten,
// which is the same as a full bucket. When there are more than maxBuckets keys in use, some are forgotten too early: then
// somebody gets more than the limit, but nobody less, and memory stays bounded. It may be used concurrently.
type buckets[K comparable] struct {
	// Immutable.
	limit rate.Limit
	burst int
	most  int
	now   func() time.Time

	// Guarded by mu.
	mu sync.Mutex
	of map[K]*rate.Limiter
}

// newBuckets returns nil, which limits nothing, for a rate that is off.
func newBuckets[K comparable](r RateConfig, now func() time.Time) *buckets[K] {
	if r.PerSecond < 0 {
		return nil
	}
	return &buckets[K]{limit: rate.Limit(r.PerSecond), burst: r.Burst, most: maxBuckets, now: now, of: map[K]*rate.Limiter{}}
}

// take takes one from the key's bucket and returns 0, or takes nothing and returns how long to wait until there is one.
func (b *buckets[K]) take(key K) time.Duration {
	if b == nil {
		return 0
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	l := b.bucket(key, now)
	if l.AllowN(now, 1) {
		return 0
	}
	return b.wait(l, now)
}

// look is take, and takes nothing.
func (b *buckets[K]) look(key K) time.Duration {
	if b == nil {
		return 0
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	l := b.of[key]
	if l == nil || l.TokensAt(now) >= 1 {
		return 0
	}
	return b.wait(l, now)
}

// charge takes up to n more from the key's bucket.
func (b *buckets[K]) charge(key K, n int) {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	l := b.bucket(key, now)
	l.AllowN(now, min(n, int(l.TokensAt(now))))
}

// bucket returns the key's bucket. It needs mu.
func (b *buckets[K]) bucket(key K, now time.Time) *rate.Limiter {
	l := b.of[key]
	if l != nil {
		return l
	}
	if len(b.of) >= b.most {
		b.forget(now)
	}
	l = rate.NewLimiter(b.limit, b.burst)
	b.of[key] = l
	return l
}

// wait is how long it takes until there is one in a bucket.
func (b *buckets[K]) wait(l *rate.Limiter, now time.Time) time.Duration {
	missing := 1 - l.TokensAt(now)
	return time.Duration(missing / float64(b.limit) * float64(time.Second))
}

// forget drops the buckets that are full, and if those are few a tenth of all as well, so that the next one is far off.
func (b *buckets[K]) forget(now time.Time) {
	for key, l := range b.of {
		if l.TokensAt(now) >= float64(b.burst) {
			delete(b.of, key)
		}
	}
	for key := range b.of {
		if len(b.of) <= b.most-b.most/10 {
			return
		}
		delete(b.of, key)
	}
}
