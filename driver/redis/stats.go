package redis

import (
	"context"
	"sync/atomic"

	"github.com/redis/rueidis"
)

// Stats are figures of the connections to Redis.
type Stats struct {
	Failed        uint64 // commands that Redis did not answer, or refused
	Reconnects    uint64 // connections that were made anew
	Subscriptions int    // channels that this process listens to
}

// counts are those of the figures that rise.
type counts struct {
	failed, reconnects atomic.Uint64
}

// note counts a result that is an error. That there is nothing is none, and neither is that the caller does not wait any more.
func (c *counts) note(ctx context.Context, r rueidis.RedisResult) {
	err := r.Error()
	if err == nil || rueidis.IsRedisNil(err) || ctx.Err() != nil {
		return
	}
	c.failed.Add(1)
}

// Stats tells what has happened since Open, and what there is now.
func (d *Driver) Stats() Stats {
	d.bus.mu.RLock()
	defer d.bus.mu.RUnlock()
	return Stats{Failed: d.counts.failed.Load(), Reconnects: d.counts.reconnects.Load(), Subscriptions: len(d.bus.topics)}
}
