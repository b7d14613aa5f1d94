package gateway

import (
	"context"
	"fmt"

	"github.com/redis/rueidis"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/memory"
	"github.com/hubbub-dev/hubbub/driver/redis"
	"github.com/hubbub-dev/hubbub/gateway/auth"
)

// live is what is forgotten sooner or later: who is online, history in memory, tickets. A node has it by itself, or with others.
type live struct {
	driver hubbub.Driver
	// scratch is what the nodes have in common besides; nil if this one is alone.
	scratch hubbub.Scratch
	end     func() // nil if there is nothing to end
}

// startLive opens what a config names.
func startLive(c *Config, m *Metrics) (live, error) {
	if c.Redis.URL == "" {
		d := memory.New(memory.Options{Grace: c.Presence.Grace, Lease: c.Presence.Lease, KeptPerSender: int(c.Limits.KeptPerUser)})
		return live{driver: d}, nil
	}
	o, err := c.redisOptions()
	if err != nil {
		return live{}, err
	}
	d, err := await(c.Logger, "Redis", func(ctx context.Context) (*redis.Driver, error) { return redis.Open(ctx, o) })
	if e, refused := rueidis.IsRedisErr(err); refused && !isPassing(e) {
		return live{}, fmt.Errorf("%w; check redis.url, redis.username and redis.password, and what their files hold", err)
	}
	if err != nil {
		return live{}, fmt.Errorf("%w; check redis.url, and that Redis runs and can be reached from here", err)
	}
	c.Logger.Info("Redis is open: this node is one of several", "addresses", o.Addrs)
	m.watchRedis(d)
	return live{driver: d, scratch: d, end: d.Close}, nil
}

// tickets are where those are kept that sign in once: a ticket of any node is good at this one.
func (l live) tickets() *auth.Tickets {
	if l.scratch != nil {
		return auth.NewTickets(auth.NewSharedTickets(l.scratch, nil), nil)
	}
	return auth.NewTickets(auth.NewMemoryTickets(0, nil), nil)
}

func (l live) close() {
	if l.end != nil {
		l.end()
	}
}
