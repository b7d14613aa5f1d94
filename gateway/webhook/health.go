package webhook

import (
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"
)

const (
	// manyFailures in a row mean that a target is down.
	manyFailures = 10
	// rest is the time between two attempts with a target that is down.
	rest = time.Second
	// soon is the longest that an item waits which was tried while the target is down.
	soon = 30 * time.Second
	// tellEvery is how often the log says at most that a target fails.
	tellEvery = time.Minute
)

// health knows whether a target takes what it gets. After many failures in a row it is down: then one item at a time is tried, with a
// rest after each, until one is delivered. Its methods may be called concurrently.
type health struct {
	mu       sync.Mutex
	failures int       // in a row
	until    time.Time // nothing is tried before
	told     time.Time // when the log was told of a failure
	down     bool      // the log was told that the target is down
}

// allow tells how many items may be claimed now, at most most; if the target is down, one, which is the probe. There is none beside it until it
// has ended or a timeout has passed.
func (h *health) allow(now time.Time, most int, timeout time.Duration) (n int, probe bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case now.Before(h.until):
		return 0, false
	case h.failures < manyFailures:
		return most, false
	}
	h.until = now.Add(timeout + rest)
	return 1, true
}

// rests tells whether nothing may be tried now.
func (h *health) rests(now time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return now.Before(h.until)
}

// wake ends a rest.
func (h *health) wake() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.until = time.Time{}
}

// worked takes note of a delivery.
func (h *health) worked(logger *slog.Logger) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.down {
		logger.Info("a webhook target works again")
	}
	h.failures, h.until, h.down = 0, time.Time{}, false
}

// failed takes note of a failure.
func (h *health) failed(logger *slog.Logger, now time.Time, v verdict) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.failures++
	if h.failures >= manyFailures {
		h.until = now.Add(rest)
	}
	if v.busy {
		h.until = later(h.until, now.Add(v.retryAfter))
	}
	switch {
	case h.failures == manyFailures && !h.down:
		h.down, h.told = true, now
		logger.Warn("a webhook target is down; one item at a time is tried until one is delivered", "error", v.why)
	case !h.down && now.Sub(h.told) >= tellEvery:
		h.told = now
		logger.Warn("a webhook was not delivered and is tried again; of further failures within a minute nothing is said", "error", v.why)
	}
}

// wait is how long an item waits after an attempt that has failed, instead of as long as its own attempts say. While the target is down it is
// spared already, since one item at a time is tried; and when it is back, no item should have to wait for what was the target's fault.
func (h *health) wait(own time.Duration) time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.failures < manyFailures || own < soon {
		return own
	}
	return rand.N(soon)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
