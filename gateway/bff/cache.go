package bff

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/maypok86/otter/v2"
)

// cache keeps results of parts, as long as each says and as many as there is room for.
type cache struct{ results *otter.Cache[string, kept] }

// kept is the result of a part that was successful.
type kept struct {
	status int
	data   json.RawMessage
	ttl    time.Duration
}

// overhead is about how many bytes an entry needs besides its key and data.
const overhead = 200

func newCache(size int, now func() time.Time) (*cache, error) {
	results, err := otter.New(&otter.Options[string, kept]{
		MaximumWeight:    uint64(max(size, 1)),
		Weigher:          func(key string, k kept) uint32 { return uint32(len(key) + len(k.data) + overhead) },
		ExpiryCalculator: otter.ExpiryWritingFunc(func(e otter.Entry[string, kept]) time.Duration { return e.Value.ttl }),
		Executor:         func(f func()) { f() }, // it is only what keeps the order of the entries, and nothing of ours
		Clock:            clock{now},
	})
	if err != nil {
		return nil, fmt.Errorf("make the cache of combined calls: %w", err)
	}
	return &cache{results}, nil
}

func (c *cache) get(key string) (outcome, bool) {
	k, ok := c.results.GetIfPresent(key)
	return outcome{status: k.status, data: k.data, cached: true}, ok
}

func (c *cache) put(key string, of outcome, ttl time.Duration) {
	c.results.Set(key, kept{of.status, of.data, ttl})
}

// clock is our clock as otter has it. It never ticks: entries are looked at when they are asked for and when others
// need the room.
type clock struct{ now func() time.Time }

func (c clock) NowNano() int64                      { return c.now().UnixNano() }
func (c clock) Tick(time.Duration) <-chan time.Time { return nil }
