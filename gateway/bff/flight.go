package bff

import (
	"context"
	"sync"
)

// flights are requests on their way that several callers wait for. A flight belongs to none of them: it goes on as long as one
// waits for it.
type flights struct {
	mu     sync.Mutex
	open   map[string]*flight
	closed bool
}

type flight struct {
	// Immutable.
	done   chan struct{} // closed when there is a result
	cancel context.CancelFunc
	// Guarded by the flights' mu.
	waiting int
	// Written before done is closed.
	result outcome
}

// do returns the result of the flight of that key, and begins one by ask if there is none. ask gets a context that ends when nobody
// waits any more, or by close. It runs on the goroutine of the caller who came first, which is why that one may be kept
// after ctx has ended, as long as others wait; the others leave at once.
func (f *flights) do(ctx context.Context, key string, ask func(context.Context) outcome) outcome {
	f.mu.Lock()
	if one := f.open[key]; one != nil {
		one.waiting++
		f.mu.Unlock()
		return f.wait(ctx, key, one)
	}
	flying, cancel := context.WithCancel(context.Background())
	defer cancel()
	one := &flight{done: make(chan struct{}), cancel: cancel, waiting: 1, result: failed(context.Canceled)}
	if f.open == nil {
		f.open = map[string]*flight{}
	}
	f.open[key] = one
	if f.closed {
		cancel()
	}
	f.mu.Unlock()
	defer context.AfterFunc(ctx, func() { f.leave(key, one) })()
	defer f.land(key, one)
	one.result = ask(flying)
	return one.result
}

// wait waits for a flight that somebody else has begun.
func (f *flights) wait(ctx context.Context, key string, one *flight) outcome {
	select {
	case <-one.done:
		return one.result
	case <-ctx.Done():
		f.leave(key, one)
		return failed(ctx.Err())
	}
}

// leave counts out one who waits.
func (f *flights) leave(key string, one *flight) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if one.waiting--; one.waiting > 0 {
		return
	}
	one.cancel()
	if f.open[key] == one {
		delete(f.open, key)
	}
}

func (f *flights) land(key string, one *flight) {
	f.mu.Lock()
	if f.open[key] == one {
		delete(f.open, key)
	}
	f.mu.Unlock()
	close(one.done)
}

// close cancels the flights that are under way, and those that come.
func (f *flights) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	for _, one := range f.open {
		one.cancel()
	}
}
