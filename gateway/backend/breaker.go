package backend

import (
	"errors"
	"log/slog"
	"math"
	"sync/atomic"
	"time"

	"github.com/sony/gobreaker/v2"

	"github.com/hubbub-dev/hubbub"
)

// What a call was for the breaker, besides nil for a success.
var (
	errFailed = errors.New("failed")
	errGaveUp = errors.New("the caller gave up")
)

// probing is how long a caller is told to wait while one call finds out whether the backend is back.
const probing = time.Second

// breaker decides whether the backend is left alone.
type breaker struct {
	name   string
	inner  *gobreaker.TwoStepCircuitBreaker[struct{}] // nil means never
	closes atomic.Int64                               // when the open time ends, in Unix nanoseconds
}

func newBreaker(c *Config) *breaker {
	b := &breaker{name: c.Name}
	if c.Breaker.Failures < 0 {
		return b
	}
	window := c.Breaker.Window + c.Timeout
	failures := uint32(min(uint64(c.Breaker.Failures), math.MaxUint32))
	b.inner = gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		Name: c.Name, Interval: window, BucketPeriod: max(window/10, 1), Timeout: c.Breaker.Open,
		ReadyToTrip: func(n gobreaker.Counts) bool {
			return n.TotalFailures >= failures && n.TotalFailures >= n.TotalSuccesses
		},
		IsExcluded: func(err error) bool { return err == errGaveUp },
		OnStateChange: func(_ string, from, to gobreaker.State) {
			if to == gobreaker.StateOpen {
				b.closes.Store(time.Now().Add(c.Breaker.Open).UnixNano())
			}
			report(c.Logger, c, from, to)
		},
	})
	return b
}

// report logs what people want to know: that it opened, and that it closed.
func report(log *slog.Logger, c *Config, from, to gobreaker.State) {
	switch {
	case to == gobreaker.StateOpen && from == gobreaker.StateClosed:
		log.Warn("a backend fails: it is left alone and asked again by single calls", "backend", c.Name, "pause", c.Breaker.Open)
	case to == gobreaker.StateClosed:
		log.Info("a backend answers again", "backend", c.Name)
	}
}

// allow returns what must be told how the call went: nil, errFailed or errGaveUp.
func (b *breaker) allow() (done func(error), err error) {
	if b.inner == nil {
		return func(error) {}, nil
	}
	done, err = b.inner.Allow()
	if err == nil {
		return done, nil
	}
	return nil, b.refusal(err)
}

func (b *breaker) refusal(err error) error {
	wait := probing
	if errors.Is(err, gobreaker.ErrOpenState) {
		wait = max(time.Until(time.Unix(0, b.closes.Load())), time.Millisecond)
	}
	return &hubbub.Error{Reason: hubbub.Unavailable, RetryAfter: wait, Err: err,
		Message: "the backend " + b.name + " fails and is left alone for a moment; try again later"}
}
