package redis

import "sync"

// cache remembers about the last cacheSize to twice as many values that were put. The zero value is empty.
type cache[K comparable, V any] struct {
	mu         sync.Mutex
	young, old map[K]V // what is put or got is young; when there are cacheSize of them they are the old ones
}

const cacheSize = 1 << 15

// get returns a value, and whether there is one.
func (c *cache[K, V]) get(k K) (V, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.find(k)
}

// put keeps a value.
func (c *cache[K, V]) put(k K, v V) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.set(k, v)
}

// change replaces a value, or the zero value if there is none, in one step.
func (c *cache[K, V]) change(k K, f func(*V)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	v, _ := c.find(k)
	f(&v)
	c.set(k, v)
}

// clear forgets all.
func (c *cache[K, V]) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.young, c.old = nil, nil
}

func (c *cache[K, V]) find(k K) (v V, ok bool) {
	if v, ok = c.young[k]; ok {
		return v, true
	}
	if v, ok = c.old[k]; ok {
		c.set(k, v)
	}
	return v, ok
}

func (c *cache[K, V]) set(k K, v V) {
	if len(c.young) >= cacheSize {
		c.young, c.old = nil, c.young
	}
	if c.young == nil {
		c.young = map[K]V{}
	}
	c.young[k] = v
}
