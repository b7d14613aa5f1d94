package memory

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/hubbub-dev/hubbub"
)

// topics are the topics of one shard that have subscribers.
type topics struct {
	mu     sync.RWMutex
	byName map[hubbub.Topic]*topic
}

// topic gives events to its subscribers, to all in the same order.
type topic struct {
	order       sync.Mutex                      // held while they are called
	subscribers atomic.Pointer[[]*subscription] // replaced, not changed, under the lock of the shard
}

type subscription struct {
	to    hubbub.Subscriber
	ended atomic.Bool
}

// Publish implements [hubbub.Bus]. All subscribers have been called when it returns.
func (d *Driver) Publish(_ context.Context, name hubbub.Topic, e hubbub.Event) error {
	d.publish(name, e)
	return nil
}

func (d *Driver) publish(name hubbub.Topic, e hubbub.Event) {
	shard := &d.topics[shard(d, name)]
	shard.mu.RLock()
	t := shard.byName[name]
	shard.mu.RUnlock()
	if t == nil {
		return
	}
	t.order.Lock()
	defer t.order.Unlock()
	for _, s := range *t.subscribers.Load() {
		if !s.ended.Load() {
			s.to.Receive(e)
		}
	}
}

// Subscribe implements [hubbub.Bus]. Nothing is ever missed.
func (d *Driver) Subscribe(_ context.Context, name hubbub.Topic, to hubbub.Subscriber) (unsubscribe func(), err error) {
	shard := &d.topics[shard(d, name)]
	s := &subscription{to: to}
	shard.change(name, func(all []*subscription) []*subscription { return append(slices.Clip(all), s) })
	return func() {
		s.ended.Store(true)
		shard.change(name, func(all []*subscription) []*subscription {
			return slices.DeleteFunc(slices.Clone(all), func(other *subscription) bool { return other == s })
		})
	}, nil
}

// change replaces the subscribers of a topic by what to returns for them.
func (ts *topics) change(name hubbub.Topic, to func([]*subscription) []*subscription) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	t := ts.byName[name]
	var all []*subscription
	if t != nil {
		all = *t.subscribers.Load()
	}
	all = to(all)
	if t == nil && len(all) > 0 {
		t = &topic{}
		if ts.byName == nil {
			ts.byName = make(map[hubbub.Topic]*topic)
		}
		ts.byName[name] = t
	}
	if len(all) == 0 {
		delete(ts.byName, name)
	}
	if t != nil {
		t.subscribers.Store(&all)
	}
}
