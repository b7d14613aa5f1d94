package hubbub

import (
	"context"
	"maps"
	"slices"
	"sync"
)

// channel is this node's part of a topic: what is published there reaches it while somebody holds it.
type channel interface {
	Subscriber
	topic() Topic
	// prime is called once after the subscription has begun and before the first holder gets the channel.
	prime(ctx context.Context) error
	held() *holders
}

// holders counts who needs a channel. Channels embed it.
type holders struct {
	// Guarded by the shelf's mutex.
	count int

	// opening is held while the first holder subscribes, so that the others wait for it.
	opening     sync.Mutex
	unsubscribe func() // nil while not subscribed
}

func (h *holders) held() *holders { return h }

// shelf has the channels of one kind by name: each from its first holder to its last.
type shelf[C channel] struct {
	bus   Bus
	build func(name string) C

	mu    sync.Mutex
	items map[string]C
}

func newShelf[C channel](bus Bus, build func(name string) C) *shelf[C] {
	return &shelf[C]{bus: bus, build: build, items: map[string]C{}}
}

// hold returns the channel with this name, subscribed and primed. The caller releases it.
func (s *shelf[C]) hold(ctx context.Context, name string) (C, error) {
	s.mu.Lock()
	c, ok := s.items[name]
	if !ok {
		c = s.build(name)
		s.items[name] = c
	}
	h := c.held()
	h.count++
	s.mu.Unlock()

	h.opening.Lock()
	defer h.opening.Unlock()
	if h.unsubscribe != nil {
		return c, nil
	}
	end, err := s.bus.Subscribe(ctx, c.topic(), c)
	if err == nil {
		err = c.prime(ctx)
	}
	if err != nil {
		if end != nil {
			end()
		}
		s.drop(name, c)
		return c, err
	}
	h.unsubscribe = end
	return c, nil
}

// drop takes one holder away, and tells whether it was the last.
func (s *shelf[C]) drop(name string, c C) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := c.held()
	h.count--
	if h.count > 0 {
		return false
	}
	delete(s.items, name)
	return true
}

// release gives a channel back that hold has returned.
func (s *shelf[C]) release(name string, c C) {
	if !s.drop(name, c) {
		return
	}
	h := c.held()
	h.opening.Lock()
	defer h.opening.Unlock()
	if h.unsubscribe != nil {
		h.unsubscribe()
		h.unsubscribe = nil
	}
}

// get returns a channel that somebody holds.
func (s *shelf[C]) get(name string) (C, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.items[name]
	return c, ok
}

// all returns the channels that somebody holds now.
func (s *shelf[C]) all() []C {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Values(s.items))
}
