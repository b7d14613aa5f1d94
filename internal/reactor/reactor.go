package reactor

import (
	"errors"
	"runtime"
	"sync/atomic"
	"time"
)

// ErrClosed ends a conn that was dropped by this side.
var ErrClosed = errors.New("socket was closed by this side")

// Config configures a Reactor. The zero value works.
type Config struct {
	Loops int   // 0 means GOMAXPROCS
	Slice int   // members given a broadcast before the loop looks at its sockets again; 0 means 128
	Clock Clock // nil means the system's
}

// Reactor spreads conns over its loops. All methods may be called concurrently.
type Reactor struct {
	// Immutable.
	loops []*loop
	// Safe for concurrent use.
	next atomic.Uint64
}

// New makes a reactor. It has no goroutine and no descriptor while it has no conn, so it needs no closing.
func New(cfg Config) *Reactor {
	if cfg.Loops <= 0 {
		cfg.Loops = runtime.GOMAXPROCS(0)
	}
	if cfg.Slice <= 0 {
		cfg.Slice = defaultSlice
	}
	if cfg.Clock == nil {
		cfg.Clock = systemClock{start: time.Now()}
	}
	r := &Reactor{}
	for i := range cfg.Loops {
		r.loops = append(r.loops, newLoop(i, cfg))
	}
	return r
}

// defaultSlice bounds how long a ping waits behind a broadcast to about a millisecond. Larger slices measured no cheaper.
const defaultSlice = 128

// pick chooses the loop of a new conn.
func (r *Reactor) pick() *loop { return r.loops[r.next.Add(1)%uint64(len(r.loops))] }

// Wait returns when no loop is running, that is, when every conn has ended.
func (r *Reactor) Wait(done <-chan struct{}) error {
	for _, l := range r.loops {
		select {
		case <-l.stopped():
		case <-done:
			return errors.New("conns are still open")
		}
	}
	return nil
}
