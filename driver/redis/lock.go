package redis

import (
	"context"
	"time"

	"github.com/hubbub-dev/hubbub"
)

// lockPatience is how long somebody waits for a lock at most: whoever holds it waits for Redis, which may be away.
const lockPatience = 30 * time.Second

// lock is a mutex that one waits for only so long.
type lock chan struct{}

func newLock() lock { return make(lock, 1) }

func (l lock) take(ctx context.Context) error {
	select {
	case l <- struct{}{}:
		return nil
	default:
	}
	timer := time.NewTimer(lockPatience)
	defer timer.Stop()
	select {
	case l <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return &hubbub.Error{Reason: hubbub.Unavailable, Message: "Redis takes too long to answer; try again", RetryAfter: retryAfter}
	}
}

func (l lock) release() { <-l }
