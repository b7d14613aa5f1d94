package gateway

import (
	"context"
	"sync"
	"time"
)

// How long a store may take to answer whoever asks whether this node is ready, who often waits for a second only, and for how long its
// answer holds, so that many who ask cost nothing.
const pulseTime, pulseLife = 800 * time.Millisecond, time.Second

// pulse tells whether a server answers. Its method may be called concurrently.
type pulse struct {
	// Immutable.
	ping func(context.Context) error
	// Guarded by mu, which is held while the server is asked.
	mu   sync.Mutex
	felt time.Time
	err  error
}

// feel asks, unless that was done a moment ago.
func (p *pulse) feel() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if time.Since(p.felt) < pulseLife {
		return p.err
	}
	ctx, cancel := context.WithTimeout(context.Background(), pulseTime)
	defer cancel()
	p.err = p.ping(ctx)
	p.felt = time.Now()
	return p.err
}
